//! The design as a table: who may depend on whom, and what may lie at the top level.

/// What one package of the workspace may depend on, optional dependencies included.
pub(super) struct Rule {
    pub(super) package: &'static str,
    /// Packages of the workspace.
    pub(super) below: &'static [&'static str],
    /// Libraries from elsewhere, default features off; `None` leaves the choice free.
    pub(super) libraries: Option<&'static [&'static str]>,
    /// Which of all these must be optional, and not pulled in by a default feature.
    pub(super) behind_features: &'static [&'static str],
    /// The feature `default` must be exactly `["std"]`: without it the crate is `no_std`.
    pub(super) no_std: bool,
}

const NOTHING: Rule = Rule {
    package: "",
    below: &[],
    libraries: None,
    behind_features: &[],
    no_std: false,
};

/// The packages that others may depend on, lowest first.
const PACKAGES: &[&str] = &[
    "sse-parse",
    "ws-frame",
    "ws-deflate",
    "ws-handshake",
    "resume",
    "hub-protocol",
    "longwire",
    "longwire-hub",
];

/// The crates of the two protocols and of resuming, in the order of the README.
pub(crate) const CORES: &[&str] = PACKAGES.split_at(5).0;
/// The crates that do no IO.
pub(super) const NO_IO: &[&str] = PACKAGES.split_at(6).0;
const LIBRARIES: &[&str] = PACKAGES.split_at(7).0;

/// Every package of the workspace has a row here; a package without one is an error.
pub(super) const RULES: &[Rule] = &[
    Rule {
        package: "sse-parse",
        libraries: Some(&["bytes", "memchr", "serde", "simdutf8"]),
        behind_features: &["bytes", "serde"],
        no_std: true,
        ..NOTHING
    },
    Rule {
        package: "ws-frame",
        // fearless_simd: masking with the widest vectors of the processor, without unsafe here.
        libraries: Some(&["fearless_simd", "simdutf8"]),
        no_std: true,
        ..NOTHING
    },
    Rule {
        package: "ws-deflate",
        libraries: Some(&["flate2"]),
        ..NOTHING
    },
    Rule {
        package: "ws-handshake",
        libraries: Some(&["base64", "http", "httparse", "sha1_smol"]),
        behind_features: &["http"],
        no_std: true,
        ..NOTHING
    },
    Rule {
        package: "resume",
        libraries: Some(&[]),
        no_std: true,
        ..NOTHING
    },
    Rule {
        package: "hub-protocol",
        below: &["resume"],
        // memchr comes with serde_json in any case.
        libraries: Some(&["memchr", "serde", "serde_json"]),
        ..NOTHING
    },
    Rule {
        package: "longwire",
        below: NO_IO,
        ..NOTHING
    },
    Rule {
        package: "longwire-hub",
        below: LIBRARIES,
        ..NOTHING
    },
    Rule {
        package: "xtask",
        ..NOTHING
    },
    Rule {
        package: "fuzz",
        below: LIBRARIES,
        behind_features: &["longwire"],
        ..NOTHING
    },
    Rule {
        package: "benches",
        below: PACKAGES,
        ..NOTHING
    },
    Rule {
        package: "book-examples",
        below: LIBRARIES,
        ..NOTHING
    },
];

/// What may lie at the top level; `target/` and what git ignores is not counted.
pub(super) const TOP_LEVEL: &[&str] = &[
    ".cargo",
    ".ci",
    ".clippy.toml",
    ".config",
    ".deny.toml",
    ".github",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "crates",
    "docs",
    "fuzz",
];
