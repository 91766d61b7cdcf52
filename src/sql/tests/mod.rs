//! Tables of statements and what is told of each.

mod applications;
mod effects;
mod kinds;
mod lexer;
mod properties;
mod subjects;

use super::SqlMode;
use super::classify::{Statement, classify};

/// The statement in the default mode.
fn told(text: &str) -> Statement {
    classify(text.as_bytes(), SqlMode::default())
}
