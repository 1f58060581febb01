//! Judging a proof file: a pure function of the file and the block hashes (docs/spec/40-proofs.md, P-2 to P-8).
//!
//! It is semantic. Nothing in the file is believed because another part of the file says so; every value is traced to a
//! commitment in a Bitcoin transaction in a block of the best chain, and the meaning of the values is checked against
//! the charter, the rules and each other.

use althing_anchor::{BlockHashes, ClaimedLink, Commitment, Genesis, VerifiedChain, verify_chain, verify_genesis};
use althing_governance::charter::ClassRule;
use althing_governance::codec::{Canonical as _, DecodeError};
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Choice, Effect, Entry, LaneEntry, ProposalContent};
use althing_governance::epoch::{Authorisation, DecisionLeaf, EpochHeader};
use althing_governance::id::{HeaderHash, MemberId, ProposalId};
use althing_governance::signing::verify_all;
use althing_governance::tally::Outcome;
use althing_governance::tree::{leaf_hash, verify_inclusion};
use bitcoin::Network;
use bitcoin::secp256k1::Secp256k1;

use super::bundle::{BallotPart, Bundle, LoggedEntry, Statement, TallyPart};
use crate::dao::genesis_params;

/// What a proof file shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The statement, in a sentence.
    pub statement: String,
    /// What was checked, a sentence each.
    pub checked: Vec<String>,
    /// The network.
    pub network: Network,
    /// Depth of the newest link in the blocks given.
    pub depth: u32,
    /// Depth from which the charter calls it final.
    pub final_depth: u32,
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
    let mut checked = Vec::new();
    let (params, genesis) = check_founding(&bundle)?;
    checked.push(format!(
        "DAO {}: the genesis transaction {} commits to this charter ({}).",
        params.dao_id, params.first_seal.txid, params.charter_hash
    ));
    check_headers(&bundle, &params, blocks)?;
    let chain = check_links(&bundle, &params, &genesis, blocks)?;
    let last = bundle.epochs.len();
    let newest = chain.newest();
    let depth = newest.depth(chain.tip_height);
    checked.push(format!(
        "{last} links: each spends the one before and commits to one epoch header; the newest, {}, is in block {} at height {}, {depth} deep.",
        newest.txid, newest.block_hash, newest.height
    ));
    let header = &bundle.epochs[last - 1].header;
    let previous_closing = bundle.epochs.iter().rev().nth(1).map_or(0, |part| part.header.closing_height);
    let statement = match &bundle.statement {
        Statement::Ballot(part) => check_ballot(&params, header, part, &mut checked)?,
        Statement::Tally(part) => check_tally(&params, header, previous_closing, part, &mut checked)?,
    };
    Ok(Finding { statement, checked, network, depth, final_depth: params.charter.final_depth })
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
fn check_headers(bundle: &Bundle, params: &DaoParams, blocks: &impl BlockHashes) -> Result<(), Rejection> {
    let mut previous: Option<&EpochHeader> = None;
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
        same("charter hash", &header.charter, &params.charter_hash)?;
        same("next anchor key", &header.next_anchor_key, &params.charter.anchor_key)?;
        same("spare seal", &header.spare_seal, &params.spare_seal)?;
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
    if previous.is_none() {
        return Err(fail("headers")("P-4: there is no epoch in the file".into()));
    }
    Ok(())
}

