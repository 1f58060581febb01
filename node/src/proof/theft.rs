//! Judging spends that nobody decided, by the judge of the alarm (docs/spec/proofs.md, P-15, P-145 to P-147).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use althing_anchor::{
    BlockHashes, InputOrigin, MAX_TRANSACTION_BYTES, MinedSpend, SpendFinding, SpendIntent, Treasury, judge_spend,
    mined_height, read_stripped,
};
use althing_governance::Charter;
use althing_governance::codec::{Canonical, DecodeError, Reader, Writer};
use althing_governance::dao::DaoParams;
use althing_governance::epoch::{Authorisation, DecisionLeaf, EpochHeader};
use althing_governance::tree::{SumLeaf, SumTree, TreePurpose};
use bitcoin::consensus::encode::serialize;
use bitcoin::{FeeRate, OutPoint, Script, ScriptBuf, Transaction, TxOut};

use super::authorised::{milestone_of, part_of, proposal_of};
use super::bundle::{LoggedEntry, evidence};
use super::parts::{MAX_DECISIONS, SpendPart};
use super::verify::{Rejection, fail};
use crate::treasury::{Mark, generations, payment_intent, scripts_in_order, staging_at};

/// P-146: most transactions in a file that made coins.
pub(super) const MAX_SOURCES: usize = 256;

/// Evidence that coins of the treasury were spent without authorisation, with a gate or without one (P-146).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TheftPart {
    /// The transaction that spent them, and its block.
    pub spending: althing_anchor::LinkEvidence,
    /// Transactions that made coins which it spends, without witness, in the order of its inputs.
    pub sources: Vec<Transaction>,
    /// Every leaf of T4 in the order of the tree.
    pub decisions: Vec<SumLeaf>,
    /// The proposals that its gates were assigned to, in the order of the inputs.
    pub proposals: Vec<LoggedEntry>,
}

impl Canonical for TheftPart {
    fn encode(&self, w: &mut Writer) {
        w.bytes(&self.spending.encode());
        let sources: Vec<Source> = self.sources.iter().cloned().map(Source).collect();
        w.list(&sources);
        w.list(&self.decisions);
        w.list(&self.proposals);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let spending = evidence(r)?;
        let sources: Vec<Source> = r.list("sources", MAX_SOURCES)?;
        Ok(Self {
            spending,
            sources: sources.into_iter().map(|source| source.0).collect(),
            decisions: r.list("decisions", MAX_DECISIONS)?,
            proposals: r.list("proposals", MAX_SOURCES)?,
        })
    }
}

/// A transaction as its id covers it.
struct Source(Transaction);

impl Canonical for Source {
    fn encode(&self, w: &mut Writer) {
        w.bytes(&serialize(&self.0));
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = r.bytes("source", MAX_TRANSACTION_BYTES)?;
        let refused = |problem: String| DecodeError::Rule { rule: "P-146", field: "source", problem };
        read_stripped(&bytes).map(Self).map_err(|error| refused(error.to_string()))
    }
}

/// What the file says of the DAO: its rules, its charters with the height from which each was in force, and the last header.
pub(super) struct Place<'a> {
    pub(super) params: &'a DaoParams,
    pub(super) charters: &'a [(u32, &'a Charter)],
    pub(super) header: &'a EpochHeader,
    pub(super) genesis: &'a Transaction,
}

/// P-15: a gate was spent, and what spent it is nothing that was decided.
pub(super) fn check_unauthorised(
    place: &Place<'_>,
    part: &SpendPart,
    blocks: &impl BlockHashes,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let (rule, gate) = (fail("spend"), part.gate);
    if !place.params.gates.contains(&gate) {
        return Err(rule(format!("P-15: {gate} is none of the gates")));
    }
    let mined = Mined::check(place, &part.spending, &part.decisions, blocks, checked)?;
    let (txid, height) = (part.spending.txid(), mined.height);
    if !mined.spends(&gate) {
        return Err(rule(format!("P-15: transaction {txid} does not spend gate {gate}")));
    }
    let words =
        |why: String| format!("Unauthorised spend: transaction {txid} spent gate {gate} of the treasury; {why}.");
    let own = mined.assigned.iter().find(|assigned| assigned.gate == gate);
    let intent = match (own, &part.proposal) {
        (Some(assigned), Some(entry)) => Some(assigned.intent(place, entry, checked)?),
        (None, None) => None,
        _ => {
            return Err(rule("P-15: the proposal that the gate was assigned to, and no other, has to be shown".into()));
        }
    };
    let shown = usize::from(intent.is_some());
    if mined.assigned.len() > shown {
        // What else it pays this file does not show: neither outputs nor fee can be held against anybody.
        return match intent {
            None => Ok(words(
                "no decision was assigned it, and it was spent together with gates that decisions were".into(),
            )),
            Some(intent) if !(intent.from_height..intent.expiry_height).contains(&height) => Ok(words(format!(
                "it was mined at height {height}, allowed were heights from {} to below {}",
                intent.from_height, intent.expiry_height
            ))),
            Some(_) => Err(rule(format!(
                "P-15: transaction {txid} spends gates of other decisions too, which a file of the whole transaction shows (P-146)"
            ))),
        };
    }
    let intents: BTreeMap<OutPoint, SpendIntent> = intent.into_iter().map(|intent| (intent.gate, intent)).collect();
    let (reason, _) = mined.judge(place, &[], &intents)?;
    Ok(words(reason))
}

