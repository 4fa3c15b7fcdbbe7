//! The properties that the protocol crates promise, as plain functions from bytes: each asserts a
//! law or a round trip. The targets in `fuzz_targets/` hand them libFuzzer's input, the tests
//! replay the committed corpora through them, and your own fuzzer can call them too.

pub mod client;
pub mod deflate;
pub mod frame;
pub mod handshake;
pub mod hub;
pub mod log;
#[cfg(feature = "peers")]
pub mod peers;
pub mod resume;
pub mod runtime;
pub mod sse;
pub mod template;

/// Makes a fuzz target of an oracle, a `fn(&[u8])`. Built by `cargo fuzz` it is libFuzzer's entry
/// point; built by plain cargo it is a program that replays the files given as arguments.
#[macro_export]
macro_rules! target {
    ($oracle:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $oracle(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            for file in std::env::args_os().skip(1) {
                $oracle(&std::fs::read(file)?);
            }
            Ok(())
        }
    };
}
