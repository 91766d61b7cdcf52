//! Structured logs on standard error, as text or as JSON lines.
//!
//! Called once, by `app`, before anything is logged. info: an operator did something or a phase changed; warn: a human may
//! act; error: availability or data lost. SQL never appears above trace, secrets never.

use std::io::IsTerminal as _;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, filter, fmt};

use super::label::Family;
use super::names;
use super::registry::Registry;

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people; coloured on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter does not parse.
    #[error(
        "log level {filter:?} is neither a level (error, warn, info, debug, trace) nor a list of module=level"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: filter::ParseError,
    },
    /// A bare word that is no level; it would silence everything but a module of that name.
    #[error(
        "{word:?} in the log level is none of off, error, warn, info, debug, trace; modules are given as module=level"
    )]
    UnknownLevel {
        /// The word.
        word: String,
    },
    /// Logging was set up before in this process.
    #[error("logging is already set up")]
    Installed(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends what `filter` lets through to standard error, and counts warnings and errors in `registry`.
///
/// `filter` is a level or a list such as `info,sealock::tls=debug`.
///
/// # Errors
/// A filter that does not parse, or a second call in the same process.
pub fn init(format: Format, filter: &str, registry: &Registry) -> Result<(), LoggingError> {
    let filter = parse_filter(filter)?;
    let output = fmt::layer().with_writer(std::io::stderr);
    let output = match format {
        Format::Text => output.with_ansi(std::io::stderr().is_terminal()).boxed(),
        Format::Json => output.json().flatten_event(true).boxed(),
    };
    let count = Count(registry.counters(&names::LOG_EVENTS, &[]));
    let count = count.with_filter(filter::LevelFilter::WARN);
    Ok(tracing_subscriber::registry().with(output.with_filter(filter)).with(count).try_init()?)
}

/// Reads a filter as [`init`] does; for checking a configuration before it is used.
///
/// # Errors
/// A filter that does not parse.
pub fn parse_filter(filter: &str) -> Result<EnvFilter, LoggingError> {
    let mut bare = filter.split(',').map(str::trim).filter(|directive| !directive.contains(['=', '[']));
    if let Some(word) = bare.find(|word| word.is_empty() || word.parse::<filter::LevelFilter>().is_err()) {
        return Err(LoggingError::UnknownLevel { word: word.to_owned() });
    }
    let unreadable = |source| LoggingError::Filter { filter: filter.to_owned(), source };
    EnvFilter::builder().parse(filter).map_err(unreadable)
}

/// Levels that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    Warn,
    Error,
}

crate::label!(Severity { Warn => "warn", Error => "error" });

/// Counts events, whether they are written or not.
struct Count(Family<Severity>);

impl<S: Subscriber> Layer<S> for Count {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        match *event.metadata().level() {
            Level::ERROR => self.0.increment(Severity::Error),
            Level::WARN => self.0.increment(Severity::Warn),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_and_a_list_of_modules_are_filters() {
        for filter in ["info", "off", "info,sealock::tls=debug"] {
            assert!(parse_filter(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn a_filter_that_does_not_parse_is_quoted_in_the_error() {
        let error = parse_filter("sealock=loud").unwrap_err();
        assert!(error.to_string().contains("\"sealock=loud\""), "{error}");
    }

    #[test]
    fn a_word_that_is_no_level_is_refused_rather_than_silencing_the_log() {
        for filter in ["verbose", "warn,verbose", ""] {
            assert!(matches!(parse_filter(filter), Err(LoggingError::UnknownLevel { .. })), "{filter}");
        }
    }

    #[test]
    fn warnings_are_counted_and_lower_levels_are_not() {
        let registry = Registry::new();
        let count = Count(registry.counters(&names::LOG_EVENTS, &[])).with_filter(filter::LevelFilter::WARN);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(count), || {
            tracing::warn!("a certificate expires soon");
            tracing::info!("a client came");
        });
        let text = registry.render();
        assert!(text.contains("sealock_log_events_total{level=\"warn\"} 1"), "{text}");
        assert!(text.contains("sealock_log_events_total{level=\"error\"} 0"), "{text}");
    }
}
