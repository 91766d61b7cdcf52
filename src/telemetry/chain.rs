//! An error with its causes on one line, for logs: every level of an error prints only itself.

use std::error::Error;
use std::fmt::Write as _;

/// `error: cause: cause of the cause`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}
