//! The `pgcanvas` program.
fn main() {}
