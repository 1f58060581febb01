//! What a member does about a hub that keeps an entry out, or lied: the entry goes onto Bitcoin, the proof into the log.

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Entry, FraudEvidence, HubFraud, LogHead, OtherEntry};
use althing_governance::id::EntryId;
use althing_governance::signing::{Signed, verify_all};
use althing_governance::tree::leaf_hash;
use anyhow::Context as _;
use bitcoin::secp256k1::{Secp256k1, XOnlyPublicKey};
use bitcoin::{Amount, Transaction};

use super::Member;
use super::lane::{Body, refused};
use crate::api::{ApiError, Forced, RecourseRequest, Refused, Reply, SayReview, WholeEntry};
use crate::engine::Answer;
use crate::forced;
use crate::keys::{hex, unhex};
use crate::proof::parts::{Against, Contradiction, ReceiptFraudPart};
use crate::proof::{self, Statement};
use crate::shell::unix_time;

impl Member {
    /// Carries out an order; `None` when the answer comes later.
    pub(super) fn recourse(&mut self, request: RecourseRequest, answer: &Answer) -> Result<Option<Reply>, ApiError> {
        match request {
            RecourseRequest::Force { entry, fee_rate_sat_vb, only_review } => {
                let forced = self.force(&entry, fee_rate_sat_vb, only_review)?;
                Ok(Some(Reply::Forced(Box::new(forced))))
            }
            RecourseRequest::Entry { entry } => {
                let bytes = self.entry_to_force(&entry)?;
                let entry = Entry::from_bytes(&bytes).map_err(|error| ApiError::invalid("E-7", error.to_string()))?;
                let kind = entry.kind().name().to_owned();
                let whole = WholeEntry { entry: entry.id().to_string(), kind, bytes: hex(&bytes) };
                Ok(Some(Reply::WholeEntry(whole)))
            }
            RecourseRequest::Fraud { proof, only_review } => {
                let (entry, sentences) = self.fraud(&proof)?;
                if !only_review {
                    return Ok(self.enqueue(Body::Whole(Box::new(entry)), sentences, answer));
                }
                let refusal = self.permit(&entry.to_bytes()).err().map(Refused::from);
                Ok(Some(Reply::SayReview(SayReview { sentences, refusal })))
            }
        }
    }

    /// G-107: one transaction of this wallet carries the entry.
    fn force(&mut self, named: &str, rate_sat_vb: Option<u64>, only_review: bool) -> Result<Forced, ApiError> {
        let bytes = self.entry_to_force(named)?;
        let entry = forced::forceable(&Secp256k1::verification_only(), &bytes).map_err(|error| {
            let message = format!("{error:#}");
            ApiError::invalid(message.split(':').next().unwrap_or("G-107"), message.clone())
        })?;
        let id = entry.id();
        if let Some(position) = self.shell.ledger.position_of(&id) {
            return Err(ApiError::invalid("G-107", format!("G-107: entry {id} is in the log, at position {position}")));
        }
        self.expect_not_on_bitcoin(&bytes)?;
        // What the log would not take is not forced by any number of blocks.
        self.shell.ledger.state().check(&entry).map_err(refused)?;
        let rate = self.shell.fee_rate(rate_sat_vb)?;
        let outputs = [(forced::script(&bytes)?, Amount::ZERO)];
        let tx = self.shell.pay(&outputs, rate, 0)?;
        let fee = self.shell.wallet.fee_of(&tx)?;
        let vsize = u64::try_from(tx.vsize()).context("a size")?;
        let mut told = Forced {
            entry: id.to_string(),
            kind: entry.kind().name().to_owned(),
            txid: None,
            fee_sat: fee.to_sat(),
            vsize,
            fee_rate_sat_vb: fee.to_sat().div_ceil(vsize.max(1)),
            sentences: self.sentences_of(&entry, &bytes, fee, vsize),
        };
        if only_review {
            return Ok(told);
        }
        self.shell.bitcoind.submit(&tx).map_err(|error| ApiError::not_now(error.to_string()))?;
        self.shell.wallet.note_broadcast(&tx, unix_time())?;
        self.shell.revision += 1;
        told.txid = Some(tx.compute_txid().to_string());
        Ok(told)
    }

