//! The words for states, the same on every screen and in every command.

use althing_node::api::{
    ApiError, Ballot, BallotPath, BondView, CastBefore, Choice, FundsProof, HandedOn, InvitationState, InvitationView,
    KeyView, Link, LostBallot, Member, MemberHistory, ProposalState, Role, Status, Submissions, System,
};

use crate::backend::AuditReport;
use crate::format::{count_of, parse_weight, percent, sats, short_id, thousands, weight};
use crate::text::counted;
use crate::untrusted::Untrusted;

/// Where a proposal stands.
#[must_use]
pub fn state(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Logged => "logged",
        ProposalState::Review => "review",
        ProposalState::Voting => "voting",
        ProposalState::Closed => "closed",
        ProposalState::Passed => "passed",
        ProposalState::Rejected => "rejected",
        ProposalState::NoQuorum => "no quorum",
        ProposalState::Tied => "tied",
        ProposalState::Authorised => "authorised",
        ProposalState::Expired => "expired",
        ProposalState::Withdrawn => "withdrawn",
        ProposalState::Superseded => "superseded",
        ProposalState::Barred => "barred",
        ProposalState::Vetoed => "vetoed",
        ProposalState::Executed => "executed",
        ProposalState::Lapsed => "lapsed",
    }
}

/// The sign that goes with the state, so that colour is never alone.
#[must_use]
pub fn state_sign(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Logged | ProposalState::Review => "○",
        ProposalState::Voting => "●",
        ProposalState::Closed => "◔",
        ProposalState::Passed | ProposalState::Authorised | ProposalState::Executed => "✓",
        ProposalState::Rejected
        | ProposalState::NoQuorum
        | ProposalState::Tied
        | ProposalState::Barred
        | ProposalState::Vetoed => "✗",
        ProposalState::Expired | ProposalState::Withdrawn | ProposalState::Superseded | ProposalState::Lapsed => "–",
    }
}

/// What a voting system is called.
#[must_use]
pub fn system(system: System) -> &'static str {
    match system {
        System::YesNoAbstain => "yes or no",
        System::YesNoVeto => "yes or no, with veto",
        System::Optimistic => "passes unless enough say no",
        System::SingleChoice => "single choice",
        System::Approval => "approval",
        System::Score { .. } => "score",
        System::InstantRunoff => "instant run-off",
        System::Schulze => "Schulze",
        System::Split => "split",
        System::Quadratic { .. } => "quadratic",
    }
}

/// How a ballot of that system is filled in, in a few words.
#[must_use]
pub fn how_to_fill(system: System) -> &'static str {
    match system {
        System::YesNoAbstain | System::YesNoVeto | System::Optimistic => "one of these",
        System::SingleChoice => "one option gets all",
        System::Approval => "mark all that you approve of",
        System::Score { .. } => "type a grade for each option, or + and −",
        System::InstantRunoff | System::Schulze => "rank as many as you like, best first",
        System::Split => "type the parts of each option, or + and −",
        System::Quadratic { .. } => "type the votes; n of them cost n × n credits",
    }
}

/// What stands above the effects of a proposal: of what is over nothing is open any more.
#[must_use]
pub const fn effects_heading(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Logged | ProposalState::Review | ProposalState::Voting | ProposalState::Closed => "If it passes",
        ProposalState::Passed | ProposalState::Authorised => "It passed; what follows",
        ProposalState::Executed => "What it did",
        ProposalState::Rejected
        | ProposalState::NoQuorum
        | ProposalState::Tied
        | ProposalState::Expired
        | ProposalState::Withdrawn
        | ProposalState::Superseded
        | ProposalState::Barred
        | ProposalState::Vetoed
        | ProposalState::Lapsed => "What it would have done",
    }
}

