//! The configuration: one TOML file, parsed into a form that can be run as it is.

pub mod model;

pub use model::Config;