    /// Once is enough: a second transaction would be paid for nothing.
    fn expect_not_on_bitcoin(&self, bytes: &[u8]) -> Result<(), ApiError> {
        let refuse = |message: String| Err(ApiError::invalid("G-107", format!("G-107: {message}")));
        let delay = self.shell.ledger.state().charter().forced_entry_delay_blocks;
        // One that bound the hub to nothing, since the log could not take it yet, may be put there again when its time is over.
        let first = self.shell.tip_height().saturating_sub(delay);
        if let Some(row) = self.shell.store.forced(first, u32::MAX >> 1)?.into_iter().find(|row| row.entry == bytes) {
            return refuse(format!(
                "the entry is on Bitcoin already, in the block at height {}; the hub has to have logged it {delay} blocks later",
                row.height
            ));
        }
        let script = forced::script(bytes)?;
        let carries = |tx: &Transaction| tx.output.iter().any(|output| output.script_pubkey == script);
        match self.shell.wallet.own_unconfirmed().into_iter().find(carries) {
            Some(tx) => refuse(format!("the entry waits for a block already, in transaction {}", tx.compute_txid())),
            None => Ok(()),
        }
    }

    /// The bytes of the entry that is named.
    fn entry_to_force(&self, named: &str) -> Result<Vec<u8>, ApiError> {
        let text = named.trim();
        if text == "last" {
            let waiting = self.in_flight.as_ref().map(|entry| entry.bytes().to_vec());
            return waiting.ok_or_else(|| {
                let message = "G-107: nothing of yours waits for the hub: your last entry was acknowledged";
                ApiError::invalid("G-107", message)
            });
        }
        if let Ok(id) = text.parse::<EntryId>() {
            let own = self.shell.store.outbox()?.into_iter().map(|row| row.entry);
            let mut waiting = self.in_flight.iter().map(|entry| entry.bytes().to_vec());
            let found = own.chain(&mut waiting).find(|bytes| althing_governance::entry::entry_id(bytes) == id);
            return found.ok_or_else(|| {
                ApiError::invalid(
                    "G-107",
                    format!("G-107: {id} is no entry of yours; name a file with the whole entry"),
                )
            });
        }
        unhex(text).map_err(|_| {
            let message =
                "G-107: an entry is `last`, the id of one of yours, or a file with the whole entry in hexadecimal";
            ApiError::invalid("G-107", message)
        })
    }

    fn sentences_of(&self, entry: &Entry, bytes: &[u8], fee: Amount, vsize: u64) -> Vec<String> {
        let (id, kind, length) = (entry.id(), entry.kind().name(), bytes.len());
        let state = self.shell.ledger.state();
        let charter = state.charter();
        let (delay, depth) = (charter.forced_entry_delay_blocks, charter.final_depth);
        let mut sentences = vec![
            format!("Entry {id} ({kind}, {length} bytes) goes onto Bitcoin, where everybody can read it for ever."),
            format!("A transaction of {vsize} vB from this wallet carries it; the fee is {} sat.", fee.to_sat()),
            "The hub sees it in the block and has to log it.".to_owned(),
            format!(
                "If the log could take it when the block is {depth} deep and does not have it {delay} blocks after the block, \
                 no decision takes effect and no payment is authorised until it does."
            ),
        ];
        if let Entry::Ballot(ballot) = entry
            && let Some(schedule) = state.proposals().get(&ballot.body.proposal).and_then(|record| record.schedule)
        {
            let last = schedule.close.saturating_add(1).saturating_sub(depth);
            sentences.push(format!(
                "Voting closes at height {}: the hub is bound by it only if the block is at height {last} or below.",
                schedule.close
            ));
        }
        sentences
    }

