//! Making proof files from this node's verified state.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use althing_anchor::{LinkEvidence, SuccessionSignature, SuccessionStatement};
use althing_governance::Charter;
use althing_governance::charter::Body;
use althing_governance::codec::Canonical as _;
use althing_governance::id::{MemberId, ProposalId};
use althing_governance::state::ProposalRecord;
use anyhow::{Context as _, Result};
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, OutPoint};

use super::bundle::{
    BallotPart, Bundle, EpochPart, LoggedEntry, PaymentPart, SealMove, Statement, SuccessionPart, TallyPart,
};
use super::held;
use super::office::OfficePart;
use super::refill::{RefilledPart, gate_of};
use super::tallies::Tallies;
use super::verify::{self, Finding};
use super::whose::{Elector, elector};
use crate::api::{ApiError, ProofStatement, Reply};
use crate::chain_view::decode_evidence;
use crate::facts::outpoint_bytes;
use crate::shell::Shell;
use crate::store::{Store, SuccessionRow};
use crate::view::find_proposal;

/// Writes the proof file for a statement, having judged it as any receiver would.
///
/// # Errors
/// When the statement is not (yet) true, or on I/O.
pub fn export(
    shell: &Shell,
    me: Option<MemberId>,
    proposal: &str,
    statement: &ProofStatement,
    path: &Path,
    short: bool,
) -> Result<Reply, ApiError> {
    let made = find_proposal(shell, proposal).and_then(|id| make(shell, me, &id, statement));
    let (bytes, finding) = match made {
        Ok(made) => made,
        // N-224: what a light member's node has not read again since its start, its folder may hold.
        Err(error) => return held::export_held(shell, proposal, statement, path, short)?.ok_or(error),
    };
    let bytes = write_form(path, bytes, short)?;
    Ok(Reply::Proof { path: path.to_owned(), bytes, statement: finding.statement })
}

/// Writes a proof file as it is, or without its links (P-161). Gives its size.
///
/// # Errors
/// On I/O, and when it cannot be without them.
pub(super) fn write_form(path: &Path, whole: Vec<u8>, short: bool) -> Result<u64, ApiError> {
    let bytes = match short {
        false => whole,
        true => {
            let bundle = Bundle::from_bytes(&whole).context("a proof made a moment ago")?;
            let short = bundle.shortened().ok_or_else(|| {
                ApiError::invalid(
                    "P-161",
                    "P-161: this statement is about no epoch, so that only a whole file shows it; leave out --short",
                )
            })?;
            short.to_bytes()
        }
    };
    write(path, &bytes)?;
    Ok(bytes.len() as u64)
}

/// Makes the proof file for a statement, and judges it as any receiver would.
///
/// # Errors
/// When the statement is not (yet) true, or on I/O.
pub(crate) fn make(
    shell: &Shell,
    me: Option<MemberId>,
    id: &ProposalId,
    statement: &ProofStatement,
) -> Result<(Vec<u8>, Finding), ApiError> {
    let record = &shell.ledger.state().proposals()[id];
    let decided = deciding_epoch(shell, record)?;
    let newest = shell.ledger.state().newest_anchored().map_or(decided, |record| record.header.epoch);
    let epoch = if matches!(statement, ProofStatement::Payment { .. }) { newest } else { decided };
    let header = *shell.ledger.headers().find(|header| header.epoch == epoch).context("the epoch's header")?;
    let statement = match statement {
        ProofStatement::Ballot { member, body } => {
            let elector = elector(shell, me, record, member.as_deref(), *body)?;
            ballot(shell, record, &elector, epoch, header.log_size)?
        }
        ProofStatement::Tally => Statement::Tally(Box::new(tally(shell, record, epoch, header.log_size)?)),
        ProofStatement::Payment { milestone } => payment(shell, record, decided, epoch, *milestone)?,
    };
    judged(shell, epoch, statement)
}

/// Writes a statement with everything that leads to it from the genesis transaction up to the epoch `last`, 0 for no epoch. Gives
/// the size of the file and the statement in words.
///
/// # Errors
/// When the proof does not hold as any receiver would judge it, or on I/O.
pub(super) fn write_proof(
    shell: &Shell,
    last: u32,
    statement: Statement,
    path: &Path,
    short: bool,
) -> Result<(u64, String), ApiError> {
    let (bytes, finding) = judged(shell, last, statement)?;
    Ok((write_form(path, bytes, short)?, finding.statement))
}

