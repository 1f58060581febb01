//! Building bitcoind and bitcoin-cli from the source tree with cmake.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bitcoin::hashes::{Hash, sha256};

use super::{Progress, ProvisionError, prerequisites, source};

/// Makes a bitcoind when none was found.
pub trait BuildBitcoind {
    /// Names what is built: two builders with the same key make the same program. Used as a folder name, so letters,
    /// digits, `.` and `-` only.
    fn key(&self) -> String;

    /// Builds inside `scratch`, which may hold the remains of an interrupted attempt, and returns the folder that holds
    /// `bitcoind` (and `bitcoin-cli`, if built).
    ///
    /// `lock` is the held lock file. Processes started for the build should get a clone of it as standard input: the
    /// lock then stays held as long as any of them lives, even if this process is killed first.
    ///
    /// # Errors
    /// [`ProvisionError`] naming the step that failed.
    fn build(&self, scratch: &Path, lock: &File) -> Result<PathBuf, ProvisionError>;
}

/// Builds the pinned Bitcoin Core, without wallet, GUI, tests and benchmarks.
#[derive(Debug, Clone, Default)]
pub struct CoreFromSource {
    /// Compilers to run at once; `None` means as many as the machine has cores. Each may use a gigabyte of memory.
    pub jobs: Option<usize>,
}

/// What is switched on and off. Nobody needs a wallet in the daemon here: coins belong to our own wallets.
const SWITCHES: &[&str] = &[
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_DAEMON=ON",
    "-DBUILD_CLI=ON",
    "-DBUILD_TESTS=OFF",
    "-DBUILD_BENCH=OFF",
    "-DBUILD_KERNEL_LIB=OFF",
    "-DBUILD_BITCOIN_BIN=OFF",
    "-DBUILD_TX=OFF",
    "-DBUILD_UTIL=OFF",
    "-DENABLE_WALLET=OFF",
    "-DENABLE_IPC=OFF",
    "-DENABLE_EXTERNAL_SIGNER=OFF",
    "-DWITH_EMBEDDED_ASMAP=OFF",
];

impl BuildBitcoind for CoreFromSource {
    fn key(&self) -> String {
        let (version, checksum) = source::pin();
        let switches = sha256::Hash::hash(SWITCHES.join("\n").as_bytes()).to_string();
        format!("core-{version}-{}-{}", &checksum[..12], &switches[..12])
    }

    fn build(&self, scratch: &Path, lock: &File) -> Result<PathBuf, ProvisionError> {
        let mut progress = Progress::new();
        progress.line("no bitcoind found; building Bitcoin Core from source, once (about 7 minutes on 2 cores)");
        progress.line("to use another one, set BITCOIND_EXE");
        prerequisites::ensure(&progress)?;

        progress.line("fetching the source through cargo");
        let tree = source::fetch(scratch)?;

        let out = scratch.join("cmake");
        forget_other_tree(&out, &tree)?;
        progress.line("configuring");
        let mut configure = Command::new("cmake");
        configure.arg("-S").arg(&tree).arg("-B").arg(&out).args(SWITCHES);
        run("configuring Bitcoin Core", configure, lock, |_| ())?;

        let jobs = self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from)).max(1);
        let mut compile = Command::new("cmake");
        compile.arg("--build").arg(&out).arg("--parallel").arg(jobs.to_string());
        compile.args(["--target", "bitcoind", "bitcoin-cli"]);
        run("compiling Bitcoin Core", compile, lock, |line| progress.observe(line))?;
        Ok(out.join("bin"))
    }
}

/// The end of a program's output, enough to see why it stopped.
pub(super) fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// cmake refuses a build folder configured for a source tree at another place; start such a one afresh.
fn forget_other_tree(out: &Path, tree: &Path) -> Result<(), ProvisionError> {
    let Ok(cache) = fs::read_to_string(out.join("CMakeCache.txt")) else {
        return Ok(());
    };
    let home = format!("CMAKE_HOME_DIRECTORY:INTERNAL={}", tree.display());
    if cache.lines().any(|line| line == home) {
        return Ok(());
    }
    fs::remove_dir_all(out).map_err(ProvisionError::io(out))
}

/// Runs a step to its end, handing each line of its standard output to `observe`.
fn run(
    step: &'static str,
    mut command: Command,
    lock: &File,
    mut observe: impl FnMut(&str),
) -> Result<(), ProvisionError> {
    let failed = |reason: String| ProvisionError::Step { step, reason };
    let errors = tempfile::tempfile().map_err(|error| failed(error.to_string()))?;
    let handle = |file: &File| file.try_clone().map_err(|error| failed(error.to_string()));
    let mut child = command
        // The build tree inherits the lock: see `BuildBitcoind::build`.
        .stdin(Stdio::from(handle(lock)?))
        .stdout(Stdio::piped())
        .stderr(Stdio::from(handle(&errors)?))
        .spawn()
        .map_err(|error| failed(format!("{}: {error}", command.get_program().display())))?;

    let mut tail = std::collections::VecDeque::new();
    let stdout = child.stdout.take().expect("standard output was piped above");
    for line in BufReader::new(stdout).split(b'\n') {
        let Ok(line) = line else { break };
        let line = String::from_utf8_lossy(&line).into_owned();
        observe(&line);
        tail.push_back(line);
        if tail.len() > 10 {
            tail.pop_front();
        }
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if status.success() {
        return Ok(());
    }
    let mut reason = format!("{status}\n");
    for line in tail {
        reason.push_str(&line);
        reason.push('\n');
    }
    reason.push_str(&last_lines(&read_from_start(errors)));
    Err(failed(reason))
}

/// Compilers' messages go to a file: reading two pipes at once would need a thread, and a full one would stop the build.
fn read_from_start(mut file: File) -> String {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    let read = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("(its messages could not be read: {error})"),
    }
}
