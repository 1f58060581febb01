//! Commands that need no node: keys, charters, founding, joining, and everything that verifies.

use std::io::Read as _;
use std::path::Path;

use althing_node::api::{Reply, Request};
use althing_node::config::Config;
use althing_node::dao::Dao;
use anyhow::Context as _;
use serde_json::json;

use super::args::{AuditArgs, Bitcoind, Global, Headers, Init, Login, ProposalText, SourceArgs, Verify, Wallet};
use super::console::{Console, Format};
use super::failure::{Failure, INVALID, OK, verdict_code};
use super::password::{data_folder, first_line, new_password, password};
use super::{review, show};
use crate::backend::{
    Access, AuditFiles, AuditReport, Backend, InitOptions, PublicKeys, Source, Verdict, VerifyReport,
};
use crate::format::{sats, thousands};
use crate::untrusted::Untrusted;

/// Longest text read from the standard input; the node's own limits are far below.
const MAX_INPUT_BYTES: u64 = 1 << 20;

/// Longest proof or charter file that is read.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Makes or restores the keys.
pub(super) fn init(
    global: &Global,
    options: Init,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    if !options.mainnet && ["bitcoin", "mainnet", "main"].contains(&options.network.as_str()) {
        return Err(Failure::rule(
            "N-363",
            "N-363: the network bitcoin is real money: say --mainnet, or choose another with --network",
        ));
    }
    let words = match &options.words_file {
        Some(file) if file == Path::new("-") => Some(read_input(console)?),
        Some(file) => Some(read_words(file)?),
        None => None,
    };
    let restored = words.is_some();
    let (data_dir, bitcoind) = (data_folder(global)?, access(&options.bitcoind)?);
    // A password is not typed twice for nothing.
    backend.expect_init(&data_dir, &options.network, &bitcoind)?;
    let password = new_password(global, console)?;
    let made = backend.init(InitOptions { data_dir, network: options.network, bitcoind, words, password })?;
    let value = json!({ "words": made.words, "keys": made.keys });
    console.answer(&value, || {
        let mut lines = Vec::new();
        if !restored {
            lines.push(
                "Write these words on paper and keep them: with them, and only with them, all is restored.".to_owned(),
            );
            lines.push(String::new());
            let words: Vec<&str> = made.words.split_whitespace().collect();
            lines.extend(words.chunks(6).map(|row| format!("    {}", row.join(" "))));
            lines.push(String::new());
        }
        lines.extend(key_lines(&made.keys));
        lines
    })
}

/// The public keys.
pub(super) fn keys(
    global: &Global,
    replacement: u32,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let password = password(global, backend, console)?;
    let keys = backend.public_keys(&data_folder(global)?, &password, replacement)?;
    console.answer(&keys, || key_lines(&keys))
}

/// The on-chain wallet: by the node that runs, else without one, since a founder needs coins before there is a DAO.
pub(super) fn wallet(
    global: &Global,
    question: &Wallet,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    let reply = match (backend.attach(&data)?, question) {
        (Some(node), Wallet::Address) => node.call(Request::WalletAddress)?,
        (Some(node), Wallet::Balance) => node.call(Request::WalletBalance)?,
        (None, Wallet::Address) => {
            let address = backend.wallet_address(&data, &password(global, backend, console)?)?;
            Reply::Address { address }
        }
        // Asked of a node by whoever dispatches.
        (_, Wallet::Send(_)) => return Err(Failure::usage("A node sends coins.")),
        (None, Wallet::Balance) => Reply::Balance(backend.wallet_balance(&data, &password(global, backend, console)?)?),
    };
    console.answer(&reply, || show::reply(&reply))
}

/// What is wrong with a charter.
pub(super) fn charter_check(file: &Path, backend: &dyn Backend, console: &mut Console<'_>) -> Result<u8, Failure> {
    let report = backend.charter_check(&read_file(file)?);
    console.answer(&report, || {
        let mut lines: Vec<String> = report.problems.iter().map(|p| format!("✗ {}", Untrusted::new(p))).collect();
        match &report.hash {
            Some(hash) if lines.is_empty() => lines.push(format!("✓ the charter is sound; its hash is {hash}")),
            _ => {}
        }
        lines.extend(report.advice.iter().map(|advice| format!("! think again: {}", Untrusted::new(advice))));
        lines
    })?;
    Ok(if report.problems.is_empty() { OK } else { INVALID })
}

