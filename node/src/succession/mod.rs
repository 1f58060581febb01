//! Going on without the hub: members sign for another one, treasurers spend the spare seal into it.
//!
//! Everything travels in files, from hand to hand; nothing here asks a hub.

use std::collections::BTreeMap;

use althing_anchor::{
    CertificateError, ClaimedSuccession, Commitment, Primary, SuccessionCertificate, SuccessionRules,
    SuccessionStatement, VerifiedLink, judge_succession,
};
use althing_governance::id::MemberId;
use althing_governance::state::AnchoredRecord;
use anyhow::Context as _;
use bitcoin::OutPoint;
use bitcoin::secp256k1::{Keypair, XOnlyPublicKey};

use self::seal::treasuries_up_to;
use crate::api::{ApiError, SuccessionAnswer, SuccessionRequest};
use crate::keys::{hex, unhex};
use crate::proof::{StoredBlocks, created};
use crate::shell::Shell;

mod collect;
mod due;
mod follow;
pub(crate) mod seal;
mod spend;

pub(crate) use follow::seal_behind;

/// Carries out one step.
pub(crate) fn answer(shell: &mut Shell, request: &SuccessionRequest) -> Result<SuccessionAnswer, ApiError> {
    match request {
        SuccessionRequest::Propose { hub_log_key, anchor_key, node_id, after, size } => {
            propose(shell, hub_log_key, anchor_key, node_id, *after, *size)
        }
        SuccessionRequest::Follow { .. } => {
            Err(ApiError::invalid("N-39", "this is a hub; members' nodes follow another one"))
        }
        SuccessionRequest::Sign { statement, only_review } => sign(shell, statement, *only_review),
        SuccessionRequest::Collect { statement, signatures, files } => {
            collect::collect(shell, statement, signatures, files)
        }
        SuccessionRequest::Spend { certificate, fee_rate_sat_vb } => spend::write(shell, certificate, *fee_rate_sat_vb),
        SuccessionRequest::Cosign { certificate, psbt, only_review } => {
            spend::cosign(shell, certificate, psbt, *only_review)
        }
        SuccessionRequest::Publish { psbts } => spend::publish(shell, psbts),
        SuccessionRequest::Judge { certificate } => judge(shell, certificate),
    }
}

/// The statement for another hub, behind the newest final header.
fn propose(
    shell: &Shell,
    hub_log_key: &str,
    anchor_key: &str,
    node_id: &str,
    after: Option<u32>,
    size: Option<u64>,
) -> Result<SuccessionAnswer, ApiError> {
    let anchored = shell.ledger.state().anchored();
    let last = match after {
        None => last_final(shell)?,
        Some(epoch) => anchored
            .iter()
            .find(|record| record.header.epoch == epoch)
            .ok_or_else(|| ApiError::invalid("A-104", format!("A-104: epoch {epoch} is not final here")))?,
    };
    // every batch that is here, but nothing that says that a later epoch is final.
    let later = anchored.iter().find(|record| record.header.epoch > last.header.epoch);
    let most = later.map_or(u64::MAX >> 1, |record| record.position);
    let log_size = shell.store.segment_end_up_to(most.min(size.unwrap_or(most)))?;
    if let Some(size) = size
        && (log_size <= last.position || size > shell.store.log_size()?.min(most))
    {
        let (least, have) = (last.position + 1, shell.store.log_size()?.min(most));
        let message = format!(
            "A-300: a statement behind epoch {} is about {least} to {have} entries here, not {size}",
            last.header.epoch
        );
        return Err(ApiError::invalid("A-300", message));
    }
    let log_root = shell.ledger.state().tree().root_at(log_size).context("the log is shorter than what is stored")?;
    let hub_node_key =
        node_id.trim().parse().map_err(|_| ApiError::invalid("A-100", format!("A-100: {node_id:?} is no node id")))?;
    let statement = SuccessionStatement {
        dao: shell.dao.params.dao_id.0,
        last_link: last.header.epoch,
        last_txid: last.link,
        last_commitment: Commitment::new(*last.header.hash().as_bytes()),
        spare_seal: match later {
            None => shell.ledger.state().spare_seal(),
            Some(_) => last.header.spare_seal,
        },
        hub_key: key(hub_log_key)?,
        hub_node_key,
        anchor_key: key(anchor_key)?,
        log_size,
        log_root: log_root.0,
    };
    Ok(SuccessionAnswer { file: Some(hex(&statement.encode())), words: words(&statement), done: true })
}

