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

/// The most attempts in a second where this many are expected.
pub(crate) fn bound(expected: f64) -> f64 {
    1.15 * expected + 5.0 * expected.sqrt()
}

/// The attempts of `clients` that are expected in each second from the beginning of the outage on.
pub(crate) fn expected(mode: Mode, outage: Duration, clients: usize) -> Vec<f64> {
    let outage = outage.as_secs_f64();
    let mut state = 1;
    let mut attempts = Vec::new();
    for _ in 0..MODEL {
        let mut time = 0.0;
        let mut ceiling: f64 = 1.0;
        loop {
            time += (uniform(&mut state) * ceiling).max(0.1);
            ceiling = (2.0 * ceiling).min(30.0);
            attempts.push(Duration::from_secs_f64(time));
            let succeeds = match mode {
                // A SYN that was lost is sent again after 1 and 3 seconds.
                Mode::BlackHole => time + 3.0 >= outage,
                _ => time >= outage,
            };
            if succeeds {
                break;
            }
            if mode == Mode::BlackHole {
                time += 5.0;
            }
        }
    }
    let scale = clients as f64 / MODEL as f64;
    bins(attempts.into_iter())
        .into_iter()
        .map(|count| count as f64 * scale)
        .collect()
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
    let expected = expected(Mode::Refuse, Duration::from_secs(60), 10_000);
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
