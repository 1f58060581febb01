//! Fuzzy search: letters in order, near each other; best match first.
//!
//! Words are looked for one by one and all must match. `'word` wants exactly these letters, `^word` at the beginning, `word$` at
//! the end, and `!word` nowhere.

use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// The places of the items that match, best first; equally good ones stay in their order. An empty search keeps everything.
#[must_use]
pub fn search<T: AsRef<str>>(typed: &str, items: impl IntoIterator<Item = T>) -> Vec<usize> {
    let atoms = atoms(typed);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut found: Vec<(usize, u32)> = Vec::new();
    for (place, item) in items.into_iter().enumerate() {
        let haystack = Utf32Str::new(item.as_ref(), &mut buffer);
        let scores = atoms.iter().map(|atom| score(atom, haystack, &mut matcher));
        if let Some(score) = scores.sum::<Option<u32>>() {
            found.push((place, score));
        }
    }
    found.sort_by_key(|(_, score)| std::cmp::Reverse(*score));
    found.into_iter().map(|(place, _)| place).collect()
}

fn atoms(typed: &str) -> Vec<Atom> {
    typed
        .split_whitespace()
        .map(|word| Atom::parse(word, CaseMatching::Ignore, Normalization::Smart))
        .filter(|atom| !atom.needle_text().is_empty())
        .collect()
}

/// How well a word matches. Letters strewn all over the text are no match: with long texts almost anything would be found.
fn score(atom: &Atom, haystack: Utf32Str<'_>, matcher: &mut Matcher) -> Option<u32> {
    let mut places = Vec::new();
    let score = atom.indices(haystack, matcher, &mut places)?;
    let span = match (places.iter().min(), places.iter().max()) {
        (Some(first), Some(last)) => last - first + 1,
        _ => 0,
    };
    let length = u32::try_from(atom.needle_text().len()).unwrap_or(u32::MAX);
    let near =
        atom.kind != AtomKind::Fuzzy || atom.negative || span <= length.saturating_add(length / 2).saturating_add(1);
    near.then_some(u32::from(score))
}
