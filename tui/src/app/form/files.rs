//! The name of a file in a field: what is typed is completed by what is there.

use super::Form;

/// What a field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// A file or folder.
    One,
    /// Several, with commas or blanks between them; one with a blank in its name stands in double quotes.
    Several,
}

/// The names in a folder, and which of them was put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// The folder as it is typed, with its last `/`.
    folder: String,
    /// What stood behind it when the names were asked for.
    stem: String,
    /// The names, once they came.
    all: Vec<String>,
    /// The one that was put in last, by its place among those that fit.
    at: Option<usize>,
}

impl Names {
    /// Those that begin with what was typed; if none does, those that do but for capital letters. What begins with a dot is
    /// hidden until a dot is typed.
    fn fitting(&self, stem: &str) -> Vec<&str> {
        let is_shown = |name: &&str| stem.starts_with('.') || !name.starts_with('.');
        let shown = || self.all.iter().map(String::as_str).filter(is_shown);
        let exact: Vec<&str> = shown().filter(|name| name.starts_with(stem)).collect();
        if !exact.is_empty() {
            return exact;
        }
        let stem = stem.to_lowercase();
        shown().filter(|name| name.to_lowercase().starts_with(&stem)).collect()
    }
}

impl Form {
    /// Whether the field with the keyboard names a file.
    #[must_use]
    pub fn on_file(&self) -> bool {
        self.fields.get(self.at).is_some_and(|field| field.file.is_some())
    }

    /// The names that fit what is typed, and the place of the one that was put in last; `None` until they are asked for.
    #[must_use]
    pub fn names(&self) -> Option<(Vec<&str>, Option<usize>)> {
        let names = self.names.as_ref()?;
        let (_, typed) = self.typed_file()?;
        if self.is_put(names, &typed) {
            return Some((names.fitting(&names.stem), names.at));
        }
        let (folder, stem) = apart(&typed);
        (folder == names.folder).then(|| (names.fitting(stem), None))
    }

    /// Completes the name of the file: puts the next name in where they are known, else says which folder to look into.
    pub(in crate::app) fn complete(&mut self) -> Option<String> {
        let (_, typed) = self.typed_file()?;
        if let Some(names) = self.names.take() {
            let fitting = names.fitting(&names.stem);
            if self.is_put(&names, &typed) && fitting.len() > 1 {
                let at = names.at.map_or(0, |at| (at + 1) % fitting.len());
                let name = format!("{}{}", names.folder, fitting[at]);
                self.put_file(&name);
                self.names = Some(Names { at: Some(at), ..names });
                return None;
            }
        }
        let (folder, stem) = apart(&typed);
        self.names = Some(Names { folder: folder.to_owned(), stem: stem.to_owned(), all: Vec::new(), at: None });
        Some(folder.to_owned())
    }

    /// The names of a folder came: what they have in common is put in, or the first of them. Says what else there is to say.
    pub(in crate::app) fn take_names(&mut self, folder: &str, all: Vec<String>) -> Option<String> {
        let names = self.names.as_ref().filter(|names| names.folder == folder)?;
        let (_, typed) = self.typed_file()?;
        if apart(&typed) != (names.folder.as_str(), names.stem.as_str()) {
            // Typing went on before they came.
            self.names = Some(Names { all, ..names.clone() });
            return None;
        }
        let mut names = Names { all, ..names.clone() };
        let fitting = names.fitting(&names.stem);
        let Some(first) = fitting.first() else {
            let place = if folder.is_empty() { "here" } else { folder };
            let text = match names.stem.as_str() {
                "" => format!("Nothing is in {place}."),
                stem => format!("Nothing in {place} begins with {stem}."),
            };
            self.names = None;
            return Some(text);
        };
        let common = fitting.iter().fold(*first, |common, name| in_common(common, name)).to_owned();
        match fitting.len() {
            1 => {
                // The next one looks into the folder that this is, or lists anew.
                let name = format!("{}{first}", names.folder);
                self.put_file(&name);
                self.names = None;
            }
            _ if common.len() > names.stem.len() => {
                let name = format!("{}{common}", names.folder);
                self.put_file(&name);
                names.stem = common;
                self.names = Some(names);
            }
            _ => self.names = Some(names),
        }
        None
    }

    /// Whether what is typed is what was put in last; without one, what was typed when the names were asked for.
    fn is_put(&self, names: &Names, typed: &str) -> bool {
        let fitting = names.fitting(&names.stem);
        let put = names.at.and_then(|at| fitting.get(at)).copied().unwrap_or(&names.stem);
        !names.all.is_empty() && typed.strip_prefix(names.folder.as_str()) == Some(put)
    }

    /// The name that is being typed, and where it begins in its field: the last one, where there may be several.
    fn typed_file(&self) -> Option<(usize, String)> {
        let field = self.fields.get(self.at)?;
        let line = field.text();
        let begin = match field.file? {
            Files::One => 0,
            Files::Several => last_begin(line),
        };
        Some((begin, line[begin..].trim_matches('"').to_owned()))
    }

    /// Puts another name in the place of the one that is being typed.
    fn put_file(&mut self, name: &str) {
        let Some((begin, _)) = self.typed_file() else { return };
        let quoted = self.fields.get(self.at).is_some_and(|field| field.file == Some(Files::Several))
            && name.contains([' ', ',']);
        let Some(line) = self.line_mut() else { return };
        line.truncate(begin);
        match quoted {
            true => line.push_str(&format!("\"{name}\"")),
            false => line.push_str(name),
        }
    }
}

/// The folder with its last `/`, and what stands behind it.
fn apart(typed: &str) -> (&str, &str) {
    typed.split_at(typed.rfind('/').map_or(0, |slash| slash + 1))
}

/// Where the last of several values begins: behind a comma or a blank that is in no quotes.
fn last_begin(line: &str) -> usize {
    let (mut begin, mut quoted) = (0, false);
    for (place, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' | ' ' if !quoted => begin = place + 1,
            _ => {}
        }
    }
    begin
}

/// The letters that both begin with.
fn in_common<'a>(one: &'a str, other: &str) -> &'a str {
    let length: usize = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    &one[..length]
}
