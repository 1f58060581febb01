//! Judging a proof file: a pure function of the file and the block hashes (docs/spec/proofs.md, P-2 to P-8).
//!
//! It is semantic. Nothing in the file is believed because another part of the file says so; every value is traced to a
//! commitment in a Bitcoin transaction in a block of the best chain, and the meaning of the values is checked against
//! the charter, the rules and each other.

use althing_anchor::BlockHashes;
use althing_governance::Charter;
use althing_governance::codec::{Canonical as _, DecodeError};
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Ballot, Entry, LaneEntry};
use althing_governance::epoch::{BallotStatement, EpochHeader, Stage};
use althing_governance::id::{MemberId, ProposalId};
use althing_governance::signing::verify_all;
use althing_governance::tree::{leaf_hash, verify_inclusion};
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Network, OutPoint};

use super::authorised::{check_authorised, check_did_not_vote};
use super::budget::check_budget;
use super::bundle::{BallotPart, Bundle, LoggedEntry, Statement};
use super::fraud::{Dao, check_bad_entry, check_equivocation, check_head_fraud, check_receipt_fraud};
use super::history::History;
use super::later::verify_later;
use super::office::check_office;
use super::refill::with_gate;
use super::tally::{Place, ShownPayment, check_payment, check_tally};
use super::theft::{self, check_theft, check_unauthorised};
use super::two_checkpoints::check_two_checkpoints;
use super::words::{ballot_words, sums_words};
use crate::treasury::generations;

/// What a proof file shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The statement, in a sentence.
    pub statement: String,
    /// What was checked, a sentence each.
    pub checked: Vec<String>,
    /// What the statement says and this file does not show (P-7), a sentence each.
    pub unchecked: Vec<String>,
    /// The network.
    pub network: Network,
    /// Depth of the newest link in the blocks given.
    pub depth: u32,
    /// Depth from which the charter calls it final.
    pub final_depth: u32,
    /// The DAO.
    pub dao: DaoParams,
    /// The charter in force by the newest header of the file.
    pub charter: Charter,
    /// Treasury descriptors by the charters of the file, the oldest first.
    pub treasuries: Vec<String>,
    /// The payment that is shown to be authorised, if one is.
    pub payment: Option<ShownPayment>,
    /// The spare seal behind the newest link of the file; once it is spent, a succession may have made such links void. `None` for
    /// what holds whichever links count: what somebody signed.
    pub spare_seal: Option<OutPoint>,
}

/// Why a proof file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// It is not a proof file in canonical form.
    #[error("not a proof file: {0}")]
    Form(#[from] DecodeError),
    /// A rule does not hold.
    #[error("{subject}: {reason}")]
    Rule {
        /// Which part of the file.
        subject: String,
        /// The rule and the values.
        reason: String,
    },
}

/// Decodes a proof file and says which network its block hashes must be of.
///
/// # Errors
/// [`Rejection::Form`], or a charter of a network that is not known.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Bundle, Network), Rejection> {
    let bundle = Bundle::from_bytes(bytes)?;
    let network = bundle.charter.bitcoin_network().ok_or_else(|| Rejection::Rule {
        subject: "charter".into(),
        reason: format!("P-3: network {} is not known", bundle.charter.network),
    })?;
    Ok((bundle, network))
}

/// Judges a proof file against the hashes of the best chain's blocks.
///
/// # Errors
/// [`Rejection`] naming the part, the rule and the values.
pub fn verify(bytes: &[u8], blocks: &impl BlockHashes) -> Result<Finding, Rejection> {
    let (bundle, network) = decode(bytes)?;
    if !bundle.behind.is_empty() {
        return verify_later(bundle, network, blocks);
    }
    let history = History::check(&bundle, blocks)?;
    judge(&bundle, network, history, blocks)
}

