//! "Did you mean": the known word that is closest to a mistyped one.

/// The candidate closest to `word`, if one is close enough to be what was meant.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, without regard to case or to `-` against `_`.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().map(folded).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().map(folded).enumerate() {
        let mut previous = i + 1;
        let mut next = vec![previous];
        for (pair, r) in row.windows(2).zip(&right) {
            let &[diagonal, above] = pair else { continue };
            previous = (diagonal + usize::from(l != *r)).min(above + 1).min(previous + 1);
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

fn folded(c: char) -> char {
    if c == '-' { '_' } else { c.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_word() {
        let words = ["acquire_timeout", "idle_timeout", "mode"];
        assert_eq!(nearest("aquire_timeout", words), Some("acquire_timeout"));
        assert_eq!(nearest("Idle-Timeout", words), Some("idle_timeout"));
        assert_eq!(nearest("mdoe", ["code_page", "mod"]), None);
        assert_eq!(nearest("", words), None);
    }

    #[test]
    fn distance_counts_insertions_deletions_and_replacements() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
