//! Counters and latencies in Prometheus' text format.

use std::{fmt, sync::Arc, time::Duration};

use metrics::{SetRecorderError, counter, histogram, set_global_recorder, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::ConfigError;

/// Requests answered, by path and status.
const REQUESTS: &str = "zeni_requests_total";
/// Seconds from the head of a request to its answer, by path.
const SECONDS: &str = "zeni_request_seconds";
/// Upper bounds of the latency histogram, in seconds.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 2.0, 10.0];

/// What `/metrics` of one or more listeners shows. Labels are path and status; a path that is not served counts as `other`.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Metrics {
    /// Metrics of their own.
    pub fn new() -> Result<Self, ConfigError> {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS);
        let recorder = builder.map_err(|error| ConfigError::Metrics { cause: error.to_string() })?.build_recorder();
        let handle = recorder.handle();
        Ok(Metrics { recorder: Arc::new(recorder), handle })
    }

    /// Makes these also the metrics of everything in the process that uses the `metrics` macros; once per process.
    pub fn install(&self) -> Result<(), SetRecorderError<Arc<PrometheusRecorder>>> {
        set_global_recorder(self.recorder.clone())
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    pub(crate) fn record(&self, path: &'static str, status: u16, took: Duration) {
        with_local_recorder(&*self.recorder, || {
            counter!(REQUESTS, "path" => path, "status" => status.to_string()).increment(1);
            histogram!(SECONDS, "path" => path).record(took.as_secs_f64());
        });
    }

    /// Folds samples into the histograms, so that they do not pile up where nobody reads them.
    pub(crate) fn fold(&self) {
        self.handle.run_upkeep();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