/// Judges the statement of a file whose history was checked.
pub(super) fn judge(
    bundle: &Bundle,
    network: Network,
    history: History,
    blocks: &impl BlockHashes,
) -> Result<Finding, Rejection> {
    let History { params, versions, newest, spare_seal, mut checked } = history;
    let mut unchecked = Vec::new();
    let charters: Vec<&Charter> = versions.by_epoch.iter().map(|charter| &**charter).collect();
    let under = bundle.epochs.last().map(|part| &part.header);
    let depth = newest.depth(blocks.tip_height());
    let (params, claim) = match (under, &bundle.statement) {
        (Some(header), Statement::Refilled(part)) => {
            (with_gate(&params, &charters, header, part, &mut checked)?, &part.statement)
        }
        (_, statement) => (params, statement),
    };
    let founding = bundle.genesis.transaction();
    let dao = Dao { params: &params, keys: &versions.keys, successions: &bundle.successions };
    let (statement, payment) = match (under, claim) {
        (None, statement) => (check_without_epochs(&dao, statement, &mut checked)?, None),
        // P-160: founding, headers and links are all there is to check.
        (Some(header), Statement::Links) => (links_words(&params, header), None),
        (Some(header), Statement::Ballot(part)) => (check_ballot(&params, header, part, &mut checked)?, None),
        (Some(header), Statement::Tally(part)) => {
            let place = Place { params: &params, header, charters: &charters };
            check_tally(&place, part, &mut checked, &mut unchecked)?
        }
        (Some(header), Statement::Authorised(part)) => (check_authorised(&params, header, part, &mut checked)?, None),
        (Some(header), Statement::Budget(part)) => (check_budget(&params, header, part, &mut checked)?, None),
        (Some(header), Statement::DidNotVote(part)) => (check_did_not_vote(header, part, &mut checked)?, None),
        (Some(header), Statement::Office(part)) => {
            (check_office(&params, &charters, header, part, &mut checked)?, None)
        }
        (Some(header), Statement::UnauthorisedSpend(part)) => {
            let tenures = tenures(bundle, &charters);
            let place = theft::Place { params: &params, charters: &tenures, header, genesis: founding };
            (check_unauthorised(&place, part, blocks, &mut checked)?, None)
        }
        (Some(header), Statement::Theft(part)) => {
            let tenures = tenures(bundle, &charters);
            let place = theft::Place { params: &params, charters: &tenures, header, genesis: founding };
            (check_theft(&place, part, blocks, &mut checked)?, None)
        }
        (Some(header), Statement::ReceiptFraud(part)) => {
            (check_receipt_fraud(&dao, Some(header), part, &mut checked)?, None)
        }
        (Some(_), Statement::HeadFraud(heads)) => (check_head_fraud(&dao, heads, &mut checked)?, None),
        (Some(_), Statement::BadEntry(part)) => (check_bad_entry(&dao, part, &mut checked)?, None),
        (Some(_), Statement::TwoCheckpoints(part)) => (check_two_checkpoints(&dao, part, &mut checked)?, None),
        (Some(_), Statement::Equivocation(proof)) => (check_equivocation(&dao, proof, &mut checked)?, None),
        (Some(header), Statement::Payment(part)) => {
            // P-20: the tally stands under its own header, the payment under the last.
            let at = usize::try_from(part.decided).ok().and_then(|epoch| epoch.checked_sub(1));
            let decided = at.and_then(|at| bundle.epochs.get(at));
            let Some(decided) = decided else {
                return Err(fail("payment")(format!("P-20: epoch {} is not in the file", part.decided)));
            };
            let place = Place { params: &params, header: &decided.header, charters: &charters };
            check_payment(&place, header, part, &mut checked, &mut unchecked)?
        }
        (Some(_), Statement::Refilled(_)) => {
            return Err(fail("statement")("P-300: a statement over a refill inside another".into()));
        }
    };
    let rests_on_links = claim.rests_on_links();
    let charter = charters.last().map_or(&bundle.charter, |charter| *charter).clone();
    let treasuries = generations(std::iter::once(&bundle.charter).chain(charters.iter().copied()));
    let final_depth = params.charter.final_depth;
    Ok(Finding {
        statement,
        checked,
        unchecked,
        network,
        depth,
        final_depth,
        dao: params,
        charter,
        treasuries,
        payment,
        spare_seal: rests_on_links.then_some(spare_seal),
    })
}

