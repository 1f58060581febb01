//! Names of files, as a person types them (docs/spec/node.md, N-197).

use std::path::Path;

/// Names of a folder that are looked at; nobody reads more.
const MAX_NAMES: usize = 10_000;

/// What is typed as `~/…` begins in the user's own folder, as in a shell.
#[must_use]
pub fn expanded(typed: &str) -> String {
    let home = || std::env::var("HOME").ok().filter(|home| !home.is_empty());
    match (typed.strip_prefix('~'), home()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ => typed.to_owned(),
    }
}

/// The names in a folder in their order, those of folders with a `/` behind them. Names that are no text are left out: they
/// cannot be typed.
///
/// # Errors
/// Why it cannot be read, in a sentence.
pub fn names(folder: &str) -> Result<Vec<String>, String> {
    let path = expanded(folder);
    let path = if path.is_empty() { "." } else { path.as_str() };
    let entries = std::fs::read_dir(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let mut found: Vec<String> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            // Also a folder that a link leads to.
            Some(if Path::new(&entry.path()).is_dir() { format!("{name}/") } else { name })
        })
        .take(MAX_NAMES)
        .collect();
    found.sort_unstable();
    Ok(found)
}
