//! The programs that checks and tests need beside the Rust toolchain.

use crate::command::{self, program, run};
use std::fmt;
use std::fs;
use std::path::PathBuf;

/// A program that may be missing.
#[derive(Debug)]
pub(crate) enum Tool {
    /// Any of the `programs`, from the apt package `package`.
    Apt {
        programs: &'static [&'static str],
        package: &'static str,
    },
    /// A cargo subcommand or program, from crates.io.
    Cargo {
        package: &'static str,
        version: &'static str,
    },
    /// The tests' publisher that uses the crate `mercure`, in `target/mercure`: a program outside the
    /// workspace, so that what the crate brings with it stays out of ours.
    Mercure,
    /// The packages that the tests' `package-lock.json` names, in `target/npm`.
    Npm,
    /// The packages that the tests' `requirements.txt` names, in `target/python`.
    Pip,
}

/// Everything that the checks and tests use.
const TOOLS: &[Tool] = &[
    Tool::Apt {
        programs: &["curl"],
        package: "curl",
    },
    Tool::Apt {
        programs: &["chromium", "chromium-browser", "google-chrome"],
        package: "chromium",
    },
    Tool::Apt {
        programs: &["firefox-esr", "firefox"],
        package: "firefox-esr",
    },
    Tool::Apt {
        programs: &["node"],
        package: "nodejs",
    },
    Tool::Apt {
        programs: &["npm"],
        package: "npm",
    },
    Tool::Npm,
    Tool::Mercure,
    Tool::Apt {
        programs: &["python3"],
        package: "python3-venv",
    },
    Tool::Pip,
    Tool::Apt {
        programs: &["nginx"],
        package: "nginx",
    },
    Tool::Apt {
        // Where the package puts it: a module is no program.
        programs: &["/usr/lib/nginx/modules/ngx_nchan_module.so"],
        package: "libnginx-mod-nchan",
    },
    Tool::Apt {
        programs: &["nats-server"],
        package: "nats-server",
    },
    Tool::Apt {
        programs: &["haproxy"],
        package: "haproxy",
    },
    Tool::Apt {
        // Without the package that starts it.
        programs: &["apache2"],
        package: "apache2-bin",
    },
    Tool::Apt {
        programs: &["squid"],
        package: "squid",
    },
    Tool::Apt {
        programs: &["microsocks"],
        package: "microsocks",
    },
    Tool::Apt {
        programs: &["nghttpx"],
        package: "nghttp2-proxy",
    },
    Tool::Apt {
        programs: &["nft"],
        package: "nftables",
    },
    Tool::Apt {
        programs: &["ip"],
        package: "iproute2",
    },
    Tool::Apt {
        programs: &["systemd-analyze"],
        package: "systemd",
    },
    Tool::Apt {
        programs: &["unshare"],
        package: "util-linux",
    },
    Tool::Apt {
        programs: &["strace"],
        package: "strace",
    },
    Tool::Apt {
        programs: &["faketime"],
        package: "faketime",
    },
    Tool::Cargo {
        package: "cargo-nextest",
        version: "0.9.151",
    },
    Tool::Cargo {
        package: "cargo-deny",
        version: "0.20.2",
    },
    MDBOOK,
];

/// Builds the book.
pub(crate) const MDBOOK: Tool = Tool::Cargo {
    package: "mdbook",
    version: "0.5.4",
};

/// The folder of the tests' publisher.
const MERCURE_SOURCE: &str = "crates/longwire-hub/tests/mercure/publisher";
/// The folder with the tests' `package.json`.
const NPM_SOURCE: &str = "crates/longwire-hub/tests/node";
const NPM_FILES: [&str; 2] = ["package.json", "package-lock.json"];
/// The packages of the tests in Python.
const REQUIREMENTS: &str = "crates/longwire-hub/tests/python/requirements.txt";

impl Tool {
    /// Whether it is there.
    pub(crate) fn is_installed(&self) -> bool {
        match self {
            Self::Apt { programs, .. } => programs.iter().any(|name| command::on_path(name)),
            Self::Cargo { package, .. } => command::on_path(package),
            Self::Mercure => {
                let wanted = fs::read(mercure_source().join("Cargo.lock")).ok();
                // Copied once it is built.
                let built = fs::read(mercure_folder().join("Cargo.lock")).ok();
                wanted.is_some() && wanted == built
            }
            Self::Npm => {
                let lock = NPM_FILES[1];
                let wanted = fs::read(command::root().join(NPM_SOURCE).join(lock)).ok();
                // Copied last, so that an interrupted installation is repeated.
                let installed = fs::read(npm_folder().join("node_modules").join(lock)).ok();
                wanted.is_some() && wanted == installed
            }
            Self::Pip => {
                let wanted = fs::read(command::root().join(REQUIREMENTS)).ok();
                // Copied last, too.
                let installed = fs::read(python_folder().join("requirements.txt")).ok();
                wanted.is_some() && wanted == installed
            }
        }
    }

