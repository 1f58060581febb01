//! What needs the member's attention now, the most urgent first.

use althing_node::api::{
    BallotPath, InvitationState, InvitationView, Proposal, ProposalState, ReadState, Reading, Role, SessionView,
    Snapshot, Stake, TreasuryOverview,
};

use super::advice::advice;
use crate::backend::Verdict;
use crate::format::{blocks_and_time, count_of, short_id};
use crate::sums;
use crate::text::counted;
use crate::untrusted::Untrusted;
use crate::words;

/// Heads are signed once per block; more blocks than this without a verified one deserve a word.
const LATE_HEAD_BLOCKS: u32 = 2;

/// One thing that needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// How urgent.
    pub urgency: Urgency,
    /// What it is; safe to show.
    pub text: String,
    /// The proposal it is about.
    pub proposal: Option<String>,
    /// The stake channel it is about.
    pub channel: Option<String>,
    /// The signing session it is about.
    pub session: Option<String>,
    /// The proposal whose payment it is about.
    pub payment: Option<String>,
    /// What to do next, a sentence each.
    pub next: Vec<String>,
    /// Tells it apart from the others, whatever the blocks do to its words.
    pub key: String,
}

/// How urgent something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Something is broken.
    Alarm,
    /// Something is asked of the member.
    Asked,
    /// Something is on its way.
    Waiting,
}

/// What needs attention in this snapshot, and among the signing sessions and payments of the treasury.
#[must_use]
pub fn needs(
    snapshot: &Snapshot,
    sessions: &[SessionView],
    treasury: Option<&TreasuryOverview>,
    invitations: &[InvitationView],
) -> Vec<Need> {
    let mut found = Vec::new();
    alarms(snapshot, &mut found);
    votes(snapshot, &mut found);
    treasurers_votes(snapshot, &mut found);
    signatures(sessions, &mut found);
    broadcasts(sessions, &mut found);
    if let Some(treasury) = treasury {
        payments(snapshot, treasury, &mut found);
    }
    invited(snapshot, invitations, &mut found);
    stake(snapshot, &mut found);
    ballots(snapshot, &mut found);
    found.sort_by_key(|need| need.urgency);
    found
}

/// Whether this trouble is that the node has stopped.
pub(super) fn is_gone(trouble: &str) -> bool {
    trouble.starts_with("N-8: ")
}

/// The command that starts the node of a folder again.
pub(crate) fn start_again(is_hub: bool) -> &'static str {
    if is_hub { "althing hub run" } else { "althing member run" }
}

/// What the screens show is old, and why (N-8): what to do about it comes first, since a row may be cut at its end.
pub(super) fn not_current(trouble: &str, is_hub: bool) -> Need {
    let run = start_again(is_hub);
    let (text, next) = match is_gone(trouble) {
        true => (
            format!("The node has stopped: start it again with `{run}`. {trouble}"),
            vec![
                format!("`{run}` in another terminal starts it; or leave these screens and open them again with `althing tui`."),
                "What was acknowledged is kept. Until it runs, what is shown is what it said last; then the screens go on by themselves."
                    .to_owned(),
            ],
        ),
        false => (
            format!("Nothing here is current: {trouble}"),
            vec!["It is tried again by itself; until then what is shown is what the node said last.".to_owned()],
        ),
    };
    Need {
        urgency: Urgency::Alarm,
        text: counted(&text),
        proposal: None,
        channel: None,
        session: None,
        payment: None,
        next,
        key: "not current".to_owned(),
    }
}

/// What is broken.
fn alarms(snapshot: &Snapshot, found: &mut Vec<Need>) {
    let status = &snapshot.status;
    let mut add = |key: &str, text: String| {
        let next = advice(&text).iter().map(|step| (*step).to_owned()).collect();
        found.push(Need {
            urgency: Urgency::Alarm,
            text,
            proposal: None,
            channel: None,
            session: None,
            payment: None,
            next,
            key: key.to_owned(),
        });
    };
    for alarm in &status.alarms {
        add(alarm, counted(&Untrusted::new(alarm).line()));
    }
    if !status.hub_connected {
        add("hub", "The hub cannot be reached. Ballots are kept here and sent when it is back.".to_owned());
    }
    let behind = status.head_height.map_or(0, |head| status.tip_height.saturating_sub(head));
    // While the rest of the log is on its way an old head is what is to be expected: that is told already (N-425).
    let is_coming =
        |reading: &Reading| matches!(reading.state, ReadState::Calling | ReadState::ChainBehind | ReadState::Behind);
    if behind > LATE_HEAD_BLOCKS && !status.reading.as_ref().is_some_and(is_coming) {
        let behind = count_of(u64::from(behind), "block");
        add("late", format!("The newest verified log head is {behind} old: the hub is late, or this node is."));
    }
}

