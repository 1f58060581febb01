//! The binary `althing`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{stderr, stdin, stdout};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::process::ExitCode;
use std::sync::Arc;

use althing_tui::backend::{Backend, ThisMachine};
use althing_tui::cli::{Console, Format, ask_password, run};

/// Votes are allocated by the threads that read them and freed by the one that logs them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    althing_tui::log::start();
    let args: Vec<OsString> = std::env::args_os().collect();
    let mut console = Console {
        err_is_kept: is_file(stderr().as_fd()),
        readonly: false,
        format: Format::default(),
        input: &mut stdin().lock(),
        out: &mut stdout(),
        err: &mut stderr(),
        ask_password: &mut |prompt| ask_password(prompt),
        may_be_old: None,
        screens: None,
    };
    let backend: Arc<dyn Backend> = Arc::new(ThisMachine);
    ExitCode::from(run(&args, &backend, &mut console))
}

fn is_file(stream: BorrowedFd<'_>) -> bool {
    let file = stream.try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|about| about.is_file())
}