/// The charters of a file, each with the closing height from which it was in force (T-336).
fn tenures<'a>(bundle: &'a Bundle, charters: &[&'a Charter]) -> Vec<(u32, &'a Charter)> {
    let by_epoch = bundle.epochs.iter().map(|part| part.header.closing_height).zip(charters.iter().copied());
    std::iter::once((0, &bundle.charter)).chain(by_epoch).collect()
}

/// Statements that need no header: what was signed is proof by itself.
fn check_without_epochs(dao: &Dao<'_>, statement: &Statement, checked: &mut Vec<String>) -> Result<String, Rejection> {
    match statement {
        Statement::ReceiptFraud(part) => check_receipt_fraud(dao, None, part, checked),
        Statement::HeadFraud(heads) => check_head_fraud(dao, heads, checked),
        Statement::Equivocation(proof) => check_equivocation(dao, proof, checked),
        Statement::BadEntry(part) => check_bad_entry(dao, part, checked),
        Statement::TwoCheckpoints(part) => check_two_checkpoints(dao, part, checked),
        _ => Err(fail("headers")("P-4: there is no epoch in the file".into())),
    }
}

fn links_words(params: &DaoParams, header: &EpochHeader) -> String {
    let (dao, epoch, hash) = (params.dao_id, header.epoch, header.hash());
    format!("Links of DAO {dao} from its genesis transaction up to epoch {epoch}, whose header has the hash {hash}.")
}

/// P-6: a ballot is counted as cast.
fn check_ballot(
    params: &DaoParams,
    header: &EpochHeader,
    part: &BallotPart,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("ballot");
    let Entry::Ballot(ballot) = logged(params, header, &part.entry, "ballot")? else {
        return Err(rule("P-6: the entry is not a ballot".into()));
    };
    let proposal: ProposalId = ballot.body.proposal;
    // Of a member who has replaced the vote key it is the first one that rolls and tallies name (G-90); which keys a member had, the
    // log says. The leaf names the member, and the entry that counts for them.
    let (member, key) = (MemberId(part.counted.ballot.leaf.key), ballot.lane.member);
    let counted = part.counted.verify(header, &proposal, &member).map_err(|error| rule(error.to_string()))?;
    let carried = check_same_ballot(&counted, part.entry.position, &ballot)?;
    check_snapshot(header, part.snapshot)?;
    check_counted_by(part.snapshot, counted.snapshot)?;
    let roll = part.weight.verify(header, part.snapshot, &member).map_err(|error| rule(error.to_string()))?;
    let (weight, total) = (roll.weight, roll.total);
    let (shown, stated) =
        ((counted.weight, counted.totals.weight(), counted.electorate), (weight, total, roll.electorate));
    let agrees = match counted.stage {
        // Stakes that had left by then count no more (G-37).
        Stage::Enacted => shown.0 <= stated.0 && shown.1 <= stated.1 && shown.2 <= stated.2,
        Stage::Open | Stage::Closed => shown == stated,
    };
    if !agrees {
        return Err(rule(format!(
            "P-6: the tally gives weight {} of {} among {} members, the roll of epoch {} gives {weight} of {total} among {}",
            counted.weight,
            counted.totals.weight(),
            counted.electorate,
            part.snapshot,
            roll.electorate
        )));
    }
    checked.push(match key == member {
        true => format!("The ballot is signed by member {member} and is entry {} of the log.", part.entry.position),
        false => format!(
            "The ballot is entry {} of the log, signed by vote key {key}, and counts for member {member}.",
            part.entry.position
        ),
    });
    checked.push(format!("It is the one ballot of that member in the tally of proposal {proposal}."));
    checked.push(format!("Its weight {weight} of {total} is the member's on the roll of epoch {}.", part.snapshot));
    if carried > counted.weight {
        checked.push(format!("It carries {carried}, with what others delegated."));
    }
    let standing = match counted.stage.is_final() {
        true => "in the final tally",
        false => "in the tally so far, which a later ballot may still replace",
    };
    let fields = ballot_words(&counted.totals, &ballot.body.fields);
    Ok(format!(
        "Ballot of member {member} on proposal {proposal}: {fields} with weight {carried}, counted as cast {standing} ({}, of {total}).",
        sums_words(&counted.totals)
    ))
}

