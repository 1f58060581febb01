//! Hazard: a fuzz target that is never built, or one that nobody knows of.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn each_target_is_built_and_said() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let files: BTreeSet<String> = fs::read_dir(root.join("fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let manifest: toml::Table = fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let programs = manifest["bin"].as_array().unwrap();
    let built: BTreeSet<String> = programs
        .iter()
        .map(|program| {
            let name = program["name"].as_str().unwrap();
            assert_eq!(program["path"].as_str().unwrap(), format!("fuzz_targets/{name}.rs"));
            name.to_owned()
        })
        .collect();
    assert_eq!(files, built);
    let page = fs::read_to_string(root.join("README.md")).unwrap();
    let unsaid: Vec<&String> = built.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert_eq!(unsaid, Vec::<&String>::new(), "not in fuzz/README.md");
}