/// What a member did, for whoever thinks of handing weight on to them.
#[must_use]
pub fn member_history(found: &MemberHistory) -> Vec<String> {
    let (voted, could) = (thousands(u128::from(found.voted)), count_of(found.could_vote, "vote"));
    let taken = percent(u128::from(found.voted), u128::from(found.could_vote));
    let mut lines = vec![
        format!("{} {}", Untrusted::new(&found.name), Untrusted::new(&found.member)),
        match found.could_vote {
            0 => "No vote yet in which this member has a say.".to_owned(),
            _ => {
                let is_open = |vote: &&CastBefore| vote.choice.is_none() && vote.state == ProposalState::Voting;
                let open = match found.votes.iter().filter(is_open).count() {
                    0 => String::new(),
                    1 => "; one of the others is still open".to_owned(),
                    open => format!("; {} of the others are still open", thousands(open as u128)),
                };
                format!("Voted in {voted} of {could} in which this member has a say, {taken}{open}.")
            }
        },
        format!("Wrote {} and {}.", count_of(found.proposed, "proposal"), count_of(found.comments, "comment")),
    ];
    let gives = |giver: &HandedOn| {
        let until = giver.until.map_or_else(String::new, |height| format!(", until {}", thousands(u128::from(height))));
        let share = percent(u128::from(giver.share_bp), 10_000);
        format!("{} hands {share} on, for {}{until}", Untrusted::new(&giver.name), Untrusted::new(&giver.scope))
    };
    lines.push(match found.receives.len() {
        0 => "Nobody hands weight on to this member.".to_owned(),
        1 => "One member hands weight on to this one:".to_owned(),
        givers => format!("{givers} hand weight on to this member:"),
    });
    lines.extend(found.receives.iter().map(|giver| format!("  {}", gives(giver))));
    let cast = |vote: &CastBefore| {
        let said = match (&vote.choice, vote.lost) {
            (Some(choice), _) => format!("{} {choice}", choice_sign(choice)),
            (None, Some(LostBallot::Void)) => "✗ voted, void: two ballots were signed for one place (G-98)".to_owned(),
            (None, Some(LostBallot::TooLate)) => "✗ voted, too late: the vote had ended (G-42)".to_owned(),
            (None, None) if vote.state == ProposalState::Voting => "○ has not voted yet".to_owned(),
            (None, None) => "– did not vote".to_owned(),
        };
        let (title, stands) = (Untrusted::new(&vote.title), state(vote.state));
        let own = weight(&vote.weight);
        let with = match vote.carried.as_deref().map(weight) {
            Some(carried) if carried != own => format!("carrying {carried}, {own} of their own"),
            _ => format!("with {own} of their own"),
        };
        let why = vote.reason.as_ref().map_or_else(String::new, |why| format!(" “{}”", Untrusted::new(why).line()));
        format!("  #{} {title}: {said}, {with}; {stands}{why}", vote.number)
    };
    if !found.votes.is_empty() {
        lines.push("Votes, the newest first:".to_owned());
    }
    lines.extend(found.votes.iter().map(cast));
    lines
}

/// Until when a request takes answers, and those that came, a line each.
#[must_use]
pub fn submissions(found: &Submissions) -> Vec<String> {
    let count = match found.answers.len() as u64 {
        0 => "no answer".to_owned(),
        count => count_of(count, "answer"),
    };
    let until = |height: u32| thousands(u128::from(height));
    let mut lines = vec![match (found.until, found.are_taken) {
        (Some(end), true) => {
            format!("{count} yet; taken below height {}, and voted on together from there on (G-88)", until(end))
        }
        (Some(end), false) => format!("{count}; none is taken any more, the end was at height {} (G-88)", until(end)),
        (None, _) => format!("{count}; they are taken when a signed head covers the request (G-88)"),
    }];
    lines.extend(found.answers.iter().map(|answer| {
        let title = Untrusted::new(&answer.title).line();
        let what = state(answer.state);
        format!("  #{} {title} ({}): {}, {what}", answer.number, short_id(&answer.id), sats(answer.amount_sat))
    }));
    lines
}

/// Invitations, a line each, with what they are for and what became of them.
#[must_use]
pub fn invitations(found: &[InvitationView]) -> Vec<String> {
    if found.is_empty() {
        return vec!["No invitation in the log is of your vote key, or for it.".to_owned()];
    }
    let line = |one: &InvitationView| {
        let until = thousands(u128::from(one.until));
        let stands = match one.state {
            InvitationState::Open => format!("open until height {until}"),
            InvitationState::Accepted => "accepted".to_owned(),
            InvitationState::Expired => format!("expired at height {until}"),
        };
        let who = match one.mine {
            true => format!("{} invites you", Untrusted::new(&one.by_name)),
            false => format!("you invited {}", Untrusted::new(&one.invitee)),
        };
        format!("{} {who}: {stands}", Untrusted::new(&one.id))
    };
    found.iter().map(line).collect()
}

