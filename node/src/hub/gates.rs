//! Gates that the treasury made or took back: the hub notes them in the log (G-108).

use althing_anchor::LinkEvidence;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Entry, GateRefill, MAX_REFILL};
use althing_governance::signing::Statement as _;
use bitcoin::{OutPoint, Script, Transaction, Txid};

use super::Hub;
use crate::api::{ApiError, Refused, Reply, Said, SayReview};
use crate::facts::outpoint_bytes;
use crate::ledger::{ChainView as _, LedgerError};
use crate::treasury::housekeeping;

impl Hub {
    /// Notes the gates of a transaction, or says what that would do.
    ///
    /// # Errors
    /// A transaction that is in no block, or what the rules refuse.
    pub(super) fn refill(&mut self, txid: &str, outputs: Vec<u32>, only_review: bool) -> Result<Reply, ApiError> {
        self.expect_newest()?;
        let refill = self.refill_of(txid, outputs)?;
        let sentences = sentences(&refill);
        let signed = refill.sign(&self.shell.secp, &self.shell.log_key()?, &self.shell.aux_rand()?);
        let entry = Entry::GateRefill(signed.clone());
        let judged = self.shell.ledger.check_rules(&entry).and_then(|()| {
            let (mut chain, ledger) = self.shell.chain_and_ledger();
            ledger.check_gate_refill(ledger.state().size(), &signed, &mut chain)
        });
        let judged = judged.map_err(refused);
        if only_review {
            let refusal = judged.err().map(Refused::from);
            return Ok(Reply::SayReview(SayReview { sentences, refusal }));
        }
        judged?;
        let id = entry.id();
        let position = self.shell.ledger.state().size();
        self.say(entry.to_bytes()).map_err(refused)?;
        self.commit_batch();
        Ok(Reply::Said(Said { entry: id.to_string(), position: Some(position), sentences }))
    }

    /// Notes what housekeeping made and took back, once its block is deeper than results are final (T-321, A-98).
    ///
    /// # Errors
    /// The store's, the chain's, and the rules'.
    pub(super) fn log_refills(&mut self) -> anyhow::Result<()> {
        let final_depth = self.shell.ledger.state().charter().final_depth;
        let tip = self.shell.tip_height();
        for flow in housekeeping(&self.shell) {
            if tip.saturating_add(1).saturating_sub(flow.height) <= final_depth {
                continue;
            }
            let row = self.shell.treasury.spends().iter().find(|row| row.txid == flow.txid);
            let Some(tx) = row.map(|row| bitcoin::consensus::deserialize::<Transaction>(&row.tx)).transpose()? else {
                continue;
            };
            let created = self.new_gates(&tx);
            if created.is_empty() && self.retired_by(&tx).is_empty() {
                continue;
            }
            let refill = self.refill_of(&flow.txid, created).map_err(|error| anyhow::anyhow!(error.message))?;
            let signed = refill.sign(&self.shell.secp, &self.shell.log_key()?, &self.shell.aux_rand()?);
            self.log_own(Entry::GateRefill(signed))?;
        }
        Ok(())
    }

    /// Outputs of exactly a gate's value, of the treasury in force, that are no gates yet.
    fn new_gates(&self, tx: &Transaction) -> Vec<u32> {
        let state = self.shell.ledger.state();
        let (txid, gate_sat) = (tx.compute_txid(), state.charter().gate_sat);
        let present = self.shell.treasury.generations().saturating_sub(1);
        let is_present =
            |script: &Script| self.shell.treasury.owner_of(script).is_some_and(|origin| origin.generation == present);
        // T-340: a spare seal that moved may hold what a gate does.
        let spare_seals = self.shell.spare_seals().unwrap_or_default();
        let outputs = (0u32..).zip(&tx.output).filter(|(vout, output)| {
            output.value.to_sat() == gate_sat
                && !spare_seals.contains(&OutPoint { txid, vout: *vout })
                && !state.is_gate(&OutPoint { txid, vout: *vout })
                && is_present(&output.script_pubkey)
        });
        outputs.map(|(vout, _)| vout).take(MAX_REFILL).collect()
    }

