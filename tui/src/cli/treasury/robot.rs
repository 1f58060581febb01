//! The robot treasurer: signs what passes the check, a return of what is staged too (T-101), logs what does not, and never anything else.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use althing_node::api::{ApiError, ErrorKind, SessionView, TreasuryReply, TreasuryRequest};
use anyhow::Context as _;
use serde_json::json;

use super::args::TreasurerArgs;
use super::funds::Answering;
use super::{call, psbt_of};
use crate::backend::Backend;
use crate::cli::args::Global;
use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::node::Caller;
use crate::untrusted::Untrusted;

/// Time between two looks at the folder.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Name of the log of refusals in the folder.
const REFUSALS: &str = "refusals.jsonl";

/// Signs the PSBT files of a folder, once or until stopped.
pub(in crate::cli) fn run(
    global: &Global,
    args: &TreasurerArgs,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let caller = Caller::connect(global, backend, console)?;
    let mut seen: BTreeMap<PathBuf, SystemTime> = BTreeMap::new();
    let (mut signed, mut refused) = (0u64, 0u64);
    let mut waits = Waits::default();
    let answering = args.funds.as_deref().map(|folder| Answering::new(global, folder, backend, console));
    let mut answering = answering.transpose()?;
    let Some(inbox) = &args.inbox else { return run_sessions(&caller, answering, args.once, console) };
    loop {
        let proven = answer_funds(&mut answering, &caller, console)?;
        for file in waiting(inbox)? {
            let changed = std::fs::metadata(&file).and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            if seen.get(&file) == Some(&changed) {
                continue;
            }
            match sign(&caller, &file, console) {
                Ok(()) => signed += 1,
                Err(Failure(error)) if error.kind == ErrorKind::NotNow => {
                    waits.note(&file.display().to_string(), &error, console);
                    continue;
                }
                Err(Failure(error)) if error.kind == ErrorKind::Ours => return Err(Failure(error)),
                Err(Failure(error)) => {
                    refused += 1;
                    log_refusal(inbox, &file, &error)?;
                    console.note(&format!("{}: refused: {}", file.display(), Untrusted::new(&error.message)));
                }
            }
            seen.insert(file, changed);
        }
        if args.once {
            let value = json!({ "signed": signed, "refused": refused, "funds": proven });
            return console.answer(&value, || vec![format!("{signed} signed, {refused} refused")]);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Signs the sessions that the other treasurers opened. What is refused is noted in the session, and every treasurer hears it.
fn run_sessions(
    caller: &Caller,
    mut answering: Option<Answering>,
    once: bool,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let (mut signed, mut refused) = (0u64, 0u64);
    let mut waits = Waits::default();
    loop {
        let proven = answer_funds(&mut answering, caller, console)?;
        let TreasuryReply::Sessions { sessions } = call(caller, TreasuryRequest::Sessions)? else {
            return Err(crate::cli::node::other_kind());
        };
        let has_refused = |session: &SessionView| session.signers.iter().any(|s| s.is_me && s.refused.is_some());
        // Also what the check refuses: the others hear of it (T-101).
        let is_asked = |session: &&SessionView| {
            session.state == "open" && session.signers.iter().any(|signer| signer.is_me && !signer.signed)
        };
        let due = sessions.iter().filter(is_asked).filter(|session| !has_refused(session));
        for session in due.filter(|session| session.yields_to.is_none()) {
            match call(caller, TreasuryRequest::Sign { session: session.id.clone() }) {
                Ok(_) => {
                    signed += 1;
                    console.note(&format!("{}: signed", session.id));
                }
                Err(Failure(error)) if error.kind == ErrorKind::Ours => return Err(Failure(error)),
                Err(Failure(error)) if error.kind == ErrorKind::NotNow => waits.note(&session.id, &error, console),
                Err(Failure(error)) => {
                    refused += 1;
                    console.note(&format!("{}: refused: {}", session.id, Untrusted::new(&error.message)));
                }
            }
        }
        if once {
            let value = json!({ "signed": signed, "refused": refused, "funds": proven });
            return console.answer(&value, || vec![format!("{signed} signed, {refused} refused")]);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What cannot be told yet (T-102): it is no refusal, the next look tries again, and each reason is said once.
#[derive(Default)]
struct Waits(BTreeMap<String, String>);

impl Waits {
    fn note(&mut self, what: &str, error: &ApiError, console: &mut Console<'_>) {
        if self.0.get(what) != Some(&error.message) {
            console.note(&format!("{what}: not now: {}", Untrusted::new(&error.message)));
            self.0.insert(what.to_owned(), error.message.clone());
        }
    }
}

/// Signs for the funds of the newest final epoch. What hinders that hinders no payment.
fn answer_funds(
    answering: &mut Option<Answering>,
    caller: &Caller,
    console: &mut Console<'_>,
) -> Result<bool, Failure> {
    let Some(office) = answering else { return Ok(false) };
    match office.look(caller, console) {
        Err(Failure(error)) if error.kind != ErrorKind::Ours => {
            console.note(&format!("funds: {}", Untrusted::new(&error.message)));
            Ok(false)
        }
        done => done,
    }
}

fn sign(caller: &Caller, file: &Path, console: &mut Console<'_>) -> Result<(), Failure> {
    let psbt = psbt_of(file, console)?;
    let TreasuryReply::Session(session) = call(caller, TreasuryRequest::SignPsbt { psbt })? else {
        return Err(crate::cli::node::other_kind());
    };
    let out = file.with_extension("signed.psbt");
    let part = file.with_extension("part");
    std::fs::write(&part, session.psbt.unwrap_or_default()).with_context(|| format!("writing {}", part.display()))?;
    std::fs::rename(&part, &out).with_context(|| format!("writing {}", out.display()))?;
    console.note(&format!("{}: signed", file.display()));
    Ok(())
}

/// PSBT files that the robot did not write itself.
fn waiting(inbox: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(inbox).with_context(|| format!("{} cannot be read", inbox.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".psbt") && !name.ends_with(".signed.psbt")
    });
    files.sort();
    Ok(files)
}

fn log_refusal(inbox: &Path, file: &Path, error: &ApiError) -> Result<(), Failure> {
    let path = inbox.join(REFUSALS);
    let mut log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("{} cannot be opened", path.display()))?;
    let line =
        json!({ "file": file.file_name().and_then(|name| name.to_str()), "rule": error.rule, "reason": error.message });
    writeln!(log, "{line}").and_then(|()| log.sync_all()).with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}
