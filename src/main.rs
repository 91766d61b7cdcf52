//! The `sealock` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    sealock::cli::main()
}