/// The ballot that the tally counts is the one shown: at this position, of these fields. Gives the weight that it carries.
pub(super) fn check_same_ballot(
    counted: &BallotStatement,
    position: u64,
    ballot: &LaneEntry<Ballot>,
) -> Result<u128, Rejection> {
    let rule = fail("ballot");
    let member = ballot.lane.member;
    let Some(found) = counted.leaf.ballot() else {
        return Err(rule(format!("P-6: the tally has no ballot of member {member}")));
    };
    let entry_id = Entry::Ballot(ballot.clone()).id();
    if (found.position, found.entry, &found.fields) != (position, entry_id, &ballot.body.fields) {
        return Err(rule(format!(
            "P-6: the tally counts entry {} at position {} with fields {:?}, the file shows entry {entry_id} at {position} with {:?}",
            found.entry, found.position, found.fields, ballot.body.fields
        )));
    }
    Ok(found.weight)
}

/// The entry is in the log at its position, and its signatures are good.
pub(super) fn logged(
    params: &DaoParams,
    header: &EpochHeader,
    entry: &LoggedEntry,
    what: &'static str,
) -> Result<Entry, Rejection> {
    let rule = fail(what);
    verify_inclusion(leaf_hash(&entry.bytes), entry.position, header.log_size, &entry.path, header.log_root)
        .map_err(|error| rule(format!("P-6: position {} of the log: {error}", entry.position)))?;
    let decoded = Entry::from_bytes(&entry.bytes).map_err(|error| rule(error.to_string()))?;
    let lane = decoded.lane().copied();
    if lane.is_none_or(|lane| (lane.network, lane.dao) != (params.network, params.dao_id)) {
        return Err(rule(format!("P-6: the entry is not of DAO {}", params.dao_id)));
    }
    let checks = decoded.signature_checks(&params.charter.hub_log_key);
    verify_all(&Secp256k1::verification_only(), &checks).map_err(|error| rule(error.to_string()))?;
    Ok(decoded)
}

/// A snapshot is older than the epoch that counts by it.
pub(super) fn check_snapshot(header: &EpochHeader, snapshot: u32) -> Result<(), Rejection> {
    if (1..header.epoch).contains(&snapshot) {
        return Ok(());
    }
    let reason =
        format!("P-6: the roll of epoch {snapshot} cannot be the snapshot of a vote counted in epoch {}", header.epoch);
    Err(fail("snapshot")(reason))
}

/// The ballot tree's leaf in ballot-roots names the snapshot that the vote was counted by (G-63); weights are of that one.
pub(super) fn check_counted_by(stated: u32, counted: u32) -> Result<(), Rejection> {
    if stated == counted {
        return Ok(());
    }
    let reason =
        format!("P-6: the file shows the roll of epoch {stated}, the vote is counted by that of epoch {counted}");
    Err(fail("snapshot")(reason))
}

pub(super) fn fail(subject: impl Into<String>) -> impl Fn(String) -> Rejection {
    let subject = subject.into();
    move |reason| Rejection::Rule { subject: subject.clone(), reason }
}
