//! How much a test does that can do much.

/// `full` if `LONGWIRE_HOSTILE` is `full`, as `cargo xtask hostile` sets it; else `small`.
pub(crate) fn size<T>(full: T, small: T) -> T {
    let asked = std::env::var("LONGWIRE_HOSTILE");
    if asked.is_ok_and(|size| size == "full") {
        full
    } else {
        small
    }
}
