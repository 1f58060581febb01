//! Hazard: an error, a comment or a test names a clause that no page has, or a clause is written down that nothing keeps. All letters, all
//! crates (the channels crate has a stricter test of its own page).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A letter and a number, such as `N-1`.
type Clause = (char, u32);

/// Crates whose programs name clauses.
const CRATES: [&str; 7] = ["governance", "governance/batch", "channels", "anchor", "node", "tui", "regtest"];

/// Clauses of which a program cannot have a place: they say what words mean, what cannot be known, or where another clause now stands.
const WITHOUT_CODE: [Clause; 5] = [('E', 14), ('G', 2), ('G', 10), ('G', 11), ('P', 9)];

/// Every clause named in a text. The first and the last of a range are; a search for the beginning of a clause's name names none.
fn named(text: &str) -> BTreeSet<Clause> {
    text.match_indices('-')
        .filter_map(|(at, _)| {
            let letter = text[..at].chars().next_back().filter(char::is_ascii_uppercase)?;
            let before = &text[..at - 1];
            let is_apart = !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_');
            let digits: String = text[at + 1..].chars().take_while(char::is_ascii_digit).collect();
            let is_whole = !text[at + 1 + digits.len()..].starts_with(|c: char| c.is_ascii_alphanumeric());
            let number = digits.parse().ok().filter(|_| !digits.starts_with('0'))?;
            (is_apart && is_whole && !before.ends_with("starts_with(\"")).then_some((letter, number))
        })
        .collect()
}

/// The same with everything inside of a range, such as `N-1 to N-3`.
fn covered(text: &str) -> BTreeSet<Clause> {
    let mut clauses = named(text);
    for (at, _) in text.match_indices(" to ") {
        let (before, after) = (&text[..at], &text[at + 4..]);
        let word = |text: &str| named(text).into_iter().next();
        let first = before.split([' ', '(', '`', '"', '\n', '*']).next_back().and_then(word);
        let last = after.split([' ', ')', '`', '"', '\n', '*', '.', ',', ';', ':', '/']).next().and_then(word);
        if let (Some((letter, first)), Some((same, last))) = (first, last)
            && letter == same
        {
            clauses.extend((first..=last).map(|number| (letter, number)));
        }
    }
    clauses
}

/// Clauses that the pages define: what stands in bold there.
fn defined(root: &Path) -> BTreeSet<Clause> {
    let mut clauses = BTreeSet::new();
    for page in files(&root.join("docs/spec"), "md") {
        let text = fs::read_to_string(page).unwrap();
        // Not every pair of stars is one of bold type: descriptors have them too. A definition's begins with the clause.
        for (at, stars) in text.match_indices("**") {
            let bold = text[at + stars.len()..].split('*').next().unwrap_or_default();
            if bold.starts_with(|c: char| c.is_ascii_uppercase()) {
                clauses.extend(covered(bold));
            }
        }
    }
    clauses
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|is| is == ending) {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What the crates name, each with a file that does.
fn cited(root: &Path, read: fn(&str) -> BTreeSet<Clause>) -> BTreeMap<Clause, PathBuf> {
    let mut cited = BTreeMap::new();
    for folder in CRATES.iter().flat_map(|name| ["src", "tests"].map(|part| root.join(name).join(part))) {
        for file in files(&folder, "rs") {
            let text = fs::read_to_string(&file).unwrap();
            cited.extend(read(&text).into_iter().map(|clause| (clause, file.clone())));
        }
    }
    cited
}

#[test]
fn every_clause_that_is_cited_exists() {
    let root = root();
    let defined = defined(&root);
    assert!(defined.len() > 500, "{} clauses", defined.len());
    let letters: BTreeSet<char> = defined.iter().map(|(letter, _)| *letter).collect();
    let unknown: Vec<String> = cited(&root, named)
        .into_iter()
        .filter(|(clause, _)| letters.contains(&clause.0) && !defined.contains(clause))
        .map(|((letter, number), file)| format!("{letter}-{number} in {}", file.display()))
        .collect();
    assert_eq!(unknown, Vec::<String>::new(), "cited, and on no page of docs/spec");
}

#[test]
fn every_clause_is_cited_by_the_code_or_a_test() {
    let root = root();
    let cited = cited(&root, covered);
    let forgotten: Vec<String> = defined(&root)
        .into_iter()
        .filter(|clause| !cited.contains_key(clause) && !WITHOUT_CODE.contains(clause))
        .map(|(letter, number)| format!("{letter}-{number}"))
        .collect();
    assert_eq!(forgotten, Vec::<String>::new(), "on a page of docs/spec, and cited nowhere");
    for clause in WITHOUT_CODE {
        assert!(!cited.contains_key(&clause), "{clause:?} is cited and need not be excepted");
    }
}

#[test]
fn what_names_a_clause_is_found_and_nothing_else() {
    let found =
        named("C-85, (N-1) `T-3` \"G-13.1\", R-50 to R-79; UTF-8, SHA-256, X-Y-2, C-0x1, E-014, starts_with(\"C-80\")");
    let range = covered("(F-1 to F-3), `S-7` to K-4");
    assert_eq!(range, [('F', 1), ('F', 2), ('F', 3), ('S', 7), ('K', 4)].into());
    assert_eq!(found, [('C', 85), ('N', 1), ('T', 3), ('G', 13), ('R', 50), ('R', 79)].into());
}
