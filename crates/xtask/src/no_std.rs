//! The build of the core crates for a processor without an operating system.

use crate::arrows;
use crate::command::{self, cargo, nightly_cargo, program, run};
use crate::stop::Stop;
use std::path::Path;

/// A 32-bit target that has `core` and `alloc`, and no `std` to fall back to.
const TARGET: &str = "thumbv7em-none-eabihf";

/// Builds the cores for [`TARGET`]: with the libraries that rustup has for it, or with `core` and
/// `alloc` built by the nightly from its own sources.
pub(crate) fn check(install: bool) -> Result<(), Stop> {
    if install && !target_installed() && !sources_installed() {
        println!("installing rust-std for {TARGET}");
        if let Err(reason) = run(&mut program("rustup", &format!("target add {TARGET}"))) {
            println!("{reason}");
            run(&mut program(
                "rustup",
                "component add rust-src --toolchain nightly",
            ))?;
        }
    }
    let packages: String = arrows::no_std_crates()
        .map(|name| format!("-p {name} "))
        .collect();
    let arguments = format!("--no-default-features --target {TARGET} {packages}");
    if target_installed() {
        return Ok(run(&mut cargo(&format!("build {arguments}")))?);
    }
    if sources_installed() {
        let build = format!("build -Zbuild-std=core,alloc {arguments}");
        return Ok(run(&mut nightly_cargo(&build))?);
    }
    Err(Stop::Skipped(format!(
        "neither rust-std for {TARGET} nor the nightly's rust-src"
    )))
}

fn target_installed() -> bool {
    let mut rustc = program("rustc", &format!("--print target-libdir --target {TARGET}"));
    command::output(&mut rustc).is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

fn sources_installed() -> bool {
    let mut rustc = program("rustup", "run nightly rustc --print sysroot");
    command::output(&mut rustc).is_ok_and(|root| {
        Path::new(root.trim())
            .join("lib/rustlib/src/rust/library")
            .is_dir()
    })
}
