//! The check before a signature: the proof in a PSBT judged against block hashes, then the PSBT against what it shows.
//!
//! A pure function of the file, the block hashes and the state of the gates (docs/spec/treasury.md, T-40 to T-57).

mod told;

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::{
    BlockHashes, Bond, CheckFacts, GateState, Passing, PsbtReason, PsbtUnknown, PsbtVerdict, SpendIntent, Treasury,
    check_psbt, read_proof,
};
use althing_governance::charter::Staging;
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, Network, OutPoint, TxOut};
use serde::{Deserialize, Serialize};

use self::told::outputs_in_words;
pub(super) use self::told::whom;
use super::bonds::bonds_shown;
use super::intents::{housekeeping_rate, intent};
use super::stages::{rule_at, stage_policies};
use super::text::psbt_from;
use crate::dao::Dao;
use crate::judge::Verdict;
use crate::proof;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// `valid`: it may be signed. `invalid`: it must not be. `cannot_tell`: something is not known.
    pub verdict: Verdict,
    /// Id of the transaction, if there is one.
    pub txid: Option<String>,
    /// What it does, in sentences made from parsed values.
    pub sentences: Vec<String>,
    /// Of a staged payment: where it rests, for how long, who can bring it back, and what that cannot do.
    #[serde(default)]
    pub stage: Option<String>,
    /// Every reason to refuse.
    pub reasons: Vec<ReasonLine>,
    /// What can take the reasons away again, if there are any (T-102).
    #[serde(skip)]
    pub passing: Option<Passing>,
    /// What is not known.
    pub unknown: Vec<String>,
    /// Proposals that it pays, hex, as its proofs show.
    pub proposals: Vec<String>,
    /// The decisions, to be seen beside the transaction.
    pub payments: Vec<CheckedPayment>,
    /// What the transaction spends.
    pub inputs: Vec<CheckedInput>,
    /// What it pays, in its order.
    pub outputs: Vec<CheckedOutput>,
    /// The fee.
    pub fee_sat: Option<u64>,
    /// What goes back to the treasury.
    pub change_sat: Option<u64>,
}

/// A decision that the file proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedPayment {
    /// The proposal, hex.
    pub proposal: String,
    /// Milestone of a budget, from 1.
    pub milestone: Option<u16>,
    /// Untrusted text.
    pub title: String,
    /// `txid:vout` of its gate.
    pub gate: String,
    /// Highest fee.
    pub fee_cap_sat: u64,
    /// First height allowed.
    pub from_height: u32,
    /// First height not allowed any more.
    pub expiry_height: u32,
    /// What was decided: to whom, and how many satoshis.
    pub outputs: Vec<(String, u64)>,
}

/// One input of the transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedInput {
    /// `txid:vout`.
    pub outpoint: String,
    /// Its value, where the file shows it.
    pub sat: Option<u64>,
    /// `gate` of a payment in the file, `coin` of the treasury, `staged`, `set apart`, or `foreign`.
    pub role: String,
    /// Generation of the treasury that has it, from 1.
    pub generation: Option<usize>,
}

/// One output of the transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedOutput {
    /// An address, or the script in hexadecimal.
    pub to: String,
    /// Its value.
    pub sat: u64,
    /// `decided`: exactly as voted; `changed`: another output was voted at this place; `treasury`: goes back; `former`: goes to a former treasury; `staged`: rests before it
    /// is paid out; `fee`: the pay-to-anchor output of a payout; `foreign`. Outputs of a payout stand behind those of its stage.
    pub role: String,
    /// Which of the payments has an output at this place, from 0.
    pub payment: Option<usize>,
}

/// One reason to refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonLine {
    /// Number of the rule, such as `T-51`.
    pub rule: String,
    /// The reason with its values.
    pub text: String,
}