/// A hub's bond: what is asked for, what is missing, and every one that is there.
#[must_use]
pub fn bond(bond: &BondView) -> Vec<String> {
    let (there, asked) = (sats(bond.brought_sat), sats(bond.required_sat));
    let mut lines = vec![match (bond.missing_sat, bond.due_height) {
        (0, _) => format!("hub's bond: {there} there, {asked} asked for"),
        (missing, due) => {
            let by = due.map(|due| format!(" by height {}", thousands(u128::from(due)))).unwrap_or_default();
            let late = if bond.is_overdue { ", OVERDUE" } else { "" };
            format!("hub's bond: {there} there, {asked} asked for, {} to be brought{by}{late}", sats(missing))
        }
    }];
    lines.extend(bond.coins.iter().map(|coin| {
        let whose = match coin.office {
            0 => "of the founding hub".to_owned(),
            office => format!("of the hub of succession {office}"),
        };
        let (outpoint, back) = (Untrusted::new(&coin.outpoint), Untrusted::new(&coin.back));
        format!("bond {outpoint} {whose}: {}, {}, goes back to {back}", sats(coin.sat), Untrusted::new(&coin.state))
    }));
    lines
}

/// What an audit went through.
#[must_use]
pub fn audited(report: &AuditReport) -> String {
    let AuditReport { entries, heads, epochs, ballots, links, .. } = report;
    let counted =
        [(*entries, "entries"), (*heads, "heads"), (*epochs, "epochs"), (*ballots, "ballots"), (*links, "links")];
    counted.map(|(count, what)| format!("{} {what}", thousands(u128::from(count)))).join(", ")
}

/// A proof of funds: what was shown, by whose signatures, and what it lacks.
#[must_use]
pub fn funds(proof: &FundsProof) -> Vec<String> {
    let mut lines = vec![format!(
        "proof of funds: {} in {}, when epoch {} closed at height {}; {} of {} signed",
        sats(proof.total_sat),
        count_of(proof.coins as u64, "coin"),
        proof.epoch,
        thousands(u128::from(proof.height)),
        proof.signed.len(),
        count_of(proof.keys as u64, "key")
    )];
    match proof.lacks.as_slice() {
        [] => lines.push("It was all that the treasury had, and these keys could spend it.".to_owned()),
        lacks => lines.extend(lacks.iter().map(|lack| format!("it is none: {}", Untrusted::new(lack)))),
    }
    lines
}

/// The sign of a choice.
#[must_use]
pub fn choice_sign(choice: &Choice) -> &'static str {
    match choice {
        Choice::Yes => "✓",
        Choice::No | Choice::Veto => "✗",
        Choice::Abstain => "–",
        _ => "•",
    }
}

/// What tells a ballot of the treasury key from the member's own, where both are named.
#[must_use]
pub fn as_treasurer(ballot: &Ballot) -> &'static str {
    if ballot.as_treasurer { " as a treasurer" } else { "" }
}

/// What a node does.
#[must_use]
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Hub => "hub",
        Role::Member => "member",
    }
}

/// The steps of a ballot's path, in order.
pub const PATH_STEPS: [&str; 5] = ["promised", "logged", "anchored", "confirmed", "final"];

/// How many of [`PATH_STEPS`] a ballot has reached; 0 while only stored here.
#[must_use]
pub fn steps_reached(path: &BallotPath) -> usize {
    match path {
        BallotPath::Stored => 0,
        BallotPath::Promised { .. } => 1,
        BallotPath::Logged { .. } => 2,
        BallotPath::Anchored { .. } => 3,
        BallotPath::Confirmed { .. } => 4,
        BallotPath::Final { .. } => 5,
    }
}

/// The step in a word or two, with its number.
#[must_use]
pub fn path(path: &BallotPath) -> String {
    match path {
        BallotPath::Stored => "stored here".to_owned(),
        BallotPath::Promised { anchored_by_height } => {
            format!("promised by {}", thousands(u128::from(*anchored_by_height)))
        }
        BallotPath::Logged { head_height } => {
            format!("logged at {}", thousands(u128::from(*head_height)))
        }
        BallotPath::Anchored { epoch, .. } => format!("anchored, epoch {epoch}"),
        BallotPath::Confirmed { confirmations, needed, .. } => {
            format!("confirmed {confirmations}/{needed}")
        }
        BallotPath::Final { height, .. } => {
            format!("final at {}", thousands(u128::from(*height)))
        }
    }
}

/// What that step means, in a sentence.
#[must_use]
pub fn path_meaning(path: &BallotPath) -> String {
    match path {
        BallotPath::Stored => "Signed and stored on this machine; the hub has not acknowledged it yet.".to_owned(),
        BallotPath::Promised { anchored_by_height } => format!(
            "The hub's signed receipt is stored here. If the ballot is not under an anchored root by height {}, \
             the receipt proves the hub's fault.",
            thousands(u128::from(*anchored_by_height))
        ),
        BallotPath::Logged { head_height } => format!(
            "In the log this machine verified, under the hub's signed head of height {}.",
            thousands(u128::from(*head_height))
        ),
        BallotPath::Anchored { epoch, txid } => {
            format!("Under the header of epoch {epoch}; its link {} is broadcast, not mined yet.", short_id(txid))
        }
        BallotPath::Confirmed { epoch, txid, confirmations, needed } => format!(
            "The link of epoch {epoch}, {}, is mined: {confirmations} of {needed} confirmations by this machine's \
             own Bitcoin source.",
            short_id(txid)
        ),
        BallotPath::Final { epoch, txid, height } => format!(
            "Final: the link of epoch {epoch}, {}, is in the block of height {} and deep enough.",
            short_id(txid),
            thousands(u128::from(*height))
        ),
    }
}

