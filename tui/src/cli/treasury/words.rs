//! The treasury's answers for people.

use althing_node::api::{
    BudgetView, CheckReport, CoinView, Flow, HousekeepingView, PaperView, PayoutChild, PolicyView, SessionView,
    TreasurerKeys, TreasurerView, TreasuryOverview, TreasuryReply,
};

use crate::backend::Verdict;
use crate::cli::show::{or, sentence};
use crate::format::{count_of, sats, thousands};
use crate::untrusted::Untrusted;
use crate::words::keyring;

/// Any answer.
pub(in crate::cli) fn reply(reply: &TreasuryReply) -> Vec<String> {
    match reply {
        TreasuryReply::Overview(found) => overview(found),
        TreasuryReply::Keys(found) => keys(found),
        TreasuryReply::Address { address, index } => vec![address.clone(), format!("index {index}")],
        TreasuryReply::Coins { coins } => or(
            coins.iter().map(coin).collect(),
            "The treasury has no coins; `althing treasury address` gives an address.",
        ),
        TreasuryReply::Session(found) => session(found),
        TreasuryReply::Sessions { sessions } if sessions.is_empty() => {
            vec!["No sessions; one is opened for what a vote authorised, `althing treasury session open`.".to_owned()]
        }
        TreasuryReply::Sessions { sessions } => sessions.iter().map(line).collect(),
        TreasuryReply::Check(found) => check(found),
        TreasuryReply::Flows { flows } if flows.is_empty() => vec!["Nothing has left the treasury.".to_owned()],
        TreasuryReply::Flows { flows } => flows.iter().map(flow).collect(),
        TreasuryReply::Papers { papers } if papers.is_empty() => vec![
            "No papers; signatures and remarks of treasurers come with a session, `althing treasury session list`."
                .to_owned(),
        ],
        TreasuryReply::Papers { papers } => papers.iter().map(paper).collect(),
        TreasuryReply::Labels { labels } => {
            let line = |(kind, of, label): &(String, String, String)| format!("{kind} {of}: {}", Untrusted::new(label));
            or(labels.iter().map(line).collect(), "No labels; `althing treasury label` writes one.")
        }
        TreasuryReply::Bond { sat, txid: None } => {
            vec![format!("{} go into the treasury as this hub's bond. Fraud that is proven takes it.", sats(*sat))]
        }
        TreasuryReply::Bond { sat, txid: Some(txid) } => vec![format!("{} on their way: {txid}", sats(*sat))],
        TreasuryReply::PayoutChild(child) => {
            vec![format!("Child {} pays {} for payout {}.", child.txid, sats(child.fee_sat), child.payout)]
        }
        TreasuryReply::Funds(funds) => vec![funds.psbt.clone()],
        TreasuryReply::Done => vec!["Done.".to_owned()],
    }
}

pub(super) fn keys(keys: &TreasurerKeys) -> Vec<String> {
    vec![
        format!("fingerprint   {}", keys.fingerprint),
        format!("treasury key  {}", keys.treasury_key),
        format!("BIP48 (P2WSH) {}", keys.bip48),
        format!("BIP87         {}", keys.bip87),
        format!(
            "own key       {} (BIP48), {} (BIP87): the charter names you by it where the extended key is in the descriptor",
            keys.bip48_own, keys.bip87_own
        ),
    ]
}

/// What a child does for a payout, before it is sent.
pub(super) fn payout_child(child: &PayoutChild) -> Vec<String> {
    vec![
        format!("The payout waits: {} pays {} by itself.", child.payout, sats(child.paid_sat)),
        "A child with coins of this node's own wallet pays for it; nothing of the treasury is spent, and nothing of what was decided changes.".to_owned(),
        format!(
            "The fee is {}, which comes to {} sat/vB for both together.",
            sats(child.fee_sat),
            child.fee_rate_sat_vb
        ),
    ]
}

pub(super) fn policy(policy: &PolicyView) -> Vec<String> {
    let mut lines: Vec<String> = policy.sentences.iter().map(sentence).collect();
    lines.extend(keyring(&policy.keys).into_iter().map(|(holder, keys)| format!("{holder} holds {keys}")));
    lines.push(format!("descriptor: {}", policy.descriptor));
    lines.push(format!(
        "A payment with one input and two outputs has at most {} vB; each further input adds at most {} weight units.",
        policy.one_in_two_out_vbytes, policy.input_weight
    ));
    lines.extend(
        policy.addresses.iter().zip(0..).map(|(address, index): (_, u32)| format!("address {index}: {address}")),
    );
    lines
}

