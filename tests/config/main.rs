//! Promises about configuration files: the examples load, the reference is complete, and every problem is told at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod documentation;
mod examples;
mod problems;
mod secrets;
