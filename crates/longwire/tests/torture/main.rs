//! Every read, write, flush and shutdown of scripted sessions replaced in turn by an error, an
//! end, a short count, a delay; and every wait cancelled in turn.
//!
//! Delays, short counts and cancelled calls must change nothing that either end sees. Errors and
//! ends must end the session, with what was received before being the start of what was expected.
//! Nothing may panic, hang or leak.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod faulty;
mod script;

use core::time::Duration;

use faulty::{Fault, Plan};
use script::{SCRIPTS, Script, Seen, session};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Operations, and waits, that no session needs.
const STEPS: usize = 20_000;

/// Runs a session; what our end and its peer saw.
fn run(script: &Script, plan: &Plan, we_are_client: bool) -> (Seen, Seen) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let session = session(script, plan, we_are_client);
        tokio::time::timeout(Duration::from_secs(300), session)
            .await
            .unwrap_or_else(|_| panic!("{}: {plan:?} hangs", script.name))
    })
}

fn torture(fault: Fault) {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut runs = 0;
    for script in &SCRIPTS {
        for we_are_client in [true, false] {
            let plan = Plan::without_fault();
            let (ours, peers) = run(script, &plan, we_are_client);
            assert!(
                ours.whole && peers.whole,
                "{}: {ours:?} {peers:?}",
                script.name
            );
            let points = if fault == Fault::Cancel {
                plan.waits()
            } else {
                plan.operations()
            };
            assert!(points < STEPS);
            let before = dhat::HeapStats::get().curr_blocks;
            for at in 0..points {
                let plan = Plan::new(fault, at);
                let (we, they) = run(script, &plan, we_are_client);
                let name = format!("{}: {fault:?} at {at}", script.name);
                assert!(plan.operations() < STEPS, "{name}: does not come to an end");
                assert!(
                    plan.has_come() || fault == Fault::Cancel,
                    "{name}: never came"
                );
                if fault.is_harmless() {
                    assert_eq!((&we, &they), (&ours, &peers), "{name}");
                } else {
                    assert!(ours.starts_with(&we), "{name}: {we:?}");
                    assert!(peers.starts_with(&they), "{name}: {they:?}");
                }
                runs += 1;
            }
            // What the thread keeps for the next connection.
            let after = dhat::HeapStats::get().curr_blocks;
            assert!(
                after <= before + 64,
                "{}: {before} blocks, then {after}",
                script.name
            );
        }
    }
    assert!(runs > 200);
}

#[test]
fn errors() {
    torture(Fault::Error);
}

#[test]
fn ends() {
    torture(Fault::End);
}

#[test]
fn short_reads_and_writes() {
    torture(Fault::Short);
}

#[test]
fn delays() {
    torture(Fault::Pending);
}

#[test]
fn cancelled_calls() {
    torture(Fault::Cancel);
}
