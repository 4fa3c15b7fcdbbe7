//! Developer commands of the Longwire workspace.
fn main() {}
