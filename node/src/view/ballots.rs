//! The member's own ballots and their way to finality.

use std::collections::BTreeSet;

use althing_governance::charter::{Body, ClassRule};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Ballot as CastBallot, Entry};
use althing_governance::id::MemberId;
use althing_governance::lifecycle::Phase;
use althing_governance::receipt::Receipt;
use althing_governance::signing::Signed;
use althing_governance::state::ProposalRecord;
use bitcoin::secp256k1::XOnlyPublicKey;

use super::bodies;
use super::choice::{choice as choice_of, fields};
use super::delegations::carried;
use super::links::{LinkFacts, link_facts};
use super::names::find_proposal;
use super::proposals::one;
use crate::api::{ApiError, Ballot, BallotPath, BallotReview, BodyTally, Choice, Refused, TreasurersVote};
use crate::shell::Shell;
use crate::speaker::Voice;

/// All own ballots, newest first.
pub(super) fn own(shell: &Shell) -> Result<Vec<Ballot>, ApiError> {
    let links = link_facts(shell)?;
    let mut ballots: Vec<Ballot> = Vec::new();
    let mut newer = BTreeSet::new();
    for row in shell.store.outbox()?.into_iter().rev() {
        let Ok(Entry::Ballot(entry)) = Entry::from_bytes(&row.entry) else { continue };
        let proposal = entry.body.proposal;
        let record = shell.ledger.state().proposals().get(&proposal);
        let Some(choice) = record.and_then(|record| choice_of(&record.content, &entry.body.fields)) else { continue };
        let logged = shell.ledger.position_of(&entry.id());
        let promised = row.receipt.as_deref().and_then(|bytes| stored_receipt(bytes).ok());
        let path = path(shell, &links, logged, promised.as_ref());
        let as_treasurer = Voice::of_incarnation(row.incarnation) == Voice::Treasurer;
        let position = logged.or(promised.map(|(_, position)| position));
        let too_late = record.zip(position).and_then(|(record, position)| too_late(shell, record, position));
        ballots.push(Ballot {
            // What does not count replaces nothing.
            replaced: too_late.is_none() && !newer.insert((proposal, as_treasurer)),
            too_late,
            as_treasurer,
            proposal: proposal.to_string(),
            title: record.map(|record| record.content.title.clone()).unwrap_or_default(),
            choice,
            reason: entry.body.reason.clone(),
            sequence: row.sequence,
            position,
            words: match too_late {
                Some(end) => format!("{} {}", late_words(end), path_words(&path)),
                None => path_words(&path),
            },
            path,
        });
    }
    Ok(ballots)
}

