//! How far an audit came, kept in a file so that it goes on after a stop (docs/spec/node.md, N-360).
//!
//! Checking signatures is what an audit spends its time on. The file says up to where they were good, by the chained digest of
//! the log's bytes (N-6); rules, rolls, tallies and roots are recomputed each time.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use althing_governance::dao::DaoParams;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::api::ApiError;
use crate::store::Segment;

/// Version of the file.
const VERSION: u32 = 1;

/// How often the file is written while an audit runs.
const EVERY: Duration = Duration::from_millis(500);

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    version: u32,
    /// Whose log.
    dao: String,
    /// Entries whose signatures were good.
    entries: u64,
    /// The digest of the last segment of these.
    digest: String,
}

/// The file of one audit.
pub(super) struct Progress {
    path: Option<PathBuf>,
    dao: String,
    /// Entries that an earlier run checked, with their digest.
    before: Option<(u64, String)>,
    /// The digest of what was read in this run.
    digest: [u8; 32],
    written: Instant,
    /// Whether the log read is the one of the earlier run, once that is known.
    pub(super) is_same: Option<bool>,
}

impl Progress {
    /// Takes up what a file says; one that is missing or empty is begun. Anything else that stands there is somebody's, and a name
    /// that was mistyped must not cost it.
    ///
    /// # Errors
    /// N-360 when the file cannot be read, or holds something other than the progress of an audit of this DAO's log.
    pub(super) fn take_up(path: Option<&Path>, dao: &DaoParams) -> Result<Self> {
        let dao = dao.dao_id.to_string();
        let before = match path {
            Some(path) => kept_in(path, &dao)?.map(|kept| (kept.entries, kept.digest)),
            None => None,
        };
        Ok(Self {
            path: path.map(Path::to_owned),
            dao,
            before,
            digest: [0; 32],
            written: Instant::now(),
            is_same: None,
        })
    }

    /// Entries of which an earlier run checked the signatures.
    pub(super) fn checked_before(&self) -> u64 {
        self.before.as_ref().map_or(0, |(entries, _)| *entries)
    }

    /// Forgets what an earlier run found: the log is another one.
    pub(super) fn begin_anew(&mut self) {
        (self.before, self.digest, self.is_same) = (None, [0; 32], None);
    }

    /// A segment was replayed. Gives `false` when the log is not the one of the earlier run.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn note(&mut self, segment: &Segment) -> Result<bool> {
        self.digest = segment.digest(&self.digest);
        let end = segment.end();
        match &self.before {
            Some((entries, digest)) if end == *entries => {
                let same = crate::keys::hex(&self.digest) == *digest;
                self.is_same = Some(same);
                if !same {
                    return Ok(false);
                }
            }
            // The earlier run stopped at the end of a segment; here there is none.
            Some((entries, _)) if end > *entries && self.is_same.is_none() => return Ok(false),
            _ => {}
        }
        if end > self.checked_before() && self.written.elapsed() >= EVERY {
            self.write(end)?;
        }
        Ok(true)
    }

    /// Keeps how far this run came.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&mut self, entries: u64) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let (dao, digest) = (self.dao.clone(), crate::keys::hex(&self.digest));
        let kept = Kept { version: VERSION, dao, entries, digest };
        let part = path.with_extension("part");
        let write = || -> Result<()> {
            let mut file = fs::File::create(&part)?;
            file.write_all(&serde_json::to_vec(&kept)?)?;
            file.sync_all()?;
            Ok(fs::rename(&part, path)?)
        };
        write().with_context(|| format!("N-360: writing {}", path.display()))?;
        self.written = Instant::now();
        Ok(())
    }
}

fn kept_in(path: &Path, dao: &str) -> Result<Option<Kept>> {
    let bytes = match fs::read(path) {
        Ok(bytes) if bytes.is_empty() => return Ok(None),
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("N-360: {}", path.display())),
    };
    let refused = |what: &str| {
        let words =
            format!("N-360: {} {what}; it was left as it is: name another file, or remove this one", path.display());
        ApiError::invalid("N-360", words)
    };
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|_| refused("does not say how far an audit came"))?;
    if kept.version != VERSION {
        return Err(refused(&format!("is of version {}, not {VERSION}", kept.version)).into());
    }
    if kept.dao != dao {
        return Err(refused(&format!("is of an audit of the DAO {}, not {dao}", kept.dao)).into());
    }
    Ok(Some(kept))
}
