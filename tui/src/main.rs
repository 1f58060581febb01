//! The binary `althing`.
fn main() {}