/// The links are one chain from the genesis transaction, each mined after its epoch's closing block.
fn check_links(
    bundle: &Bundle,
    params: &DaoParams,
    genesis: &Genesis,
    blocks: &impl BlockHashes,
) -> Result<VerifiedChain, Rejection> {
    let mut key = params.charter.anchor_key;
    let mut links = Vec::new();
    for part in &bundle.epochs {
        links.push(ClaimedLink {
            commitment: Commitment::new(*part.header.hash().as_bytes()),
            anchor_key: key,
            evidence: &part.link,
        });
        key = part.header.next_anchor_key;
    }
    let chain = verify_chain(genesis, &bundle.genesis, &links, blocks, params.charter.final_depth)
        .map_err(|error| fail("links")(error.to_string()))?;
    for (part, link) in bundle.epochs.iter().zip(chain.links.iter().skip(1)) {
        if link.height <= part.header.closing_height {
            let reason = format!(
                "P-4: link {} is mined at height {}, its epoch closed at {}",
                link.number, link.height, part.header.closing_height
            );
            return Err(fail("links")(reason));
        }
    }
    Ok(chain)
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
    let choice = Choice::from_fields(&ballot.body.fields)
        .ok_or_else(|| rule(format!("G-29: fields {:?} are no choice", ballot.body.fields)))?;
    let (proposal, member): (ProposalId, MemberId) = (ballot.body.proposal, ballot.lane.member);
    let counted = part.counted.verify(header, &proposal, &member).map_err(|error| rule(error.to_string()))?;
    let Some(found) = counted.leaf.ballot else {
        return Err(rule(format!("P-6: the tally has no ballot of member {member}")));
    };
    let entry_id = Entry::Ballot(ballot.clone()).id();
    if (found.position, found.entry, &found.fields) != (part.entry.position, entry_id, &ballot.body.fields) {
        return Err(rule(format!(
            "P-6: the tally counts entry {} at position {} with fields {:?}, the file shows entry {entry_id} at {} with {:?}",
            found.entry, found.position, found.fields, part.entry.position, ballot.body.fields
        )));
    }
    check_snapshot(header, part.snapshot)?;
    let roll = part.weight.verify(header, part.snapshot, &member).map_err(|error| rule(error.to_string()))?;
    let (weight, total) = (roll.weight, roll.total);
    if (weight, total, roll.electorate) != (counted.weight, counted.totals.weight, counted.electorate) {
        return Err(rule(format!(
            "P-6: the tally gives weight {} of {} among {} members, the roll of epoch {} gives {weight} of {total} among {}",
            counted.weight, counted.totals.weight, counted.electorate, part.snapshot, roll.electorate
        )));
    }
    checked.push(format!("The ballot is signed by member {member} and is entry {} of the log.", part.entry.position));
    checked.push(format!("It is the one ballot of that member in the tally of proposal {proposal}."));
    checked.push(format!("Its weight {weight} of {total} is the member's on the roll of epoch {}.", part.snapshot));
    let standing = match counted.is_final {
        true => "in the final tally",
        false => "in the tally so far, which a later ballot may still replace",
    };
    Ok(format!(
        "Ballot of member {member} on proposal {proposal}: {} with weight {weight}, counted as cast {standing} (yes {}, no {}, abstain {}, of {total}).",
        choice_name(choice),
        counted.totals.yes,
        counted.totals.no,
        counted.totals.abstain
    ))
}

/// P-7: sums, quorum, outcome and authorisation.
fn check_tally(
    params: &DaoParams,
    header: &EpochHeader,
    previous_closing: u32,
    part: &TallyPart,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("tally");
    let Entry::Proposal(entry) = logged(params, header, &part.entry, "proposal")? else {
        return Err(rule("P-7: the entry is not a proposal".into()));
    };
    let entry: LaneEntry<ProposalContent> = entry;
    let content = &entry.body;
    let proposal = content.id(params.network, params.dao_id, entry.lane.member);
    check_snapshot(header, part.tally.snapshot)?;
    let shown = part.tally.verify(header, &proposal).map_err(|error| rule(error.to_string()))?;
    if !shown.is_final {
        return Err(rule(format!("P-7: voting on proposal {proposal} had not closed in epoch {}", header.epoch)));
    }
    let totals = shown.totals;
    let Some((_, class_rule)) = params.charter.rule_for(content.class, content.amount_sat()) else {
        return Err(rule(format!(
            "P-7: the charter has no rule for a {} proposal of {} sat",
            content.class.name(),
            content.amount_sat()
        )));
    };
    let outcome = totals.outcome(class_rule);
    let decision = part.decision.verify(header, &proposal).map_err(|error| rule(error.to_string()))?;
    if (decision.outcome, decision.class) != (outcome, content.class) {
        return Err(rule(format!(
            "P-7: the decision is {} for class {}, the sums give {} for class {}",
            decision.outcome.name(),
            decision.class.name(),
            outcome.name(),
            content.class.name()
        )));
    }
    // P-7: a header holds the final tally of a vote that closed after the header before it, so this one decided it.
    if decision.decided_epoch != header.epoch {
        let (stated, epoch) = (decision.decided_epoch, header.epoch);
        return Err(rule(format!("P-7: the decision is of epoch {stated}, the vote closed in epoch {epoch}")));
    }
    check_authorisation(params, class_rule, content, proposal, &decision, header)?;
    if let Some(authorisation) = &decision.authorisation {
        check_authorised_heights(
            params,
            class_rule,
            content,
            authorisation,
            (previous_closing, header.closing_height),
        )?;
    }
    checked.push(format!(
        "The proposal is entry {} of the log, signed by member {}.",
        part.entry.position, entry.lane.member
    ));
    checked.push(format!(
        "Its sums are those of {} members of the roll of epoch {}.",
        shown.electorate, part.tally.snapshot
    ));
    checked.push(format!("The charter's rule gives {}: {}", outcome.name(), class_rule.to_plain_sentence()));
    let authorised = match (decision.authorisation, decision.gate) {
        (Some(a), Some(gate)) => {
            format!(
                " Authorised from height {} to {} for {} sat, spending gate {gate}.",
                a.height, a.expires_height, a.amount_sat
            )
        }
        _ => String::new(),
    };
    Ok(format!(
        "Proposal {proposal} ({}): {}; yes {}, no {}, abstain {} of total weight {}, {} ballots.{authorised}",
        content.class.name(),
        outcome.name(),
        totals.yes,
        totals.no,
        totals.abstain,
        totals.weight,
        totals.ballots
    ))
}