/// What this machine knows about a link, in a sentence.
#[must_use]
pub fn link_check(link: &Link) -> &'static str {
    if link.verified { "recomputed here from the log: the same bytes" } else { "not recomputed here yet" }
}

/// Where a link stands, in some words (N-243).
#[must_use]
pub fn link_state(link: &Link) -> String {
    match link.state.as_str() {
        "built" => "built, not handed to the network yet".to_owned(),
        "broadcast" => "broadcast, in no mempool that is seen from here".to_owned(),
        "seen" => "seen in the mempool".to_owned(),
        "undone" => "undone: it was final, and is sent again".to_owned(),
        "halted" => "halted: something else spent its seal".to_owned(),
        "diverted" => "diverted: the seal was spent by what is no link".to_owned(),
        "unavailable" => "unavailable: its data is withheld".to_owned(),
        other => Untrusted::new(other).line(),
    }
}

/// Who holds which keys of a policy: an extended key that stands in several ways of spending once, with all its paths.
#[must_use]
pub fn keyring(keys: &[KeyView]) -> Vec<(String, String)> {
    let mut held: Vec<(String, String, Vec<String>)> = Vec::new();
    for key in keys {
        let (holder, key) = (Untrusted::new(&key.holder).line(), Untrusted::new(&key.key).line());
        // The key, and the path from it on: `[73c5da0a/48h]tpub…` and `/0/*`.
        let origin = key.find(']').map_or(0, |end| end + 1);
        let end = key[origin..].find('/').map_or(key.len(), |slash| origin + slash);
        let (base, path) = (key[..end].to_owned(), key[end..].to_owned());
        match held.iter_mut().find(|(who, what, _)| *who == holder && *what == base) {
            Some((_, _, paths)) => paths.push(path),
            None => held.push((holder, base, vec![path])),
        }
    }
    held.into_iter().map(|(holder, base, paths)| (holder, format!("{base}{}", paths.join(" and ")))).collect()
}

/// What a member is called, with the beginning of the key where others are called the same (N-428).
#[must_use]
pub fn member_name(member: &Member) -> String {
    let name = Untrusted::new(&member.name).line();
    match member.is_double {
        true => format!("{name} ({})", short_id(&member.vote_key).trim_end_matches('…')),
        false => name,
    }
}

/// What a person should know before a stake is locked: one is on its way already, or the name is another's too.
#[must_use]
pub fn before_a_stake(status: &Status) -> Vec<String> {
    let told = [&status.stake_under_way, &status.name_taken, &status.dues].into_iter().flatten();
    told.map(|words| counted(&Untrusted::new(words).line())).collect()
}

/// Why so much cannot be staked, with the rule and the numbers; said before anybody is asked for a word.
#[must_use]
pub fn stake_refusal(status: &Status, amount_sat: u64) -> Option<ApiError> {
    let (amount, least, has) = (sats(amount_sat), sats(status.least_stake_sat), sats(status.balance.confirmed_sat));
    if amount_sat < status.least_stake_sat {
        let message = format!("G-32: a stake of {amount} is below the charter's minimum of {least}");
        return Some(ApiError::invalid("G-32", message));
    }
    let message = format!(
        "W-1: a stake of {amount} needs that much confirmed in the wallet, and its fee besides; the wallet has {has}"
    );
    (amount_sat > status.balance.confirmed_sat).then(|| ApiError::not_now(message))
}

/// What a stake takes from the wallet, in a sentence.
#[must_use]
pub fn staked_from(status: &Status, amount_sat: u64) -> String {
    let has = status.balance.confirmed_sat;
    let left = sats(has.saturating_sub(amount_sat));
    format!("Your wallet has {} confirmed; {left} stay in it, less the fee.", sats(has))
}

/// A value of a step of "why is this true?", its numbers in thousands; what a person wrote stays as it is.
#[must_use]
pub fn why_value(name: &str, value: &str) -> String {
    let text = Untrusted::new(value).line();
    match parse_weight(&text).filter(|number| number.to_string() == text) {
        _ if name == "title" => text,
        Some(number) => thousands(number),
        None => counted(&text),
    }
}
