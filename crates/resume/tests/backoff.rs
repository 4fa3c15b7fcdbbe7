//! The delays: their distribution, what raises and resets them, and the storm they make.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that meets what it does not expect has failed, and its numbers are small"
)]

use core::time::Duration;

use proptest::prelude::*;
use resume::{Backoff, BackoffConfig};

const SECOND: Duration = Duration::from_secs(1);

/// Uniform bits, the same in every run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

fn backoff() -> Backoff {
    Backoff::new(BackoffConfig::new())
}

fn longest(backoff: &mut Backoff) -> u128 {
    backoff
        .next_delay(u64::MAX)
        .unwrap()
        .as_nanos()
        .div_ceil(1_000_000)
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.2.3
//= type=test
//# Should the first reconnect attempt fail, subsequent reconnect attempts SHOULD be delayed by
//# increasingly longer amounts of time, using a method such as truncated binary exponential
//# backoff.
#[test]
fn ceilings_double_up_to_the_cap() {
    let mut backoff = backoff();
    let ceilings: Vec<u128> = (0..8).map(|_| longest(&mut backoff)).collect();
    assert_eq!(
        ceilings,
        [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]
    );
    assert_eq!(backoff.attempts(), 8);
}

#[test]
fn delays_start_over_only_after_health() {
    let healthy = |age, heard| {
        let mut backoff = backoff();
        for _ in 0..5 {
            longest(&mut backoff);
        }
        backoff.connected(100 * SECOND);
        if heard {
            backoff.heard();
        }
        backoff.disconnected(100 * SECOND + age);
        longest(&mut backoff) == 1_000
    };
    assert!(healthy(10 * SECOND, true));
    assert!(!healthy(10 * SECOND - Duration::from_nanos(1), true));
    assert!(!healthy(3_600 * SECOND, false));
    assert!(!healthy(Duration::ZERO, true));
}

#[test]
fn what_was_heard_on_one_connection_does_not_count_for_the_next() {
    let mut backoff = backoff();
    longest(&mut backoff);
    backoff.connected(Duration::ZERO);
    backoff.heard();
    backoff.disconnected(SECOND);
    backoff.heard(); // late, of a connection that ended
    backoff.connected(2 * SECOND);
    backoff.disconnected(60 * SECOND);
    assert_eq!(longest(&mut backoff), 2_000);
}

#[test]
fn a_failed_attempt_is_not_health() {
    let mut backoff = backoff();
    for expected in [1_000, 2_000, 4_000] {
        backoff.disconnected(1_000_000 * SECOND); // never connected
        assert_eq!(longest(&mut backoff), expected);
    }
}

/// A server that says `retry: 0`, 1e9 or a number of 40 digits, which saturates.
#[test]
fn hostile_hints_stay_within_bounds() {
    for hint in [
        Duration::ZERO,
        Duration::from_millis(1_000_000_000),
        Duration::MAX,
    ] {
        let mut backoff = backoff();
        backoff.retry(hint);
        backoff.retry_after(hint);
        let shortest = backoff.clone().next_delay(0).unwrap();
        assert!(shortest >= Duration::from_millis(100));
        assert!(shortest <= Backoff::MAX_HINT);
        let longest = backoff.next_delay(u64::MAX).unwrap();
        assert!(longest <= Backoff::MAX_HINT + BackoffConfig::DEFAULT_CAP);
    }
}

#[test]
fn hints_raise_the_lower_bound_and_keep_the_jitter() {
    let mut backoff = backoff();
    backoff.retry(3 * SECOND);
    let bounds = |backoff: &Backoff| {
        let shortest = backoff.clone().next_delay(0).unwrap().as_millis();
        (shortest, longest(&mut backoff.clone()))
    };
    assert_eq!(bounds(&backoff), (3_000, 6_000));
    backoff.retry_after(60 * SECOND);
    assert_eq!(bounds(&backoff), (60_000, 90_000));
    longest(&mut backoff);
    assert_eq!(bounds(&backoff), (3_000, 6_000)); // `Retry-After` is for one attempt
    backoff.retry(Duration::ZERO);
    assert_eq!(bounds(&backoff), (100, 2_000));
}

#[test]
fn a_spread_is_the_first_ceiling_after_the_end() {
    let mut backoff = backoff();
    backoff.connected(Duration::ZERO);
    backoff.heard();
    backoff.spread(12 * SECOND);
    backoff.disconnected(60 * SECOND);
    assert_eq!(longest(&mut backoff), 12_000);
    assert_eq!(longest(&mut backoff), 24_000);
    backoff.connected(Duration::ZERO);
    backoff.heard();
    backoff.disconnected(60 * SECOND);
    assert_eq!(longest(&mut backoff), 1_000); // it was for that end

    backoff.spread(Duration::MAX);
    backoff.disconnected(60 * SECOND);
    assert_eq!(longest(&mut backoff), 30_000);
}

#[test]
fn attempts_can_be_used_up() {
    let mut backoff = Backoff::new(BackoffConfig::new().attempts(2));
    assert!(backoff.next_delay(0).is_some());
    assert!(backoff.next_delay(0).is_some());
    assert_eq!(backoff.next_delay(0), None);
    backoff.connected(Duration::ZERO);
    backoff.heard();
    backoff.disconnected(10 * SECOND);
    assert!(backoff.next_delay(0).is_some());
    assert!(
        Backoff::new(BackoffConfig::new().attempts(0))
            .next_delay(0)
            .is_none()
    );
}

#[test]
fn what_counts_as_healthy_can_be_set() {
    let mut backoff = Backoff::new(BackoffConfig::default().healthy(SECOND));
    longest(&mut backoff);
    backoff.connected(Duration::ZERO);
    backoff.heard();
    backoff.disconnected(SECOND);
    assert_eq!(longest(&mut backoff), 1_000);
}

#[test]
fn the_base_is_never_above_the_cap() {
    for config in [
        BackoffConfig::new().base(9 * SECOND).cap(2 * SECOND),
        BackoffConfig::new().cap(2 * SECOND).base(9 * SECOND),
    ] {
        assert_eq!(longest(&mut Backoff::new(config)), 2_000);
    }
}

proptest! {
    #[test]
    fn a_delay_lies_between_floor_and_cap(
        base in 0..100_000_u64,
        cap in 0..100_000_u64,
        floor in 0..1_000_u64,
        factor in 0..u32::MAX,
        randoms in prop::collection::vec(any::<u64>(), 1..40),
    ) {
        let millis = Duration::from_millis;
        let config = BackoffConfig::new();
        let config = config.base(millis(base)).cap(millis(cap)).floor(millis(floor)).factor(factor);
        let mut backoff = Backoff::new(config);
        for random in randoms {
            let delay = backoff.next_delay(random).unwrap();
            prop_assert!(delay >= millis(floor));
            prop_assert!(delay <= millis(cap).max(millis(floor)));
        }
    }
}

/// Distance of the samples from the uniform distribution (Kolmogorov and Smirnov).
fn distance(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    let count = samples.len() as f64;
    let distances = samples.iter().enumerate().map(|(index, sample)| {
        (sample - index as f64 / count)
            .abs()
            .max((sample - (index + 1) as f64 / count).abs())
    });
    distances.fold(0.0, f64::max)
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.2.3
//= type=test
//# To prevent this, clients SHOULD use some form of backoff when trying to reconnect after abnormal
//# closures as described in this section.
//= https://www.rfc-editor.org/rfc/rfc6455#section-7.2.3
//= type=test
//# The first reconnect attempt SHOULD be delayed by a random amount of time.
#[test]
fn the_jitter_is_full() {
    let mut random = Random(1);
    let mut samples = Vec::new();
    for _ in 0..5_000 {
        let mut backoff = backoff();
        for ceiling in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0] {
            samples.push(backoff.next_delay(random.bits()).unwrap().as_secs_f64() / ceiling);
        }
    }
    let distance = distance(samples);
    assert!(distance < 0.02, "{distance}");
}

/// Ten thousand clients lose their server for a minute, and every attempt is refused at once.
struct Storm {
    /// Attempts in each second after the loss.
    attempts: Vec<u32>,
    /// Seconds after its return until each client was back, in order.
    recovery: Vec<f64>,
}

const CLIENTS: usize = 10_000;

fn storm(config: BackoffConfig) -> Storm {
    let outage = 60 * SECOND;
    let mut random = Random(7);
    let mut attempts = vec![0; 100];
    let mut recovery = Vec::new();
    for _ in 0..CLIENTS {
        let mut backoff = Backoff::new(config);
        let mut now = Duration::ZERO;
        while now < outage {
            now += backoff.next_delay(random.bits()).unwrap();
            attempts[now.as_secs() as usize] += 1;
        }
        recovery.push((now - outage).as_secs_f64());
    }
    recovery.sort_by(f64::total_cmp);
    Storm { attempts, recovery }
}

#[test]
fn an_outage_makes_the_storm_that_theory_predicts() {
    let Storm { attempts, recovery } = storm(BackoffConfig::new());
    let clients = CLIENTS as f64;
    // At the cap, attempts arrive at N · 2 / C per second.
    for (second, attempts) in attempts.iter().enumerate().take(59).skip(35) {
        let expected = clients * 2.0 / 30.0;
        let bound = 1.15 * expected + 5.0 * expected.sqrt();
        assert!(f64::from(*attempts) <= bound, "{second}: {attempts}");
    }
    // After the return they fall linearly to none, all within the cap.
    for (second, attempts) in attempts.iter().enumerate().take(90).skip(60) {
        let expected = clients * 2.0 / 30.0 * (1.0 - (second as f64 - 60.0) / 30.0);
        let bound = 1.15 * expected + 5.0 * expected.sqrt();
        assert!(f64::from(*attempts) <= bound, "{second}: {attempts}");
    }
    let peak = attempts[60..].iter().max().copied().unwrap();
    assert!(
        f64::from(peak) <= 0.075 * clients + 5.0 * (0.075 * clients).sqrt(),
        "{peak}"
    );
    let per_client = attempts.iter().sum::<u32>() as f64 / clients;
    assert!((per_client / 8.6 - 1.0).abs() < 0.05, "{per_client}");
    let (median, p99) = (recovery[CLIENTS / 2], recovery[CLIENTS * 99 / 100]);
    assert!((median - 8.79).abs() < 0.5, "{median}");
    assert!(p99 <= 28.0, "{p99}");
    assert!(recovery[CLIENTS - 1] <= 30.0);
}

#[test]
fn a_larger_base_flattens_the_first_second() {
    let peak = |config| storm(config).attempts.into_iter().max().unwrap();
    assert!(peak(BackoffConfig::new()) >= CLIENTS as u32);
    assert!(peak(BackoffConfig::new().base(5 * SECOND)) <= CLIENTS as u32 * 35 / 100);
}
