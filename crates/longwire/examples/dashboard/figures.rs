//! What the dashboard shows: one publisher for every page that is open.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::fs::read_to_string;
use std::sync::Arc;

use longwire::sse::{Broadcast, Fields, Subscription};
use tokio::time::interval;

/// The figures, published every second.
#[derive(Default)]
pub(crate) struct Figures {
    events: Broadcast,
    requests: AtomicU64,
}

impl Figures {
    pub(crate) fn start() -> Arc<Self> {
        let figures = Arc::<Self>::default();
        tokio::spawn(publish(figures.clone()));
        figures
    }

    /// Counts a request.
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// The stream of one page.
    pub(crate) fn watch(&self) -> Subscription {
        self.events.subscribe()
    }
}

async fn publish(figures: Arc<Figures>) {
    let mut seconds = interval(Duration::from_secs(1));
    let mut before = processor_time();
    loop {
        seconds.tick().await;
        let now = processor_time();
        let busy = now
            .zip(before)
            .map(|((busy, all), (busy_before, all_before))| {
                // The kernel takes back a little of what it has counted, now and then.
                let (busy, all) = (
                    busy.saturating_sub(busy_before),
                    all.saturating_sub(all_before),
                );
                (100 * busy / all.max(1)).min(100)
            });
        before = now;
        let requests = Some(figures.requests.load(Ordering::Relaxed));
        for (name, value, unit) in [
            ("cpu", busy, "%"),
            ("memory", memory_used(), "MiB"),
            ("requests", requests, ""),
        ] {
            let Some(value) = value else { continue };
            let data = format!("{value} {unit}");
            let fields = Fields::new(data.trim_end()).with_name(name);
            if let Err(error) = figures.events.publish(&fields) {
                eprintln!("{name}: {error}");
            }
        }
    }
}

/// Busy and all time of the processors, in ticks since the start; Linux only.
fn processor_time() -> Option<(u64, u64)> {
    let stat = read_to_string("/proc/stat").ok()?;
    let times = stat.lines().next()?.split_whitespace().skip(1);
    let times: Vec<u64> = times.map_while(|time| time.parse().ok()).collect();
    let all = times.iter().sum::<u64>();
    Some((all - times.get(3)? - times.get(4)?, all))
}

/// Memory in use, in MiB; Linux only.
fn memory_used() -> Option<u64> {
    let info = read_to_string("/proc/meminfo").ok()?;
    let kib = |name| -> Option<u64> {
        let line = info.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some((kib("MemTotal:")? - kib("MemAvailable:")?) / 1024)
}
