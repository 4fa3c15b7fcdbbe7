//! The text that Prometheus reads.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use resume::GapReason;

use super::{CARRIERS, FAILURES, Histogram, STATUSES, TURNED_AWAY};
use crate::hub::Hub;
use crate::limits::Limits;

/// The type of the text.
pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Whose numbers are shown.
#[derive(Clone, Debug)]
pub(crate) struct Scrape {
    hub: Arc<Hub>,
    limits: Arc<Limits>,
}

impl Scrape {
    pub(crate) const fn new(hub: Arc<Hub>, limits: Arc<Limits>) -> Self {
        Self { hub, limits }
    }

    /// All numbers, as they are now.
    pub(crate) fn text(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        // A text takes whatever is written to it.
        let encoded = prometheus_text::encode(&mut text, &registry);
        debug_assert_eq!(encoded, Ok(()));
        text
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self { hub, limits } = self;
        let metrics = &hub.metrics;
        let mut out = Out(encoder);
        out.gauges(
            "longwire_subscribers",
            "Subscribers at this moment",
            "carrier",
            CARRIERS
                .iter()
                .zip(&metrics.subscribers)
                .map(|(carrier, gauge)| (*carrier, gauge.get())),
        )?;
        let connections = i64::try_from(limits.connections()).unwrap_or(i64::MAX);
        out.gauge(
            "longwire_connections",
            "Connections at this moment",
            connections,
        )?;
        let most = i64::try_from(limits.most()).unwrap_or(i64::MAX);
        out.gauge(
            "longwire_connections_max",
            "Connections that may be open",
            most,
        )?;
        let carriers = |counters: &[super::Counter; 2]| {
            let counts = [counters[0].get(), counters[1].get()];
            CARRIERS.into_iter().zip(counts)
        };
        out.counters(
            "longwire_subscriptions",
            "Subscriptions that began without a position",
            "carrier",
            carriers(&metrics.fresh),
        )?;
        out.counters(
            "longwire_reconnects",
            "Subscriptions that began with a position to resume from",
            "carrier",
            carriers(&metrics.resumed),
        )?;
        let events_in = metrics.events_in.get();
        out.counter(
            "longwire_events_in",
            "Events appended to the log",
            events_in,
        )?;
        let repeated = metrics.events_repeated.get();
        out.counter(
            "longwire_events_repeated",
            "Events published again with their id",
            repeated,
        )?;
        out.counters(
            "longwire_events_out",
            "Events sent to subscribers",
            "carrier",
            carriers(&metrics.events_out),
        )?;
        let help = "Bytes given to connections that the network has not taken";
        out.gauge("longwire_unsent_bytes", help, metrics.unsent.get())?;
        let gaps = GapReason::ALL.iter().zip(&metrics.gaps);
        out.counters(
            "longwire_gaps",
            "Gaps that subscribers were told of",
            "reason",
            gaps.map(|(reason, counter)| (reason.as_str(), counter.get())),
        )?;
        let help = "From taking an event up to giving it to a connection, of the first event of each write";
        out.histogram("longwire_delivery_lag_seconds", help, &metrics.lag)?;
        let help = "Time to write events to the log, fsync included";
        out.histogram("longwire_commit_seconds", help, &metrics.commit)?;
        let statuses: Vec<_> = STATUSES.iter().map(ToString::to_string).collect();
        let statuses = statuses.iter().map(String::as_str).chain(["other"]);
        out.counters(
            "longwire_refused",
            "Requests refused, by the status of the answer",
            "status",
            statuses.zip(metrics.refused.iter().map(super::Counter::get)),
        )?;
        let help = "Events refused because others came too soon before them";
        out.counter("longwire_rate_limited", help, metrics.rate_limited.get())?;
        out.counters(
            "longwire_connections_turned_away",
            "Connections closed unanswered",
            "reason",
            TURNED_AWAY
                .into_iter()
                .zip(metrics.turned_away.iter().map(super::Counter::get)),
        )?;
        out.counters(
            "longwire_connections_failed",
            "Connections that ended with an error",
            "reason",
            FAILURES
                .into_iter()
                .zip(metrics.failed.iter().map(super::Counter::get)),
        )?;
        self.log(&mut out)
    }
}

impl Scrape {
    fn log(&self, out: &mut Out<'_>) -> fmt::Result {
        let hub = &self.hub;
        let bounds = hub.bounds();
        let usage = hub.usage();
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let events = bounds.head().offset + 1 - bounds.earliest().offset;
        out.gauge("longwire_log_events", "Events kept", number(events))?;
        out.gauge(
            "longwire_log_bytes",
            "Bytes of the events kept",
            number(usage.bytes),
        )?;
        let oldest = usage.oldest.unwrap_or(Duration::ZERO).as_secs();
        out.gauge(
            "longwire_log_oldest_seconds",
            "Age of the oldest event kept",
            number(oldest),
        )?;
        let head = number(bounds.head().offset);
        out.gauge("longwire_log_head", "Offset of the newest event", head)?;
        let writable = i64::from(hub.is_writable());
        out.gauge(
            "longwire_log_writable",
            "1 if events can be appended",
            writable,
        )?;
        let draining = i64::from(hub.is_draining());
        out.gauge(
            "longwire_draining",
            "1 once the hub was told to stop",
            draining,
        )
    }
}

/// Writes one metric after the other.
struct Out<'e>(DescriptorEncoder<'e>);

impl Out<'_> {
    fn describe(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        write: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        write(self.0.encode_descriptor(name, help, None, kind)?)
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) -> fmt::Result {
        self.describe(name, help, MetricType::Gauge, |mut metric| {
            metric.encode_gauge(&value)
        })
    }

    fn gauges<'l>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'l str, i64)>,
    ) -> fmt::Result {
        self.describe(name, help, MetricType::Gauge, |mut metric| {
            for (text, value) in values {
                metric
                    .encode_family(&[(label, text)])?
                    .encode_gauge(&value)?;
            }
            Ok(())
        })
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.describe(name, help, MetricType::Counter, |mut metric| {
            metric.encode_counter::<NoLabelSet, _, f64>(&value, None)
        })
    }

    fn counters<'l>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'l str, u64)>,
    ) -> fmt::Result {
        self.describe(name, help, MetricType::Counter, |mut metric| {
            for (text, value) in values {
                let labels = [(label, text)];
                let mut metric = metric.encode_family(&labels)?;
                metric.encode_counter::<NoLabelSet, _, f64>(&value, None)?;
            }
            Ok(())
        })
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> fmt::Result {
        let (sum, count, buckets) = histogram.get();
        self.describe(name, help, MetricType::Histogram, |mut metric| {
            metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        })
    }
}