    /// What the hub would sign about a transaction.
    fn refill_of(&mut self, txid: &str, mut outputs: Vec<u32>) -> Result<GateRefill, ApiError> {
        let invalid = |message: String| ApiError::invalid("G-108", format!("G-108: {message}"));
        let txid: Txid =
            txid.trim().parse().map_err(|error| invalid(format!("{txid:?} is no transaction id: {error}")))?;
        outputs.sort_unstable();
        if let Some(pair) = outputs.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(invalid(format!("output {} is named twice", pair[0])));
        }
        let evidence = self.transaction(txid, outputs.first().copied())?;
        let evidence = evidence.ok_or_else(|| {
            ApiError::not_now(format!(
                "G-108: transaction {txid} is in no block that this node knows, or has no such output"
            ))
        })?;
        let retired = self.retired_by(evidence.transaction());
        if outputs.is_empty() && retired.is_empty() {
            return Err(invalid(format!(
                "transaction {txid} takes no free gate back, and no output is named as a new one"
            )));
        }
        let params = &self.shell.dao.params;
        let inclusion = evidence.inclusion();
        Ok(GateRefill {
            network: params.network,
            dao: params.dao_id,
            txid,
            mined_height: inclusion.height(),
            mined_hash: inclusion.block_hash(),
            created: outputs,
            retired,
        })
    }

    /// The transaction with its place in the chain: by an output that it makes, else by the gate that it spent.
    fn transaction(&mut self, txid: Txid, vout: Option<u32>) -> Result<Option<LinkEvidence>, ApiError> {
        if let Some(vout) = vout {
            let (mut chain, _) = self.shell.chain_and_ledger();
            return Ok(chain.creator(OutPoint { txid, vout })?);
        }
        let gates: Vec<OutPoint> = self.shell.ledger.state().all_gates().collect();
        for gate in gates {
            let Some((_, spending, _)) = self.shell.store.fact(&outpoint_bytes(&gate))?.and_then(|row| row.spent)
            else {
                continue;
            };
            let spending: Transaction = bitcoin::consensus::deserialize(&spending).map_err(anyhow::Error::from)?;
            if spending.compute_txid() == txid {
                let (mut chain, _) = self.shell.chain_and_ledger();
                return Ok(chain.spender_of_seal(gate)?);
            }
        }
        Ok(None)
    }

    /// The gates that a transaction spends and through which nothing was authorised.
    fn retired_by(&self, tx: &Transaction) -> Vec<OutPoint> {
        let state = self.shell.ledger.state();
        let given: Vec<OutPoint> = self.shell.ledger.gates_in_use().collect();
        let spent = tx.input.iter().map(|input| input.previous_output);
        let mut retired: Vec<OutPoint> =
            spent.filter(|gate| state.is_gate(gate) && !state.is_retired_gate(gate) && !given.contains(gate)).collect();
        retired.sort_unstable();
        retired
    }
}

fn sentences(refill: &GateRefill) -> Vec<String> {
    let made =
        refill.gates().map(|gate| format!("Output {gate} is a gate: one payment that was decided goes through it."));
    let taken =
        refill.retired.iter().map(|gate| format!("Gate {gate} was taken back; nothing is paid through it any more."));
    let mut sentences: Vec<String> = made.chain(taken).collect();
    sentences.push(format!(
        "The log notes it of transaction {} in block {} at height {}; every node checks that there.",
        refill.txid, refill.mined_hash, refill.mined_height
    ));
    sentences
}

fn refused(error: LedgerError) -> ApiError {
    match error {
        LedgerError::Invalid { reason, .. } => {
            ApiError::invalid(reason.split(':').next().unwrap_or("G-108"), reason.clone())
        }
        LedgerError::NotYet { reason, .. } => ApiError::not_now(reason),
        LedgerError::Ours(error) => error.into(),
    }
}
