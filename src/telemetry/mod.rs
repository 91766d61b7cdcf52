//! What the proxy tells about itself: metrics and logs.
//!
//! [`Registry`] is built once in `app` and handed down. Modules resolve the handles they need when they are built; on the
//! data path a metric is then one atomic operation, with no name looked up and nothing locked.
//! Nothing here waits, so cancellation has no effect.

pub mod chain;
pub mod label;
pub mod logging;
pub mod names;
mod process;
mod registry;

pub use chain::chain;
pub use label::{Family, Held, Label};
pub use metrics::{Counter, Gauge, Histogram};
pub use registry::Registry;
