//! Answers in words, for people.

use althing_node::api::{Ballot, Curve, Link, Member, Proposal, Reply, Role, Stake, Status, Tally, Why, WhyState};
use althing_node::view::late_words;

use super::show_governance as governance;
use super::{backup, channel, tower};
use crate::backend::Verdict;
use crate::format::{
    bitcoin, blocks_and_time, count_of, entries, parse_weight, percent, sats, short_id, thousands, weight,
};
use crate::sums;
use crate::text::{counted, width};
use crate::untrusted::Untrusted;
use crate::words;

pub(super) use super::show_governance::numbered;

/// A sentence of the node, safe to show.
pub(super) fn sentence(sentence: impl AsRef<str>) -> String {
    counted(&Untrusted::new(sentence.as_ref()).line())
}

/// An answer as lines.
pub(super) fn reply(reply: &Reply) -> Vec<String> {
    match reply {
        Reply::Unchanged | Reply::Done => vec!["Done.".to_owned()],
        Reply::Treasury { reply } => super::treasury::lines(reply),
        Reply::Snapshot(snapshot) => status(&snapshot.status),
        Reply::Status(seen) => status(seen),
        Reply::Reading(reading) if reading.is_whole() => vec!["The whole log is here.".to_owned()],
        Reply::Reading(reading) => vec![sentence(reading.words())],
        Reply::Sent { txid, amount_sat, fee_sat } => {
            vec![format!("{} sent, fee {}; transaction {}", sats(*amount_sat), sats(*fee_sat), Untrusted::new(txid))]
        }
        Reply::Address { address } => vec![Untrusted::new(address).line()],
        Reply::Balance(balance) => vec![
            format!("confirmed  {}  {}", sats(balance.confirmed_sat), bitcoin(balance.confirmed_sat)),
            format!("pending    {}  {}", sats(balance.pending_sat), bitcoin(balance.pending_sat)),
        ],
        Reply::Stake(one) => stake(one),
        Reply::Stakes { stakes } => or(
            stakes.iter().flat_map(stake).collect(),
            "There is no stake channel here; a member opens one by `althing stake open SATOSHIS`.",
        ),
        Reply::Proposal(one) => proposal(one),
        Reply::Proposals { proposals } => {
            or(proposal_list(proposals), "No proposals yet; `althing propose --help` says how to write one.")
        }
        Reply::Comment(comment) => vec![format!("Comment {} is in the log.", Untrusted::new(&comment.id))],
        Reply::BallotReview(review) => review.sentences.iter().map(sentence).collect(),
        Reply::Ballot(one) => ballot(one),
        Reply::Ballots { ballots } => or(
            ballots.iter().flat_map(ballot).collect(),
            "No ballot was cast from here yet; `althing proposals` lists what is voted on, `althing vote` casts one.",
        ),
        Reply::Links { links } => or(
            link_list(links),
            "No link yet; the first is made when the first epoch closes, and `althing status` says when that is.",
        ),
        Reply::Anchoring(reply) => super::anchor::lines(reply),
        Reply::Members { members } => or(
            member_list(members),
            "No members yet: one becomes a member by a stake in the log, `althing stake open SATOSHIS`.",
        ),
        Reply::ProposalReview(review) => governance::proposal_review(review),
        Reply::Said(said) => governance::said(said),
        Reply::Forced(forced) => super::recourse::forced(forced),
        Reply::WholeEntry(whole) => {
            let (entry, kind) = (Untrusted::new(&whole.entry), Untrusted::new(&whole.kind));
            vec![format!("Entry {entry} ({kind}), {} bytes.", whole.bytes.len() / 2)]
        }
        Reply::Gates { gates } => super::recourse::gate_list(gates),
        Reply::SayReview(review) => review.sentences.iter().map(sentence).collect(),
        Reply::Delegations(delegations) => governance::delegations(delegations),
        Reply::Deposits { deposits, debts } => governance::deposits(deposits, debts),
        Reply::Rewards { rewards } => governance::rewards(rewards),
        Reply::Invitations { invitations } => crate::words::invitations(invitations),
        Reply::Why(found) => why(found),
        Reply::Curve(found) => curve(found),
        Reply::MemberHistory(found) => crate::words::member_history(found),
        Reply::Text { text } => Untrusted::new(text).lines(),
        Reply::Tower(status) => tower::status(status),
        Reply::Light(view) => super::light::held(view),
        Reply::Backup(info) => backup::info(info),
        Reply::Restored(restored) => backup::restored(restored),
        Reply::Proof { path, bytes, statement } => vec![
            format!("{} written, {} bytes", path.display(), thousands(u128::from(*bytes))),
            Untrusted::new(statement).line(),
        ],
    }
}