/// What a charter says.
pub(super) fn charter_explain(file: &Path, backend: &dyn Backend, console: &mut Console<'_>) -> Result<u8, Failure> {
    let report = backend.charter_check(&read_file(file)?);
    console.answer(&report, || {
        let sentences = report.sentences.iter().map(show::sentence);
        let problems = report.problems.iter().map(|p| format!("✗ {}", Untrusted::new(p)));
        sentences.chain(problems).collect()
    })?;
    Ok(if report.problems.is_empty() { OK } else { INVALID })
}

/// What another charter changes.
pub(super) fn charter_diff(
    old: &Path,
    new: &Path,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let report = backend.charter_diff(&read_file(old)?, &read_file(new)?)?;
    console.answer(&report, || {
        let mut lines: Vec<String> = report.changes.iter().map(|change| Untrusted::new(change).line()).collect();
        if lines.is_empty() {
            lines.push("The two charters lay down the same.".to_owned());
        }
        lines.extend(report.problems.iter().map(|problem| format!("✗ {}", Untrusted::new(problem))));
        lines
    })?;
    Ok(if report.problems.is_empty() { OK } else { INVALID })
}

/// Founds a DAO after the review.
pub(super) fn found(
    global: &Global,
    charter: &Path,
    listen: &str,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    let charter = read_file(charter)?;
    let password = password(global, backend, console)?;
    let effects = backend.found_review(&data, &password, &charter)?;
    if effects.has_sat < effects.needs_sat {
        // Said before anything is asked: the word would be typed for nothing.
        return Err(Failure::not_now(format!(
            "The genesis transaction needs {}, fee of {} included; the wallet has {}. Send {} more to an address of `althing \
             wallet address`, wait for a block, and found the DAO then.",
            sats(effects.needs_sat),
            sats(effects.fee_sat),
            sats(effects.has_sat),
            sats(effects.needs_sat - effects.has_sat)
        )));
    }
    let mut lines = effects.sentences;
    lines.push(format!(
        "The genesis transaction needs {}, fee of {} included; the wallet has {}.",
        sats(effects.needs_sat),
        sats(effects.fee_sat),
        sats(effects.has_sat)
    ));
    lines.push("A charter cannot be taken back, only changed by its own rules.".to_owned());
    review::confirm(console, "Found a DAO", &lines, "found", global.yes)?;
    let founded = backend.found(&data, &password, &charter, listen)?;
    let value = json!({
        "dao_id": founded.dao_id,
        "genesis_txid": founded.genesis_txid,
        "first_seal": founded.first_seal,
        "spare_seal": founded.spare_seal,
        "gates": founded.gates,
        "dao_file": founded.dao_file,
    });
    console.answer(&value, || {
        let mut lines = vec![
            format!("DAO id      {}", founded.dao_id),
            format!("genesis     {}", founded.genesis_txid),
            format!("first seal  {}", founded.first_seal),
            format!("spare seal  {}", founded.spare_seal),
        ];
        lines.extend(founded.gates.iter().map(|gate| format!("gate        {gate}")));
        lines.push(format!("Publish {}: with it others join.", founded.dao_file.display()));
        lines
    })
}

/// Joins a DAO.
pub(super) fn join(
    global: &Global,
    file: &Path,
    name: &str,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let password = password(global, backend, console)?;
    let joined = backend.join(&data_folder(global)?, &password, file, name)?;
    let value = json!({ "dao_id": joined.dao_id, "dao_name": joined.dao_name, "hub": joined.hub });
    console.answer(&value, || {
        vec![
            format!("Joined {}, verified against Bitcoin.", Untrusted::new(&joined.dao_name)),
            format!("DAO id  {}", joined.dao_id),
            format!("hub     {}", Untrusted::new(&joined.hub)),
        ]
    })
}

