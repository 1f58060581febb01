//! The binary `althing`, built from the source this crate lies beside.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// The program that members and hubs run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
}

impl Program {
    /// Builds `althing` with cargo, in the profile and the target folder of the running program, and remembers it for this
    /// process. `ALTHING_EXE`, if set, names a binary to use instead. What cargo says goes to standard error.
    ///
    /// # Errors
    /// When it does not build, or the named file does not exist.
    pub fn locate_or_build() -> Result<Self> {
        static FOUND: Mutex<Option<Program>> = Mutex::new(None);
        // A panic elsewhere cannot leave the remembered value half written, so a poisoned lock is still good.
        let mut found = FOUND.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(program) = found.as_ref() {
            return Ok(program.clone());
        }
        let program = match std::env::var_os("ALTHING_EXE").filter(|value| !value.is_empty()) {
            Some(chosen) => Self::at(Path::new(&chosen)).context("ALTHING_EXE")?,
            None => Self::build()?,
        };
        Ok(found.insert(program).clone())
    }

    /// A binary built before.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn at(path: &Path) -> Result<Self> {
        ensure!(path.is_file(), "{} is not a file", path.display());
        Ok(Self { path: path.canonicalize().with_context(|| path.display().to_string())? })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn build() -> Result<Self> {
        let (target_dir, profile) = own_target_dir()?;
        // Several test processes may ask at once. Cargo locks its folder too, but the artifact of one build must not be
        // replaced by another while it is being started.
        let lock_path = target_dir.join("althing-program.lock");
        let lock = File::create(&lock_path).with_context(|| format!("creating {}", lock_path.display()))?;
        lock.lock().with_context(|| format!("locking {}", lock_path.display()))?;

        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        // Cargo names itself to the programs it runs; a demo started by hand finds the one on PATH.
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let output = Command::new(&cargo)
            .args(["build", "--package", "althing", "--bin", "althing"])
            .args(["--message-format", "json-render-diagnostics", "--profile", &profile])
            .arg("--manifest-path")
            .arg(&manifest)
            .arg("--target-dir")
            .arg(&target_dir)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("starting {}", Path::new(&cargo).display()))?;
        ensure!(output.status.success(), "cargo could not build the program althing ({})", output.status);
        match executable(&String::from_utf8_lossy(&output.stdout)) {
            Some(path) => Self::at(&path),
            None => bail!("cargo built no executable althing from {}", manifest.display()),
        }
    }
}

/// The target folder and the profile of the running program, from its own path: `<target>/<profile>/[deps/]<program>`.
fn own_target_dir() -> Result<(PathBuf, String)> {
    let exe = std::env::current_exe().context("the path of the running program")?;
    let folder = exe.ancestors().skip(1).find(|folder| !folder.ends_with("deps") && !folder.ends_with("examples"));
    let folder = folder.with_context(|| format!("{} lies in no folder", exe.display()))?;
    let name = folder.file_name().and_then(|name| name.to_str());
    let profile = match name {
        // The only profile whose folder is named otherwise.
        Some("debug") => "dev",
        Some(other) => other,
        None => bail!("{} lies in no folder of a profile", exe.display()),
    };
    let target = folder.parent().with_context(|| format!("{} lies in no target folder", exe.display()))?;
    Ok((target.to_owned(), profile.to_owned()))
}

/// The path of the executable in cargo's messages.
fn executable(messages: &str) -> Option<PathBuf> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    artifacts
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == "althing")
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
}
