//! Look-up of a word in a fixed list, in any case.
//!
//! Every word of every statement is looked up, and most are not in any list: that has to be found out in a few nanoseconds.

/// Where the words of a list are, by a hash of their first and last letters and their length. Built at compile time.
pub(super) struct Index<const SLOTS: usize>([u16; SLOTS]);

/// No word, in a slot.
const EMPTY: u16 = u16::MAX;

impl<const SLOTS: usize> Index<SLOTS> {
    /// The index of `words`, which are in lower case and at most half as many as there are slots.
    pub(super) const fn of(words: &[&str]) -> Self {
        assert!(words.len() * 2 <= SLOTS && SLOTS.is_power_of_two() && words.len() < EMPTY as usize);
        let mut slots = [EMPTY; SLOTS];
        let mut number: u16 = 0;
        while (number as usize) < words.len() {
            let mut slot = slot(words[number as usize].as_bytes()) & (SLOTS - 1);
            while slots[slot] != EMPTY {
                slot = (slot + 1) & (SLOTS - 1);
            }
            slots[slot] = number;
            number += 1;
        }
        Self(slots)
    }

    /// The position of `word` in `words`, the list that the index was made of.
    pub(super) fn find(&self, words: &[&str], word: &[u8]) -> Option<usize> {
        let start = slot(word);
        (start..start + SLOTS)
            .map_while(|slot| self.0.get(slot & (SLOTS - 1)).filter(|number| **number != EMPTY))
            .map(|number| usize::from(*number))
            .find(|number| {
                words.get(*number).is_some_and(|known| known.as_bytes().eq_ignore_ascii_case(word))
            })
    }
}

/// Where to look for a word first.
const fn slot(word: &[u8]) -> usize {
    let [first, .., last] = word else { return word.len() };
    let middle = word[word.len() / 2];
    (lower(*first) * 67 + lower(middle) * 29 + lower(*last) * 11) ^ (word.len() * 5)
}

const fn lower(byte: u8) -> usize {
    byte.to_ascii_lowercase() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 5] = ["a", "ab", "abc", "select", "set"];
    const INDEX: Index<16> = Index::of(&WORDS);

    #[test]
    fn words_are_found_in_any_case() {
        for (number, word) in WORDS.iter().enumerate() {
            assert_eq!(INDEX.find(&WORDS, word.as_bytes()), Some(number));
            assert_eq!(INDEX.find(&WORDS, word.to_ascii_uppercase().as_bytes()), Some(number));
        }
    }

    #[test]
    fn other_words_are_not() {
        for word in ["", "b", "aa", "selects", "elect", "\u{e9}", "\0"] {
            assert_eq!(INDEX.find(&WORDS, word.as_bytes()), None, "{word}");
        }
    }
}
