//! Where the tests take turns: places on the machine, the told story, fresh assemblies, scratch folders.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use althing_regtest::story::{Assembly, Narrator, Periods, Told, explain, found_and_join, tell};

/// Most of a test is waiting for blocks and peers, so two share the machine. Who measures takes both places.
const PLACES: usize = 2;

static FREE: Mutex<usize> = Mutex::new(PLACES);
static FREED: Condvar = Condvar::new();

/// The story this binary tells once.
static TOLD: Mutex<Option<Told>> = Mutex::new(None);

/// Places on the machine, held by whoever starts programs until it is dropped.
pub(crate) struct Places(usize);

impl Places {
    /// One place, beside other tests.
    pub(crate) fn one() -> Self {
        Self::take(1)
    }

    /// The whole machine, for a test that compares times.
    pub(crate) fn all() -> Self {
        Self::take(PLACES)
    }

    fn take(places: usize) -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = FREED.wait_while(free, |free| *free < places).unwrap_or_else(PoisonError::into_inner);
        *free -= places;
        Self(places)
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += self.0;
        FREED.notify_all();
    }
}

/// Gives the told story, telling it first if nobody has. Hub and members are stopped, bitcoind runs.
pub(crate) fn told() -> Turn {
    // The story before the place: who waits for the story must not keep a place from others.
    let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut turn = Turn { told, _place: Places::one() };
    if turn.told.is_none() {
        *turn.told = Some(tell(&scratch("story")).unwrap_or_else(|error| panic!("{error:#}")));
    }
    turn
}

/// One test's turn with the told story.
pub(crate) struct Turn {
    told: MutexGuard<'static, Option<Told>>,
    _place: Places,
}

impl std::ops::Deref for Turn {
    type Target = Told;

    fn deref(&self) -> &Told {
        self.told.as_ref().unwrap()
    }
}

impl std::ops::DerefMut for Turn {
    fn deref_mut(&mut self) -> &mut Told {
        self.told.as_mut().unwrap()
    }
}

impl Drop for Turn {
    /// Whoever comes next finds everybody stopped, also after a test that failed in the middle.
    fn drop(&mut self) {
        if let Some(told) = self.told.as_mut() {
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
    let _place = Places::one();
    play(name, act);
}

/// Like [`with_assembly`], with the machine to itself.
pub(crate) fn alone_with_assembly(name: &str, act: impl FnOnce(&mut Assembly) -> anyhow::Result<()>) {
    let _places = Places::all();
    play(name, act);
}

fn play(name: &str, act: impl FnOnce(&mut Assembly) -> anyhow::Result<()>) {
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
