//! Where the tests take turns: the told story, fresh assemblies, scratch folders.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use althing_regtest::story::{Assembly, Narrator, Periods, Told, explain, found_and_join, tell};

/// The story this binary tells once. Who holds it has the machine.
static TOLD: Mutex<Option<Told>> = Mutex::new(None);

/// Whoever starts programs holds this: one test at a time has the machine.
pub(crate) fn a_turn() -> &'static Mutex<Option<Told>> {
    &TOLD
}

/// Gives the told story, telling it first if nobody has. Hub and members are stopped, bitcoind runs.
pub(crate) fn told() -> Turn {
    let mut turn = Turn(TOLD.lock().unwrap_or_else(PoisonError::into_inner));
    if turn.0.is_none() {
        *turn.0 = Some(tell(&scratch("story")).unwrap_or_else(|error| panic!("{error:#}")));
    }
    turn
}

/// One test's turn with the told story.
pub(crate) struct Turn(MutexGuard<'static, Option<Told>>);

impl std::ops::Deref for Turn {
    type Target = Told;

    fn deref(&self) -> &Told {
        self.0.as_ref().unwrap()
    }
}

impl std::ops::DerefMut for Turn {
    fn deref_mut(&mut self) -> &mut Told {
        self.0.as_mut().unwrap()
    }
}

impl Drop for Turn {
    /// Whoever comes next finds everybody stopped, also after a test that failed in the middle.
    fn drop(&mut self) {
        if let Some(told) = self.0.as_mut() {
            let _ = told.assembly.stop();
        }
    }
}

/// Runs `act` with an assembly of its own whose members are on the roll, and shows all logs if it fails.
pub(crate) fn with_members_on_roll(name: &str, act: impl FnOnce(&mut Assembly) -> anyhow::Result<()>) {
    with_assembly(name, |assembly| {
        found_and_join(assembly, Periods::SHORT)?;
        act(assembly)
    });
}

/// Runs `act` with an assembly of its own in which nothing has happened, and shows all logs if it fails.
pub(crate) fn with_assembly(name: &str, act: impl FnOnce(&mut Assembly) -> anyhow::Result<()>) {
    let _turn = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut assembly = Assembly::gather(&scratch(name), Narrator::new()).unwrap();
    if let Err(error) = act(&mut assembly) {
        panic!("{:#}", explain(&assembly, error));
    }
}

/// An empty folder under the build's own, removed by `cargo clean`.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