fn check_authorisation(
    params: &DaoParams,
    class_rule: &ClassRule,
    content: &ProposalContent,
    proposal: ProposalId,
    decision: &DecisionLeaf,
    header: &EpochHeader,
) -> Result<(), Rejection> {
    let rule = fail("decision");
    let spend = match &content.effect {
        Effect::Spend(spend) if decision.outcome == Outcome::Passed => Some(spend),
        _ => None,
    };
    match (spend, decision.authorisation, decision.gate) {
        (None, None, None) | (Some(_), None, None) => Ok(()),
        (Some(_), None, Some(gate)) | (Some(_), Some(_), Some(gate)) if !params.gates.contains(&gate) => {
            Err(rule(format!("P-7: gate {gate} is none of the charter's gates")))
        }
        (Some(_), None, Some(gate)) if class_rule.veto_blocks == 0 => Err(rule(format!(
            "P-7: the spend passed and has gate {gate}, but is not authorised, though nothing can veto it"
        ))),
        (Some(_), None, Some(_)) => Ok(()),
        (Some(spend), Some(a), Some(_)) => {
            let (intent, amount) = (spend.intent_hash(proposal), content.amount_sat());
            if (a.intent, a.amount_sat) != (intent, amount) || a.height > header.closing_height {
                return Err(rule(format!(
                    "P-7: authorised are {} sat from height {}, the proposal is for {amount} sat and the epoch closed at {}",
                    a.amount_sat, a.height, header.closing_height
                )));
            }
            Ok(())
        }
        _ => Err(rule(format!("P-7: a {} proposal cannot have this authorisation or gate", content.class.name()))),
    }
}

/// P-7: close and expiry, counted from the authorisation, are what the charter gives; the vote closed at a boundary above
/// the first of `closings` (the epoch before) and not above the second (this epoch).
fn check_authorised_heights(
    params: &DaoParams,
    class_rule: &ClassRule,
    content: &ProposalContent,
    authorisation: &Authorisation,
    closings: (u32, u32),
) -> Result<(), Rejection> {
    let rule = fail("decision");
    let height = authorisation.height;
    let close = height.checked_sub(class_rule.veto_blocks).filter(|close| {
        params.charter.boundary_at_or_after(*close) == Some(*close) && *close > closings.0 && *close <= closings.1
    });
    if close.is_none() {
        return Err(rule(format!(
            "P-7: authorised from height {height} after {} blocks of veto, but the vote closed at a boundary above {} and at most {}",
            class_rule.veto_blocks, closings.0, closings.1
        )));
    }
    let limit = match &content.effect {
        Effect::Spend(spend) => spend.expiry_blocks.min(class_rule.expiry_blocks),
        _ => class_rule.expiry_blocks,
    };
    let expires = height.saturating_add(limit);
    if authorisation.expires_height != expires {
        return Err(rule(format!(
            "P-7: the authorisation expires at height {}, the proposal and the charter give {expires}",
            authorisation.expires_height
        )));
    }
    Ok(())
}

/// The entry is in the log at its position, and its signatures are good.
fn logged(
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
fn check_snapshot(header: &EpochHeader, snapshot: u32) -> Result<(), Rejection> {
    if (1..header.epoch).contains(&snapshot) {
        return Ok(());
    }
    let reason =
        format!("P-6: the roll of epoch {snapshot} cannot be the snapshot of a vote counted in epoch {}", header.epoch);
    Err(fail("snapshot")(reason))
}

fn choice_name(choice: Choice) -> &'static str {
    match choice {
        Choice::Yes => "yes",
        Choice::No => "no",
        Choice::Abstain => "abstain",
    }
}

fn fail(subject: impl Into<String>) -> impl Fn(String) -> Rejection {
    let subject = subject.into();
    move |reason| Rejection::Rule { subject: subject.clone(), reason }
}
