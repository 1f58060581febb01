//! `althing succession`: putting another hub in the place of one that is gone, by files from hand to hand.

use std::path::{Path, PathBuf};

use althing_node::api::{AnchorReply, AnchorRequest, Reply, Request, SuccessionAnswer, SuccessionRequest};
use clap::Subcommand;

use super::args::Global;
use super::console::Console;
use super::failure::{CANNOT_TELL, Failure, OK};
use super::local::read_file;
use super::node::{Caller, other_kind};
use super::password::{data_folder, password};
use super::review;
use crate::backend::Backend;
use crate::untrusted::Untrusted;

/// `succession`.
#[derive(Debug, Subcommand)]
pub enum SuccessionCommand {
    /// Write the statement for another hub, behind the newest final header.
    Propose {
        /// Log key of the new hub, as `althing keys show` tells it there.
        #[arg(long, value_name = "KEY")]
        hub_log_key: String,
        /// Anchor key of the new hub.
        #[arg(long, value_name = "KEY")]
        anchor_key: String,
        /// Node id of the new hub.
        #[arg(long, value_name = "KEY")]
        node_id: String,
        /// Last epoch that the members accept; the newest final one when absent.
        #[arg(long, value_name = "EPOCH")]
        after: Option<u32>,
        /// Entries of the log that stay, when some who have to sign have fewer than this node; all when absent.
        #[arg(long, value_name = "ENTRIES")]
        size: Option<u64>,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign a statement as a member. Only for one hub over each spare seal.
    Sign {
        /// The statement.
        statement: PathBuf,
        /// The file to write the signature to.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Put statement and signatures together: exit 0 when more than half of the weight stands behind it, else 2.
    Collect {
        /// The statement.
        statement: PathBuf,
        /// The signatures.
        signatures: Vec<PathBuf>,
        /// The file to write the certificate to.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Write the transaction that spends the spare seal into a certificate, for the treasurers.
    Spend {
        /// The certificate.
        certificate: PathBuf,
        /// Fee rate, sat/vB. This node's wallet pays, or the spare seal where it cannot. A link with a higher rate replaces one that waits.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        fee_rate: u64,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign the transaction that spends the spare seal as a treasurer.
    Cosign {
        /// The certificate.
        certificate: PathBuf,
        /// The transaction.
        transaction: PathBuf,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Put the treasurers' signatures together and broadcast the transaction.
    Publish {
        /// The signed transactions.
        #[arg(required = true)]
        transactions: Vec<PathBuf>,
    },
    /// Follow the new hub from now on: its log, its links, its address.
    Follow {
        /// The certificate.
        certificate: PathBuf,
        /// Where the new hub listens.
        #[arg(long, value_name = "HOST:PORT")]
        address: String,
    },
    /// Set this folder up as the new hub. Its log comes back from the members when it runs.
    TakeOver {
        /// The certificate.
        certificate: PathBuf,
        /// The founding file of the DAO.
        #[arg(long, value_name = "FILE")]
        dao: PathBuf,
        /// Where it listens for members.
        #[arg(long, value_name = "HOST:PORT")]
        listen: String,
        /// The certificate of a succession before this one; each of them, if there were any.
        #[arg(long, value_name = "FILE")]
        earlier: Vec<PathBuf>,
    },
    /// Judge whether a certificate is carried out on Bitcoin: exit 0 valid, 1 invalid, 2 cannot tell.
    Check {
        /// The certificate.
        certificate: PathBuf,
    },
}

/// Carries one step out.
pub(super) fn succession(
    command: SuccessionCommand,
    global: &Global,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    use SuccessionCommand as C;
    if let C::TakeOver { certificate, dao, listen, earlier } = &command {
        let certificates = (read_file(certificate)?, read_all(earlier)?);
        return take_over(&certificates, dao, listen, global, backend, console);
    }
    let caller = Caller::connect(global, backend, console)?;
    let (request, out) = match command {
        C::Propose { hub_log_key, anchor_key, node_id, after, size, out } => {
            (SuccessionRequest::Propose { hub_log_key, anchor_key, node_id, after, size }, Some(out))
        }
        C::Follow { certificate, address } => {
            let certificate = read_file(&certificate)?;
            let step = |only_review| SuccessionRequest::Follow {
                certificate: certificate.clone(),
                address: address.clone(),
                only_review,
            };
            let plan = ask(&caller, step(true))?;
            review::confirm(console, "Follow another hub", &plan.words, "follow", caller.assume_yes)?;
            (step(false), None)
        }
        C::TakeOver { .. } => unreachable!("it needs no node and was carried out above"),
        C::Sign { statement, out } => {
            let statement = read_file(&statement)?;
            let plan = ask(&caller, SuccessionRequest::Sign { statement: statement.clone(), only_review: true })?;
            review::confirm(console, "Sign for another hub", &plan.words, "succeed", caller.assume_yes)?;
            (SuccessionRequest::Sign { statement, only_review: false }, Some(out))
        }
        C::Collect { statement, signatures, out } => {
            let files = signatures.iter().map(|file| file.display().to_string()).collect();
            let signatures = read_all(&signatures)?;
            (SuccessionRequest::Collect { statement: read_file(&statement)?, signatures, files }, Some(out))
        }
        C::Spend { certificate, fee_rate, out } => {
            let certificate = read_file(&certificate)?;
            (SuccessionRequest::Spend { certificate, fee_rate_sat_vb: fee_rate }, Some(out))
        }
        C::Cosign { certificate, transaction, out } => {
            let (certificate, psbt) = (read_file(&certificate)?, read_file(&transaction)?);
            let step = |only_review| SuccessionRequest::Cosign {
                certificate: certificate.clone(),
                psbt: psbt.clone(),
                only_review,
            };
            let plan = ask(&caller, step(true))?;
            review::confirm(console, "Spend the spare seal", &plan.words, "succeed", caller.assume_yes)?;
            (step(false), Some(out))
        }
        C::Publish { transactions } => (SuccessionRequest::Publish { psbts: read_all(&transactions)? }, None),
        C::Check { certificate } => (SuccessionRequest::Judge { certificate: read_file(&certificate)? }, None),
    };
    let answer = ask(&caller, request)?;
    if let (Some(out), Some(file)) = (&out, &answer.file) {
        write(out, file)?;
    }
    console.answer(&answer, || answer.words.iter().map(|line| Untrusted::new(line).line()).collect())?;
    Ok(if answer.done { OK } else { CANNOT_TELL })
}

/// Makes a folder the new hub's.
fn take_over(
    (certificate, earlier): &(String, Vec<String>),
    dao: &Path,
    listen: &str,
    global: &Global,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    let password = password(global, backend, console)?;
    let words = backend.take_over(&data, &password, certificate, earlier, dao, listen)?;
    let answer = SuccessionAnswer { file: None, words, done: true };
    console.answer(&answer, || answer.words.iter().map(|line| Untrusted::new(line).line()).collect())?;
    Ok(OK)
}

fn ask(caller: &Caller, request: SuccessionRequest) -> Result<SuccessionAnswer, Failure> {
    match caller.call(Request::Anchoring(AnchorRequest::Succession(request)))? {
        Reply::Anchoring(AnchorReply::Succession(answer)) => Ok(answer),
        _ => Err(other_kind()),
    }
}

fn read_all(files: &[PathBuf]) -> Result<Vec<String>, Failure> {
    files.iter().map(|file| read_file(file)).collect()
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, format!("{text}\n")).map_err(|error| {
        Failure(althing_node::api::ApiError::ours(format!("{} cannot be written: {error}", path.display())))
    })
}
