//! A random audit: some entries of the log, chosen by the hash of the block that anchors it, so that nobody can choose them
//! beforehand (docs/spec/node.md, N-85).

use std::path::Path;

use althing_anchor::{BlockHashes as _, Commitment, LinkError, MOVED_SPARE_VOUT, SuccessionCertificate, verify_link};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::Entry;
use althing_governance::epoch::EpochHeader;
use althing_governance::hash::tagged_hash;
use althing_governance::receipt::batch_tree;
use althing_governance::signing::verify_all;
use althing_governance::tree::{HistoryTree, leaf_hash};
use anyhow::{Context, Result, bail, ensure};
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{BlockHash, OutPoint};

use super::chain::AuditedChain;
use super::{AuditReport, is_not_yet, without_blocks};
use crate::dao::Dao;
use crate::judge::{Blocks, Source, Verdict};
use crate::ledger::ChainView as _;
use crate::store::{Segment, Store};

/// Tag of the choice.
const TAG: &str = "althing/random-audit/v1";

/// Checks `count` entries of the log under its newest final link: where they are in the log, what the hub promised of them, and
/// their signatures. The whole log is hashed for it, none of it is replayed.
///
/// # Errors
/// When the directory is none, or holds no log.
pub fn audit_random(dir: &Path, source: &Source, count: u32) -> Result<AuditReport> {
    let dao = Dao::load(dir)?;
    let store = Store::open_read_only(dir)?;
    let mut report = AuditReport::empty();
    let blocks = match Blocks::open(source, dao.network()) {
        Ok(blocks) => blocks,
        Err(refusal) => {
            report.verdict = refusal.verdict;
            report.first_difference = Some(without_blocks(source, refusal.reason));
            return Ok(report);
        }
    };
    report.trusted = blocks.trusted();
    let mut chain = AuditedChain::begin(&store, &blocks, &dao)?;
    if let Err(error) = look(&store, &dao, &mut chain, count, &mut report) {
        let cannot_tell = blocks.trouble().is_some() || is_not_yet(&error);
        report.verdict = if cannot_tell { Verdict::CannotTell } else { Verdict::Invalid };
        report.first_difference = Some(format!("{error:#}"));
    }
    Ok(report)
}

/// The newest final header and the block that anchors it.
struct Anchor {
    header: EpochHeader,
    block: BlockHash,
}

fn look(store: &Store, dao: &Dao, chain: &mut AuditedChain<'_>, count: u32, report: &mut AuditReport) -> Result<()> {
    let Some(anchor) = newest_anchor(store, dao, chain, report)? else {
        report.verdict = Verdict::CannotTell;
        report.first_difference =
            Some("N-85: no link is final in the blocks given; nothing chooses the entries".into());
        return Ok(());
    };
    let (size, root) = (anchor.header.log_size, anchor.header.log_root);
    let mut leaves = Vec::new();
    store.visit_segments(|segment| {
        leaves.extend(segment.entries.iter().map(|entry| leaf_hash(entry)));
        Ok(())
    })?;
    let tree = HistoryTree::from_leaf_hashes(leaves);
    let found = tree.root_at(size);
    ensure!(
        found == Some(root),
        "N-85: link {} on Bitcoin commits to {size} entries with root {root}, this log gives {}",
        anchor.header.epoch,
        found.map_or_else(|| "none of that size".to_owned(), |found| found.to_string())
    );
    for position in chosen(&anchor.block, count, size) {
        let segment = store.segments_from(position, 1)?.into_iter().next();
        let segment = segment.with_context(|| format!("entry {position}: it is not stored"))?;
        check_entry(dao, &anchor.header, &segment, position, report).with_context(|| format!("entry {position}"))?;
        report.entries += 1;
    }
    report.trusted.push(format!(
        "Only {} of {size} entries were looked at, chosen by block {}; rules, rolls and tallies were not recomputed.",
        report.entries, anchor.block
    ));
    Ok(())
}

/// The seal that a succession made of the spare seal, which may have moved before; where to is looked at by a replay, which knows the
/// treasuries. `None` while what is known of it is unspent.
fn succession_link(
    certificate: &SuccessionCertificate,
    chain: &mut AuditedChain<'_>,
) -> Result<Option<Result<OutPoint, LinkError>>> {
    let (statement, commitment) = (certificate.statement(), certificate.commitment());
    let mut spare_seal = statement.spare_seal;
    let mut wrong = None;
    while let Some(evidence) = chain.spender_of_seal(spare_seal)? {
        match verify_link(evidence.transaction(), spare_seal, statement.anchor_key, commitment) {
            Ok(seal) => return Ok(Some(Ok(seal))),
            Err(error) => wrong = Some(Err(error)),
        }
        spare_seal = OutPoint { txid: evidence.txid(), vout: MOVED_SPARE_VOUT };
    }
    Ok(wrong)
}

