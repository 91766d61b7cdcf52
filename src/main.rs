//! The `sealock` program.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// The C library's allocator keeps what clients that have left had taken; see `.cargo/config.toml` and
/// docs/performance-notes.md.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    sealock::cli::main()
}