/// A statement with everything that leads to it, judged as any receiver would.
fn judged(shell: &Shell, last: u32, statement: Statement) -> Result<(Vec<u8>, Finding), ApiError> {
    let statement = with_refill(shell, last, statement)?;
    // P-336: a succession behind a later epoch took the spare seal away that the file would end with.
    let newest = shell.ledger.state().successors().last().map_or(0, |record| record.successor.after_epoch);
    let end = if statement.rests_on_links() { newest.max(last) } else { last };
    let mut epochs = epochs(shell, end)?;
    let behind = epochs.split_off(epochs.len().min(usize::try_from(last).unwrap_or(usize::MAX)));
    let bundle = Bundle {
        charter: shell.dao.params.charter.clone(),
        changes: changes(shell, end),
        successions: successions(shell, end)?,
        moves: moves(shell, end)?,
        genesis: genesis(shell)?,
        epochs,
        behind,
        statement,
    };
    let bytes = bundle.to_bytes();
    let finding = verify::verify(&bytes, &StoredBlocks(&shell.store))
        .map_err(|rejection| ApiError::invalid("P-8", format!("this shows nothing: {rejection}")))?;
    Ok((bytes, finding))
}

/// P-300: a gate that is none of the genesis transaction's is shown to be one.
fn with_refill(shell: &Shell, last: u32, statement: Statement) -> Result<Statement, ApiError> {
    let state = shell.ledger.state();
    let position = gate_of(&statement).and_then(|gate| state.refill_of(&gate));
    let header = shell.ledger.headers().find(|header| header.epoch == last);
    let (Some(position), Some(header)) = (position, header) else { return Ok(statement) };
    let refill = logged(shell, position, header.log_size)?;
    Ok(Statement::Refilled(Box::new(RefilledPart { refill, statement })))
}

/// The final epoch whose header has the final tally of a proposal: the one in which it took effect, else the one that decided it.
pub(super) fn deciding_epoch(shell: &Shell, record: &ProposalRecord) -> Result<u32, ApiError> {
    let decided = shell.ledger.state().ledger().standing(&record.id);
    decided.map(|standing| standing.enacted_epoch.unwrap_or(standing.decided_epoch)).ok_or_else(|| {
        let close = record
            .schedule
            .map_or_else(|| "not scheduled yet".to_owned(), |s| format!("closing at height {}", s.close));
        ApiError::not_now(format!("P-8: proposal {} ({close}) is not decided in a final epoch yet", record.id))
    })
}

fn ballot(
    shell: &Shell,
    record: &ProposalRecord,
    elector: &Elector,
    epoch: u32,
    log_size: u64,
) -> Result<Statement, ApiError> {
    let close = shell.ledger.close_of(epoch).context("the epoch was not recomputed here")?;
    let member = &elector.member;
    let cutoff = shell.ledger.state().vote_cutoff(record).map_or(log_size, |cutoff| cutoff.min(log_size));
    let Some(ballot) = record.ballots.counted(member, cutoff) else {
        return Err(ApiError::invalid("P-8", format!("member {member} cast no ballot on proposal {}", record.id)));
    };
    if elector.body != Body::Members {
        return office(shell, record, elector, Some(ballot.position), epoch);
    }
    let snapshot = record.snapshot_epoch;
    Ok(Statement::Ballot(Box::new(BallotPart {
        entry: logged(shell, ballot.position, log_size)?,
        counted: close.prove_ballot(&record.id, member).context("the member is not in the tally")?,
        snapshot,
        weight: close.prove_weight(snapshot, member).context("the member is not on the roll")?,
    })))
}