/// What casting a ballot would do.
pub(super) fn review(
    shell: &Shell,
    me: MemberId,
    id: &str,
    choice: Choice,
    reason: Option<String>,
) -> Result<BallotReview, ApiError> {
    let id = find_proposal(shell, id)?;
    let state = shell.ledger.state();
    let record = &state.proposals()[&id];
    let fields = fields(&record.content, &choice)?;
    // A reason that no log would take is refused before anybody reads a review of it (G-29).
    let body = CastBallot { proposal: id, fields: fields.clone(), reason };
    CastBallot::from_bytes(&body.to_bytes()).map_err(|error| {
        let message = error.to_string();
        ApiError::of_message("G-29", message)
    })?;
    let own_weight = state.roll(record.snapshot_epoch).map_or(0, |roll| roll.weight(&me));
    let weight = carried(shell, record, &me, own_weight);
    let proposal = one(shell, Some(me), &id.to_string())?;
    let replaces = proposal.my_ballot.as_ref().map(|ballot| ballot.choice.clone());
    let mut bodies_after = bodies::with_ballot(shell, me, record, &fields);
    let tally_after = bodies_after.first().map(|first| first.tally.clone());
    if !state.rule_of(record).is_some_and(ClassRule::has_offices) {
        bodies_after.clear();
    }
    let after = state.bodies_with(record, Some((&me, &fields))).into_iter().next().map(|first| first.count);
    let mut options_after = proposal.vote.options.clone();
    for (option, place) in options_after.iter_mut().zip(0u16..) {
        option.sum = after.as_ref().map(|count| count.figure(place).to_string());
    }
    let open = record.dropped.is_none()
        && record.schedule.zip(state.tip_height()).is_some_and(|(schedule, tip)| schedule.is_open(tip));
    let refusal = if !open {
        Some(not_open(state.phase(record)))
    } else if replaces.is_some() && state.rule_of(record).is_some_and(|rule| rule.final_ballots) {
        let message = format!("G-44: you have voted on proposal {id}, and ballots of its class are final");
        Some(Refused { rule: "G-44".to_owned(), message, transient: false })
    } else if let Err(late) = state.check_in_time(record) {
        Some(Refused { rule: late.rule().to_owned(), message: late.to_string(), transient: false })
    } else {
        bodies::counts_nowhere(shell, record, &me).map(Refused::from)
    };
    let mut sentences = vec![
        format!("You vote {choice} on proposal {id}."),
        format!(
            "Your vote key {} signs it; choice, reason and key are public to the DAO for ever.",
            shell.speaking_key(&me)
        ),
        format!(
            "By the roll of epoch {} you have weight {own_weight}; nothing in the ballot can change it.",
            record.snapshot_epoch
        ),
        match state.rule_of(record).is_some_and(|rule| rule.final_ballots) {
            true => "It is final: ballots of this class cannot be changed.".to_owned(),
            false => "You can change it until voting closes; the last one counts.".to_owned(),
        },
    ];
    sentences.extend(may_go_on(shell, record));
    sentences.extend(counted_by(shell, record, &bodies_after));
    if weight > own_weight {
        sentences.push(format!("It carries {weight}: what others delegated to you goes with it."));
    }
    if let Some(before) = &replaces {
        sentences.push(format!("It replaces your ballot \"{before}\"."));
    }
    let weight = weight.to_string();
    Ok(BallotReview {
        proposal,
        choice,
        replaces,
        weight,
        tally_after,
        options_after,
        bodies_after,
        sentences,
        refusal,
    })
}

/// Which bodies decide, and which of them count this ballot, where that is not the members alone.
fn counted_by(shell: &Shell, record: &ProposalRecord, bodies: &[BodyTally]) -> Vec<String> {
    let rule = shell.ledger.state().rule_of(record);
    let mut told: Vec<String> = rule.and_then(bodies::bodies_sentence).into_iter().collect();
    if bodies.is_empty() {
        return told;
    }
    // A treasury key is another key, and casts a ballot of its own.
    let mine: Vec<&str> =
        bodies.iter().filter(|one| one.i_am_one && one.body != Body::Treasurers).map(|one| one.body.name()).collect();
    told.push(match mine.as_slice() {
        [] => "This ballot counts in none of them.".to_owned(),
        bodies => format!("This ballot counts among the {}.", bodies.join(" and the ")),
    });
    if treasurers(shell, record).is_some_and(|body| body.i_am_one) {
        told.push(
            "You are one of the treasurers: their ballot is another one, `vote --as-treasurer`, or V on the screens."
                .to_owned(),
        );
    }
    told
}

/// Until when a vote goes on whose end a change of the lead puts off.
fn may_go_on(shell: &Shell, record: &ProposalRecord) -> Option<String> {
    let state = shell.ledger.state();
    let (end, latest) = (state.vote_end(record)?, record.schedule?.latest_close);
    let is_open = state.ended_at(record).is_none();
    (is_open && end < latest).then(|| {
        format!(
            "Voting ends at height {end}, unless the lead changes in the last quarter and extends it, to height {latest} at most \
             (G-43); a ballot that comes after the end is refused and does not count."
        )
    })
}

/// The height at which the vote had ended, for an entry at a position that is too late for it.
fn too_late(shell: &Shell, record: &ProposalRecord, position: u64) -> Option<u32> {
    let state = shell.ledger.state();
    state.ended_at(record).filter(|_| state.vote_cutoff(record).is_some_and(|cutoff| position >= cutoff))
}

