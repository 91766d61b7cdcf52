//! Packet level: captured responses of real servers through the scanner and the translation of dialects.

#![allow(clippy::expect_used)]

mod dialect;