/// How the holder of an office voted, by the entry at a position, or that they did not (P-140).
pub(super) fn office(
    shell: &Shell,
    record: &ProposalRecord,
    elector: &Elector,
    ballot: Option<u64>,
    epoch: u32,
) -> Result<Statement, ApiError> {
    let close = shell.ledger.close_of(epoch).context("the epoch was not recomputed here")?;
    let Elector { body, place, member } = *elector;
    let counted = close.prove_ballot_in(&record.id, body, place, &member);
    let log_size = close.header.log_size;
    Ok(Statement::Office(Box::new(OfficePart {
        proposal: logged(shell, record.position, log_size)?,
        body,
        member,
        ballot: ballot.map(|position| logged(shell, position, log_size)).transpose()?,
        counted: counted.context("the office has no such vote in the tally")?,
    })))
}

fn tally(shell: &Shell, record: &ProposalRecord, epoch: u32, log_size: u64) -> Result<TallyPart, ApiError> {
    let close = shell.ledger.close_of(epoch).context("the epoch was not recomputed here")?;
    let rule = shell.ledger.state().rule_of(record).context("the proposal has a rule")?;
    let tally = match rule.has_offices() {
        false => close.prove_tally(&record.id).map(|proof| Tallies::Members(Box::new(proof))),
        true => close.prove_bodies(&record.id, &rule.bodies).map(Tallies::Bodies),
    };
    Ok(TallyPart {
        entry: logged(shell, record.position, log_size)?,
        tally: tally.context("the proposal has no tally")?,
        decision: close.prove_decision(&record.id).context("the proposal is not decided")?,
    })
}

fn payment(
    shell: &Shell,
    record: &ProposalRecord,
    decided: u32,
    newest: u32,
    milestone: Option<u16>,
) -> Result<Statement, ApiError> {
    let header = shell.ledger.headers().find(|header| header.epoch == decided).context("the epoch's header")?;
    let close = shell.ledger.close_of(newest).context("the epoch was not recomputed here")?;
    let proof = match milestone {
        Some(number) => close.prove_milestone(&record.id, number),
        None => close.prove_decision(&record.id),
    };
    Ok(Statement::Payment(Box::new(PaymentPart {
        decided,
        tally: tally(shell, record, decided, header.log_size)?,
        milestone,
        payment: proof.context("the payment is not in the newest final epoch")?,
    })))
}

pub(crate) fn logged(shell: &Shell, position: u64, log_size: u64) -> Result<LoggedEntry, ApiError> {
    let bytes = shell.stored_entry(position)?;
    let path =
        shell.ledger.state().tree().inclusion_proof(position, log_size).context("the entry is not under the header")?;
    Ok(LoggedEntry { position, bytes, path })
}

fn genesis(shell: &Shell) -> Result<LinkEvidence> {
    created(shell, shell.dao.params.first_seal).context("the genesis transaction is not in this node's chain")
}

/// Charters that came into force by the headers up to `last`.
fn changes(shell: &Shell, last: u32) -> Vec<Charter> {
    let mut in_force = shell.dao.params.charter_hash;
    let mut changes = Vec::new();
    for header in shell.ledger.headers().take_while(|header| header.epoch <= last) {
        // P-330: what a succession puts in force follows from it.
        if header.epoch > 1
            && let Some(successor) = shell.ledger.state().successor_after(header.epoch - 1)
        {
            let before = shell.ledger.state().charters().iter().find(|version| version.hash == in_force);
            in_force = before.map_or(in_force, |version| successor.charter_after(&version.charter).hash());
        }
        let versions = shell.ledger.state().charters();
        let next = versions.iter().find(|version| version.hash == header.charter && version.hash != in_force);
        if let Some(version) = next {
            in_force = version.hash;
            changes.push(version.charter.clone());
        }
    }
    changes
}