/// Whose treasury it is, where that is known without a proof.
#[derive(Debug, Clone)]
pub struct KnownTreasury {
    /// The DAO, which a proof has to be of.
    pub dao: althing_governance::id::DaoId,
    /// Its network.
    pub network: Network,
    /// The treasuries that there were; the last is the present one.
    pub generations: Vec<Treasury>,
    /// The scripts in which staged payments rest (T-86).
    pub stages: Vec<Treasury>,
    /// Below which index every node follows the scripts of the present treasury (T-110); `None` where nothing tells.
    pub in_sight: Option<u32>,
    /// What the charters said of staged payments, from which height on; `None` where the log is not known: then what the proof shows.
    pub rules: Option<Vec<(u32, Option<Staging>)>>,
    /// The spare seal where it is now; `None` where the chain is not known: then housekeeping leaves it alone.
    pub spare_seal: Option<OutPoint>,
    /// Spare seals and gates.
    pub reserved: BTreeSet<OutPoint>,
    /// Bonds of hubs (T-90); `None` where the log is not known: then those that the file itself shows.
    pub bonds: Option<BTreeMap<OutPoint, Bond>>,
    /// Those of the gates that housekeeping may take back: no decision has them, and none waits for one (T-320).
    pub retirable: BTreeSet<OutPoint>,
    /// Value of a gate that housekeeping makes.
    pub new_gate: Amount,
    /// Highest fee rate of housekeeping.
    pub housekeeping_rate: FeeRate,
    /// What other housekeeping has cost of late, or may still cost (T-332); `None` where nothing tells.
    pub housekeeping_spent: Option<Amount>,
}

impl KnownTreasury {
    /// The treasury that a DAO was founded with.
    ///
    /// # Errors
    /// A charter whose descriptor is no treasury.
    pub fn founding(dao: &Dao) -> anyhow::Result<Self> {
        let charter = &dao.params.charter;
        let mut reserved: BTreeSet<OutPoint> = dao.params.gates.iter().copied().collect();
        reserved.insert(dao.params.spare_seal);
        let generations = vec![Treasury::parse(&charter.treasury_descriptor)?];
        Ok(Self {
            dao: dao.params.dao_id,
            network: dao.network(),
            stages: stage_policies(&generations, [charter]),
            in_sight: None,
            rules: None,
            generations,
            spare_seal: None,
            reserved,
            bonds: None,
            retirable: BTreeSet::new(),
            new_gate: Amount::from_sat(charter.gate_sat),
            housekeeping_rate: housekeeping_rate(charter.max_link_fee_rate_sat_vb),
            housekeeping_spent: None,
        })
    }

    /// What a proof of the same DAO shows beside it. A node's log says more than any proof; whoever has the founding file alone knows of no
    /// election since.
    fn learn(&mut self, shown: Self) {
        self.reserved.extend(shown.reserved);
        if self.rules.is_none() && shown.generations.len() > self.generations.len() {
            (self.generations, self.stages) = (shown.generations, shown.stages);
            (self.new_gate, self.housekeeping_rate) = (shown.new_gate, shown.housekeeping_rate);
        }
    }
}

/// The output that an input of the PSBT spends, by what is known beside it; `None` when it is not known to be there.
pub type Coins<'a> = dyn Fn(&Psbt, usize) -> Option<TxOut> + 'a;

/// Judges a PSBT file.
///
/// `blocks` are the best chain's block hashes, `gates` the state of each gate that is known, `coins` says of an input whether its coin is
/// there and what it is (absent where nothing tells, T-111), `known` the treasury where
/// that is known otherwise than by the proof; what is missing makes the answer "cannot tell", unless there is a reason to
/// refuse anyway.
pub fn check(
    file: &[u8],
    blocks: Option<&dyn BlockHashes>,
    gates: &dyn Fn(&OutPoint) -> Option<GateState>,
    coins: Option<&Coins<'_>>,
    known: Option<&KnownTreasury>,
) -> CheckReport {
    match psbt_from(file) {
        Ok(psbt) => check_parsed(&psbt, blocks, gates, coins, known),
        Err(error) => {
            let reason = PsbtReason::Form { reason: format!("{error:#}").trim_start_matches("T-40: ").to_owned() };
            let mut collected = Collected::default();
            collected.reasons.push(reason);
            collected.report(None)
        }
    }
}

