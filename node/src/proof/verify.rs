//! Judging a proof file: a pure function of the file and the block hashes (docs/spec/proofs.md, P-2 to P-8).
//!
//! It is semantic. Nothing in the file is believed because another part of the file says so; every value is traced to a
//! commitment in a Bitcoin transaction in a block of the best chain, and the meaning of the values is checked against
//! the charter, the rules and each other.

use std::rc::Rc;

use althing_anchor::{
    BlockHashes, ChainError, ClaimedLink, Commitment, Genesis, LinkChain, VerifiedLink, verify_genesis,
};
use althing_governance::Charter;
use althing_governance::codec::{Canonical as _, DecodeError};
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Ballot, Entry, LaneEntry};
use althing_governance::epoch::{BallotStatement, EpochHeader, Stage};
use althing_governance::id::{HeaderHash, MemberId, ProposalId};
use althing_governance::signing::verify_all;
use althing_governance::tree::{leaf_hash, verify_inclusion};
use bitcoin::secp256k1::{Secp256k1, XOnlyPublicKey};
use bitcoin::{Network, OutPoint};

use super::authorised::{check_authorised, check_did_not_vote, check_unauthorised};
use super::budget::check_budget;
use super::bundle::{BallotPart, Bundle, LoggedEntry, Statement};
use super::fraud::{Dao, check_bad_entry, check_equivocation, check_head_fraud, check_receipt_fraud};
use super::office::check_office;
use super::refill::with_gate;
use super::tally::{Place, ShownPayment, check_payment, check_tally};
use super::two_checkpoints::check_two_checkpoints;
use super::words::{ballot_words, sums_words};
use crate::dao::genesis_params;
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

/// What the links of a chain spend, where a succession goes on behind each of these epochs.
pub(super) fn chain_words(last_links: impl Iterator<Item = u32>) -> String {
    let epochs: Vec<String> = last_links.map(|epoch| epoch.saturating_add(1).to_string()).collect();
    match epochs.is_empty() {
        true => "each spends the one before".to_owned(),
        false => format!(
            "each spends the one before, but the first behind a succession, of epoch {}, which spends what that made of the spare seal",
            epochs.join(" and of epoch ")
        ),
    }
}

/// Judges a proof file against the hashes of the best chain's blocks.
///
/// # Errors
/// [`Rejection`] naming the part, the rule and the values.
pub fn verify(bytes: &[u8], blocks: &impl BlockHashes) -> Result<Finding, Rejection> {
    let (bundle, network) = decode(bytes)?;
    let (mut checked, mut unchecked) = (Vec::new(), Vec::new());
    let (params, genesis) = check_founding(&bundle)?;
    checked.push(format!(
        "DAO {}: the genesis transaction {} commits to this charter ({}).",
        params.dao_id, params.first_seal.txid, params.charter_hash
    ));
    let versions = check_headers(&bundle, &params, blocks)?;
    let charters: Vec<&Charter> = versions.by_epoch.iter().map(|charter| &**charter).collect();
    let links = check_links(&bundle, &params, &genesis, blocks, &mut checked)?;
    let last = bundle.epochs.len();
    let under = bundle.epochs.last().map(|part| &part.header);
    let newest = links.newest;
    let depth = newest.depth(blocks.tip_height());
    checked.push(format!(
        "{last} links: {}, and each commits to one epoch header; the newest, {}, is in block {} at height {}, {depth} blocks deep.",
        chain_words(bundle.successions.iter().map(|part| part.certificate.statement().last_link)),
        newest.txid,
        newest.block_hash,
        newest.height
    ));
    let (params, claim) = match (under, &bundle.statement) {
        (Some(header), Statement::Refilled(part)) => {
            (with_gate(&params, &charters, header, part, &mut checked)?, &part.statement)
        }
        (_, statement) => (params, statement),
    };
    let dao = Dao { params: &params, keys: &versions.keys, successions: &bundle.successions };
    let (statement, payment) = match (under, claim) {
        (None, statement) => (check_without_epochs(&dao, statement, &mut checked)?, None),
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
            (check_unauthorised(&params, &charters, header, part, blocks, &mut checked)?, None)
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
    let rests_on_links = under.is_some()
        && !matches!(
            claim,
            Statement::ReceiptFraud(_)
                | Statement::HeadFraud(_)
                | Statement::BadEntry(_)
                | Statement::TwoCheckpoints(_)
                | Statement::Equivocation(_)
        );
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
        spare_seal: rests_on_links.then_some(links.spare_seal),
    })
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

/// P-3: charter, genesis transaction and DAO id belong together.
fn check_founding(bundle: &Bundle) -> Result<(DaoParams, Genesis), Rejection> {
    let rule = fail("founding");
    if let Some(problem) = bundle.charter.check().first() {
        return Err(rule(format!("P-3: the charter breaks a rule: {problem}")));
    }
    let wanted = genesis_params(&bundle.charter).map_err(|error| rule(format!("P-3: {error:#}")))?;
    let transaction = bundle.genesis.transaction();
    let genesis = verify_genesis(transaction, &wanted).map_err(|error| rule(error.to_string()))?;
    Ok((DaoParams::new(bundle.charter.clone(), bundle.genesis.txid()), genesis))
}