/// Successions behind the epochs up to `last`, each with the weights of who signed.
fn successions(shell: &Shell, last: u32) -> Result<Vec<SuccessionPart>> {
    let reached = shell.ledger.state().successors().iter().filter(|record| record.successor.after_epoch <= last);
    let rows = shell.store.successions()?;
    let certificates = rows.iter().map(SuccessionRow::certificate).collect::<Result<Vec<_>>>()?;
    let mut parts = Vec::new();
    let mut spare_seal = shell.dao.params.spare_seal;
    for record in reached {
        // several can stand behind one size of the log; each is over the spare seal that the one before it made.
        let wanted = (record.position, spare_seal);
        let is_its = |statement: &SuccessionStatement| (statement.log_size, statement.spare_seal) == wanted;
        let certificate = certificates.iter().find(|certificate| is_its(certificate.statement()));
        let certificate = certificate.context("the certificate of a succession is not stored")?.clone();
        let moves = shell.spare_seal_behind(spare_seal, certificate.statement().last_link)?.moves;
        let moves = moves.into_iter().map(|evidence| seal_move(shell, evidence)).collect::<Result<_>>()?;
        spare_seal = record.successor.spare_seal;
        let epoch = record.successor.after_epoch;
        let close = shell.ledger.close_of(epoch).context("the epoch was not recomputed here")?;
        let state = shell.ledger.state();
        let signer = |signature: &SuccessionSignature| state.member_of_key(&MemberId::of(&signature.member));
        let weight = |signature: &SuccessionSignature| {
            close.prove_weight(epoch, &signer(signature)).context("a signer is not on the roll")
        };
        let weights = certificate.signatures().iter().map(weight).collect::<Result<_>>()?;
        let link = created(shell, OutPoint { txid: record.successor.spare_seal.txid, vout: 0 })?;
        let signers: BTreeSet<MemberId> = certificate.signatures().iter().map(signer).collect();
        let size = certificate.statement().log_size;
        let replaced = state.rotations(size).into_iter().filter(|(_, member, _)| signers.contains(member));
        let rotations = replaced.map(|(position, ..)| logged(shell, position, size)).collect::<Result<_, _>>()?;
        parts.push(SuccessionPart { certificate, weights, link, rotations, moves });
    }
    Ok(parts)
}

/// P-166: what moved the spare seal behind the last succession up to an epoch, by all treasuries that were in force since: so a file about an
/// old epoch still tells where the spare seal is now.
fn moves(shell: &Shell, last: u32) -> Result<Vec<SealMove>> {
    let state = shell.ledger.state();
    let before = state.successors().iter().rfind(|record| record.successor.after_epoch <= last);
    let named = before.map_or(shell.dao.params.spare_seal, |record| record.successor.spare_seal);
    let moves = shell.spare_seal_behind(named, u32::MAX)?.moves;
    moves.into_iter().map(|evidence| seal_move(shell, evidence)).collect()
}

fn seal_move(shell: &Shell, evidence: LinkEvidence) -> Result<SealMove> {
    let moved = evidence.transaction().output.first().map(|output| &output.script_pubkey);
    let mut treasuries = shell.treasury.treasuries().into_iter();
    let treasury = treasuries.find(|treasury| treasury.script_at(0).is_ok_and(|script| Some(&script) == moved));
    let root = treasury.context("the spare seal moved to a treasury that is not known here")?.tree_root_at(0)?;
    Ok(SealMove { evidence, root })
}

fn epochs(shell: &Shell, last: u32) -> Result<Vec<EpochPart>> {
    let anchored = shell.ledger.state().anchored().iter().take_while(|anchored| anchored.header.epoch <= last);
    anchored
        .map(|anchored| {
            let link = created(shell, OutPoint { txid: anchored.link, vout: 0 })?;
            Ok(EpochPart { header: anchored.header, link })
        })
        .collect()
}

/// Evidence for the transaction that made an output.
pub(crate) fn created(shell: &Shell, outpoint: OutPoint) -> Result<LinkEvidence> {
    let row =
        shell.store.fact(&outpoint_bytes(&outpoint))?.with_context(|| format!("output {outpoint} is not on chain"))?;
    decode_evidence(&row.tx, &row.inclusion)
}

/// Writes a file whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_extension("part");
    let mut file = std::fs::File::create(&part).with_context(|| format!("creating {}", part.display()))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path).with_context(|| format!("writing {}", path.display()))
}

/// The blocks that this node follows.
pub(crate) struct StoredBlocks<'a>(pub(crate) &'a Store);

impl althing_anchor::BlockHashes for StoredBlocks<'_> {
    fn hash_at(&self, height: u32) -> Option<BlockHash> {
        Some(BlockHash::from_byte_array(self.0.block(height).ok()??.hash))
    }

    fn tip_height(&self) -> u32 {
        self.0.tip().ok().flatten().map_or(0, |row| row.height)
    }
}