    /// G-109: what a proof file shows, as the entry that the log takes.
    fn fraud(&self, proof: &str) -> Result<(Entry, Vec<String>), ApiError> {
        let invalid = |message: String| ApiError::invalid("G-109", format!("G-109: {message}"));
        let bytes = unhex(proof.trim()).map_err(|error| invalid(format!("a proof file: {error:#}")))?;
        let (bundle, _) = proof::decode(&bytes).map_err(|error| invalid(error.to_string()))?;
        let (evidence, what) = match bundle.statement {
            Statement::HeadFraud(heads) => {
                let [one, other] = *heads;
                let what = format!(
                    "a log of {} entries at height {} and another of {} at {}",
                    one.size, one.tip_height, other.size, other.tip_height
                );
                (FraudEvidence::Heads(one, other), what)
            }
            Statement::ReceiptFraud(part) => {
                let what = format!("a receipt for entry {} of the log and a log without it", part.position);
                (self.broken_receipt(*part)?, what)
            }
            _ => return Err(invalid("the file proves something else; one that `althing proof` made of two heads, or of a receipt, is needed".into())),
        };
        let keys = self.shell.ledger.state().charters().iter().rev().map(|version| version.charter.hub_log_key);
        let entry = signed_by(keys, &evidence)?;
        let bond = self.shell.ledger.state().charter().hub_bond_sat;
        let sentences = vec![
            format!("The hub signed {what}: no honest hub signs both."),
            format!("The log keeps the proof for ever, and {bond} sat of the hub's bond are forfeited."),
        ];
        Ok((entry, sentences))
    }

    /// A receipt against a head; against a header the head of this log stands in that covers as much.
    fn broken_receipt(&self, part: ReceiptFraudPart) -> Result<FraudEvidence, ApiError> {
        let invalid = |message: &str| ApiError::invalid("G-109", format!("G-109: {message}"));
        let ReceiptFraudPart { receipt, position, entry, path, against, contradiction } = part;
        let (head, found, found_path) = match (against, contradiction) {
            (Against::Head(head), Contradiction::Root) => return Ok(FraudEvidence::OtherLog(receipt, *head)),
            (Against::Head(head), Contradiction::Entry { leaf, path }) => (*head, leaf, path),
            (Against::Header, _) => {
                let state = self.shell.ledger.state();
                let covering = state.heads().iter().find(|record| record.head.size >= receipt.log_size);
                let covering =
                    covering.ok_or_else(|| invalid("no head in this log covers what the receipt promises"))?;
                let (leaf, path) =
                    (state.tree().leaf(position), state.tree().inclusion_proof(position, covering.head.size));
                let shown = leaf.zip(path).ok_or_else(|| invalid("the position is not in this log"))?;
                (self.signed_head(covering.head.size)?, shown.0, shown.1)
            }
        };
        let promised = leaf_hash(&entry);
        let other = OtherEntry { receipt, head, position, promised, promised_path: path, found, found_path };
        Ok(FraudEvidence::OtherEntry(Box::new(other)))
    }

    fn signed_head(&self, position: u64) -> Result<Signed<LogHead>, ApiError> {
        match self.logged_entry(position)? {
            Entry::Head(head) => Ok(head),
            _ => Err(ApiError::ours("the log has no head where there should be one")),
        }
    }
}

/// The proof under the first of these keys that signed both statements.
fn signed_by(keys: impl Iterator<Item = XOnlyPublicKey>, evidence: &FraudEvidence) -> Result<Entry, ApiError> {
    let secp = Secp256k1::verification_only();
    for key in keys {
        let proof =
            HubFraud::new(key, evidence.clone()).map_err(|error| ApiError::invalid("G-109", error.to_string()))?;
        if verify_all(&secp, &proof.signature_checks()).is_ok() {
            return Ok(Entry::HubFraud(proof));
        }
    }
    let message = "G-109: both statements are not signed by one log key of this DAO's hub";
    Err(ApiError::invalid("G-109", message))
}
