//! A verifier of proof files in another language, made from the pages of docs/spec and nothing else, judges every vector as this
//! program does. Where it does not, a page or a program is wrong.

use std::process::Command;

#[test]
fn the_vectors_are_judged_alike_by_what_was_written_from_the_pages() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/second_verifier/vectors.py");
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec/vectors");
    let python = crate::ots_client::installed().with_file_name("python");
    let output = Command::new(python).args(["-B", script, vectors]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let judged = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(judged >= 100, "only {judged} vectors were judged:\n{said}");
}