pub(super) fn check(report: &CheckReport) -> Vec<String> {
    let mut lines = vec![match report.verdict {
        Verdict::Valid => "✓ This may be signed.".to_owned(),
        Verdict::Invalid => "✗ This must not be signed.".to_owned(),
        Verdict::CannotTell => "? Whether this may be signed cannot be told.".to_owned(),
    }];
    lines.extend(report.reasons.iter().map(|reason| format!("✗ {}", Untrusted::new(&reason.text))));
    lines.extend(report.unknown.iter().map(|unknown| format!("? {}", Untrusted::new(unknown))));
    lines.extend(report.sentences.iter().map(sentence));
    lines.extend(report.txid.iter().map(|txid| format!("transaction {txid}")));
    lines
}

/// What a session's transaction does, for a review.
pub(super) fn effects(session: &SessionView) -> Vec<String> {
    let mut lines = check(&session.check);
    lines.push(signers(session));
    lines.extend(session.conflicts.iter().map(|other| format!("! session {other} spends one of its coins too")));
    lines.extend(session.yields_to.iter().map(|other| format!("! it yields to session {other}: sign that one")));
    lines
}

fn session(session: &SessionView) -> Vec<String> {
    let mut lines = vec![line(session)];
    lines.extend(effects(session));
    lines.extend(session.remarks.iter().map(|remark| {
        format!(
            "{} at {}, {}: {}",
            remark.kind,
            remark.height,
            Untrusted::new(&remark.author),
            Untrusted::new(&remark.text)
        )
    }));
    lines
}

fn line(session: &SessionView) -> String {
    let at = match (session.height, session.payout_height) {
        (Some(height), _) => format!(" at height {}", thousands(u128::from(height))),
        (None, Some(from)) => format!(", paid out from height {} on", thousands(u128::from(from))),
        (None, None) => String::new(),
    };
    let more = match session.needed {
        0 => "enough signatures".to_owned(),
        needed => format!("{} needed", count_of(needed as u64, "more signature")),
    };
    let refused = match (session.state.as_str(), session.check.verdict) {
        ("open" | "complete", Verdict::Invalid) => match session.check.reasons.first() {
            Some(reason) => format!(", refused by this node ({})", Untrusted::new(&reason.rule).line()),
            None => ", refused by this node".to_owned(),
        },
        ("open" | "complete", Verdict::CannotTell) => ", which this node cannot judge yet".to_owned(),
        ("void", _) => match &session.void_by {
            Some(by) => format!(", a block has transaction {} in its place or before it", Untrusted::new(by).line()),
            None => String::new(),
        },
        _ if session.waits_for_me => ", waits for you".to_owned(),
        _ => String::new(),
    };
    format!("{} {}{at}, {more}{refused}", session.id, session.state)
}

fn signers(session: &SessionView) -> String {
    let join = |names: &[String]| match names {
        [] => "nobody".to_owned(),
        names => names.iter().map(|name| Untrusted::new(name).line()).collect::<Vec<_>>().join(", "),
    };
    match (session.signed.as_slice(), session.missing.as_slice()) {
        ([], asked) => format!("Signed by nobody yet; asked are {}.", join(asked)),
        (signed, []) => format!("Signed by {}, which are all.", join(signed)),
        (signed, missing) => format!("Signed by {}; not by {}.", join(signed), join(missing)),
    }
}