/// As [`check`], of a PSBT that was read.
pub fn check_parsed(
    psbt: &Psbt,
    blocks: Option<&dyn BlockHashes>,
    gates: &dyn Fn(&OutPoint) -> Option<GateState>,
    coins: Option<&Coins<'_>>,
    known: Option<&KnownTreasury>,
) -> CheckReport {
    let mut collected = Collected { known: known.cloned(), ..Collected::default() };
    let carried = read_proof(psbt);
    for (number, bundle) in (1..).zip(&carried.bundles) {
        collected.proof(number, bundle, blocks);
    }
    if carried.bundles.is_empty() && known.is_none() {
        collected.reasons.push(PsbtReason::NoProof);
    }
    let gate_states: BTreeMap<OutPoint, GateState> =
        collected.payments.iter().filter_map(|payment| Some((payment.gate, gates(&payment.gate)?))).collect();
    let spent = coins.map(|made| -> BTreeMap<OutPoint, TxOut> {
        let inputs = psbt.unsigned_tx.input.iter().enumerate();
        inputs.filter_map(|(input, txin)| Some((txin.previous_output, made(psbt, input)?))).collect()
    });
    // What a proof would show is not known yet, so what the outputs should be is not either.
    let is_shown = collected.unknown.is_empty();
    let verdict = collected.known.as_ref().filter(|_| is_shown).map(|treasury| {
        // A payment leaves every other gate alone.
        let reserved = match collected.payments.as_slice() {
            [] => treasury.reserved.difference(&treasury.retirable).copied().collect(),
            _ => treasury.reserved.clone(),
        };
        let bonds = treasury.bonds.clone().unwrap_or_else(|| bonds_shown(psbt, &treasury.dao));
        let facts = CheckFacts {
            generations: &treasury.generations,
            stages: &treasury.stages,
            in_sight: treasury.in_sight,
            spare_seal: treasury.spare_seal,
            reserved: &reserved,
            bonds: &bonds,
            payments: &collected.payments,
            depth: collected.depth,
            tip: blocks.map(BlockHashes::tip_height),
            coins: spent.as_ref(),
            gates: &gate_states,
            new_gate: treasury.new_gate,
            housekeeping_rate: treasury.housekeeping_rate,
            housekeeping_spent: treasury.housekeeping_spent,
        };
        check_psbt(psbt, &facts)
    });
    let network = collected.known.as_ref().map(|treasury| treasury.network);
    let (inputs, outputs) = (collected.inputs(psbt), collected.outputs(psbt));
    let staged = collected.stage_in_words(psbt);
    let mut amounts = None;
    match verdict {
        // A proof that is refused shows no payment; that outputs are not decided then follows from it and is no news.
        Some(PsbtVerdict::Refuse(reasons)) => collected.reasons.extend(reasons),
        Some(PsbtVerdict::CannotTell(unknown)) => collected.unknown.extend(unknown),
        Some(PsbtVerdict::Accept(checked)) => amounts = Some(checked),
        None => {}
    }
    let mut report = collected.report(Some(psbt));
    (report.inputs, report.outputs) = (inputs, outputs);
    report.sentences.extend(network.map(|network| outputs_in_words(psbt, network)).unwrap_or_default());
    report.stage = staged.first().cloned();
    report.sentences.extend(staged);
    if let Some(checked) = amounts {
        report.fee_sat = Some(checked.fee.to_sat());
        report.change_sat = Some(checked.change.to_sat());
        report.sentences.push(format!(
            "{} sat are paid, {} sat go back to the treasury, the fee is {} sat.",
            checked.paid.to_sat(),
            checked.change.to_sat(),
            checked.fee.to_sat()
        ));
        if coins.is_none() {
            let unseen = "Not checked: that the coins it spends are there (T-111); a node or a bitcoind tells.";
            report.sentences.push(unseen.to_owned());
        }
    }
    report
}

#[derive(Default)]
struct Collected {
    known: Option<KnownTreasury>,
    payments: Vec<SpendIntent>,
    shown: Vec<CheckedPayment>,
    sentences: Vec<String>,
    depth: Option<(u32, u32)>,
    reasons: Vec<PsbtReason>,
    unknown: Vec<PsbtUnknown>,
}

