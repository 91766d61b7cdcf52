//! What the text of a statement says, as far as the server does not report it: a lexer that reads as MariaDB's does, and
//! the few questions that are asked of its tokens.
//!
//! The command loop calls [`classify()`](classify::classify) for each statement before it is sent. Everything here is pure and
//! total: any bytes give an answer, in linear time, and what is not understood gives the conservative one.
//! The text is read as bytes; in the client character sets whose characters may contain ASCII bytes, character by character.

pub mod classify;
pub mod connection_id;
mod cursor;
pub mod digest;
pub mod effects;
mod function;
mod index;
mod item;
mod keyword;
pub mod kill;
pub mod kind;
pub mod lexer;
mod lookahead;
pub mod multibyte;
mod names;
mod opening;
mod place;
mod scan;
mod set;
pub mod subject;
#[cfg(test)]
mod tests;

use multibyte::Multibyte;

/// What decides how the server reads a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlMode {
    /// `ANSI_QUOTES`: double quotes make names, not strings.
    pub ansi_quotes: bool,
    /// `NO_BACKSLASH_ESCAPES`: a backslash in a string is a backslash.
    pub no_backslash_escapes: bool,
    /// The server's version as executable comments spell it (101119 for 10.11.19); `/*!999999 … */` is beyond any.
    pub version: u32,
    /// The client's character set, as far as it changes where characters end.
    pub multibyte: Multibyte,
}

impl Default for SqlMode {
    /// MariaDB's default modes, and a version that executes the comments meant for any release so far.
    fn default() -> Self {
        Self { ansi_quotes: false, no_backslash_escapes: false, version: 199_999, multibyte: Multibyte::None }
    }
}