    /// Installs it.
    ///
    /// # Errors
    ///
    /// The package manager fails.
    pub(crate) fn install(&self) -> Result<(), String> {
        println!("installing {self}");
        match self {
            Self::Apt { package, .. } => apt(package),
            // Unoptimised: they compile in half the time, and run for seconds.
            Self::Cargo { package, version } => run(&mut command::cargo(&format!(
                "install --locked --debug {package}@{version}"
            ))),
            Self::Mercure => mercure(),
            Self::Npm => npm(),
            Self::Pip => pip(),
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apt { package, .. } => f.write_str(package),
            Self::Cargo { package, version } => write!(f, "{package} {version}"),
            Self::Mercure => write!(f, "the crate mercure of {MERCURE_SOURCE}"),
            Self::Npm => write!(f, "npm packages of {NPM_SOURCE}"),
            Self::Pip => write!(f, "Python packages of {REQUIREMENTS}"),
        }
    }
}

/// The tools that are not there.
pub(crate) fn missing() -> Vec<&'static Tool> {
    TOOLS.iter().filter(|tool| !tool.is_installed()).collect()
}

/// Installs each missing tool and says which.
///
/// # Errors
///
/// A tool cannot be installed, or is still missing afterwards.
pub(crate) fn install() -> Result<(), String> {
    let missing = missing();
    if missing.iter().any(|tool| matches!(tool, Tool::Apt { .. })) {
        run(&mut as_root("apt-get update -qq"))?;
    }
    for tool in missing {
        tool.install()?;
        if !tool.is_installed() {
            return Err(format!("{tool} was installed and is still not found"));
        }
    }
    Ok(())
}

/// While it is there and says 101, a package starts no service when it is installed.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const NO_SERVICES: &str = "#!/bin/sh\n# Of `cargo xtask ci --install`, while it runs.\nexit 101\n";

/// Installs a package. A service that it brings would listen on every interface with a
/// configuration that nobody asked for: it is not started.
fn apt(package: &str) -> Result<(), String> {
    // Somebody else's policy is left alone; ours may be there still if we were interrupted.
    let ours = fs::read(POLICY).map_or(true, |policy| policy == NO_SERVICES.as_bytes());
    if ours {
        let policy = command::target().join("policy-rc.d");
        fs::write(&policy, NO_SERVICES).map_err(|e| e.to_string())?;
        run(as_root("install -m 755").arg(policy).arg(POLICY))?;
    }
    let mut apt = as_root("apt-get install -y -qq --no-install-recommends");
    let installed = run(apt.arg(package).env("DEBIAN_FRONTEND", "noninteractive"));
    if ours {
        run(as_root("rm").arg(POLICY))?;
    }
    installed
}

/// A command line to be run by root: through sudo where it is installed.
fn as_root(line: &str) -> std::process::Command {
    if command::on_path("sudo") {
        return program("sudo", line);
    }
    let (name, arguments) = line.split_once(' ').unwrap_or((line, ""));
    program(name, arguments)
}

/// The folder of the tests' publisher.
fn mercure_source() -> PathBuf {
    command::root().join(MERCURE_SOURCE)
}

/// Where it is built; `.cargo/config.toml` tells the tests the same folder.
fn mercure_folder() -> PathBuf {
    command::root().join("target/mercure")
}

fn mercure() -> Result<(), String> {
    let (source, target) = (mercure_source(), mercure_folder());
    let mut build = command::cargo("build --locked --quiet");
    build.arg("--manifest-path").arg(source.join("Cargo.toml"));
    run(build.arg("--target-dir").arg(&target))?;
    let lock = source.join("Cargo.lock");
    fs::copy(lock, target.join("Cargo.lock")).map_err(|e| e.to_string())?;
    Ok(())
}

/// The folder of the tests' npm packages; `.cargo/config.toml` tells the tests the same one.
fn npm_folder() -> PathBuf {
    command::root().join("target/npm")
}

fn npm() -> Result<(), String> {
    let (from, to) = (command::root().join(NPM_SOURCE), npm_folder());
    fs::create_dir_all(&to).map_err(|e| e.to_string())?;
    for file in NPM_FILES {
        fs::copy(from.join(file), to.join(file)).map_err(|e| format!("{file}: {e}"))?;
    }
    run(program("npm", "ci --ignore-scripts --no-audit --no-fund").current_dir(&to))?;
    let lock = NPM_FILES[1];
    fs::copy(from.join(lock), to.join("node_modules").join(lock)).map_err(|e| e.to_string())?;
    Ok(())
}

/// The folder of the tests' Python packages; `.cargo/config.toml` tells the tests the same one.
fn python_folder() -> PathBuf {
    command::root().join("target/python")
}

fn pip() -> Result<(), String> {
    let folder = python_folder();
    run(program("python3", "-m venv --clear").arg(&folder))?;
    let python = folder.join("bin/python").to_string_lossy().into_owned();
    let install = format!("-m pip install --quiet --requirement {REQUIREMENTS}");
    run(&mut program(&python, &install))?;
    let requirements = command::root().join(REQUIREMENTS);
    fs::copy(requirements, folder.join("requirements.txt")).map_err(|e| e.to_string())?;
    Ok(())
}
