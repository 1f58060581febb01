//! Finding bitcoind, and building it exactly once. Programs here are small scripts that say they are bitcoind; the
//! build of the real one is the same code with another builder.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use althing_regtest::{BuildBitcoind, CoreFromSource, ProvisionError, Provisioner, Version};

/// "Builds" by writing a script; counts how often, and fails as long as `failures` lasts.
struct ScriptBuilder {
    builds: AtomicU32,
    failures: AtomicU32,
    banner: &'static str,
}

impl ScriptBuilder {
    fn new(banner: &'static str) -> Self {
        Self { builds: AtomicU32::new(0), failures: AtomicU32::new(0), banner }
    }
}

impl BuildBitcoind for &ScriptBuilder {
    fn key(&self) -> String {
        "script-1".to_owned()
    }

    fn build(&self, scratch: &Path, lock: &File) -> Result<PathBuf, ProvisionError> {
        assert!(lock.metadata().is_ok());
        self.builds.fetch_add(1, Ordering::SeqCst);
        fs::write(scratch.join("progress"), "half").unwrap();
        // Long enough for the others to arrive meanwhile.
        std::thread::sleep(Duration::from_millis(200));
        if self.failures.load(Ordering::SeqCst) > 0 {
            self.failures.fetch_sub(1, Ordering::SeqCst);
            return Err(ProvisionError::Step { step: "compiling", reason: "planned".to_owned() });
        }
        let bin = scratch.join("bin");
        fs::create_dir_all(&bin).unwrap();
        write_script(&bin.join("bitcoind"), self.banner);
        Ok(bin)
    }
}

fn write_script(path: &Path, banner: &str) {
    fs::write(path, format!("#!/bin/sh\necho '{banner}'\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn provisioner<'a>(cache: &Path, builder: &'a ScriptBuilder) -> Provisioner<&'a ScriptBuilder> {
    Provisioner { chosen: None, search_path: None, cache: cache.to_owned(), builder }
}

const GOOD: &str = "Bitcoin Core daemon version v31.99.0-unk bitcoind";
const OLD: &str = "Bitcoin Core version v28.1.0";

#[test]
fn many_at_once_build_once_and_leave_no_scratch() {
    let cache = tempfile::tempdir().unwrap();
    let builder = ScriptBuilder::new(GOOD);
    let found: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..6).map(|_| scope.spawn(|| provisioner(cache.path(), &builder).locate_or_build().unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(builder.builds.load(Ordering::SeqCst), 1);
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(found[0].path(), cache.path().join("script-1/bin/bitcoind"));
    assert!(!cache.path().join("script-1.build").exists());
    assert!(!cache.path().join("script-1.staging").exists());
}

#[test]
fn a_failed_build_is_reported_kept_for_the_next_attempt_and_cured_by_it() {
    let cache = tempfile::tempdir().unwrap();
    let builder = ScriptBuilder::new(GOOD);
    builder.failures.store(1, Ordering::SeqCst);
    let error = provisioner(cache.path(), &builder).locate_or_build().unwrap_err();
    assert_eq!(error.to_string(), "compiling failed: planned");
    assert!(cache.path().join("script-1.build/progress").exists());
    assert!(!cache.path().join("script-1").exists());
    provisioner(cache.path(), &builder).locate_or_build().unwrap();
    assert_eq!(builder.builds.load(Ordering::SeqCst), 2);
}

#[test]
fn a_build_that_does_not_run_is_never_published() {
    let cache = tempfile::tempdir().unwrap();
    for banner in ["Segmentation fault", OLD] {
        let builder = ScriptBuilder::new(banner);
        assert!(provisioner(cache.path(), &builder).locate_or_build().is_err());
        assert!(!cache.path().join("script-1").exists());
    }
}

#[test]
fn too_old_on_the_path_is_passed_over_for_a_newer_one_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    for (bin, banner) in [(&old, OLD), (&new, GOOD)] {
        fs::create_dir(bin).unwrap();
        write_script(&bin.join("bitcoind"), banner);
    }
    let builder = ScriptBuilder::new(GOOD);
    let mut provisioner = provisioner(&folder.path().join("cache"), &builder);

    provisioner.search_path = Some(std::env::join_paths([&old, &new]).unwrap());
    assert_eq!(provisioner.locate_or_build().unwrap().path(), new.join("bitcoind"));
    assert_eq!(builder.builds.load(Ordering::SeqCst), 0);

    provisioner.search_path = Some(OsString::from(&old));
    let built = provisioner.locate_or_build().unwrap();
    assert_eq!(built.version(), Version { major: 31, minor: 99, patch: 0 });
    assert_eq!(builder.builds.load(Ordering::SeqCst), 1);
}

#[test]
fn one_chosen_by_hand_is_used_or_refused_but_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let builder = ScriptBuilder::new(GOOD);
    let mut provisioner = provisioner(&folder.path().join("cache"), &builder);
    let chosen = folder.path().join("mine");
    provisioner.chosen = Some(chosen.clone());

    let error = provisioner.locate_or_build().unwrap_err();
    assert!(matches!(error, ProvisionError::ChosenExecutable { .. }), "{error}");
    write_script(&chosen, OLD);
    let error = provisioner.locate_or_build().unwrap_err();
    assert!(error.to_string().contains("28.1.0") && error.to_string().contains("29.0.0"), "{error}");
    write_script(&chosen, GOOD);
    assert_eq!(provisioner.locate_or_build().unwrap().banner(), GOOD);
    assert_eq!(builder.builds.load(Ordering::SeqCst), 0);
}

#[test]
fn the_real_builders_key_names_its_pin_and_is_a_plain_folder_name() {
    let key = CoreFromSource::default().key();
    assert!(key.starts_with("core-0.4.1-345d18a1ce19-"), "{key}");
    assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-'), "{key}");
    // How many compilers run at once does not change what comes out.
    assert_eq!(CoreFromSource { jobs: Some(1) }.key(), key);
}
