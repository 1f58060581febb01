//! Links, their fees, and what is wrong: the commands that need more than one question.

use althing_node::api::{
    AnchorReply, AnchorRequest, ApiError, Bump, ErrorKind, OperatorView, Reply, Request, TimestampKind,
};
use serde_json::json;

use super::anchor_args::LinkCommand;
use super::args::Global;
use super::console::Console;
use super::failure::{CANNOT_TELL, Failure, INVALID, OK};
use super::node::{Caller, other_kind};
use super::password::{data_folder, password};
use super::{review, show};
use crate::backend::Backend;
use crate::format::{sats, thousands};
use crate::untrusted::Untrusted;

/// `althing link`.
pub(super) fn link(
    command: LinkCommand,
    global: &Global,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    if let LinkCommand::Operators { add } = &command
        && !add.is_empty()
    {
        let password = password(global, backend, console)?;
        let lines = backend.operators_add(&data_folder(global)?, &password, add)?;
        return console.answer(&json!({ "operators": lines }), || lines.clone());
    }
    let caller = Caller::connect(global, backend, console)?;
    match command {
        LinkCommand::Operators { .. } => {
            let reply = caller.call(Request::Anchoring(AnchorRequest::Operators))?;
            console.answer(&reply, || show::reply(&reply))
        }
        LinkCommand::Reserve => {
            let reply = caller.call(Request::Anchoring(AnchorRequest::Reserve))?;
            console.answer(&reply, || show::reply(&reply))
        }
        LinkCommand::List => {
            let links = caller.call(Request::Links)?;
            let reserve = caller.call(Request::Anchoring(AnchorRequest::Reserve))?;
            let both = json!({ "links": links, "reserve": reserve });
            console.answer(&both, || [show::reply(&links), show::reply(&reserve)].concat())
        }
        LinkCommand::Bump { fee_rate } => bump(&caller, fee_rate, console),
    }
}

/// `althing health`: the state of the node, with an exit code for what is wrong (N-84). When nobody can be asked that is this
/// machine's trouble: the codes of a proven fraud and of withheld data are for these alone.
pub(super) fn health(global: &Global, backend: &dyn Backend, console: &mut Console<'_>) -> Result<u8, Failure> {
    looked_at(global, backend, console).map_err(|Failure(error)| Failure(ApiError { kind: ErrorKind::Ours, ..error }))
}

fn looked_at(global: &Global, backend: &dyn Backend, console: &mut Console<'_>) -> Result<u8, Failure> {
    let caller = Caller::connect(global, backend, console)?;
    let status = caller.call(Request::Status)?;
    let reserve = caller.call(Request::Anchoring(AnchorRequest::Reserve))?;
    let health = caller.call(Request::Anchoring(AnchorRequest::Health))?;
    let Reply::Anchoring(AnchorReply::Health { fraud, unavailable, silent_key, undone, source, copy, .. }) = &health
    else {
        return Err(other_kind());
    };
    let is_told = [silent_key, undone, source, copy].into_iter().any(Option::is_some);
    let code = match (fraud.is_empty(), unavailable.is_empty() && !is_told) {
        (false, _) => INVALID,
        (true, false) => CANNOT_TELL,
        (true, true) => OK,
    };
    let all = json!({ "status": status, "reserve": reserve, "health": health });
    console.answer(&all, || {
        let (mut lines, mut reserve) = (show::reply(&status), show::reply(&reserve));
        // The hub's alarm about the reserve is the same sentence, as it was at the last link; this one is of now.
        let before = lines.len();
        lines.retain(|line| !line.starts_with("✗ A-82:"));
        if lines.len() < before {
            reserve.iter_mut().for_each(|line| line.insert_str(0, "✗ "));
        }
        [lines, reserve, show::reply(&health)].concat()
    })?;
    Ok(code)
}