/// Signs as this member, for one hub over each spare seal.
fn sign(shell: &mut Shell, statement: &str, only_review: bool) -> Result<SuccessionAnswer, ApiError> {
    let statement = decode_statement(statement)?;
    check(shell, &statement)?;
    let name = format!("succession/{}", statement.spare_seal);
    let before = shell.store.meta(&name)?.map(|before| SuccessionStatement::decode(&before)).transpose();
    let before = before.map_err(|error| ApiError::ours(format!("the stored statement cannot be read: {error}")))?;
    if let Some(other) = before.filter(|before| statement.is_rival_of(before)) {
        return Err(ApiError::invalid(
            "A-107",
            format!(
                "A-107: this member has signed for the hub {} over the same spare seal; signing a rival proves fraud",
                other.hub_key
            ),
        ));
    }
    let mut words = words(&statement);
    match shell.store.log_size()?.checked_sub(statement.log_size) {
        None => {
            let size = shell.store.log_size()?;
            return Err(ApiError::not_now(format!(
                "A-300: the statement is about a log of {} entries; this node has {size} of them and cannot compare. It takes the rest from the hub or, where they are connected (gossip, in the settings or the charter), from other members; or have the statement made about what everybody has: althing succession propose --size {size} …",
                statement.log_size
            )));
        }
        Some(0) => {}
        Some(more) => words.push(format!(
            "{more} entries that this node has are behind that; they count no more, and their authors say them again."
        )),
    }
    let key = key_at(shell, statement.log_size)?;
    collect::check_weight(shell, &statement, &key.x_only_public_key().0)?;
    if only_review {
        return Ok(SuccessionAnswer { file: None, words, done: false });
    }
    // Before anybody gets the signature.
    shell.store.write(|writer| writer.set_meta(&name, &statement.encode()))?;
    let signature = statement.sign(&key, &shell.aux_rand()?);
    let bytes = [&key.x_only_public_key().0.serialize()[..], &signature.serialize()].concat();
    words.push("Signed. Whoever collects needs the signature and nothing else.".to_owned());
    Ok(SuccessionAnswer { file: Some(hex(&bytes)), words, done: true })
}

/// The vote key of this folder that speaks for the member in a log of `size` entries.
fn key_at(shell: &Shell, size: u64) -> Result<Keypair, ApiError> {
    let first = shell.keys.vote();
    let member = MemberId::of(&first.x_only_public_key().0);
    let rotations = shell.ledger.state().rotations(size);
    let Some((_, _, speaking)) = rotations.iter().rfind(|(_, of, _)| *of == member) else { return Ok(first) };
    shell.own_vote_key(speaking).map(|(_, key)| key).ok_or_else(|| {
        ApiError::invalid(
            "A-103",
            format!("A-103: vote key {speaking} speaks for this member, and is none of this folder's"),
        )
    })
}

/// Whether the certificate is carried out on Bitcoin.
fn judge(shell: &Shell, certificate: &str) -> Result<SuccessionAnswer, ApiError> {
    let certificate = decode_certificate(certificate)?;
    let statement = *certificate.statement();
    check(shell, &statement)?;
    let spare = shell.spare_seal_behind(statement.spare_seal, statement.last_link)?;
    let evidence = spare.spent.as_ref().ok_or_else(|| {
        ApiError::not_now(format!(
            "A-105: the spare seal {} is unspent as far as this node's chain shows",
            spare.now.outpoint
        ))
    })?;
    let links = primary(shell)?;
    let charter = shell.ledger.state().charter();
    let rules = SuccessionRules { final_depth: charter.final_depth, window_blocks: charter.succession_window_blocks };
    let (roll, total) = roll(shell, &statement)?;
    let primary = Primary {
        dao: shell.dao.params.dao_id.0,
        links: &links,
        spare_seal: &spare.named,
        treasuries: &treasuries_up_to(shell.ledger.state(), statement.last_link),
    };
    let claim = ClaimedSuccession { certificate: &certificate, moves: &spare.moves, evidence };
    let found = judge_succession(&claim, &primary, &roll, total, rules, &StoredBlocks(&shell.store))
        .map_err(|error| ApiError::invalid("A-110", format!("A-110: this continues nothing: {error}")))?;
    let words = vec![
        format!(
            "The succession is valid: link {} by {} at height {}.",
            found.link().number,
            found.link().txid,
            found.link().height
        ),
        format!("The hub's log key is {} from now on, the anchor key {}.", found.hub_key(), found.anchor_key()),
        format!(
            "Weight {} of {total} stands behind it; {} links of the former hub are void.",
            found.weight(),
            found.voided()
        ),
        format!("The new spare seal is {}.", found.spare_seal().outpoint),
    ];
    Ok(SuccessionAnswer { file: None, words, done: true })
}