fn overview(overview: &TreasuryOverview) -> Vec<String> {
    let mut lines: Vec<String> = overview.alarms.iter().map(|alarm| format!("! {}", sentence(alarm))).collect();
    lines.push(format!("{} free", sats(overview.free_sat)));
    for (what, sat) in [
        ("frozen", overview.frozen_sat),
        ("set apart (spare seal, gates, bonds)", overview.reserved_sat),
        ("not yet confirmed", overview.pending_sat),
        ("in former treasuries, to be swept", overview.former_sat),
    ] {
        if sat > 0 {
            lines.push(format!("{} {what}", sats(sat)));
        }
    }
    lines.extend(overview.former_spare_seal.iter().map(|words| format!("! {}", sentence(words))));
    lines.push(format!("treasury generation {}", overview.generation));
    lines.extend(overview.policy.sentences.iter().map(sentence));
    lines.push("The keys, the descriptor and addresses: althing treasury policy".to_owned());
    let HousekeepingView { spent_sat, budget_sat, blocks } = overview.housekeeping;
    lines.push(format!(
        "housekeeping: {} of at most {} of fees within {blocks} blocks",
        sats(spent_sat),
        sats(budget_sat)
    ));
    lines.extend(overview.proof.iter().flat_map(crate::words::funds));
    lines.extend(overview.payments.iter().map(|payment| {
        format!(
            "{}: {} for {} (fee at most {}), heights {} to {}: {}",
            payment.proposal.get(..8).unwrap_or(&payment.proposal),
            sats(payment.paid_sat),
            Untrusted::new(&payment.title),
            sats(payment.fee_cap_sat),
            payment.from_height,
            // The last height that is allowed, as everywhere.
            payment.expiry_height.saturating_sub(1),
            payment.state
        )
    }));
    lines.extend(overview.staged.iter().map(|staged| {
        format!(
            "staged: {} rest until height {}; to bring them back: althing treasury session return {}",
            sats(staged.sat),
            staged.from_height,
            staged.stage.get(..8).unwrap_or(&staged.stage)
        )
    }));
    lines.extend(overview.budgets.iter().flat_map(budget));
    lines.extend(overview.bond.iter().flat_map(crate::words::bond));
    lines.extend(overview.treasurers.iter().map(treasurer));
    if overview.generations.len() > 1 {
        lines.extend(overview.generations.iter().map(|generation| {
            format!(
                "generation {} from height {}: {} in {} coins",
                generation.number,
                thousands(u128::from(generation.since_height)),
                sats(generation.sat),
                generation.coins
            )
        }));
    }
    lines
}

fn paper(paper: &PaperView) -> String {
    let note = if paper.note.is_empty() { String::new() } else { format!(": {}", Untrusted::new(&paper.note)) };
    format!(
        "{} at {}, {} of {}: {}{note}",
        Untrusted::new(&paper.author),
        paper.height,
        paper.kind,
        paper.session.get(..8).unwrap_or(&paper.session),
        paper.state
    )
}

/// What was paid of a budget and what is left, with a line for each milestone.
fn budget(budget: &BudgetView) -> Vec<String> {
    let left = budget.authorised_sat.saturating_add(budget.waiting_sat);
    let mut lines = vec![format!(
        "budget {} ({}): {} of {} paid, {} left, {} ended",
        budget.proposal.get(..8).unwrap_or(&budget.proposal),
        Untrusted::new(&budget.title),
        sats(budget.paid_sat),
        sats(budget.total_sat),
        sats(left),
        sats(budget.ended_sat)
    )];
    lines.extend(budget.milestones.iter().map(|milestone| {
        format!(
            "  {}. {} for {}, from height {}: {}",
            milestone.number,
            sats(milestone.sat),
            Untrusted::new(&milestone.description),
            thousands(u128::from(milestone.due_height)),
            milestone.state
        )
    }));
    lines
}

fn treasurer(treasurer: &TreasurerView) -> String {
    let heard = match treasurer.heard_height {
        Some(height) if treasurer.is_silent => format!("silent since height {}", thousands(u128::from(height))),
        Some(height) => format!("heard at height {}", thousands(u128::from(height))),
        None => "not heard over the hub".to_owned(),
    };
    format!("treasurer {}: {heard}", Untrusted::new(&treasurer.name))
}

fn coin(coin: &CoinView) -> String {
    let label = coin.label.as_ref().map(|label| format!(" ({})", Untrusted::new(label))).unwrap_or_default();
    let reason = coin.frozen_for.as_deref().filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| format!(": {}", Untrusted::new(reason))).unwrap_or_default();
    format!("{} {} {}{reason}{label}", coin.outpoint, sats(coin.sat), coin.state)
}

fn flow(flow: &Flow) -> String {
    let mut line = format!("{} at {}: {}, {} left", flow.txid, flow.height, flow.verdict, sats(flow.left_sat));
    if !flow.signers.is_empty() {
        line.push_str(&format!(", signed by {}", Untrusted::new(&flow.signers.join(", "))));
    }
    if let Some(reason) = &flow.reason {
        line.push_str(&format!(": {}", Untrusted::new(reason)));
    }
    line
}