/// A list, or what is said where there is nothing in it: an empty answer looks like a command that failed (N-430).
pub(super) fn or(lines: Vec<String>, nothing: &str) -> Vec<String> {
    if lines.is_empty() { vec![nothing.to_owned()] } else { lines }
}

/// The steps, each with its values.
fn why(why: &Why) -> Vec<String> {
    let mut lines = vec![sentence(&why.statement)];
    for step in &why.steps {
        let (sign, word) = match step.state {
            WhyState::Holds => ("✓", "holds"),
            WhyState::NotYet => ("○", "not yet"),
            WhyState::Broken => ("✗", "BROKEN"),
        };
        let name = Untrusted::new(&step.name).line();
        lines.push(format!("{sign} {name:<8} {word}: {}", sentence(&step.sentence)));
        let values = step
            .values
            .iter()
            .map(|(name, value)| format!("    {}: {}", Untrusted::new(name), words::why_value(name, value)));
        lines.extend(values);
    }
    lines
}

/// The curve as a table.
fn curve(curve: &Curve) -> Vec<String> {
    let mut rows = vec![
        std::iter::once("height".to_owned()).chain(curve.labels.iter().map(|l| Untrusted::new(l).line())).collect(),
    ];
    rows.extend(curve.points.iter().map(|point| {
        let values = point.values.iter().map(|value| weight(value));
        std::iter::once(thousands(u128::from(point.height))).chain(values).collect::<Vec<String>>()
    }));
    let mut lines = table(rows);
    lines.push(format!("{} {}", Untrusted::new(&curve.unit), Untrusted::new(&curve.note)));
    lines
}

/// The result of a check.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "✓ VALID",
        Verdict::Invalid => "✗ INVALID",
        Verdict::CannotTell => "? CANNOT TELL",
    }
}

fn status(status: &Status) -> Vec<String> {
    let mut lines: Vec<String> = status.alarms.iter().map(|a| format!("✗ {}", sentence(a))).collect();
    lines.extend(status.former_spare_seal.iter().map(|words| format!("! {}", sentence(words))));
    let mut field = |name: &str, value: String| lines.push(format!("{name:<14}{value}"));
    field("DAO", Untrusted::new(&status.dao_name).line());
    field("id", Untrusted::new(&status.dao_id).line());
    field("network", Untrusted::new(&status.network).line());
    field("role", words::role(status.role).to_owned());
    field("tip", format!("{} {}", thousands(u128::from(status.tip_height)), Untrusted::new(&status.tip_hash)));
    field("verified log", entries(status.log_size));
    if let Some(light) = &status.light {
        let kept = if light.reads_anew {
            "read anew from the hub; what is held: `althing light show`"
        } else {
            "not kept (light member)"
        };
        field("log", kept.to_owned());
    }
    if let Some(head) = status.head_height {
        field("newest head", format!("height {}", thousands(u128::from(head))));
    }
    if let Some(reading) = &status.reading {
        field("log is read", sentence(reading.words()));
    }
    field("hub", if status.hub_connected { "connected" } else { "not reachable" }.to_owned());
    let left = status.next_close_height.saturating_sub(status.tip_height);
    field(
        "epoch closes",
        format!(
            "height {}, in {}",
            thousands(u128::from(status.next_close_height)),
            blocks_and_time(left, &status.network)
        ),
    );
    field("final epoch", status.final_epoch.map_or_else(|| "none yet".to_owned(), |e| e.to_string()));
    if let Some(key) = &status.vote_key {
        field("vote key", Untrusted::new(key).line());
    }
    if let Some(key) = status.member.as_ref().and_then(|me| me.key_in_force.as_ref()) {
        field("speaks by", format!("{}, which came in its place", Untrusted::new(key)));
    }
    match &status.member {
        Some(member) => {
            field("me", Untrusted::new(&member.name).line());
            field("stake", sats(member.stake_sat));
            field("weight", member.weight.as_deref().map_or_else(|| "not on the roll yet".to_owned(), weight));
        }
        None if status.role == Role::Hub => field("me", "the hub".to_owned()),
        None if status.reading.is_some() => {
            field("me", "not known before the log is read to its end".to_owned());
        }
        None => {
            field("me", "no stake in the log yet, so no vote; a treasurer needs none".to_owned());
            match &status.stake_under_way {
                Some(words) => field("stake", sentence(words)),
                None => field(
                    "to vote",
                    "`althing stake open SATOSHIS` locks one out of the wallet, `althing stake list` tells how far it is"
                        .to_owned(),
                ),
            }
        }
    }
    if status.paying_sat > 0 {
        field("paying", format!("{}, with the next checkpoint", sats(status.paying_sat)));
    }
    field("wallet", sats(status.balance.confirmed_sat));
    if status.balance.pending_sat > 0 {
        field("pending", sats(status.balance.pending_sat));
    }
    lines
}

