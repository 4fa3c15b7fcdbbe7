//! Clients and a hub made of the real no-IO parts, on a simulated network and clock.
//!
//! Everything that happens follows from a seed: partitions, held and lost messages, resets,
//! half-open connections, restarts of the hub with and without its log, retention that has passed,
//! expired tokens, clocks that jump, processes that are suspended or die, slow readers that are
//! sent away, servers that accept and close. After every step the invariants of the contract are
//! checked; at the end everything that is owed was delivered, or said to be missing.
//!
//! `cargo xtask simulate [SEEDS] [--seed N]` runs any number of seeds, or one with all that happens
//! in it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "helpers of tests, outside of #[test]"
)]

mod check;
mod hub;
mod rng;
mod world;

use core::ops::Range;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use world::World;

/// Seeds of the ordinary test run.
const SEEDS: u64 = 10_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().expect("a number"))
}

/// Runs seeds, and names the first that fails.
fn run(seeds: Range<u64>) {
    let mut drawn = (0.0, 0);
    for seed in seeds {
        match catch_unwind(AssertUnwindSafe(|| World::new(seed, false).run())) {
            Ok((_, (sum, count))) => {
                drawn.0 += sum;
                drawn.1 += count;
            }
            Err(panic) => {
                eprintln!("seed {seed} failed: `cargo xtask simulate --seed {seed}` shows it");
                std::panic::resume_unwind(panic);
            }
        }
    }
    // I11: delays are drawn evenly from 0 to their ceilings, which grow.
    if drawn.1 >= 5_000 {
        let mean = drawn.0 / f64::from(drawn.1);
        assert!(
            (0.48..0.52).contains(&mean),
            "I11: delays take {mean} of their ceilings"
        );
    }
}

/// One of the parts that run side by side.
fn part(part: u64) {
    const PARTS: u64 = 4;
    if let Some(seed) = number("LONGWIRE_SIMULATE_SEED") {
        if part == 0 {
            World::new(seed, true).run();
        }
        return;
    }
    let seeds = number("LONGWIRE_SIMULATE_SEEDS").unwrap_or(SEEDS);
    let first = number("LONGWIRE_SIMULATE_FIRST").unwrap_or(0);
    run(first + seeds * part / PARTS..first + seeds * (part + 1) / PARTS);
}

#[test]
fn the_first_quarter_of_the_seeds() {
    part(0);
}

#[test]
fn the_second_quarter_of_the_seeds() {
    part(1);
}

#[test]
fn the_third_quarter_of_the_seeds() {
    part(2);
}

#[test]
fn the_last_quarter_of_the_seeds() {
    part(3);
}

#[test]
fn a_seed_replays_bit_for_bit() {
    for seed in 0..50 {
        let first = World::new(seed, false).run();
        assert_eq!(first, World::new(seed, false).run());
        assert_ne!(first, World::new(seed + 1, false).run());
    }
}
