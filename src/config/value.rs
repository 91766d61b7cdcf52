//! Values that parse themselves: numbers, text, lists, durations, sizes, file modes.
//!
//! Addresses are in `address`, files in `files`, secrets in `secret`, words from a closed list in `choice`.

use std::time::Duration;

use toml::de::{DeInteger, DeValue};

use crate::config::document::Document;

/// A type that a key can have.
pub(super) trait Value: Sized {
    /// Accepted form, for error messages and the reference.
    const FORM: &'static str;
    /// Accepted form of a list of them.
    const LIST: &'static str = "";

    /// Parses a value. `None` after recording in the document what is wrong.
    fn read(node: &Node<'_>) -> Option<Self>;

    /// How an error message shows what was found.
    fn describe(value: &DeValue<'_>) -> String {
        match value {
            DeValue::String(text) => format!("{text:?}"),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(truth) => truth.to_string(),
            other => format!("a {}", other.type_str()).replace("a array", "an array"),
        }
    }
}

/// A value at its place in the document.
pub(super) struct Node<'a> {
    document: &'a Document<'a>,
    path: String,
    value: &'a DeValue<'a>,
    accepts: &'static str,
}

impl<'a> Node<'a> {
    pub(super) fn new(
        document: &'a Document<'a>,
        path: String,
        value: &'a DeValue<'a>,
        accepts: &'static str,
    ) -> Self {
        Self { document, path, value, accepts }
    }

    /// The file it stands in.
    pub(super) fn document(&self) -> &Document<'a> {
        self.document
    }

    /// Records that this value is not accepted. `None`, to be returned.
    pub(super) fn refuse<T>(&self, found: impl Into<String>) -> Option<T> {
        self.refuse_with_hint(found, None)
    }

    /// The same, with a guess at what was meant.
    pub(super) fn refuse_with_hint<T>(&self, found: impl Into<String>, hint: Option<String>) -> Option<T> {
        self.document.refuse(&self.path, found, self.accepts, hint);
        None
    }

    /// The text; refused when it is none.
    pub(super) fn text<T: Value>(&self) -> Option<&'a str> {
        self.value.as_str().or_else(|| self.refuse(T::describe(self.value)))
    }

    /// A value parsed from text by `parse`.
    fn parsed_text<T: Value>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text::<T>()?;
        parse(text).or_else(|| self.refuse(T::describe(self.value)))
    }

    fn integer(&self) -> Option<&'a DeInteger<'a>> {
        self.value.as_integer()
    }
}

impl Value for bool {
    const FORM: &'static str = "`true` or `false`";

    fn read(node: &Node<'_>) -> Option<Self> {
        let truth = node.value.as_bool();
        truth.or_else(|| node.refuse(Self::describe(node.value)))
    }
}

impl Value for u32 {
    const FORM: &'static str = "whole number";

    fn read(node: &Node<'_>) -> Option<Self> {
        let number = node.integer().and_then(|n| u32::from_str_radix(n.as_str(), n.radix()).ok());
        number.or_else(|| node.refuse(Self::describe(node.value)))
    }
}

impl Value for String {
    const FORM: &'static str = "text";

    fn read(node: &Node<'_>) -> Option<Self> {
        Some(node.text::<Self>()?.to_owned())
    }
}

/// A list; a single value stands for a list of one.
impl<T: Value> Value for Vec<T> {
    const FORM: &'static str = T::LIST;

    fn read(node: &Node<'_>) -> Option<Self> {
        let DeValue::Array(items) = node.value else { return Some(vec![T::read(node)?]) };
        let parsed: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                T::read(&Node::new(node.document, format!("{}[{index}]", node.path), item.get_ref(), T::FORM))
            })
            .collect();
        parsed.into_iter().collect()
    }
}

/// Longest duration accepted: a year.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

impl Value for Duration {
    const FORM: &'static str = "duration such as \"500ms\", \"10s\", \"5m\", \"1h30m\", \"1d\"";

    fn read(node: &Node<'_>) -> Option<Self> {
        if let Some(number) = node.integer() {
            return node.refuse_with_hint(number.to_string(), Some(format!("did you mean \"{number}s\"?")));
        }
        node.parsed_text(|text| parse_duration(text).filter(|duration| *duration <= LONGEST))
    }
}

/// Accepted form of a duration that must not be zero.
pub(super) const POSITIVE: &str =
    "duration from \"1ms\" to \"365d\", such as \"500ms\", \"10s\" or \"1h30m\"";

/// Whether a duration is not zero.
pub(super) fn is_positive(duration: &Duration) -> bool {
    !duration.is_zero()
}

/// Numbers with units, largest first or not: `1h30m`.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = split_number(rest)?;
        let unit_length = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_length);
        total = total.checked_add(match unit {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(3600)?),
            "d" => Duration::from_secs(number.checked_mul(24 * 3600)?),
            _ => return None,
        })?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) usize);

impl Value for Size {
    const FORM: &'static str = "size such as \"64KiB\" or \"1MiB\", or a number of bytes";

    fn read(node: &Node<'_>) -> Option<Self> {
        if let Some(number) = node.integer() {
            let bytes = usize::from_str_radix(number.as_str(), number.radix()).ok();
            return bytes.map(Size).or_else(|| node.refuse(Self::describe(node.value)));
        }
        node.parsed_text(parse_size)
    }
}

fn parse_size(text: &str) -> Option<Size> {
    let (number, unit) = split_number(text)?;
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    usize::try_from(number.checked_mul(factor)?).ok().map(Size)
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

/// Permission bits of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileMode(pub(super) u32);

impl Value for FileMode {
    const FORM: &'static str = "octal permission bits as text, such as \"0660\", at most \"0777\"";

    fn read(node: &Node<'_>) -> Option<Self> {
        if let Some(number) = node.integer() {
            let hint = format!("did you mean \"{:0>4}\"?", number.as_str());
            return node.refuse_with_hint(number.to_string(), Some(hint));
        }
        node.parsed_text(|text| {
            let digits = (3..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            let mode = u32::from_str_radix(text, 8).ok().filter(|mode| digits && *mode <= 0o777)?;
            Some(FileMode(mode))
        })
    }
}

/// A name that becomes a metric label and a word in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(pub(super) String);

impl Value for Name {
    const FORM: &'static str = "1 to 64 letters, digits, `.`, `_` or `-`";

    fn read(node: &Node<'_>) -> Option<Self> {
        node.parsed_text(|text| {
            let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            ((1..=64).contains(&text.len()) && plain).then(|| Name(text.to_owned()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up_their_parts() {
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(parse_duration("1d"), Some(Duration::from_secs(86400)));
        assert_eq!(parse_duration("0s"), Some(Duration::ZERO));
    }

    #[test]
    fn durations_without_a_unit_or_beyond_all_bounds_are_refused() {
        for text in [
            "",
            "10",
            "s",
            "10 s",
            "-1s",
            "1.5s",
            "10sec",
            "1h30",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_powers_of_two_and_nothing_else() {
        assert_eq!(parse_size("64KiB"), Some(Size(65536)));
        assert_eq!(parse_size("12B"), Some(Size(12)));
        for text in ["", "64", "64k", "64KB", "KiB", "1.5MiB", "99999999999999999GiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}
