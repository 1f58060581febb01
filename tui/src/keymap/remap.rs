//! Keys of the member's own choice, and the check that none of them means two things.
//!
//! In the settings, `[keys.CONTEXT]` holds `ACT = ["key", ...]`; `althing man keys` and the help page list both names. The keys
//! given take the place of those in the table.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Binding, Context, Key, Keymap};
use ratatui::crossterm::event::{KeyCode, KeyModifiers};

/// `[keys]` of the settings: context, then act, then keys.
pub type KeySettings = BTreeMap<String, BTreeMap<String, Vec<String>>>;

impl Keymap {
    /// The table with the keys of the settings in it.
    ///
    /// # Errors
    /// Every mistake in a sentence: a context, act or key that is not known, an act without a key, and every conflict.
    pub fn with(settings: &KeySettings) -> Result<Self, Vec<String>> {
        let mut keymap = Self::default();
        let mut problems = Vec::new();
        for (context_name, acts) in settings {
            let Some(context) = Context::ALL.into_iter().find(|context| context.name() == *context_name) else {
                problems.push(format!("[keys.{context_name}]: there is no such place"));
                continue;
            };
            for (act_name, keys) in acts {
                let place = format!("[keys.{context_name}] {act_name}");
                let mut rows = keymap.0.iter_mut();
                let Some(row) = rows.find(|row| row.context == context && row.act.name() == *act_name) else {
                    problems.push(format!("{place}: there is no such act"));
                    continue;
                };
                let parsed: Result<Vec<Key>, String> = keys.iter().map(|key| Key::parse(key)).collect();
                match parsed {
                    Ok(keys) if keys.is_empty() => problems.push(format!("{place}: it needs a key")),
                    Ok(keys) => row.keys = Cow::Owned(keys),
                    Err(problem) => problems.push(format!("{place}: {problem}")),
                }
            }
        }
        problems.extend(keymap.conflicts());
        if problems.is_empty() { Ok(keymap) } else { Err(problems) }
    }

    /// Every key that means two things in one place, hides what it means further out, or would be a letter that is typed.
    #[must_use]
    pub fn conflicts(&self) -> Vec<String> {
        let mut found = Vec::new();
        for stack in Context::STACKS {
            let mut seen: BTreeMap<String, &Binding> = BTreeMap::new();
            for binding in stack.iter().flat_map(|context| self.of(*context)) {
                for key in binding.keys.iter() {
                    let name = key.name();
                    if let Some(first) = seen.get(&name)
                        && first.act != binding.act
                    {
                        let (one, other) = (named(first), named(binding));
                        found.push(format!("the key {name} is both {one} and {other}"));
                    }
                    seen.entry(name).or_insert(binding);
                }
            }
        }
        let types = |key: &Key| matches!(key, Key(KeyCode::Char(_) | KeyCode::Backspace, KeyModifiers::NONE));
        for binding in self.0.iter().filter(|binding| binding.context.takes_text()) {
            for key in binding.keys.iter().filter(|key| types(key)) {
                found.push(format!("the key {} types a letter where {} is", key.name(), named(binding)));
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

fn named(binding: &Binding) -> String {
    format!("{}.{}", binding.context.name(), binding.act.name())
}
