//! Where a database lives. A copy of it beside the original is refused: both would sign for one place in one lane.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{DATABASE_FILE, Store};
use crate::keys::entropy;

/// Name under which the database's own random name is stored.
const INSTANCE: &str = "instance";
/// Name under which its folder is stored.
const HOME: &str = "home";

impl Store {
    /// N-124: refuses a copy while the original still lies where it was; a folder that was moved as a whole goes on.
    ///
    /// # Errors
    /// N-124 naming both folders, or I/O.
    pub fn settle_home(&mut self, dir: &Path) -> Result<()> {
        let here = dir.canonicalize().with_context(|| dir.display().to_string())?;
        let here = here.to_str().context("the folder's name is not UTF-8")?.to_owned();
        let Some(instance) = self.meta(INSTANCE)? else {
            let name: [u8; 32] = entropy()?;
            return self.write(|writer| {
                writer.set_meta(INSTANCE, &name)?;
                writer.set_meta(HOME, here.as_bytes())
            });
        };
        let home = String::from_utf8(self.meta(HOME)?.unwrap_or_default()).context("the stored folder")?;
        if home == here {
            return Ok(());
        }
        let original = Path::new(&home);
        if original.join(DATABASE_FILE).exists()
            && Self::open_read_only(original)?.meta(INSTANCE)?.as_ref() == Some(&instance)
        {
            bail!(
                "N-124: {here} is a copy of {home}, which is still there. Two copies of one folder would sign two different things \
                 for one place, which is punished. Use the original; for another machine use the seed words and `althing restore`."
            );
        }
        self.write(|writer| writer.set_meta(HOME, here.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_beside_its_original_is_refused_and_a_moved_folder_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let [first, second, third] = ["first", "second", "third"].map(|name| root.path().join(name));
        std::fs::create_dir(&first).unwrap();
        std::fs::create_dir(&second).unwrap();
        let open = |dir: &Path| -> Result<()> { Store::open(dir)?.settle_home(dir) };
        open(&first).unwrap();
        open(&first).unwrap();
        std::fs::copy(first.join(DATABASE_FILE), second.join(DATABASE_FILE)).unwrap();
        let error = open(&second).unwrap_err().to_string();
        assert!(error.starts_with("N-124") && error.contains("first") && error.contains("second"), "{error}");
        std::fs::rename(&first, &third).unwrap();
        open(&third).unwrap();
        // The original is gone from where it was; nobody can tell this copy from a moved folder any more but the hub.
        open(&second).unwrap();
    }
}
