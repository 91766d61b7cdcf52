//! `[log]`.

use tracing_subscriber::EnvFilter;

use crate::config::key::{Key, KeyDoc};
use crate::config::model::{Log, LogFormat};
use crate::config::section::{Section, assemble};

const FORMAT: Key<LogFormat> = Key::with_default(
    "log.format",
    "\"text\"",
    "Lines for people, or one JSON object a line; to standard error.",
);

const LEVEL: Key<String> = Key::with_default(
    "log.level",
    "\"info\"",
    "What is logged, in all or by module. SQL is never logged above `trace`, secrets never.",
)
.accepting(
    "\"error\", \"warn\", \"info\", \"debug\", \"trace\" or \"off\", with exceptions such as \"info,sealock::tls=debug\"",
    |level| is_filter(level),
);

pub(super) const KEYS: &[KeyDoc] = &[FORMAT.doc(), LEVEL.doc()];

pub(super) fn read(section: &Section<'_>) -> Option<Log> {
    assemble!(Log { format: section.value(&FORMAT), level: section.value(&LEVEL) })
}

/// Whether every part is a level or `module=level`. `EnvFilter` alone would take a mistyped level for the name of a module.
fn is_filter(text: &str) -> bool {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    let level = |part: &str| LEVELS.contains(&part.rsplit('=').next().unwrap_or(part));
    text.split(',').all(level) && EnvFilter::builder().parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_level_is_not_taken_for_a_module() {
        assert!(is_filter("info") && is_filter("warn,sealock::tls=debug") && is_filter("off"));
        for text in ["", "infos", "sealock", "info,", "info,sealock=loud", "info,=", "6"] {
            assert!(!is_filter(text), "{text}");
        }
    }
}