/// What a ballot is worth that came behind the end of its vote.
pub fn late_words(end: u32) -> String {
    format!("Not counted: the vote had ended at height {end} when the log took it (G-42).")
}

/// G-41: before voting opens it is worth another try, afterwards it is not.
fn not_open(phase: Phase) -> Refused {
    let (when, transient) = match phase {
        Phase::Logged => ("; no signed head covers it yet: try again with the next block".to_owned(), true),
        Phase::Review { opens_at } => (format!("; voting opens at height {opens_at}"), true),
        _ => (String::new(), false),
    };
    let message = format!("G-41: voting on this proposal is not open now; it is {}{when}", phase.name());
    Refused { rule: "G-41".to_owned(), message, transient }
}

/// What the treasurers have said, where they have a say beside the members (G-45).
pub(super) fn treasurers(shell: &Shell, record: &ProposalRecord) -> Option<TreasurersVote> {
    let state = shell.ledger.state();
    if !state.rule_of(record).is_some_and(|rule| rule.bodies.contains(&Body::Treasurers)) {
        return None;
    }
    let keys = || state.charter_of(record).treasurers.iter().map(|treasurer| treasurer.key.x_only_public_key().0);
    let own = shell.key_of(Voice::Treasurer).x_only_public_key().0;
    let has_voted = |key: &XOnlyPublicKey| state.counted_ballot(record, &MemberId::of(key)).is_some();
    Some(TreasurersVote {
        of: keys().count() as u64,
        voted: keys().filter(has_voted).count() as u64,
        i_am_one: keys().any(|key| key == own),
        my_ballot: None,
    })
}

/// A path in a sentence.
pub fn path_words(path: &BallotPath) -> String {
    match path {
        BallotPath::Stored => "Signed and stored here; the hub has not acknowledged it yet.".to_owned(),
        BallotPath::Promised { anchored_by_height } => {
            format!("Promised: the hub signed that it will be under an anchored root by height {anchored_by_height}.")
        }
        BallotPath::Logged { head_height } => {
            format!("Logged: this node checked it under the signed head of height {head_height}.")
        }
        BallotPath::Anchored { epoch, .. } => format!("Anchored: under epoch {epoch}, whose link is not mined yet."),
        BallotPath::Confirmed { epoch, confirmations, needed, .. } => {
            format!("Confirmed {confirmations}/{needed}: under epoch {epoch}, whose link is on Bitcoin.")
        }
        BallotPath::Final { epoch, height, .. } => {
            format!("Final: under epoch {epoch}, whose link at height {height} is deep enough to count for good.")
        }
    }
}

/// A stored receipt: the hub's signed receipt, then the position of the entry.
pub(crate) fn stored_receipt(bytes: &[u8]) -> anyhow::Result<(Signed<Receipt>, u64)> {
    let mut r = althing_governance::codec::Reader::new(bytes);
    let receipt = Signed::<Receipt>::decode(&mut r)?;
    let position = r.u64()?;
    Ok((receipt, position))
}

fn path(
    shell: &Shell,
    links: &[LinkFacts],
    position: Option<u64>,
    promised: Option<&(Signed<Receipt>, u64)>,
) -> BallotPath {
    let early = || match promised {
        Some((receipt, _)) => BallotPath::Promised { anchored_by_height: receipt.anchored_by_height },
        None => BallotPath::Stored,
    };
    let Some(position) = position else { return early() };
    let Some(head_height) = shell.ledger.state().entry_height(position) else { return early() };
    let covering = links.iter().find(|link| link.verified && link.header.log_size > position);
    let Some(link) = covering else { return BallotPath::Logged { head_height } };
    let (epoch, txid) = (link.header.epoch, link.txid.to_string());
    let needed = shell.ledger.state().charter().final_depth;
    match link.height {
        None => BallotPath::Anchored { epoch, txid },
        Some(height) => match (shell.tip_height() + 1).saturating_sub(height) {
            confirmations if confirmations < needed => BallotPath::Confirmed { epoch, txid, confirmations, needed },
            _ => BallotPath::Final { epoch, txid, height },
        },
    }
}