fn operator_lines(view: &OperatorView) -> Vec<String> {
    let mut lines = Vec::new();
    for set in &view.sets {
        let state = if set.in_force { "signs the next link" } else { "not in force" };
        lines.push(format!("anchor key {}, {state}", Untrusted::new(&set.anchor_key)));
        for operator in &set.operators {
            let who = match (operator.is_own, operator.is_connected) {
                (true, _) => "this node",
                (false, Some(true)) => "connected",
                (false, Some(false)) => "not connected",
                (false, None) => "only the hub knows whether it is connected",
            };
            lines.push(format!("  {}  {who}", Untrusted::new(&operator.key)));
        }
    }
    if lines.is_empty() {
        lines.push("No operators are named here: the hub signs links alone.".to_owned());
    }
    lines.extend(view.waits.iter().map(show::sentence));
    lines
}

fn bump(caller: &Caller, fee_rate_sat_vb: Option<u64>, console: &mut Console<'_>) -> Result<u8, Failure> {
    let ask = |only_review| {
        let request = Request::Anchoring(AnchorRequest::Bump { fee_rate_sat_vb, only_review });
        match caller.call(request)? {
            Reply::Anchoring(AnchorReply::Bump(bump)) => Ok(bump),
            _ => Err(other_kind()),
        }
    };
    let planned: Bump = ask(true)?;
    let how = match planned.is_replacement {
        true => "Replaces it by a version that commits to the same header and pays from the seal.".to_owned(),
        false => "Pays for it with a child that spends coins of this wallet; it changes nothing of what is committed."
            .to_owned(),
    };
    let effects = [
        format!("The link of epoch {} waits: {} pays {}.", planned.epoch, planned.link, sats(planned.paid_sat)),
        how,
        format!("The fee is {}, which comes to {} sat/vB.", sats(planned.fee_sat), planned.fee_rate_sat_vb),
    ];
    review::confirm(console, "Pay more for a link", &effects, "bump", caller.assume_yes)?;
    let reply = Reply::Anchoring(AnchorReply::Bump(ask(false)?));
    console.answer(&reply, || show::reply(&reply))
}

/// An answer about links as lines.
pub(super) fn lines(reply: &AnchorReply) -> Vec<String> {
    match reply {
        AnchorReply::Reserve(reserve) => vec![show::sentence(&reserve.words)],
        AnchorReply::Operators(view) => operator_lines(view),
        AnchorReply::Bump(bump) => vec![format!(
            "Link of epoch {}: {} {} pays {} ({} sat/vB).",
            bump.epoch,
            if bump.is_replacement { "version" } else { "child" },
            Untrusted::new(&bump.txid),
            sats(bump.fee_sat),
            bump.fee_rate_sat_vb
        )],
        AnchorReply::Proof { path, bytes, statement } => vec![
            format!("{} written, {} bytes", path.display(), thousands(u128::from(*bytes))),
            Untrusted::new(statement).line(),
        ],
        AnchorReply::Timestamp(stamp) => {
            let check = match (&stamp.stamped, stamp.kind) {
                (Some(file), _) => format!("Check it with: ots verify -f {} {}", file.display(), stamp.path.display()),
                (None, TimestampKind::Split) => {
                    format!("Check it with: ots verify -d {} {}", stamp.digest, stamp.path.display())
                }
                (None, _) => String::new(),
            };
            vec![
                format!("{} written: {}", stamp.path.display(), Untrusted::new(&stamp.of)),
                format!(
                    "attested by block {} through {}",
                    thousands(u128::from(stamp.height)),
                    Untrusted::new(&stamp.link)
                ),
                check,
            ]
        }
        AnchorReply::Succession(answer) => answer.words.iter().map(|line| Untrusted::new(line).line()).collect(),
        AnchorReply::Receipt { path } => vec![format!("{} written", path.display())],
        AnchorReply::Health { fraud, unavailable, source, .. } => {
            let proofs = fraud.iter().map(|path| format!("✗ fraud of the hub is proven: {}", path.display()));
            let data = unavailable.iter().map(|link| format!("? {}", Untrusted::new(&link.words)));
            proofs.chain(data).chain(source.iter().map(|why| format!("? {}", show::sentence(why)))).collect()
        }
    }
}
