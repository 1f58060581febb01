//! How a member likes the screens: theme, keys, mouse, motion, bell, other DAOs. Kept in one TOML file beside no secret.

use std::fs::File;
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
    /// A file that cannot be read, is no settings, or gives a key two meanings; each mistake is named, with its line and what to do.
    pub fn load(file: &Path) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
        };
        let name = file.display();
        if text.len() > MAX_BYTES {
            bail!("{name} is longer than {MAX_BYTES} bytes, so these are no settings; {WAY_OUT}");
        }
        let settings: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            anyhow::anyhow!("{name}, line {line}: {}; {WAY_OUT}", error.message().replace('\n', " "))
        })?;
        settings.keymap().map_err(|problem| anyhow::anyhow!("{name}: {problem}; {WAY_OUT}"))?;
        Ok(settings)
    }

    /// Changes the file: what it says now is read again, changed and written, while nobody else does the same (N-440). So what
    /// another shell or other screens have put there stays, but for what is changed.
    ///
    /// # Errors
    /// As [`Settings::load`], so that a file with a mistake in it is never written over; what the change refuses; and if the folder
    /// or the file cannot be written.
    pub fn change<E: From<anyhow::Error>>(
        file: &Path,
        change: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<Self, E> {
        let _lock = locked(file)?;
        let mut settings = Self::load(file)?;
        change(&mut settings)?;
        settings.save(file)?;
        Ok(settings)
    }

    /// Writes the file, whole or not at all.
    fn save(&self, file: &Path) -> anyhow::Result<()> {
        let text = toml::to_string_pretty(self)?;
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

/// One thing that somebody at the screens likes otherwise from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liking {
    /// Colours.
    Theme(ThemeName),
    /// Whether the bell rings.
    Bell(bool),
    /// Whether nothing moves but what changed.
    Motion(bool),
    /// Whether the mouse speaks to Althing.
    Mouse(bool),
}

impl Liking {
    /// Puts it into settings: those of the screens, and those of the file.
    pub fn put_into(self, settings: &mut Settings) {
        match self {
            Self::Theme(theme) => settings.theme = theme,
            Self::Bell(on) => settings.bell = on,
            Self::Motion(reduced) => settings.reduced_motion = reduced,
            Self::Mouse(on) => settings.mouse = on,
        }
    }
}

/// What to do about a file with a mistake in it.
const WAY_OUT: &str = "mend that in the file, or take the file away: without it the usual settings hold";

/// The line of a text on which that byte is, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// Keeps everybody else from changing the file, until it is dropped. The folder is made where there is none.
fn locked(file: &Path) -> anyhow::Result<File> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let beside = file.with_extension("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&beside);
    let lock = lock.with_context(|| format!("{} cannot be written", beside.display()))?;
    lock.lock().with_context(|| format!("{} cannot be locked", beside.display()))?;
    Ok(lock)
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