/// Signatures of the treasury that are asked for.
fn signatures(sessions: &[SessionView], found: &mut Vec<Need>) {
    let wanted = sessions.iter().filter(|session| session.waits_for_me && session.state == "open");
    // What the check refuses asks for nothing, and of two that spend one coin the other is meant.
    let wanted = wanted.filter(|session| session.check.verdict == Verdict::Valid && session.yields_to.is_none());
    found.extend(wanted.map(|session| Need {
        urgency: Urgency::Asked,
        text: match session.title.is_empty() {
            true => format!("Sign the treasury's session {}", short_id(&session.id)),
            false => format!("Sign a payment: {}", Untrusted::new(&session.title)),
        },
        proposal: None,
        channel: None,
        session: Some(session.id.clone()),
        payment: None,
        next: Vec::new(),
        key: format!("sign {}", session.id),
    }));
}

/// Transactions that enough have signed and nobody has sent: any treasurer may.
fn broadcasts(sessions: &[SessionView], found: &mut Vec<Need>) {
    let is_mine = |session: &&SessionView| session.signers.iter().any(|signer| signer.is_me);
    let ready = sessions.iter().filter(|session| session.state == "complete").filter(is_mine);
    let ready = ready.filter(|session| session.check.verdict == Verdict::Valid && session.yields_to.is_none());
    found.extend(ready.map(|session| Need {
        urgency: Urgency::Asked,
        text: match session.title.is_empty() {
            true => format!("Enough have signed: broadcast the session {}", short_id(&session.id)),
            false => format!("Enough have signed: broadcast the payment {}", Untrusted::new(&session.title)),
        },
        proposal: None,
        channel: None,
        session: Some(session.id.clone()),
        payment: None,
        next: Vec::new(),
        key: format!("broadcast {}", session.id),
    }));
}

/// Payments that were decided and for which no treasurer has opened a session yet.
fn payments(snapshot: &Snapshot, treasury: &TreasuryOverview, found: &mut Vec<Need>) {
    if !treasury.treasurers.iter().any(|treasurer| treasurer.is_me) {
        return;
    }
    let status = &snapshot.status;
    let next = status.tip_height.saturating_add(1);
    let open = treasury.payments.iter().filter(|payment| payment.state == "open");
    let payable = open.filter(|payment| (payment.from_height..payment.expiry_height).contains(&next));
    found.extend(payable.map(|payment| Need {
        urgency: Urgency::Asked,
        text: format!(
            "Pay what was decided within {}: {}",
            // Blocks that may still take it: none at the height of expiry (T-56).
            blocks_and_time(payment.expiry_height.saturating_sub(next), &status.network),
            Untrusted::new(&payment.title)
        ),
        proposal: None,
        channel: None,
        session: None,
        payment: Some(payment.proposal.clone()),
        next: Vec::new(),
        key: format!("pay {}", payment.intent),
    }));
}

/// Ballots that are asked for, the earliest close first.
fn votes(snapshot: &Snapshot, found: &mut Vec<Need>) {
    let status = &snapshot.status;
    let has_weight = status.member.as_ref().is_some_and(|m| m.weight.is_some());
    if !has_weight {
        return;
    }
    let is_asked = |p: &&Proposal| p.state == ProposalState::Voting && p.my_ballot.is_none() && sums::counts_mine(p);
    let mut open: Vec<_> = snapshot.proposals.iter().filter(is_asked).collect();
    open.sort_by_key(|p| p.heights.map_or(u32::MAX, |h| h.close_height));
    found.extend(open.into_iter().map(|p| vote_on(snapshot, p, "", "vote")));
}

/// Ballots of the treasury key that are asked for, where the treasurers decide as a body.
fn treasurers_votes(snapshot: &Snapshot, found: &mut Vec<Need>) {
    if snapshot.status.role == Role::Hub {
        return;
    }
    let asked =
        |p: &&Proposal| p.vote.treasurers.as_ref().is_some_and(|body| body.i_am_one && body.my_ballot.is_none());
    let open = snapshot.proposals.iter().filter(|p| p.state == ProposalState::Voting).filter(asked);
    found.extend(open.map(|p| vote_on(snapshot, p, " as a treasurer", "treasurer")));
}