fn stake(stake: &Stake) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{}  {}  {}  {} of {} confirmations",
            channel_id(stake),
            sats(stake.amount_sat),
            Untrusted::new(&stake.state),
            stake.confirmations.min(stake.confirmations_needed),
            stake.confirmations_needed
        ),
        format!("    {}", sentence(&stake.words)),
    ];
    if let Some(outpoint) = &stake.funding_outpoint {
        lines.push(format!("    funding {}", Untrusted::new(outpoint)));
    }
    if let Some(txid) = &stake.closing_txid {
        lines.push(format!("    closing {}", Untrusted::new(txid)));
    }
    lines.extend(stake.detail.iter().flat_map(|detail| channel::detail(detail)));
    lines.extend(stake.keeping.iter().flat_map(|kept| backup::keeping(kept)));
    lines
}

fn proposal_list(proposals: &[Proposal]) -> Vec<String> {
    let rows = proposals
        .iter()
        .map(|p| {
            vec![
                format!("#{}", p.number),
                short_id(&p.id).trim_end_matches('…').to_owned(),
                Untrusted::new(&p.class).line(),
                words::state(p.state).to_owned(),
                stands(p),
                p.my_ballot.as_ref().map_or_else(|| "–".to_owned(), |b| format!("mine: {}", b.choice)),
                Untrusted::new(&p.title).line(),
            ]
        })
        .collect();
    table(rows)
}

fn proposal(p: &Proposal) -> Vec<String> {
    let mut lines = vec![
        format!("#{} {}", p.number, Untrusted::new(&p.title)),
        format!("id         {}", Untrusted::new(&p.id)),
        format!("state      {} {}", words::state_sign(p.state), words::state(p.state)),
        format!("written by {} ({})", Untrusted::new(&p.author_name), short_id(&p.author)),
    ];
    if let Some(heights) = p.heights {
        lines.push(format!(
            "heights    logged {}, opens {}, closes {}",
            thousands(u128::from(heights.entry_height)),
            thousands(u128::from(heights.open_height)),
            thousands(u128::from(heights.close_height))
        ));
    }
    lines.push(format!("{}:", crate::words::effects_heading(p.state).to_lowercase()));
    lines.extend(p.effects.iter().map(|effect| format!("  - {}", sentence(effect))));
    if let Some(gate) = &p.gate {
        lines.push(format!("gate       {}", Untrusted::new(gate)));
    }
    lines.extend(governance::vote_facts(p));
    lines.extend(tally(p));
    if let Some(mine) = &p.my_ballot {
        lines.push(format!("my ballot  {}: {}", mine.choice, words::path_meaning(&mine.path)));
    }
    if let Some(mine) = p.vote.treasurers.as_ref().and_then(|body| body.my_ballot.as_ref()) {
        lines.push(format!("my ballot  as a treasurer {}: {}", mine.choice, words::path_meaning(&mine.path)));
    }
    if !p.body.is_empty() {
        lines.push(String::new());
        lines.extend(Untrusted::new(&p.body).lines());
    }
    for comment in &p.comments {
        lines.push(String::new());
        lines.extend(governance::comment(comment));
    }
    lines
}

/// How a vote stands, for lists: in the terms of its voting system.
fn stands(p: &Proposal) -> String {
    if let Some((who, by)) = sums::lead(p) {
        return format!("ahead {who}: {by}");
    }
    let yes = p.tally.as_ref().and_then(|t| Some((parse_weight(&t.yes)?, parse_weight(&t.total_weight)?)));
    yes.map_or_else(|| "–".to_owned(), |(yes, total)| format!("yes {} of the roll", percent(yes, total)))
}

