//! How a member likes the screens: theme, keys, mouse, motion, bell, other DAOs. Kept in one TOML file beside no secret.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::keymap::Keymap;
use crate::keymap::remap::KeySettings;
use crate::theme::ThemeName;

/// Longest settings file that is read.
const MAX_BYTES: usize = 1 << 20;

/// The settings, with what holds when a line is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Colours.
    pub theme: ThemeName,
    /// Whether the mouse speaks to Althing; otherwise the terminal selects text with it as usual.
    pub mouse: bool,
    /// Whether nothing moves but what changed.
    pub reduced_motion: bool,
    /// Whether the terminal's bell rings when something new needs the member.
    pub bell: bool,
    /// Program and arguments to run then; what happened is added as the last argument.
    pub notify: Vec<String>,
    /// Data folders of other DAOs.
    pub folders: Vec<PathBuf>,
    /// Other keys: context, then act, then keys.
    pub keys: KeySettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeName::default(),
            mouse: true,
            reduced_motion: false,
            bell: true,
            notify: Vec::new(),
            folders: Vec::new(),
            keys: KeySettings::new(),
        }
    }
}

impl Settings {
    /// Reads a file; one that does not exist is the defaults.
    ///
    /// # Errors
    /// A file that cannot be read, is no settings, or gives a key two meanings; each mistake is named.
    pub fn load(file: &Path) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
        };
        if text.len() > MAX_BYTES {
            bail!("{} is longer than {MAX_BYTES} bytes", file.display());
        }
        let settings: Self = toml::from_str(&text).with_context(|| format!("{} is no settings", file.display()))?;
        settings.keymap().with_context(|| format!("the keys in {}", file.display()))?;
        Ok(settings)
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// If the folder or the file cannot be written.
    pub fn save(&self, file: &Path) -> anyhow::Result<()> {
        let text = toml::to_string_pretty(self)?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        let part = file.with_extension("part");
        std::fs::write(&part, text).with_context(|| format!("{} cannot be written", part.display()))?;
        std::fs::rename(&part, file).with_context(|| format!("{} cannot be written", file.display()))
    }

    /// The keys.
    ///
    /// # Errors
    /// Every mistake and every conflict.
    pub fn keymap(&self) -> anyhow::Result<Keymap> {
        Keymap::with(&self.keys).map_err(|problems| anyhow::anyhow!("{}", problems.join("; ")))
    }
}

/// Where the settings are: `ALTHING_SETTINGS`, else `althing/terminal.toml` in the user's folder for settings (XDG).
#[must_use]
pub fn file() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    std::env::var_os("ALTHING_SETTINGS").filter(|name| !name.is_empty()).map(PathBuf::from).or_else(|| {
        absolute("XDG_CONFIG_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".config")))
            .map(|base| base.join("althing").join("terminal.toml"))
    })
}