/// Checks a proof file.
pub(super) fn verify(
    options: &Verify,
    global: &Global,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let bundle = read_bytes(&options.file)?;
    let links = options.links.as_deref().map(read_bytes).transpose()?;
    let dao = options.dao.as_deref().map(|file| -> Result<Dao, Failure> { Ok(Dao::from_json(&read_file(file)?)?) });
    let dao = dao.transpose()?;
    let report = backend.verify(&bundle, links.as_deref(), &source(&options.source, global)?);
    let report = match &dao {
        Some(dao) => report.must_be_of(&dao.params.dao_id),
        None => report,
    };
    console.answer(&report, || verify_lines(&report))?;
    Ok(verdict_code(report.verdict))
}

/// Replays the log.
pub(super) fn audit(
    global: &Global,
    options: &AuditArgs,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let (data, source) = (data_folder(global)?, source(&options.source, global)?);
    if let Some(count) = options.random {
        let report = backend.audit_random(&data, &source, count)?;
        console.answer(&report, || audit_lines(&report, &source))?;
        return Ok(verdict_code(report.verdict));
    }
    // The screens turn a wheel meanwhile, and show the answer alone.
    let show_progress = console.format == Format::Words && console.screens.is_none();
    let mut shown = 0;
    let err = &mut console.err;
    let mut progress = |done: u64, total: u64| {
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
        // A line for each tenth: enough for a person, and no escape codes for a log.
        if show_progress && percent / 10 > shown {
            shown = percent / 10;
            let _ = writeln!(err, "{percent} %: {done} of {total} entries");
        }
    };
    let files = AuditFiles { resume: options.resume.clone(), proof: options.proof.clone() };
    let report = match files == AuditFiles::default() {
        true => backend.audit(&data, &source, &mut progress)?,
        false => backend.audit_with(&data, &source, &files, &mut progress)?,
    };
    console.answer(&report, || audit_lines(&report, &source))?;
    Ok(verdict_code(report.verdict))
}

/// Writes block headers.
pub(super) fn headers(command: &Headers, backend: &dyn Backend, console: &mut Console<'_>) -> Result<u8, Failure> {
    let Headers::Export { file, bitcoind } = command;
    let count = backend.export_headers(&access(bitcoind)?, file)?;
    let value = json!({ "headers": count, "path": file });
    console.answer(&value, || vec![format!("{} headers written to {}", thousands(u128::from(count)), file.display())])
}

/// The text of a proposal.
pub(super) fn body(text: &ProposalText, console: &mut Console<'_>) -> Result<String, Failure> {
    match &text.body_file {
        Some(file) if file == Path::new("-") => read_input(console),
        Some(file) => read_file(file),
        None => Ok(text.body.clone()),
    }
}

/// The standard input, up to a limit.
pub(super) fn read_input(console: &mut Console<'_>) -> Result<String, Failure> {
    let mut text = String::new();
    (&mut *console.input)
        .take(MAX_INPUT_BYTES)
        .read_to_string(&mut text)
        .context("the standard input cannot be read as UTF-8")?;
    Ok(text.trim_end().to_owned())
}

/// A text file.
pub(super) fn read_file(file: &Path) -> Result<String, Failure> {
    let text = read_text(file)?;
    // What is wrong with a file is often said by quoting it.
    if althing_node::keys::is_seed_words(&text) {
        return Err(Failure::rule(
            "K-8",
            format!("K-8: {} holds seed words; they are for `--words-file` alone.", file.display()),
        ));
    }
    Ok(text)
}

/// A file of seed words, the one place where they may be read.
pub(super) fn read_words(file: &Path) -> Result<String, Failure> {
    read_text(file)
}

fn read_text(file: &Path) -> Result<String, Failure> {
    String::from_utf8(read_bytes(file)?).map_err(|_| Failure::usage(format!("{} is not UTF-8.", file.display())))
}

