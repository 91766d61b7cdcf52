//! Keys of the configuration as constants: path, accepted form, default and meaning in one place.

use std::fmt;

use crate::config::value::Value;

/// What is to be known about one key; [`reference`](crate::config::reference) lists them all.
#[derive(Clone, Copy, Debug)]
pub struct KeyDoc {
    /// Key path such as `listener.tls.mode`, without indices.
    pub path: &'static str,
    /// Accepted form: type, unit and range, as error messages say it.
    pub accepts: &'static str,
    /// What holds when the key is not given.
    pub default: KeyDefault,
    /// What it means.
    pub text: &'static str,
}

/// What holds when a key is not given.
#[derive(Clone, Copy, Debug)]
pub enum KeyDefault {
    /// This value, as it would be written in the file.
    Toml(&'static str),
    /// What is said here.
    Absent(&'static str),
    /// Nothing: the key must be given.
    Required,
}

impl KeyDoc {
    /// The last part of the path.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The path of the section.
    pub fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }
}

/// A row of a Markdown table: key, accepted form, default, meaning.
impl fmt::Display for KeyDoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| `{}` | {} | {} | {} |", self.name(), self.accepts, self.default, self.text)
    }
}

impl fmt::Display for KeyDefault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toml(value) => write!(f, "`{value}`"),
            Self::Absent(meaning) => f.write_str(meaning),
            Self::Required => f.write_str("*required*"),
        }
    }
}

/// One key whose value is a `T`.
pub(super) struct Key<T> {
    doc: KeyDoc,
    check: Option<fn(&T) -> bool>,
}

impl<T: Value> Key<T> {
    /// A key that must be given.
    pub(super) const fn required(path: &'static str, text: &'static str) -> Self {
        Self::new(path, KeyDefault::Required, text)
    }

    /// A key without default; `absent` says what that means.
    pub(super) const fn optional(path: &'static str, absent: &'static str, text: &'static str) -> Self {
        Self::new(path, KeyDefault::Absent(absent), text)
    }

    /// A key with a default, written as in the file and read by the same parser.
    pub(super) const fn with_default(path: &'static str, toml: &'static str, text: &'static str) -> Self {
        Self::new(path, KeyDefault::Toml(toml), text)
    }

    const fn new(path: &'static str, default: KeyDefault, text: &'static str) -> Self {
        Self { doc: KeyDoc { path, accepts: T::FORM, default, text }, check: None }
    }

    /// Narrows what is accepted.
    pub(super) const fn accepting(self, form: &'static str, check: fn(&T) -> bool) -> Self {
        Self { doc: KeyDoc { accepts: form, ..self.doc }, check: Some(check) }
    }

    /// What is to be known about it.
    pub(super) const fn doc(&self) -> KeyDoc {
        self.doc
    }

    /// Whether a value that parsed is also in range.
    pub(super) fn admits(&self, value: &T) -> bool {
        self.check.is_none_or(|check| check(value))
    }
}
