//! What a node shows of the treasury: balances, generations, budgets, coins, sessions.

use serde::{Deserialize, Serialize};

use super::{CheckReport, PolicyView};

/// The treasury at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreasuryOverview {
    /// The present policy in words.
    pub policy: PolicyView,
    /// Which generation it is, from 1.
    pub generation: usize,
    /// Confirmed coins that may be spent by decisions.
    pub free_sat: u64,
    /// Frozen coins.
    pub frozen_sat: u64,
    /// Seals, gates.
    pub reserved_sat: u64,
    /// Not yet confirmed.
    pub pending_sat: u64,
    /// In former generations: to be swept.
    pub former_sat: u64,
    /// Payments that were authorised.
    pub payments: Vec<PaymentView>,
    /// Every generation of the treasury, the oldest first.
    pub generations: Vec<GenerationView>,
    /// Budgets that took effect, with what is left of them.
    pub budgets: Vec<BudgetView>,
    /// Treasurers of the charter in force.
    pub treasurers: Vec<TreasurerView>,
    /// The hub's bond; `None` while no charter asks for one and none was brought.
    #[serde(default)]
    pub bond: Option<BondView>,
    /// The newest proof of funds in the folder that the settings name (T-85); `None` without a folder, or files in it.
    #[serde(default)]
    pub proof: Option<FundsProof>,
    /// What rests in a stage, and can still be brought back (T-95).
    #[serde(default)]
    pub staged: Vec<StagedView>,
    /// What of its budget housekeeping has used (T-332).
    #[serde(default)]
    pub housekeeping: HousekeepingView,
    /// That a former treasury still has the spare seal, if so (N-247).
    #[serde(default)]
    pub former_spare_seal: Option<String>,
    /// Spends that nobody decided, in sentences.
    pub alarms: Vec<String>,
}

/// What housekeeping costs, on which nobody votes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HousekeepingView {
    /// What it has cost within so many blocks, and what is signed and not mined yet.
    pub spent_sat: u64,
    /// What it may cost.
    pub budget_sat: u64,
    /// Within how many blocks.
    pub blocks: u32,
}

/// A staged payment that is not paid out yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedView {
    /// The stage transaction.
    pub stage: String,
    /// What rests.
    pub sat: u64,
    /// First height of a block that can hold its payout.
    pub from_height: u32,
}

/// What the signed files of one epoch show, judged by this node's own chain (T-83).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsProof {
    /// The epoch.
    pub epoch: u32,
    /// Its closing height.
    pub height: u32,
    /// Coins shown.
    pub coins: usize,
    /// Their sum.
    pub total_sat: u64,
    /// Keys that signed, as the descriptor has them.
    pub signed: Vec<String>,
    /// Keys of the descriptor.
    pub keys: usize,
    /// What keeps it from being a proof; empty when it is one.
    pub lacks: Vec<String>,
}

/// The bond of the hub in office, and every bond in the treasury (T-90 to T-94).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BondView {
    /// Which hub it is: 0 for the founding one.
    pub office: u32,
    /// What the charter in force asks for.
    pub required_sat: u64,
    /// What that hub has in the treasury in force.
    pub brought_sat: u64,
    /// What it has to bring.
    pub missing_sat: u64,
    /// The last height at which that is in time.
    pub due_height: Option<u32>,
    /// Whether it is too late.
    pub is_overdue: bool,
    /// Bonds of any hub that are there.
    pub coins: Vec<BondCoin>,
}

/// A bond in the treasury.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BondCoin {
    /// `txid:vout`.
    pub outpoint: String,
    /// Its value.
    pub sat: u64,
    /// Whose it is.
    pub office: u32,
    /// The address that it goes back to.
    pub back: String,
    /// `held`, `free` to go back, or `taken`: the treasury's.
    pub state: String,
}

/// A treasurer of the charter in force, as far as this node has heard. Treasurers and the hub hear; others have `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreasurerView {
    /// Untrusted text.
    pub name: String,
    /// The key in the charter, x-only, hex.
    pub key: String,
    /// Whether it is the treasurer at this node.
    pub is_me: bool,
    /// Height of the newest word.
    pub heard_height: Option<u32>,
    /// Whether that is too long ago (T-313).
    pub is_silent: bool,
}

/// Something a treasurer said about a session, as it came over the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperView {
    /// Its id, hex.
    pub id: String,
    /// Who said it; untrusted text.
    pub author: String,
    /// `transaction`, `signatures`, `comment`, `refusal` or `presence`.
    pub kind: String,
    /// The transaction it is about.
    pub session: String,
    /// Height at which it was written.
    pub height: u32,
    /// `held` at a hub; at a treasurer `taken`, `waiting` or `refused`.
    pub state: String,
    /// Why it waits or was refused.
    pub note: String,
}

/// One treasury of those that are or were in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationView {
    /// Its number, from 1.
    pub number: usize,
    /// Its descriptor with checksum.
    pub descriptor: String,
    /// Closing height of the epoch that put it in force; 0 for the founding's.
    pub since_height: u32,
    /// What it holds, seals and gates included.
    pub sat: u64,
    /// In how many coins.
    pub coins: usize,
    /// Who can spend when, a sentence each.
    pub sentences: Vec<String>,
}