fn tally(p: &Proposal) -> Vec<String> {
    let Some(tally) = &p.tally else {
        return vec!["sums       none yet".to_owned()];
    };
    let total = parse_weight(&tally.total_weight).unwrap_or(0);
    let mut weights = match &tally.choice {
        Some(choice) => vec![("cast", &choice.cast), ("abstain", &tally.abstain)],
        None => vec![("yes", &tally.yes), ("no", &tally.no), ("abstain", &tally.abstain)],
    };
    weights.extend(sums::aside(tally).map(|_| ("aside", &tally.standing)));
    let rows = weights
        .into_iter()
        .map(|(name, sum)| {
            let share = percent(parse_weight(sum).unwrap_or(0), total);
            vec![format!("  {name}"), weight(sum), format!("{share} of the roll")]
        })
        .chain(veto_row(tally))
        .collect();
    let kind = sums::kind(p, tally);
    // Where several bodies decide, these are the first's.
    let whose = p.vote.bodies.first().map_or_else(String::new, |first| format!(" of the {}", first.body.name()));
    let mut lines = vec![format!("{kind}{whose}, {}, roll {}", count_of(tally.ballots, "ballot"), thousands(total))];
    lines.extend(table(rows));
    lines.extend(sums::objection(&p.vote.marks, tally).map(|words| format!("  {words}")));
    for (name, met, rule) in [("quorum", tally.quorum_met, &p.quorum), ("threshold", tally.threshold_met, &p.threshold)]
    {
        let word = if met { "met" } else { "not met" };
        lines.push(format!("  {name} {word}: {}", Untrusted::new(rule)));
        if name == "quorum" {
            lines.extend(sums::dormant(tally).map(|words| format!("    {words}")));
        }
    }
    if let Some(heading) = sums::bodies_heading(p) {
        lines.push(format!("bodies     {heading} (G-45)"));
        lines.extend(p.vote.bodies.iter().map(|body| format!("  {}", sums::body(body))));
    }
    lines.extend(sums::at_close(p).iter().map(|line| format!("  {line}")));
    lines
}

/// Vetoes are part of what is against, and a rule asks for their share by itself.
fn veto_row(tally: &Tally) -> Option<Vec<String>> {
    let (veto, words) = (tally.veto.as_ref()?, sums::veto(tally)?);
    Some(vec!["  veto".to_owned(), weight(&veto.weight), format!("part of the no, {words}")])
}

fn ballot(ballot: &Ballot) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{}{} on {} ({})",
            ballot.choice,
            words::as_treasurer(ballot),
            Untrusted::new(&ballot.title),
            short_id(&ballot.proposal)
        ),
        format!("    {}", words::path_meaning(&ballot.path)),
    ];
    if ballot.replaced {
        lines.push("    Replaced by a later ballot.".to_owned());
    }
    if let Some(end) = ballot.too_late {
        lines.push(format!("    {}", late_words(end)));
    }
    if let Some(position) = ballot.position {
        lines.push(format!("    Entry {} of the log.", thousands(u128::from(position))));
    }
    lines
}

fn link_list(links: &[Link]) -> Vec<String> {
    let rows = links
        .iter()
        .map(|link| {
            vec![
                format!("epoch {}", link.epoch),
                format!("{}:{}", Untrusted::new(&link.txid), link.vout),
                link.height.map_or_else(|| "unmined".to_owned(), |h| format!("height {}", thousands(u128::from(h)))),
                words::link_state(link),
                format!("depth {}", link.confirmations),
                words::link_check(link).to_owned(),
            ]
        })
        .collect();
    table(rows)
}

fn member_list(members: &[Member]) -> Vec<String> {
    let rows = members
        .iter()
        .map(|m| {
            vec![
                words::member_name(m),
                Untrusted::new(&m.vote_key).line(),
                sats(m.stake_sat),
                m.weight.as_deref().map_or_else(|| "not on the roll".to_owned(), |w| format!("weight {}", weight(w))),
                m.key_in_force.as_ref().map_or_else(String::new, |key| format!("speaks by {}", Untrusted::new(key))),
            ]
        })
        .collect();
    table(rows)
}

/// Columns of equal width, two blanks apart.
pub(super) fn table(rows: Vec<Vec<String>>) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0))
        .collect();
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (cell, column_width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(column_width.saturating_sub(width(cell)) + 2));
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// The channel's id, once there is one.
fn channel_id(stake: &Stake) -> String {
    if stake.channel.is_empty() { "(no id yet)".to_owned() } else { Untrusted::new(&stake.channel).line() }
}
