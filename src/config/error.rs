//! What is wrong with a configuration: every problem at once, each with its place, what was found and what is accepted.

use std::fmt;
use std::path::PathBuf;

/// All problems of one configuration file, in the order of their lines; never empty.
///
/// `Display` prints one problem a line, for people and for tools that read `file:line: …`.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors {
    problems: Vec<Problem>,
}

impl ConfigErrors {
    /// Sorts the problems by line; those about the whole file come first.
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.line);
        Self { problems }
    }

    /// The problems, by line.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// One thing that is wrong. Holds no secret: values of secret keys are described, not quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The configuration file, as it was named to us.
    pub file: PathBuf,
    /// Line in it, from 1; of the section when a key is missing, none when a whole section is.
    pub line: Option<usize>,
    /// Key path such as `listener[0].tls.mode`; empty for a file that cannot be read or is not TOML.
    pub key: String,
    /// What is there.
    pub found: String,
    /// What could be there.
    pub accepted: String,
    /// A guess at what was meant.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " found {}; accepted: {}", self.found, self.accepted)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}
