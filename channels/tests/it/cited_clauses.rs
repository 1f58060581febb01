//! Every clause that code or an error message names is in docs/spec/channels.md, and every clause there is cited.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn clauses(text: &str) -> BTreeSet<u32> {
    text.match_indices("C-")
        .filter(|(at, _)| !text[..*at].ends_with(|before: char| before.is_ascii_alphanumeric()))
        .filter_map(|(at, _)| {
            let digits: String = text[at + 2..].chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        })
        .collect()
}

fn read_all(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, text);
        } else {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn code_and_page_name_the_same_clauses() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("../docs/spec/channels.md")).unwrap();
    let defined: BTreeSet<u32> =
        page.lines().filter(|line| line.starts_with("- **C-")).flat_map(|line| clauses(&line[..12])).collect();
    let mut code = String::new();
    read_all(&root.join("src"), &mut code);
    let cited = clauses(&code);
    assert_eq!(cited.difference(&defined).collect::<Vec<_>>(), Vec::<&u32>::new(), "cited, not defined");
    assert_eq!(defined.difference(&cited).collect::<Vec<_>>(), Vec::<&u32>::new(), "defined, not cited");
}