/// P-146: coins of the treasury were spent, and what spent them is nothing that was decided.
pub(super) fn check_theft(
    place: &Place<'_>,
    part: &TheftPart,
    blocks: &impl BlockHashes,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("spend");
    let mined = Mined::check(place, &part.spending, &part.decisions, blocks, checked)?;
    mined.check_sources(place, &part.sources)?;
    if part.proposals.len() != mined.assigned.len() {
        let (shown, wanted) = (part.proposals.len(), mined.assigned.len());
        return Err(rule(format!("P-146: {shown} proposals are shown, {wanted} gates that decisions have are spent")));
    }
    let mut intents = BTreeMap::new();
    for (assigned, entry) in mined.assigned.iter().zip(&part.proposals) {
        intents.insert(assigned.gate, assigned.intent(place, entry, checked)?);
    }
    let (reason, left) = mined.judge(place, &part.sources, &intents)?;
    let txid = part.spending.txid();
    Ok(format!("Unauthorised spend: transaction {txid} took at least {left} sat out of the treasury; {reason}."))
}

/// A decision that an input's gate was assigned to.
struct Assigned {
    gate: OutPoint,
    key: [u8; 32],
    leaf: DecisionLeaf,
    authorisation: Authorisation,
}

impl Assigned {
    /// What it allows, by the proposal of an entry.
    fn intent(
        &self,
        place: &Place<'_>,
        entry: &LoggedEntry,
        checked: &mut Vec<String>,
    ) -> Result<SpendIntent, Rejection> {
        let rule = fail("spend");
        let (content, proposal) = proposal_of(place.params, place.header, entry)?;
        let milestone = milestone_of(&content, proposal, &self.key)
            .ok_or_else(|| rule(format!("P-15: the gate was not assigned to proposal {proposal}")))?;
        let spend = part_of(&content, proposal, milestone, self.leaf.outcome, &self.authorisation)
            .ok_or_else(|| rule("P-15: what is authorised is no part of what was proposed".into()))?;
        checked.push(format!("Gate {} was assigned to proposal {proposal}.", self.gate));
        let staging = staging_at(place.charters, self.authorisation.height);
        Ok(payment_intent(&spend, &self.authorisation, self.gate, staging))
    }
}

/// A transaction that was mined, and what the decisions say of the gates that it spends.
struct Mined<'a> {
    transaction: &'a Transaction,
    height: u32,
    /// In the order of the inputs.
    assigned: Vec<Assigned>,
}

impl<'a> Mined<'a> {
    fn check(
        place: &Place<'_>,
        spending: &'a althing_anchor::LinkEvidence,
        decisions: &[SumLeaf],
        blocks: &impl BlockHashes,
        checked: &mut Vec<String>,
    ) -> Result<Self, Rejection> {
        let (rule, header) = (fail("spend"), place.header);
        let height = mined_height(spending, blocks).map_err(|error| rule(format!("P-15: {error}")))?;
        if header.closing_height < height {
            return Err(rule(format!(
                "P-15: the transaction was mined at height {height}, the last epoch of the file closed at {}: a decision may be missing",
                header.closing_height
            )));
        }
        // With every leaf of the tree, one that is not there does not exist.
        let tree =
            SumTree::build(TreePurpose::Decisions, decisions.to_vec()).map_err(|error| rule(error.to_string()))?;
        if tree.leaves() != decisions || tree.commitment() != header.decisions_root {
            return Err(rule(format!("P-15: these are not the decisions of epoch {}", header.epoch)));
        }
        checked.push(format!("These are all {} decisions of epoch {}.", decisions.len(), header.epoch));
        checked.push(format!("Transaction {} is in the block at height {height}.", spending.txid()));
        let mut by_gate = HashMap::new();
        for leaf in decisions {
            let decision = DecisionLeaf::from_bytes(&leaf.value).map_err(|error| rule(error.to_string()))?;
            if let (Some(gate), Some(authorisation)) = (decision.gate, decision.authorisation) {
                by_gate.insert(gate, Assigned { gate, key: leaf.key, leaf: decision, authorisation });
            }
        }
        let transaction = spending.transaction();
        let assigned = transaction.input.iter().filter_map(|txin| by_gate.remove(&txin.previous_output)).collect();
        Ok(Self { transaction, height, assigned })
    }

    fn spends(&self, outpoint: &OutPoint) -> bool {
        self.transaction.input.iter().any(|txin| txin.previous_output == *outpoint)
    }