/// A budget that took effect. Sums are without fees; `paid + authorised + waiting + ended` is the total.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetView {
    /// The proposal, hex.
    pub proposal: String,
    /// Untrusted text.
    pub title: String,
    /// Whom it pays: an address, or the script in hexadecimal.
    pub payee: String,
    /// All milestones.
    pub total_sat: u64,
    /// Paid, as the log says.
    pub paid_sat: u64,
    /// May be paid now or is on its way.
    pub authorised_sat: u64,
    /// Not yet due, or waiting for a gate, a cap or a pause.
    pub waiting_sat: u64,
    /// Stopped by a later vote, or expired.
    pub ended_sat: u64,
    /// Highest fee of each payment.
    pub fee_cap_sat: u64,
    /// In their order.
    pub milestones: Vec<MilestoneView>,
}

/// One payment of a budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneView {
    /// Its number, from 1; `PROPOSAL/number` names the payment.
    pub number: u16,
    /// Untrusted text.
    pub description: String,
    /// What it pays.
    pub sat: u64,
    /// Height from which on it may be authorised.
    pub due_height: u32,
    /// Height at which it expires.
    pub expires_height: u32,
    /// `waiting`, `authorised`, `executed`, `stopped` or `expired`.
    pub state: String,
    /// The transaction that paid it.
    pub txid: Option<String>,
}

/// An authorised payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentView {
    /// The proposal, hex.
    pub proposal: String,
    /// Milestone of a budget, from 1; `None` for a spend.
    pub milestone: Option<u16>,
    /// Untrusted text.
    pub title: String,
    /// Hash of the intent, hex.
    pub intent: String,
    /// What is paid, without the fee.
    pub paid_sat: u64,
    /// Highest fee.
    pub fee_cap_sat: u64,
    /// `txid:vout` of the gate.
    pub gate: String,
    /// First height allowed.
    pub from_height: u32,
    /// First height not allowed any more.
    pub expiry_height: u32,
    /// `open`, `signing`, `broadcast`, `staged`, `mined`, `returned`, `taken`, `executed`, `expired`.
    pub state: String,
    /// The transaction that paid it.
    pub txid: Option<String>,
}

/// A coin of the treasury.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoinView {
    /// `txid:vout`.
    pub outpoint: String,
    /// Value.
    pub sat: u64,
    /// Its address.
    pub address: String,
    /// Generation, from 1.
    pub generation: usize,
    /// Derivation index.
    pub index: u32,
    /// Height of its block.
    pub height: Option<u32>,
    /// `free`, `frozen`, `unripe`, `spare seal`, `gate`, `bond`, `in session …`.
    pub state: String,
    /// A label; untrusted text.
    pub label: Option<String>,
    /// Why it is frozen here; empty when no reason was given. Absent when it is not frozen.
    #[serde(default)]
    pub frozen_for: Option<String>,
}

/// A signing session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Id of the transaction.
    pub id: String,
    /// Titles of what it pays; untrusted text, empty for housekeeping.
    pub title: String,
    /// Height at which it was opened or first seen here.
    pub opened_height: u32,
    /// `open`, `complete`, `broadcast`, `mined` or `void`; of a staged payment that was mined `staged`, then `mined`, `returned` or `taken`.
    pub state: String,
    /// The check of the transaction by this node.
    pub check: CheckReport,
    /// The fee.
    pub fee_sat: Option<u64>,
    /// Size at worst, virtual bytes.
    pub vbytes: u64,
    /// Everybody who has a key in it, each once, in the descriptor's order.
    pub signers: Vec<SignerView>,
    /// Whether this node's key may sign and has not signed yet: not where the check refuses (T-334).
    pub waits_for_me: bool,
    /// Who signed, by name.
    pub signed: Vec<String>,
    /// Who may still sign, by name.
    pub missing: Vec<String>,
    /// Signatures still needed.
    pub needed: usize,
    /// When it is void: the mined transaction in its place, or in that of one that it spends from (T-335).
    #[serde(default)]
    pub void_by: Option<String>,
    /// Other sessions that spend one of its coins.
    pub conflicts: Vec<String>,
    /// The one of them that stands before it: that one is signed, this one is not (T-300).
    pub yields_to: Option<String>,
    /// Comments, refusals and signatures, in order.
    pub remarks: Vec<RemarkView>,
    /// Height of its block; of a staged payment that of the transaction that ended its rest.
    pub height: Option<u32>,
    /// While it is staged: the first height of a block that can hold its payout.
    #[serde(default)]
    pub payout_height: Option<u32>,
    /// Of a staged payment whose stage is mined: its payout, whatever became of that.
    #[serde(default)]
    pub payout: Option<String>,
    /// The PSBT, base64.
    pub psbt: Option<String>,
}

/// A treasurer in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerView {
    /// By name; untrusted text.
    pub holder: String,
    /// Whether every input that asks for this treasurer has its signature.
    pub signed: bool,
    /// Whether this is the treasurer at this node.
    pub is_me: bool,
    /// Why this treasurer refused, by the last refusal known here; untrusted text.
    pub refused: Option<String>,
}

/// A remark on a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemarkView {
    /// Height at which it was made.
    pub height: u32,
    /// `comment`, `refusal` or `signature`.
    pub kind: String,
    /// By whom; untrusted text.
    pub author: String,
    /// Untrusted text.
    pub text: String,
}
