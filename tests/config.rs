//! Promises about configuration files: the examples load, the reference is complete, and every problem is told at once.

#[path = "config/documentation.rs"]
mod documentation;
#[path = "config/examples.rs"]
mod examples;
#[path = "config/problems.rs"]
mod problems;
#[path = "config/secrets.rs"]
mod secrets;