impl Collected {
    /// T-41: a proof of P-7 that holds, shows an authorised payment, and is of the DAO whose treasury this is.
    fn proof(&mut self, number: usize, bundle: &[u8], blocks: Option<&dyn BlockHashes>) {
        let needed = match proof::decode(bundle) {
            Ok((bundle, _)) => bundle.highest_block(),
            Err(error) => return self.refuse(number, error.to_string()),
        };
        let Some(blocks) = blocks else {
            let reason = "no block headers and no bitcoind were given".to_owned();
            return self.unknown.push(PsbtUnknown::Proof { number, reason });
        };
        if blocks.tip_height() < needed {
            let reason = format!("the blocks given end at {}, it speaks of block {needed}", blocks.tip_height());
            return self.unknown.push(PsbtUnknown::Proof { number, reason });
        }
        let finding = match proof::verify(bundle, &AnyBlocks(blocks)) {
            Ok(finding) => finding,
            Err(rejection) => return self.refuse(number, rejection.to_string()),
        };
        if let Some(known) = self.known.as_ref().filter(|known| known.dao != finding.dao.dao_id) {
            let reason = format!("it is of DAO {}, the treasury is of DAO {}", finding.dao.dao_id, known.dao);
            return self.refuse(number, reason);
        }
        let Some(payment) = &finding.payment else {
            return self.refuse(number, "it shows no authorised payment".to_owned());
        };
        if let Some(paid_by) = payment.paid_by {
            self.reasons.push(PsbtReason::Replayed { gate: payment.gate, by: Some(paid_by) });
        }
        let shown = match shown_treasury(&finding) {
            Ok(shown) => shown,
            Err(reason) => return self.refuse(number, reason),
        };
        match &mut self.known {
            Some(known) => known.learn(shown),
            None => self.known = Some(shown),
        }
        let shallowest = self.depth.map_or(finding.depth, |(depth, _)| depth.min(finding.depth));
        self.depth = Some((shallowest, finding.final_depth));
        self.sentences.push(finding.statement.clone());
        let rules = self.known.as_ref().and_then(|known| known.rules.as_deref());
        let staging = match rules {
            Some(rules) => rule_at(rules, payment.authorisation.height),
            None => finding.charter.staging.as_ref(),
        };
        let intent = intent(&payment.spend, &payment.authorisation, payment.gate, staging);
        let outputs = intent.outputs.iter();
        self.shown.push(CheckedPayment {
            proposal: payment.proposal.to_string(),
            milestone: payment.milestone.map(|milestone| milestone.saturating_add(1)),
            title: payment.title.clone(),
            gate: payment.gate.to_string(),
            fee_cap_sat: intent.fee_cap.to_sat(),
            from_height: intent.from_height,
            expiry_height: intent.expiry_height,
            outputs: outputs.map(|o| (whom(&o.script_pubkey, finding.network), o.value.to_sat())).collect(),
        });
        self.payments.push(intent);
    }

    fn refuse(&mut self, number: usize, reason: String) {
        self.reasons.push(PsbtReason::Proof { number, reason });
    }

    fn report(self, psbt: Option<&Psbt>) -> CheckReport {
        let verdict = match (self.reasons.is_empty(), self.unknown.is_empty()) {
            (false, _) => Verdict::Invalid,
            (true, false) => Verdict::CannotTell,
            (true, true) => Verdict::Valid,
        };
        CheckReport {
            verdict,
            txid: psbt.map(|psbt| psbt.unsigned_tx.compute_txid().to_string()),
            sentences: self.sentences,
            stage: None,
            reasons: self
                .reasons
                .iter()
                .map(|reason| ReasonLine { rule: reason.rule(), text: reason.to_string() })
                .collect(),
            passing: self.reasons.iter().map(PsbtReason::passing).min(),
            unknown: self.unknown.iter().map(ToString::to_string).collect(),
            proposals: self.shown.iter().map(|payment| payment.proposal.clone()).collect(),
            payments: self.shown,
            inputs: Vec::new(),
            outputs: Vec::new(),
            fee_sat: None,
            change_sat: None,
        }
    }
}

fn shown_treasury(finding: &proof::Finding) -> Result<KnownTreasury, String> {
    let generations: Result<Vec<Treasury>, _> = finding.treasuries.iter().map(|text| Treasury::parse(text)).collect();
    let generations = generations.map_err(|error| error.to_string())?;
    let mut reserved: BTreeSet<OutPoint> = finding.dao.gates.iter().copied().collect();
    reserved.insert(finding.dao.spare_seal);
    // That of the last succession which the proof shows.
    reserved.extend(finding.spare_seal);
    Ok(KnownTreasury {
        dao: finding.dao.dao_id,
        network: finding.network,
        stages: stage_policies(&generations, [&finding.charter]),
        in_sight: None,
        rules: None,
        generations,
        spare_seal: None,
        reserved,
        bonds: None,
        retirable: BTreeSet::new(),
        new_gate: Amount::from_sat(finding.charter.gate_sat),
        housekeeping_rate: housekeeping_rate(finding.charter.max_link_fee_rate_sat_vb),
        housekeeping_spent: None,
    })
}

/// Block hashes behind a reference of any kind.
struct AnyBlocks<'a>(&'a dyn BlockHashes);

impl BlockHashes for AnyBlocks<'_> {
    fn hash_at(&self, height: u32) -> Option<bitcoin::BlockHash> {
        self.0.hash_at(height)
    }

    fn tip_height(&self) -> u32 {
        self.0.tip_height()
    }
}