/// A file, up to a limit.
fn read_bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).with_context(|| format!("{} cannot be opened", file.display()))?;
    opened
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Failure::usage(format!("{} is longer than {MAX_FILE_BYTES} bytes.", file.display())));
    }
    Ok(bytes)
}

/// The Bitcoin Core to ask.
fn access(bitcoind: &Bitcoind) -> Result<Access, Failure> {
    access_at(&bitcoind.url, &bitcoind.login)
}

pub(super) fn access_at(url: &str, login: &Login) -> Result<Access, Failure> {
    let user_pass = match (&login.rpc_user, &login.rpc_password_file) {
        (Some(user), Some(file)) => Some((user.clone(), first_line(file)?)),
        _ => None,
    };
    Ok(Access { url: url.to_owned(), cookie_file: login.cookie.clone(), user_pass })
}

/// What a check leans on.
pub(super) fn source(options: &SourceArgs, global: &Global) -> Result<Source, Failure> {
    if options.own {
        return Ok(Source::Bitcoind(Config::load(&data_folder(global)?)?.bitcoind));
    }
    Ok(match (&options.headers, &options.url) {
        (Some(file), _) => Source::Headers(file.clone()),
        (None, Some(url)) => Source::Bitcoind(access_at(url, &options.login)?),
        (None, None) => Source::None,
    })
}

fn key_lines(keys: &PublicKeys) -> Vec<String> {
    let all = [
        ("node id", Some(&keys.node_id)),
        ("vote key", Some(&keys.vote_key)),
        ("  in force", keys.vote_key_in_force.as_ref()),
        ("log key", Some(&keys.log_key)),
        ("anchor key", Some(&keys.anchor_key)),
        ("operator key", Some(&keys.operator_key)),
        ("treasury key", Some(&keys.treasury_key)),
    ];
    let mut lines: Vec<String> =
        all.into_iter().filter_map(|(name, key)| Some(format!("{name:<13}{}", key?))).collect();
    if keys.vote_key_in_force.is_some() {
        lines.push(
            "The vote key was replaced (G-90): the first one names the member for ever, the one in force signs."
                .to_owned(),
        );
    }
    lines
}

fn verify_lines(report: &VerifyReport) -> Vec<String> {
    let mut lines = vec![show::verdict(report.verdict).to_owned()];
    if !report.statement.is_empty() {
        lines.push(Untrusted::new(&report.statement).line());
    }
    if let Some(reason) = &report.reason {
        lines.push(format!("because: {}", Untrusted::new(reason)));
    }
    if let Some(depth) = report.depth {
        lines.push(format!("depth: {depth} blocks"));
    }
    lines.extend(report.checked.iter().map(|c| format!("✓ checked: {}", Untrusted::new(c))));
    lines.extend(report.unchecked.iter().map(|u| format!("○ not checked: {}", Untrusted::new(u))));
    lines.extend(report.trusted.iter().map(|t| format!("! trusted: {}", Untrusted::new(t))));
    lines
}

fn audit_lines(report: &AuditReport, source: &Source) -> Vec<String> {
    let mut lines = vec![show::verdict(report.verdict).to_owned()];
    if let Some(difference) = &report.first_difference {
        // What cannot be told is no difference.
        let heading = if report.verdict == Verdict::Invalid { "first difference" } else { "because" };
        lines.push(format!("{heading}: {}", Untrusted::new(difference)));
    }
    if *source == Source::None && report.verdict == Verdict::CannotTell {
        lines.push(
            "Name one: --own for the Bitcoin source of this folder, --bitcoind URL, or --headers FILE.".to_owned(),
        );
    }
    if let Some(proof) = &report.proof {
        lines.push(format!("proof written: {}", Untrusted::new(proof)));
    }
    if report.resumed_from > 0 {
        lines.push(format!("went on behind entry {}", thousands(u128::from(report.resumed_from))));
    }
    if report.entries == 0 && report.links == 0 && report.verdict == Verdict::CannotTell {
        return lines;
    }
    lines.push(crate::words::audited(report));
    lines.extend(report.trusted.iter().map(|t| format!("! trusted: {}", Untrusted::new(t))));
    lines
}
