//! What is counted of the proxy as a whole; handles are resolved once, when it starts.

use crate::telemetry::{Family, Gauge, Registry, names};

/// What became of a reload, as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The new generation is in force.
    Applied,
    /// Everything stays as it was.
    Refused,
}

crate::label!(ReloadOutcome { Applied => "applied", Refused => "refused" });

/// Handles for the proxy as a whole.
pub struct AppMetrics {
    /// 1 while the proxy lets its clients finish.
    pub draining: Gauge,
    /// Reloads.
    pub reloads: Family<ReloadOutcome>,
    /// When the configuration in force was loaded.
    pub last_reload: Gauge,
}

impl AppMetrics {
    /// Resolves everything; nothing drains yet.
    pub fn new(registry: &Registry) -> Self {
        let draining = registry.gauge(&names::DRAINING, &[]);
        draining.set(0.0);
        Self {
            draining,
            reloads: registry.counters(&names::CONFIG_RELOADS, &[]),
            last_reload: registry.gauge(&names::CONFIG_LAST_RELOAD, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_happened_yet_shows_as_zero() {
        let registry = Registry::new();
        let _metrics = AppMetrics::new(&registry);
        let text = registry.render();
        for line in [
            "sealock_draining 0\n",
            "sealock_config_reloads_total{outcome=\"applied\"} 0\n",
            "sealock_config_reloads_total{outcome=\"refused\"} 0\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