/// Follows the links from the genesis transaction; the headers are the stored ones, which the links commit to.
fn newest_anchor(
    store: &Store,
    dao: &Dao,
    chain: &mut AuditedChain<'_>,
    report: &mut AuditReport,
) -> Result<Option<Anchor>> {
    let (mut seal, mut key) = (dao.params.first_seal, dao.params.charter.anchor_key);
    let successions = store.successions()?;
    let tip = chain.blocks.tip_height();
    let mut newest = None;
    for row in store.links()? {
        let Some(evidence) = chain.spender_of_seal(seal)? else { break };
        let header = EpochHeader::from_bytes(&row.header)
            .with_context(|| format!("N-25: link {}: the stored header", row.epoch))?;
        let commitment = Commitment::new(*header.hash().as_bytes());
        seal = verify_link(evidence.transaction(), seal, key, commitment)
            .with_context(|| format!("link {}", row.epoch))?;
        key = header.next_anchor_key;
        for succession in &successions {
            let certificate = succession.certificate()?;
            let statement = certificate.statement();
            if statement.last_link == header.epoch
                && let Some(found) = succession_link(&certificate, chain)?
            {
                seal = found.with_context(|| format!("the succession after link {}", header.epoch))?;
                key = statement.anchor_key;
                report.trusted.push(format!(
                    "The succession after link {}: the members' weights are looked at by a replay.",
                    header.epoch
                ));
            }
        }
        report.links += 1;
        let (height, block) = (evidence.inclusion().height(), evidence.inclusion().block_hash());
        if tip.saturating_add(1) >= height.saturating_add(dao.params.charter.final_depth) {
            newest = Some(Anchor { header, block });
        }
    }
    Ok(newest)
}

fn check_entry(
    dao: &Dao,
    header: &EpochHeader,
    segment: &Segment,
    position: u64,
    report: &mut AuditReport,
) -> Result<()> {
    let index = usize::try_from(position.checked_sub(segment.first_position).context("a segment behind it")?)?;
    let bytes = segment.entries.get(index).context("it is not in its segment")?;
    let entry = Entry::from_bytes(bytes)?;
    let key = dao.params.charter.hub_log_key;
    let secp = Secp256k1::verification_only();
    let mut checks = entry.signature_checks(&key);
    checks.push(segment.receipt.signature_check(&key, "the hub's receipt"));
    if let Err(error) = verify_all(&secp, &checks) {
        // Another log key may be in force since; which one, only a replay tells.
        if header.charter != dao.params.charter_hash {
            report.trusted.push(format!("The hub's signature of entry {position}: the charter has changed ({error})."));
        } else {
            bail!("{error}");
        }
    }
    let receipt = &segment.receipt.statement;
    let stated = (receipt.first_position, u64::from(receipt.count), receipt.batch_root);
    let root = batch_tree(segment.entries.iter().map(Vec::as_slice)).root();
    let found = (segment.first_position, segment.entries.len() as u64, root);
    ensure!(stated == found, "G-80: its receipt is for {stated:?}, its segment is {found:?}");
    match entry {
        Entry::Head(_) => report.heads += 1,
        Entry::Ballot(_) => report.ballots += 1,
        _ => {}
    }
    Ok(())
}

/// N-85: the i-th position, from 0, is the number of the first 8 bytes of the hash, big-endian, modulo the size.
pub(super) fn chosen(block: &BlockHash, count: u32, size: u64) -> Vec<u64> {
    let pick = |i: u32| {
        let hash = tagged_hash(TAG, &[block.as_byte_array(), &i.to_be_bytes()]);
        let mut number = [0; 8];
        number.copy_from_slice(&hash[..8]);
        u64::from_be_bytes(number) % size.max(1)
    };
    let mut positions: Vec<u64> = (0..count).map(pick).collect();
    positions.sort_unstable();
    positions.dedup();
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_chooses_and_covers_the_log() {
        let block = BlockHash::from_byte_array([3; 32]);
        let other = BlockHash::from_byte_array([4; 32]);
        assert_eq!(chosen(&block, 20, 1000), chosen(&block, 20, 1000));
        assert_ne!(chosen(&block, 20, 1000), chosen(&other, 20, 1000));
        assert_eq!(chosen(&block, 1000, 10), (0..10).collect::<Vec<_>>());
    }
}