    /// P-146: each made something that is spent, none twice, in the order of the inputs: one form for each file.
    fn check_sources(&self, place: &Place<'_>, sources: &[Transaction]) -> Result<(), Rejection> {
        let founding = place.genesis.compute_txid();
        let mut inputs = self.transaction.input.iter().map(|txin| txin.previous_output.txid);
        let mut seen = BTreeSet::from([founding]);
        for source in sources {
            let txid = source.compute_txid();
            if !seen.insert(txid) || !inputs.any(|spent| spent == txid) {
                let reason = format!(
                    "P-146: transaction {txid} made nothing that is spent, or is shown already or not in its turn"
                );
                return Err(fail("spend")(reason));
            }
        }
        Ok(())
    }

    /// P-147: the judge of the alarm, with what the file holds. Gives why it is theft, and what left at least.
    fn judge(
        &self,
        place: &Place<'_>,
        sources: &[Transaction],
        intents: &BTreeMap<OutPoint, SpendIntent>,
    ) -> Result<(String, u64), Rejection> {
        let (rule, txid) = (fail("spend"), self.transaction.compute_txid());
        let treasuries = Treasuries::by(place, self.height);
        let owner = |script: &Script| treasuries.owner(script);
        let made: HashMap<_, _> =
            sources.iter().chain([place.genesis]).map(|source| (source.compute_txid(), source)).collect();
        let output = |outpoint: &OutPoint| -> Option<TxOut> {
            let vout = usize::try_from(outpoint.vout).ok()?;
            made.get(&outpoint.txid)?.output.get(vout).filter(|output| owner(&output.script_pubkey).is_some()).cloned()
        };
        let outpoints: Vec<OutPoint> = self.transaction.input.iter().map(|txin| txin.previous_output).collect();
        let prevouts: Vec<Option<TxOut>> = outpoints.iter().map(output).collect();
        let gates: BTreeSet<OutPoint> = place.params.gates.iter().chain(intents.keys()).copied().collect();
        let known = prevouts.iter().flatten().count();
        let is_sure = outpoints.iter().zip(&prevouts).enumerate().any(|(at, (outpoint, prevout))| {
            let is_coin = prevout.as_ref().is_some_and(|coin| {
                let is_bond = made
                    .get(&outpoint.txid)
                    .is_some_and(|source| Mark::Bond.find(source, &place.params.dao_id).is_some());
                let next = self.transaction.output.get(1);
                let may_be_seal = at == 0
                    && known == 1
                    && owner(&coin.script_pubkey).is_some_and(|of| of.index == 0)
                    && next.is_some_and(|next| next.script_pubkey == coin.script_pubkey);
                !is_bond && !may_be_seal
            });
            gates.contains(outpoint) || is_coin
        });
        if !is_sure {
            return Err(rule(format!(
                "P-147: the file shows no coin of the treasury that transaction {txid} spends, but perhaps a bond or the spare seal"
            )));
        }
        let spend = MinedSpend {
            transaction: self.transaction,
            height: self.height,
            prevouts: &prevouts,
            generations: &treasuries.generations,
            lately: 0,
            spare_seals: &BTreeSet::new(),
            bonds: &BTreeMap::new(),
            owner: &owner,
        };
        // What inputs weigh that are not shown, nobody can tell here: no fee of housekeeping is too high.
        match judge_spend(&spend, &gates, |gate| intents.get(gate).cloned(), FeeRate::MAX) {
            SpendFinding::Unauthorised { reason, left, .. } => Ok((reason, left.to_sat())),
            SpendFinding::Decided { .. } => Err(rule(format!("P-15: transaction {txid} is what the decision allows"))),
            SpendFinding::Staged { .. } => {
                Err(rule(format!("P-145: transaction {txid} stages what was decided, as the charter asks")))
            }
            _ => Err(rule(format!(
                "P-15: transaction {txid} takes all that the file shows of it back into the treasury, as housekeeping may (T-72)"
            ))),
        }
    }
}

/// The treasuries that there were by a height, and their scripts.
struct Treasuries {
    generations: Vec<Treasury>,
    owners: HashMap<ScriptBuf, InputOrigin>,
}

impl Treasuries {
    fn by(place: &Place<'_>, height: u32) -> Self {
        let there = place.charters.iter().filter(|(since, _)| *since <= height).map(|(_, charter)| *charter);
        let texts = generations(there);
        let generations: Vec<Treasury> = texts.iter().filter_map(|text| Treasury::parse(text).ok()).collect();
        let mut owners = HashMap::new();
        let mut done: BTreeSet<&String> = BTreeSet::new();
        for (generation, (text, treasury)) in texts.iter().zip(&generations).enumerate().rev() {
            if !done.insert(text) {
                continue;
            }
            for (index, script) in (0..).zip(scripts_in_order(treasury)) {
                owners.entry(script).or_insert(InputOrigin { generation, index });
            }
        }
        Self { generations, owners }
    }

    /// As the node has it: the newest where several have it.
    fn owner(&self, script: &Script) -> Option<InputOrigin> {
        self.owners.get(script).copied()
    }
}