/// of this DAO, behind a link of this node's chain, over the spare seal that its header names.
fn check(shell: &Shell, statement: &SuccessionStatement) -> Result<(), ApiError> {
    let wrong = |reason: String| ApiError::invalid("A-104", format!("A-104: {reason}"));
    if statement.dao != shell.dao.params.dao_id.0 {
        return Err(wrong("the statement is of another DAO".to_owned()));
    }
    let number = statement.last_link;
    let known = shell.ledger.state().anchored().iter().find(|record| record.header.epoch == number);
    let record = known.ok_or_else(|| wrong(format!("link {number} is not final here")))?;
    let found = (statement.last_txid, statement.last_commitment);
    let ours = (record.link, Commitment::new(*record.header.hash().as_bytes()));
    // Of the header, or of a succession behind it that came to nothing more.
    let behind = shell.ledger.state().successors().iter().filter(|record| record.successor.after_epoch == number);
    let mut spares = std::iter::once(record.header.spare_seal).chain(behind.map(|record| record.successor.spare_seal));
    if found != ours || !spares.any(|spare| spare == statement.spare_seal) {
        return Err(wrong(format!("it goes on from {}, here link {number} is {}", found.0, ours.0)));
    }
    let size = statement.log_size;
    let root = shell.ledger.state().tree().root_at(size);
    if size <= shell.store.log_size()? && root.is_none_or(|root| root.0 != statement.log_root) {
        return Err(ApiError::invalid(
            "A-300",
            format!("A-300: the first {size} entries of the log have another root here: the hub showed different logs"),
        ));
    }
    Ok(())
}

fn weighed(shell: &Shell, certificate: &str) -> Result<SuccessionCertificate, ApiError> {
    let certificate = decode_certificate(certificate)?;
    check(shell, certificate.statement())?;
    let (roll, total) = roll(shell, certificate.statement())?;
    certificate.weigh(&roll, total).map_err(refused)?;
    Ok(certificate)
}

fn last_final(shell: &Shell) -> Result<&AnchoredRecord, ApiError> {
    let newest = shell.ledger.state().newest_anchored();
    newest.ok_or_else(|| ApiError::not_now("A-103: no epoch is final yet, so there is no roll that could decide"))
}

/// Weights of the roll of the last header accepted, and their sum.
fn roll(shell: &Shell, statement: &SuccessionStatement) -> Result<(BTreeMap<XOnlyPublicKey, u128>, u128), ApiError> {
    let state = shell.ledger.state();
    let roll = state.roll(statement.last_link).context("the roll of the last header is not here")?;
    Ok(due::weights(roll, state, statement.log_size))
}

/// Genesis transaction and every link on Bitcoin whose header is known, by epoch.
fn primary(shell: &Shell) -> Result<Vec<VerifiedLink>, ApiError> {
    let verified = |number, commitment, outpoint| -> Result<VerifiedLink, ApiError> {
        let evidence = created(shell, outpoint)?;
        let inclusion = evidence.inclusion();
        let (height, block_hash, index) = (inclusion.height(), inclusion.block_hash(), inclusion.index());
        Ok(VerifiedLink { number, txid: evidence.txid(), commitment, height, block_hash, index })
    };
    let mut seal = shell.dao.params.first_seal;
    let mut links = vec![verified(0, shell.dao.genesis.first_seal.commitment, seal)?];
    for (number, (tx, _)) in (1..).zip(crate::view::mined_chain(shell)?) {
        let Some(header) = shell.ledger.headers().find(|header| header.epoch == number) else { break };
        let commitment = Commitment::new(*header.hash().as_bytes());
        if althing_anchor::verify_link(&tx, seal, shell.ledger.link_key(number), commitment).is_err() {
            break;
        }
        let txid = tx.compute_txid();
        links.push(verified(number, commitment, OutPoint { txid, vout: 0 })?);
        seal = shell.ledger.seal_after(number, txid);
    }
    Ok(links)
}

fn words(statement: &SuccessionStatement) -> Vec<String> {
    vec![
        format!(
            "Puts another hub in the place of the present one, behind link {} ({}).",
            statement.last_link, statement.last_txid
        ),
        format!(
            "Its log key is {}, its anchor key {}, its node id {}.",
            statement.hub_key, statement.anchor_key, statement.hub_node_key
        ),
        format!("It takes over the log of {} entries.", statement.log_size),
        format!("The spare seal {} is spent for it; later links of the former hub are void.", statement.spare_seal),
    ]
}

fn decode_statement(text: &str) -> Result<SuccessionStatement, ApiError> {
    let bytes = bytes(text)?;
    SuccessionStatement::decode(&bytes).map_err(|error| ApiError::invalid("A-100", format!("A-100: {error}")))
}

fn decode_certificate(text: &str) -> Result<SuccessionCertificate, ApiError> {
    let bytes = bytes(text)?;
    SuccessionCertificate::decode(&bytes).map_err(|error| ApiError::invalid("A-102", format!("A-102: {error}")))
}

fn bytes(text: &str) -> Result<Vec<u8>, ApiError> {
    unhex(text.trim()).map_err(|error| ApiError::invalid("E-1", format!("E-1: {error:#}")))
}

fn key(text: &str) -> Result<XOnlyPublicKey, ApiError> {
    text.trim().parse().map_err(|_| ApiError::invalid("A-100", format!("A-100: {text:?} is no x-only public key")))
}

fn refused(error: CertificateError) -> ApiError {
    ApiError::invalid("A-103", error.to_string())
}
