//! The only place that constructs things.

pub mod scratch;