/// A ballot that is asked for; `of` says what tells it from the member's other one.
fn vote_on(snapshot: &Snapshot, p: &Proposal, whose: &str, of: &str) -> Need {
    let status = &snapshot.status;
    let left = p.heights.map_or(0, |h| h.close_height.saturating_sub(status.tip_height));
    let time = blocks_and_time(left, &status.network);
    Need {
        urgency: Urgency::Asked,
        text: format!("Vote{whose} on #{} within {time}: {}", p.number, Untrusted::new(&p.title)),
        proposal: Some(p.id.clone()),
        channel: None,
        session: None,
        payment: None,
        next: Vec::new(),
        key: format!("{of} {}", p.id),
    }
}

/// Invitations that can be accepted.
fn invited(snapshot: &Snapshot, invitations: &[InvitationView], found: &mut Vec<Need>) {
    let tip = snapshot.status.tip_height;
    let open = invitations.iter().filter(|one| one.mine && one.state == InvitationState::Open);
    found.extend(open.map(|one| Need {
        urgency: Urgency::Asked,
        text: format!(
            "{} invites you to be a member; accept within {}: press 6, then A",
            Untrusted::new(&one.by_name),
            blocks_and_time(one.until.saturating_sub(tip), &snapshot.status.network)
        ),
        proposal: None,
        channel: None,
        session: None,
        payment: None,
        next: vec![
            "6, then A accepts it, after a review.".to_owned(),
            "A member with a stake has weight from the next roll on: 5, then o locks one.".to_owned(),
        ],
        key: format!("invitation {}", one.id),
    }));
}

/// The way to a weight on the roll.
fn stake(snapshot: &Snapshot, found: &mut Vec<Need>) {
    let status = &snapshot.status;
    if status.role == Role::Hub {
        return;
    }
    let is_over = |stake: &Stake| stake.state == "closed" || stake.state == "failed";
    if let Some(reading) = &status.reading {
        // What the log has of this member is not known before (N-425).
        found.push(Need {
            urgency: Urgency::Waiting,
            text: counted(&Untrusted::new(&reading.words()).line()),
            proposal: None,
            channel: None,
            session: None,
            payment: None,
            next: vec!["What is shown is what this machine has checked so far. It goes on by itself.".to_owned()],
            key: "reading".to_owned(),
        });
    } else if status.member.is_none() && snapshot.stakes.iter().all(is_over) {
        found.push(Need {
            urgency: Urgency::Asked,
            text: "No stake yet, so no weight: press 5, then o (or: althing stake open)".to_owned(),
            proposal: None,
            channel: None,
            session: None,
            payment: None,
            next: vec![
                "5, then a shows an address of your wallet: send coins to it and wait for a block.".to_owned(),
                "5, then o locks them in a channel with the hub. They stay yours.".to_owned(),
                "After the confirmations and the end of an epoch they are weight, and you can vote.".to_owned(),
            ],
            key: "stake".to_owned(),
        });
    }
    for stake in &snapshot.stakes {
        let is_deep = stake.state == "ready" && stake.confirmations >= stake.confirmations_needed;
        let has_weight = status.member.as_ref().is_some_and(|member| member.weight.is_some());
        if (is_deep && has_weight) || is_over(stake) {
            continue;
        }
        if is_deep {
            let left = blocks_and_time(status.next_close_height.saturating_sub(status.tip_height), &status.network);
            found.push(Need {
                urgency: Urgency::Waiting,
                text: format!(
                    "Your stake has no weight yet: it is on the roll of an epoch that closes, in {left}, and is final"
                ),
                proposal: None,
                channel: Some(stake.channel.clone()),
                session: None,
                payment: None,
                next: Vec::new(),
                key: format!("roll {}", stake.channel),
            });
            continue;
        }
        found.push(Need {
            urgency: Urgency::Waiting,
            text: format!(
                "Stake channel {}: {}",
                short_id(&stake.channel),
                counted(&Untrusted::new(&stake.words).line())
            ),
            proposal: None,
            channel: Some(stake.channel.clone()),
            session: None,
            payment: None,
            next: Vec::new(),
            key: format!("channel {}", stake.channel),
        });
    }
}

/// Ballots on their way, the latest of each proposal.
fn ballots(snapshot: &Snapshot, found: &mut Vec<Need>) {
    for ballot in &snapshot.ballots {
        if ballot.replaced || ballot.too_late.is_some() || matches!(ballot.path, BallotPath::Final { .. }) {
            continue;
        }
        found.push(Need {
            urgency: Urgency::Waiting,
            text: format!(
                "My ballot{} ({}) {}: {}",
                words::as_treasurer(ballot),
                ballot.choice,
                words::path(&ballot.path),
                Untrusted::new(&ballot.title)
            ),
            proposal: Some(ballot.proposal.clone()),
            channel: None,
            session: None,
            payment: None,
            next: Vec::new(),
            key: format!("ballot {} {}{}", ballot.proposal, ballot.sequence, words::as_treasurer(ballot)),
        });
    }
}
