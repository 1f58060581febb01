//! Names of keys and acts: in the footer, on the help page, and in the settings.

use ratatui::crossterm::event::{KeyCode, KeyModifiers};

use super::Key;
use crate::app::Act;

/// Named keys, as the footer and the settings spell them.
const NAMED: &[(&str, KeyCode)] = &[
    ("space", KeyCode::Char(' ')),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("↑", KeyCode::Up),
    ("↓", KeyCode::Down),
    ("←", KeyCode::Left),
    ("→", KeyCode::Right),
    ("page up", KeyCode::PageUp),
    ("page down", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("backspace", KeyCode::Backspace),
];

/// Other spellings that the settings understand.
const SPELLINGS: &[(&str, KeyCode)] = &[
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
];

impl Key {
    /// How the key is called in the footer and the help.
    #[must_use]
    pub fn name(&self) -> String {
        let base = match NAMED.iter().find(|(_, code)| *code == self.0) {
            Some((name, _)) => (*name).to_owned(),
            None => match self.0 {
                KeyCode::Char(c) => c.to_string(),
                KeyCode::F(n) => format!("f{n}"),
                other => format!("{other:?}").to_lowercase(),
            },
        };
        match self.1 {
            modifiers if modifiers.contains(KeyModifiers::CONTROL) => format!("ctrl-{base}"),
            modifiers if modifiers.contains(KeyModifiers::ALT) => format!("alt-{base}"),
            _ => base,
        }
    }

    /// The key of that name.
    ///
    /// # Errors
    /// Names what is no key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (modifiers, base) = match (text.strip_prefix("ctrl-"), text.strip_prefix("alt-")) {
            (Some(base), _) => (KeyModifiers::CONTROL, base),
            (_, Some(base)) => (KeyModifiers::ALT, base),
            _ => (KeyModifiers::NONE, text),
        };
        let known = NAMED.iter().chain(SPELLINGS).find(|(name, _)| *name == base).map(|(_, code)| *code);
        let function = || base.strip_prefix('f').and_then(|n| n.parse().ok()).filter(|n| (1..=12).contains(n));
        let mut letters = base.chars();
        let code = match (known, letters.next(), letters.next()) {
            (Some(code), ..) => code,
            (None, Some(c), None) if crate::untrusted::is_showable(c) => KeyCode::Char(c),
            _ => KeyCode::F(function().ok_or_else(|| format!("{text:?} is no key"))?),
        };
        Ok(Self(code, modifiers))
    }
}

impl Act {
    /// Its name in the settings, such as `vote` or `go-home`.
    #[must_use]
    pub fn name(self) -> String {
        if let Act::Run(path) = self {
            return format!("run-{}", path.replace(' ', "-"));
        }
        // The name of the variant: one source, so that no act can be without one.
        let variant = format!("{self:?}");
        let mut name = String::new();
        for c in variant.chars() {
            match c {
                '(' => name.push('-'),
                ')' => {}
                c if c.is_ascii_uppercase() && !name.is_empty() && !name.ends_with('-') => {
                    name.push('-');
                    name.push(c.to_ascii_lowercase());
                }
                c => name.push(c.to_ascii_lowercase()),
            }
        }
        name
    }
}

impl super::Context {
    /// Its name in the settings, such as `proposals`.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}
