//! Facts about this process, read from `/proc` whenever metrics are rendered; where a file is missing its gauges are.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use super::names;
use super::registry::Registry;

/// Records when the process started, to the second at which its registry was built.
pub(super) fn record_start(registry: &Registry) {
    if let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) {
        registry.gauge(&names::PROCESS_START, &[]).set(now.as_secs_f64());
    }
}

/// Records descriptors and memory as they are now.
pub(super) fn record(registry: &Registry) {
    let set = |metric, value: Option<u32>| {
        if let Some(value) = value {
            registry.gauge(metric, &[]).set(f64::from(value));
        }
    };
    set(&names::PROCESS_OPEN_FDS, open_descriptors());
    set(&names::PROCESS_MAX_FDS, field("/proc/self/limits", "Max open files"));
    if let Some(kibibytes) = field("/proc/self/status", "VmRSS:") {
        registry.gauge(&names::PROCESS_RESIDENT_MEMORY, &[]).set(f64::from(kibibytes) * 1024.0);
    }
}

/// Descriptors in use, without the one that reads the directory.
fn open_descriptors() -> Option<u32> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    u32::try_from(count).ok()?.checked_sub(1)
}

/// The first number after `name` at the start of a line of `path`.
fn field(path: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn an_opened_file_is_counted_and_a_limit_is_known() {
        let _file = fs::File::open("/proc/self/status").unwrap();
        let limit = field("/proc/self/limits", "Max open files").unwrap();
        assert!((4..=limit).contains(&open_descriptors().unwrap()));
    }

    #[test]
    fn resident_memory_is_more_than_a_megabyte() {
        assert!(field("/proc/self/status", "VmRSS:").unwrap() > 1024);
    }
}
