//! What full jitter predicts, computed without the code under test: many clients, each of which
//! waits U(0, min(30 s, 1 s · 2^k)), at least 100 ms, before its attempt k.

use core::time::Duration;

use crate::proxy::Mode;

/// Clients of the prediction: so many that its own noise is small.
const MODEL: usize = 200_000;

/// Attempts in each second.
pub(crate) fn bins(attempts: impl Iterator<Item = Duration>) -> Vec<usize> {
    let mut bins = Vec::new();
    for at in attempts {
        let second = at.as_secs() as usize;
        if bins.len() <= second {
            bins.resize(second + 1, 0);
        }
        bins[second] += 1;
    }
    bins
}

/// Parts of a second in which attempts are predicted.
const PARTS: usize = 20;

/// The attempts that are expected from the beginning of an outage on.
#[derive(Debug)]
pub(crate) struct Theory {
    /// In each part of a second.
    parts: Vec<f64>,
}

impl Theory {
    /// Of clients that noticed the outage after these times; a failed attempt takes so many seconds
    /// in each second of the outage.
    pub(crate) fn new(mode: Mode, outage: Duration, dropped: &[Duration], took: &[f64]) -> Self {
        let outage = outage.as_secs_f64();
        let scale = dropped.len() as f64 / MODEL as f64;
        let mut state = 1;
        let mut parts = Vec::new();
        for dropped in dropped.iter().cycle().take(MODEL) {
            let mut time = dropped.as_secs_f64();
            let mut ceiling: f64 = 1.0;
            loop {
                time += (uniform(&mut state) * ceiling).max(0.1);
                ceiling = (2.0 * ceiling).min(30.0);
                let part = (time * PARTS as f64) as usize;
                if parts.len() <= part {
                    parts.resize(part + 1, 0.0);
                }
                parts[part] += scale;
                let succeeds = match mode {
                    // A SYN that was lost is sent again after 1 and 3 seconds.
                    Mode::BlackHole => time + 3.0 >= outage,
                    _ => time >= outage,
                };
                if succeeds {
                    break;
                }
                time += match mode {
                    Mode::BlackHole => 5.0,
                    _ => took.get(time as usize).copied().unwrap_or(0.0),
                };
            }
        }
        Self { parts }
    }

    /// In each second.
    pub(crate) fn seconds(&self) -> Vec<f64> {
        self.parts
            .chunks(PARTS)
            .map(|parts| parts.iter().sum())
            .collect()
    }

    /// The most attempts in a second, on a machine whose tasks are this late: all that were due
    /// since may come in it. A few are allowed where none is expected.
    pub(crate) fn bound(&self, second: usize, late: Duration) -> f64 {
        let late = (late.as_secs_f64() * PARTS as f64).ceil() as usize;
        let end = ((second + 1) * PARTS).min(self.parts.len());
        let begin = (second * PARTS).saturating_sub(late).min(end);
        let expected: f64 = self.parts[begin..end].iter().sum();
        1.15 * expected + 5.0 * expected.max(1.0).sqrt()
    }
}

/// In 0 to 1, by `SplitMix64`.
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

#[test]
fn the_theory_has_the_figures_of_the_book() {
    let clients = [Duration::ZERO; 10_000];
    let theory = Theory::new(Mode::Refuse, Duration::from_secs(60), &clients, &[]);
    let expected = theory.seconds();
    // 1.27 N in the first second; N / 15 at the cap; 8.6 attempts a client.
    assert!(
        (12_400.0..13_000.0).contains(&expected[0]),
        "{}",
        expected[0]
    );
    assert!((610.0..720.0).contains(&expected[55]), "{}", expected[55]);
    let each = expected.iter().sum::<f64>() / 10_000.0;
    assert!((8.3..8.9).contains(&each), "{each}");
}
