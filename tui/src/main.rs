//! The binary `althing`.

use std::ffi::OsString;
use std::io::{stderr, stdin, stdout};
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
        readonly: false,
        format: Format::default(),
        input: &mut stdin().lock(),
        out: &mut stdout(),
        err: &mut stderr(),
        ask_password: &mut |prompt| ask_password(prompt),
        screens: None,
    };
    let backend: Arc<dyn Backend> = Arc::new(ThisMachine);
    ExitCode::from(run(&args, &backend, &mut console))
}
