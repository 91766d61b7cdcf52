//! The metrics of one proxy, not installed globally: two proxies in one process keep apart.

use metrics::{Counter, Gauge, Histogram, Key, Level, Metadata, Recorder as _, SharedString};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::label::{Family, Label};
use super::names::{self, Kind, Metric, Spec};
use super::process;

/// Upper bounds of the histograms' buckets, in seconds: 50 µs (a point select over loopback) to a minute.
const SECONDS: [f64; 19] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

const METADATA: Metadata<'static> = Metadata::new("sealock", Level::INFO, None);

/// Hands out the handles of metrics and renders them for Prometheus.
///
/// Label values are given in the order of the metric's [`Spec::labels`]; asking twice for the same values gives handles of
/// the same counter. A metric appears in the output from the moment it was first asked for.
pub struct Registry {
    recorder: PrometheusRecorder,
    output: PrometheusHandle,
}

impl Registry {
    /// An empty registry that knows what every metric means.
    pub fn new() -> Self {
        let builder = PrometheusBuilder::new();
        // Refuses only an empty list.
        let builder = builder.set_buckets(&SECONDS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let output = recorder.handle();
        let registry = Self { recorder, output };
        names::ALL.iter().for_each(|spec| registry.describe(spec));
        registry.gauge(&names::BUILD_INFO, &[env!("CARGO_PKG_VERSION")]).set(1.0);
        process::record_start(&registry);
        registry
    }

    /// The counter with these label values.
    pub fn counter(&self, metric: &Metric<Counter>, values: &[&str]) -> Counter {
        self.recorder.register_counter(&key(&metric.spec, values), &METADATA)
    }

    /// The gauge with these label values.
    pub fn gauge(&self, metric: &Metric<Gauge>, values: &[&str]) -> Gauge {
        self.recorder.register_gauge(&key(&metric.spec, values), &METADATA)
    }

    /// The histogram with these label values; it takes seconds, or a [`Duration`](std::time::Duration).
    pub fn histogram(&self, metric: &Metric<Histogram>, values: &[&str]) -> Histogram {
        self.recorder.register_histogram(&key(&metric.spec, values), &METADATA)
    }

    /// Counters for every value of the metric's last label; `first` are the values of the labels before it.
    pub fn counters<L: Label>(&self, metric: &Metric<Counter>, first: &[&str]) -> Family<L, Counter> {
        Family::resolve(|label: L| self.counter(metric, &[first, &[label.label()]].concat()))
    }

    /// Gauges for every value of the metric's last label; `first` are the values of the labels before it.
    pub fn gauges<L: Label>(&self, metric: &Metric<Gauge>, first: &[&str]) -> Family<L, Gauge> {
        Family::resolve(|label: L| self.gauge(metric, &[first, &[label.label()]].concat()))
    }

    /// Everything in Prometheus' text format 0.0.4, sorted by name.
    pub fn render(&self) -> String {
        process::record(self);
        let text = self.output.render();
        let mut blocks: Vec<&str> = text.split("\n\n").filter(|block| !block.is_empty()).collect();
        blocks.sort_unstable();
        let mut sorted = blocks.join("\n\n");
        sorted.push('\n');
        sorted
    }

    /// Folds what histograms have collected into their buckets. To be called every few seconds: until then, or until
    /// [`render`](Registry::render), each observation takes eight bytes.
    pub fn run_upkeep(&self) {
        self.output.run_upkeep();
    }

    fn describe(&self, spec: &Spec) {
        let (name, unit) = (spec.name.into(), Some(spec.unit));
        let help = SharedString::const_str(spec.help);
        match spec.kind {
            Kind::Counter => self.recorder.describe_counter(name, unit, help),
            Kind::Gauge => self.recorder.describe_gauge(name, unit, help),
            Kind::Histogram => self.recorder.describe_histogram(name, unit, help),
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

fn key(spec: &Spec, values: &[&str]) -> Key {
    debug_assert_eq!(spec.labels.len(), values.len(), "{} has the labels {:?}", spec.name, spec.labels);
    let labels = spec.labels.iter().zip(values);
    Key::from_parts(
        spec.name,
        labels.map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>().as_slice(),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::label::{Side, Transport};

    #[test]
    fn a_counted_event_is_rendered_with_its_help_and_labels() {
        let registry = Registry::new();
        registry.counters::<Transport>(&names::CLIENT_CONNECTIONS, &[]).increment(Transport::Tls);
        let text = registry.render();
        assert!(text.contains("# TYPE sealock_client_connections_total counter"), "{text}");
        assert!(text.contains("# HELP sealock_client_connections_total Client connections"), "{text}");
        assert!(text.contains("sealock_client_connections_total{transport=\"tls\"} 1"), "{text}");
    }

    #[test]
    fn a_family_shows_every_value_before_anything_happened() {
        let registry = Registry::new();
        let _family = registry.counters::<Transport>(&names::CLIENT_CONNECTIONS, &[]);
        let text = registry.render();
        for transport in Transport::ALL {
            let line = format!("sealock_client_connections_total{{transport=\"{}\"}} 0", transport.label());
            assert!(text.contains(&line), "{line} in {text}");
        }
    }

    #[test]
    fn a_familys_label_comes_after_the_given_ones() {
        let registry = Registry::new();
        let family = registry.counters::<Side>(&names::BACKEND_CLOSES, &["db1"]);
        family.add(Side::Client, 3);
        let line = "sealock_backend_closes_total{backend=\"db1\",reason=\"client\"} 3";
        assert!(registry.render().contains(line));
    }

    #[test]
    fn a_held_gauge_falls_when_its_holder_goes() {
        let registry = Registry::new();
        let clients = registry.gauges::<Transport>(&names::CLIENTS, &[]);
        let held = clients.hold(Transport::Unix);
        assert!(registry.render().contains("sealock_clients{transport=\"unix\"} 1\n"));
        drop(held);
        assert!(registry.render().contains("sealock_clients{transport=\"unix\"} 0\n"));
    }

    #[test]
    fn latencies_fall_into_buckets_between_50_microseconds_and_a_minute() {
        let registry = Registry::new();
        let histogram = registry.histogram(&names::STATEMENT, &[]);
        histogram.record(Duration::from_micros(70));
        registry.run_upkeep();
        let text = registry.render();
        assert!(text.contains("sealock_statement_seconds_bucket{le=\"0.00005\"} 0"), "{text}");
        assert!(text.contains("sealock_statement_seconds_bucket{le=\"0.0001\"} 1"), "{text}");
        assert!(text.contains("sealock_statement_seconds_bucket{le=\"60\"} 1"), "{text}");
    }

    #[test]
    fn two_registries_do_not_share_their_numbers() {
        let (one, other) = (Registry::new(), Registry::new());
        one.counter(&names::STATEMENTS_KILLED, &[]).increment(5);
        other.counter(&names::STATEMENTS_KILLED, &[]).increment(1);
        assert!(other.render().contains("sealock_statements_killed_total 1\n"));
    }

    #[test]
    fn the_output_is_sorted_by_name() {
        let text = Registry::new().render();
        let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# HELP ")).collect();
        assert!(names.len() > 1 && names.is_sorted(), "{names:?}");
    }
}
