//! Nothing of a fuzz target was forgotten: its file, its entry in the manifest, its seeds, and the
//! test that replays them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Largest seed in bytes: a corpus is read by people too.
const MAX_SEED: u64 = 4096;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The targets by their files.
fn targets() -> BTreeSet<String> {
    let stem = |file: PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    files(&folder("fuzz_targets"))
        .into_iter()
        .map(stem)
        .collect()
}

#[test]
fn every_target_is_a_program_of_the_manifest() {
    let manifest = include_str!("../Cargo.toml");
    let named: BTreeSet<String> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|entry| entry.split('"').nth(1).map(str::to_owned))
        .collect();
    assert!(!named.is_empty());
    assert_eq!(targets(), named);
}

#[test]
fn every_target_has_seeds_with_names() {
    for target in targets() {
        let seeds = files(&folder("corpus").join(&target));
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for seed in seeds {
            assert!(
                seed.metadata().unwrap().len() <= MAX_SEED,
                "{} is large",
                seed.display()
            );
            // libFuzzer names what it finds by a hash; here a name says what the seed is for.
            let name = seed.file_name().unwrap().to_str().unwrap();
            let hash = name.len() >= 32 && name.chars().all(|c| c.is_ascii_hexdigit());
            assert!(!hash, "{} says nothing", seed.display());
        }
    }
}

#[test]
fn every_corpus_is_replayed_by_a_test() {
    let replayed: String = files(&folder("tests"))
        .iter()
        .filter(|file| {
            file.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("replay")
        })
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    for target in targets() {
        let program = folder("fuzz_targets").join(&target).with_extension("rs");
        let program = fs::read_to_string(program).unwrap();
        let oracle = program.split("fuzz::target!(").nth(1).unwrap();
        let (oracle, _) = oracle.split_once(')').unwrap();
        assert!(
            replayed.contains(&format!("    {target}: {oracle},")),
            "no test replays {target} through {oracle}"
        );
    }
    for corpus in files(&folder("corpus")) {
        let target = corpus.file_name().unwrap().to_str().unwrap();
        assert!(
            targets().contains(target),
            "corpus/{target} belongs to no target"
        );
    }
}