/// P-4: the headers are one chain, of this DAO, closed at boundaries and at blocks of the best chain.
///
fn check_headers(bundle: &Bundle, params: &DaoParams, blocks: &impl BlockHashes) -> Result<Versions, Rejection> {
    let mut previous: Option<&EpochHeader> = None;
    let mut charter = Rc::new(bundle.charter.clone());
    let mut spare_seal = params.spare_seal;
    let mut changes = bundle.changes.iter().peekable();
    let mut successions = bundle.successions.iter().peekable();
    let (mut by_epoch, mut keys, mut reign) = (Vec::new(), vec![(charter.hub_log_key, 0)], 0);
    for part in &bundle.epochs {
        let header = &part.header;
        let number = previous.map_or(1, |before| before.epoch.saturating_add(1));
        let rule = fail(format!("header of epoch {number}"));
        let same = |what: &str, found: &dyn ToString, wanted: &dyn ToString| {
            let (found, wanted) = (found.to_string(), wanted.to_string());
            if found == wanted { Ok(()) } else { Err(rule(format!("P-4: {what} is {found}, must be {wanted}"))) }
        };
        same("epoch", &header.epoch, &number)?;
        same("network", &header.network, &params.network)?;
        same("DAO", &header.dao, &params.dao_id)?;
        // P-330: the keys of the new hub are in the charter from its first header on.
        while let Some(part) =
            successions.next_if(|next| next.certificate.statement().last_link.checked_add(1) == Some(number))
        {
            charter = Rc::new(part.charter_after(&charter));
            spare_seal = part.spare_seal();
            reign += 1;
            keys.push((charter.hub_log_key, reign));
        }
        if let Some(changed) = changes.next_if(|next| header.charter != charter.hash() && next.hash() == header.charter)
        {
            charter = Rc::new(changed.clone());
            keys.push((charter.hub_log_key, reign));
        }
        same("charter hash", &header.charter, &charter.hash())?;
        same("next anchor key", &header.next_anchor_key, &charter.anchor_key)?;
        by_epoch.push(Rc::clone(&charter));
        same("spare seal", &header.spare_seal, &spare_seal)?;
        let before = previous.map_or(HeaderHash([0; 32]), EpochHeader::hash);
        same("previous header hash", &header.prev_header, &before)?;
        let boundary = params.charter.boundary_at_or_after(header.closing_height);
        if boundary != Some(header.closing_height) {
            return Err(rule(format!("P-4: closing height {} is not a boundary", header.closing_height)));
        }
        if let Some(before) = previous
            && (header.closing_height <= before.closing_height || header.log_size < before.log_size)
        {
            return Err(rule(format!(
                "P-4: closing height {} and log size {} do not follow {} and {}",
                header.closing_height, header.log_size, before.closing_height, before.log_size
            )));
        }
        let block = blocks.hash_at(header.closing_height);
        if block != Some(header.closing_hash) {
            let found = block.map_or_else(|| "no block".to_owned(), |hash| hash.to_string());
            return Err(rule(format!(
                "P-4: closing block {} at height {}, the chain has {found}",
                header.closing_hash, header.closing_height
            )));
        }
        previous = Some(header);
    }
    if previous.is_none() && bundle.statement.is_under_a_header() {
        return Err(fail("headers")("P-4: there is no epoch in the file".into()));
    }
    if changes.next().is_some() {
        return Err(fail("headers")("P-4: the file has a charter that no header puts in force".into()));
    }
    // Behind the last header: the new hub has anchored nothing yet, but it signs.
    let last = previous.map_or(0, |header| header.epoch);
    while let Some(part) = successions.next_if(|next| next.certificate.statement().last_link == last && last > 0) {
        charter = Rc::new(part.charter_after(&charter));
        reign += 1;
        keys.push((charter.hub_log_key, reign));
    }
    if successions.next().is_some() {
        return Err(fail("succession")("P-330: the file has a succession that no header of it is followed by".into()));
    }
    Ok(Versions { by_epoch, keys })
}

/// What the headers put in force.
struct Versions {
    /// The charter in force by each header.
    by_epoch: Vec<Rc<Charter>>,
    /// Every log key of a hub, with the number of the reign that it belongs to: 0 for the founding hub, one more with each succession.
    keys: Vec<(XOnlyPublicKey, usize)>,
}

/// The links of a file.
struct Links {
    newest: VerifiedLink,
    /// The spare seal behind it.
    spare_seal: OutPoint,
}

/// The links are one chain from the genesis transaction, each mined after its epoch's closing block, also over successions.
fn check_links(
    bundle: &Bundle,
    params: &DaoParams,
    genesis: &Genesis,
    blocks: &impl BlockHashes,
    checked: &mut Vec<String>,
) -> Result<Links, Rejection> {
    let wrong = |error: ChainError| fail("links")(error.to_string());
    let mut chain = LinkChain::begin(genesis, &bundle.genesis, blocks).map_err(wrong)?;
    let mut key = params.charter.anchor_key;
    let mut spare_seal = params.spare_seal;
    let mut successions = bundle.successions.iter().peekable();
    let mut last: Option<(&EpochHeader, VerifiedLink)> = None;
    for part in bundle.epochs.iter().map(Some).chain([None]) {
        while let Some((header, link)) = last
            && let Some(next) = successions.next_if(|next| next.certificate.statement().last_link == header.epoch)
        {
            let found = next.check(params, header, &link, spare_seal, blocks, checked)?;
            (chain, key, spare_seal) = (LinkChain::resume(found.link()), found.anchor_key(), found.spare_seal());
        }
        let Some(part) = part else { break };
        let commitment = Commitment::new(*part.header.hash().as_bytes());
        let claim = ClaimedLink { commitment, anchor_key: key, evidence: &part.link };
        let link = chain.extend(&claim, blocks).map_err(wrong)?;
        if link.height <= part.header.closing_height {
            let reason = format!(
                "P-4: link {} is mined at height {}, its epoch closed at {}",
                link.number, link.height, part.header.closing_height
            );
            return Err(fail("links")(reason));
        }
        key = part.header.next_anchor_key;
        last = Some((&part.header, link));
    }
    Ok(Links { newest: chain.newest(), spare_seal })
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
