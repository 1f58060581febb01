//! Top-up and partial withdrawal: the funding of a channel is spliced into a larger or a smaller one (C-140 to C-145).
//!
//! A member orders it; the turn brings the announcement, the hub's agreement a checkpoint over both fundings, and the signed
//! transaction goes out with every block until it is [`FINAL_DEPTH`] deep. Until then the old funding stays enforceable, and
//! the stake counts all the time (G-33). Everything from the announcement on is in the stored channel, so that a restart goes on.

use althing_channels::monitor::FINAL_DEPTH;
use althing_channels::{Effect, PendingSplice, Phase, Side, SpliceStage, funding_output};
use anyhow::{Context, Result};
use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Address, Amount, FeeRate, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};

use super::{StakeChannel, StakeNews};
use crate::api::ApiError;
use crate::facts::outpoint_bytes;
use crate::outlay::expect_fee_rate;
use crate::shell::{Shell, unix_time};

/// Splices that wait at the same time: C-140 allows eight fundings.
const MAX_REPLACEMENTS: usize = 6;

/// Outputs below this are not relayed, whatever they are (BIP86 outputs: 330 sat).
const DUST_SAT: u64 = 330;

/// What a member wants of its channel's funding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpliceOrder {
    /// More or less.
    pub kind: SpliceKind,
    /// Satoshis that the funding grows or shrinks by.
    pub amount_sat: u64,
    /// Fee rate of the transaction, sat/vB; 1..=1000.
    pub fee_rate_sat_vb: u64,
    /// Whether it takes the place of the one that waits (C-306).
    pub replaces: bool,
}

/// Whether the funding grows or shrinks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpliceKind {
    /// The wallet adds coins, and pays the fee.
    TopUp,
    /// Coins go to this script, the fee taken from them; to the wallet if there is none.
    Withdraw(Option<ScriptBuf>),
}

/// What an order would do, for the person who has to say yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpliceEffects {
    /// In sentences.
    pub sentences: Vec<String>,
}

impl SpliceOrder {
    /// A withdrawal to an address, which has to be of this network.
    ///
    /// # Errors
    /// `N-62` for what is no address of this network.
    pub fn script_of(address: &str, network: bitcoin::Network) -> Result<ScriptBuf, ApiError> {
        crate::outlay::script_of(address, network)
    }
}

impl StakeChannel {
    /// Splices whose transaction is announced or out, and not the only funding yet.
    pub fn pending_splices(&self) -> Vec<PendingSplice> {
        let lives = matches!(self.machine.phase(), Phase::Ready | Phase::Closing | Phase::ForceClosing);
        if lives { self.machine.pending_splices() } else { Vec::new() }
    }

    /// Whether an announcement waits for the hub: another checkpoint would end it.
    fn is_announcing(&self) -> bool {
        self.pending_splices().iter().any(|splice| splice.stage == SpliceStage::Announced)
    }
}

impl Shell {
    /// What a top-up or a withdrawal would do, or why it cannot be.
    ///
    /// # Errors
    /// The rule that the order breaks, or what it has to wait for.
    pub fn review_splice(&mut self, number: u32, order: &SpliceOrder) -> Result<SpliceEffects, ApiError> {
        self.judge_splice(number, order)?;
        let fee = match order.kind {
            SpliceKind::TopUp => self.top_up_fee(number, order)?,
            SpliceKind::Withdraw(_) => self.payout_fee(number, order)?,
        };
        let channel = self.channel(number)?;
        let held = channel.machine.balances().member_sat;
        let paying = channel.paying_sat();
        let SpliceOrder { kind, amount_sat, fee_rate_sat_vb, replaces } = order;
        let mut sentences = Vec::new();
        if *replaces {
            sentences.push(format!(
                "Takes the place of the one that waits, at {fee_rate_sat_vb} sat/vB; one of them will be mined."
            ));
        }
        match kind {
            SpliceKind::TopUp => {
                let balance = self.wallet.balance();
                sentences.push(format!(
                    "Adds {amount_sat} sat of your wallet to the {held} sat that are yours in the channel."
                ));
                sentences.push(format!(
                    "The transaction's fee is {fee} sat, {fee_rate_sat_vb} sat/vB; the wallet, which has {} sat confirmed, pays it besides.",
                    balance.confirmed_sat
                ));
                sentences
                    .push("What is staked goes on counting; what is added counts once it is deep enough.".to_owned());
            }
            SpliceKind::Withdraw(to) => {
                let left = held.saturating_sub(*amount_sat).saturating_sub(paying);
                let place = to.as_ref().map_or("your wallet".to_owned(), |script| {
                    Address::from_script(script, self.wallet.network())
                        .map_or_else(|_| script.to_hex_string(), |address| address.to_string())
                });
                sentences.push(format!(
                    "Takes {amount_sat} sat of the {held} sat that are yours out of the channel; {left} sat stay."
                ));
                sentences.push(format!(
                    "{} sat go to {place}; the transaction's fee is {fee} sat.",
                    amount_sat.saturating_sub(fee)
                ));
                sentences.push("What leaves stops counting as stake as soon as the transaction is mined, also in votes that are under way.".to_owned());
                let min = self.ledger.state().charter().admission.min_stake_sat();
                if left < min {
                    sentences.push(format!("Less than the charter's minimum of {min} sat stays: you lose your vote."));
                }
            }
        }
        if paying > 0 {
            sentences.push(format!("Of what is yours in the channel {paying} sat are being paid to the hub already."));
        }
        sentences.push(format!(
            "The channel stays in use; the old output stays enforceable until the new one is {FINAL_DEPTH} blocks deep."
        ));
        Ok(SpliceEffects { sentences })
    }

    /// Member: orders a top-up or a withdrawal. It is announced at the own turn; [`StakeNews::Spliced`] tells when its transaction
    /// is out.
    ///
    /// # Errors
    /// The rule that the order breaks, what it has to wait for, or I/O.
    pub fn order_splice(&mut self, number: u32, order: SpliceOrder) -> Result<Vec<StakeNews>, ApiError> {
        self.judge_splice(number, &order)?;
        let channel = self.stakes.channel_mut(number).context("the channel exists")?;
        channel.splice_order = Some(order);
        let effects = channel.machine.ask_turn().map_err(|error| ApiError::not_now(error.to_string()))?;
        Ok(self.carry_out(number, effects)?)
    }

    /// The order that replaces a splice which waits, at a higher rate (C-306).
    ///
    /// # Errors
    /// When none waits that is signed, or the rate would not replace it.
    pub fn replacement_of(&self, number: u32, fee_rate_sat_vb: u64) -> Result<SpliceOrder, ApiError> {
        let none = || ApiError::not_now("C-306: no top-up or withdrawal of this channel waits to be mined");
        let channel = self.channel(number)?;
        let waits = |splice: &PendingSplice| splice.stage == SpliceStage::Signed;
        let splice = channel.pending_splices().into_iter().rfind(waits).ok_or_else(none)?;
        if self.store.fact(&outpoint_bytes(&splice.funding))?.is_some() {
            return Err(ApiError::not_now("C-306: it is mined already"));
        }
        let (fee_sat, vsize) = fee_of(&splice);
        if fee_rate_sat_vb.saturating_mul(vsize) < fee_sat.saturating_add(vsize) {
            let words = format!(
                "{fee_rate_sat_vb} sat/vB for {vsize} vB do not replace a transaction that pays {fee_sat} sat; at least {} sat/vB do",
                fee_sat.saturating_add(vsize).div_ceil(vsize.max(1))
            );
            return Err(ApiError::invalid("C-306", words));
        }
        let (kind, amount_sat) = match splice.removed_sat {
            0 => (SpliceKind::TopUp, splice.added_sat),
            removed => {
                let paid = splice.transaction.output.iter().zip(0u32..).find(|(_, vout)| *vout != splice.funding.vout);
                (SpliceKind::Withdraw(paid.map(|(output, _)| output.script_pubkey.clone())), removed)
            }
        };
        Ok(SpliceOrder { kind, amount_sat, fee_rate_sat_vb, replaces: true })
    }

    /// The announcement of what was ordered, at the own turn; refused orders are told and forgotten.
    pub(super) fn announce_order(&mut self, number: u32, news: &mut Vec<StakeNews>) -> Result<Vec<Effect>> {
        let Some(order) = self.stakes.channel_mut(number).and_then(|channel| channel.splice_order.take()) else {
            return Ok(Vec::new());
        };
        let announced = self.judge_splice(number, &order).and_then(|()| {
            let (transaction, prevouts) = self.splice_transaction(number, &order)?;
            let announced = self.machine(number)?.announce_splice(transaction, prevouts, 0);
            announced.map_err(|error| ApiError::invalid(error.rule(), error.to_string()))
        });
        Ok(announced.unwrap_or_else(|error| {
            news.push(StakeNews::Reported(number, error.message));
            Vec::new()
        }))
    }

    /// Whether nothing else may be proposed: the hub is being asked about a splice.
    pub(super) fn waits_for_agreement(&self, number: u32) -> bool {
        self.stakes.channel(number).is_some_and(StakeChannel::is_announcing)
    }

    /// Both have signed: from now on the new funding is watched for, and the member's node sends the transaction.
    pub(super) fn finish_splice(&mut self, number: u32, news: &mut Vec<StakeNews>) -> Result<()> {
        for splice in self.channel(number)?.pending_splices() {
            if splice.stage < SpliceStage::InForce {
                continue;
            }
            self.watch.expect(&self.store, splice.funding)?;
            if splice.stage == SpliceStage::Signed && self.channel(number)?.machine.side() == Side::Member {
                self.send_splice(number, &splice);
                news.push(StakeNews::Spliced(number, splice.funding.txid));
            }
        }
        Ok(())
    }

    /// At a new tip, and after a start: sends every splice again that is not in the chain, and tells the channels which are deep
    /// enough to take the old funding's place.
    pub(super) fn advance_splices(&mut self) -> Result<Vec<StakeNews>> {
        let mut news = Vec::new();
        let numbers: Vec<u32> = self.stakes.iter().map(|channel| channel.number).collect();
        for number in numbers {
            for splice in self.channel(number)?.pending_splices() {
                let Some(fact) = self.store.fact(&outpoint_bytes(&splice.funding))? else {
                    self.watch.expect(&self.store, splice.funding)?;
                    if splice.stage == SpliceStage::Signed && self.channel(number)?.machine.side() == Side::Member {
                        self.send_splice(number, &splice);
                    }
                    continue;
                };
                let confirmations = self.tip_height().saturating_add(1).saturating_sub(fact.height);
                let ending = self.channel(number)?.machine.phase() == Phase::ForceClosing;
                // C-144: whoever leaves alone does so over what is in the chain now; the lock, which gives the old funding up for
                // ever, waits until no reorganisation is likely.
                let needed = if ending { 1 } else { FINAL_DEPTH };
                if splice.stage != SpliceStage::Confirmed && confirmations >= needed {
                    news.extend(self.confirm_splice(number, splice.funding, confirmations)?);
                }
            }
        }
        Ok(news)
    }

    /// Before a close alone: over a new funding that is in the chain already, the old one being spent.
    pub(super) fn confirm_mined_splices(&mut self, number: u32) -> Result<Vec<StakeNews>> {
        let mut news = Vec::new();
        for splice in self.channel(number)?.pending_splices() {
            let Some(fact) = self.store.fact(&outpoint_bytes(&splice.funding))? else { continue };
            let confirmations = self.tip_height().saturating_add(1).saturating_sub(fact.height);
            news.extend(self.confirm_splice(number, splice.funding, confirmations)?);
        }
        Ok(news)
    }

    fn confirm_splice(&mut self, number: u32, funding: OutPoint, confirmations: u32) -> Result<Vec<StakeNews>> {
        let Some(fact) = self.store.fact(&outpoint_bytes(&funding))? else { return Ok(Vec::new()) };
        let output = TxOut {
            value: Amount::from_sat(fact.value_sat),
            script_pubkey: ScriptBuf::from_bytes(fact.script.clone()),
        };
        let mut effects = match self.machine(number)?.splice_confirmed(funding, &output, confirmations) {
            Ok(effects) => effects,
            Err(error) => {
                tracing::debug!(number, %error, "the spliced funding is not usable yet");
                return Ok(Vec::new());
            }
        };
        if self.channel(number)?.machine.phase() == Phase::ForceClosing {
            // C-145: the commitment over the old funding can never confirm.
            effects.extend(self.machine(number)?.force_close().unwrap_or_default());
        }
        self.carry_out(number, effects)
    }

    fn judge_splice(&self, number: u32, order: &SpliceOrder) -> Result<(), ApiError> {
        let channel = self.channel(number)?;
        let SpliceOrder { kind, amount_sat, fee_rate_sat_vb, replaces } = order;
        expect_fee_rate(*fee_rate_sat_vb)?;
        let machine = &channel.machine;
        if machine.side() != Side::Member {
            return Err(ApiError::invalid("C-142", "only the member splices its channel"));
        }
        if machine.phase() != Phase::Ready {
            return Err(ApiError::not_now("C-142: the stake channel is not in use"));
        }
        let pending = channel.pending_splices();
        let signed = pending.iter().all(|splice| splice.stage == SpliceStage::Signed);
        let busy = channel.splice_order.is_some() || !(pending.is_empty() || *replaces && signed);
        if pending.len() >= MAX_REPLACEMENTS {
            return Err(ApiError::not_now(format!("C-140: {} fundings of this channel wait already", pending.len())));
        }
        if busy {
            let words = format!(
                "C-143: a splice of this channel waits already; it is done {FINAL_DEPTH} blocks after it is mined"
            );
            return Err(ApiError::not_now(words));
        }
        // What is ordered to be paid is folded before the splice is announced, or with it.
        let ledger = machine.newest_ledger().context("a channel in use has a ledger")?;
        match kind {
            SpliceKind::TopUp if *amount_sat < DUST_SAT => Err(ApiError::invalid(
                "C-140",
                format!("{amount_sat} sat are less than the {DUST_SAT} sat that can be moved"),
            )),
            // Its coins are those of what it replaces.
            SpliceKind::TopUp if *replaces => Ok(()),
            SpliceKind::TopUp => {
                let confirmed = self.wallet.balance().confirmed_sat;
                if confirmed < *amount_sat {
                    let words =
                        format!("W-1: {amount_sat} sat have to be confirmed in the wallet, which has {confirmed} sat");
                    return Err(ApiError::not_now(words));
                }
                self.expect_reserve(*amount_sat, 0)
            }
            SpliceKind::Withdraw(_) => {
                let fee = self.payout_fee(number, order)?;
                if *amount_sat < fee.saturating_add(DUST_SAT) {
                    let words = format!("of {amount_sat} sat the fee of {fee} sat leaves less than {DUST_SAT} sat");
                    return Err(ApiError::invalid("C-140", words));
                }
                let reserve = ledger.reserve_sat();
                // Of what is in the funding that is spent: a withdrawal that waits and is replaced by this one takes nothing beside it.
                let own = ledger.balances().member_sat.saturating_sub(channel.leaving_sat());
                let spendable = own.saturating_sub(ledger.held_sat());
                if spendable.checked_sub(*amount_sat).is_none_or(|left| left < reserve) {
                    let words = format!(
                        "{amount_sat} sat of {spendable} sat that can be spent leave less than the reserve of {reserve} sat"
                    );
                    return Err(ApiError::invalid("C-140", words));
                }
                let id = machine.id().context("a channel in use has an id")?;
                let held = self.ledger.state().held_sat(&althing_governance::ChannelId(id.0));
                if own.saturating_sub(*amount_sat) < held {
                    return Err(ApiError::invalid("G-96", format!("{held} sat are held as deposits and have to stay")));
                }
                Ok(())
            }
        }
    }

    fn splice_transaction(&mut self, number: u32, order: &SpliceOrder) -> Result<(Transaction, Vec<TxOut>), ApiError> {
        let context = self.channel(number)?.machine.context().context("a channel in use has a funding")?;
        let from = funding_output(&context);
        match &order.kind {
            SpliceKind::TopUp => {
                let rate = FeeRate::from_sat_per_vb(order.fee_rate_sat_vb).context("fee rate too large")?;
                let sat = from.value.to_sat().saturating_add(order.amount_sat);
                let to = TxOut { value: Amount::from_sat(sat), script_pubkey: from.script_pubkey.clone() };
                let mut promised = self.stakes.promised_coins();
                if order.replaces {
                    // The coins of what is replaced are free for what replaces it.
                    let own = self.channel(number)?.pending_splices();
                    let coins = own.iter().flat_map(|splice| &splice.transaction.input);
                    let freed: Vec<OutPoint> = coins.map(|input| input.previous_output).collect();
                    promised.retain(|coin| !freed.contains(coin));
                    self.wallet.let_go(own.iter().map(|splice| splice.transaction.compute_txid()), unix_time())?;
                }
                self.splice_in((context.funding, from), to, rate, (&promised, order.replaces))
            }
            SpliceKind::Withdraw(to) => {
                let to = match to {
                    Some(script) => script.clone(),
                    None => self.wallet.fresh_address()?.script_pubkey(),
                };
                let fee = self.payout_fee(number, order)?;
                let transaction = payout(context.funding, &from, to, order.amount_sat, fee);
                Ok((transaction, vec![from]))
            }
        }
    }

    /// Fee of a top-up, by the coins that the wallet would take now. Of one that takes another's place, whose coins are still bound to that, by
    /// the size of that one.
    fn top_up_fee(&mut self, number: u32, order: &SpliceOrder) -> Result<u64, ApiError> {
        if order.replaces {
            let waits = self.channel(number)?.pending_splices();
            let vsize = waits.last().map_or(0, |splice| fee_of(splice).1);
            return Ok(vsize.saturating_mul(order.fee_rate_sat_vb));
        }
        let (transaction, prevouts) = self.splice_transaction(number, order)?;
        let sum = |outputs: &[TxOut]| outputs.iter().map(|output| output.value.to_sat()).fold(0, u64::saturating_add);
        Ok(sum(&prevouts).saturating_sub(sum(&transaction.output)))
    }

    /// Fee of a withdrawal: its size is known before it is made.
    fn payout_fee(&self, number: u32, order: &SpliceOrder) -> Result<u64, ApiError> {
        let context = self.channel(number)?.machine.context().context("a channel in use has a funding")?;
        let from = funding_output(&context);
        let to = match &order.kind {
            SpliceKind::Withdraw(Some(script)) => script.clone(),
            // As long as every script of the wallet.
            _ => from.script_pubkey.clone(),
        };
        let mut transaction = payout(context.funding, &from, to, order.amount_sat, 0);
        transaction.input[0].witness = Witness::from_slice(&[[0; 64]]);
        let vsize = u64::try_from(transaction.vsize()).unwrap_or(u64::MAX);
        Ok(vsize.saturating_mul(order.fee_rate_sat_vb))
    }

    /// Signs the wallet's inputs and gives the transaction to the Bitcoin source. Trouble is no end: it is sent again.
    fn send_splice(&mut self, number: u32, splice: &PendingSplice) {
        let sent = self.wallet.sign_rest(&splice.transaction, &splice.prevouts).and_then(|tx| {
            self.bitcoind.submit(&tx)?;
            self.wallet.note_broadcast(&tx, unix_time())
        });
        if let Err(error) = sent {
            let error = format!("{error:#}");
            tracing::warn!(number, error, "the splice was not taken; it is sent again with the next block");
        }
    }
}

/// Fee in satoshis and size in vB of a splice, as it is broadcast.
pub(super) fn fee_of(splice: &PendingSplice) -> (u64, u64) {
    let sum = |outputs: &[TxOut]| outputs.iter().map(|output| output.value.to_sat()).fold(0, u64::saturating_add);
    let mut transaction = splice.transaction.clone();
    for input in &mut transaction.input {
        input.witness = Witness::from_slice(&[[0; 64]]);
    }
    let vsize = u64::try_from(transaction.vsize()).unwrap_or(u64::MAX);
    (sum(&splice.prevouts).saturating_sub(sum(&transaction.output)), vsize)
}

/// In words: the splice of a channel that is under way, and `in_use` or being left.
pub(crate) fn splice_words(splice: &PendingSplice, confirmations: u32, in_use: bool) -> String {
    let (what, sat) = match splice.removed_sat {
        0 => ("A top-up of", splice.added_sat),
        removed => ("A withdrawal of", removed),
    };
    let state = match splice.stage {
        SpliceStage::Announced | SpliceStage::Agreed | SpliceStage::InForce => "is being signed".to_owned(),
        SpliceStage::Signed | SpliceStage::Confirmed if confirmations == 0 => "waits to be mined".to_owned(),
        // Whoever leaves alone does so over the new funding: there is nothing left to agree about.
        _ if !in_use => format!("is {confirmations} blocks deep"),
        SpliceStage::Signed => format!("is {confirmations} of {FINAL_DEPTH} blocks deep"),
        SpliceStage::Confirmed => format!("is {confirmations} blocks deep and waits for the hub"),
    };
    format!("{what} {sat} sat {state} ({}).", splice.funding.txid)
}

/// The transaction that takes coins out of a channel; its output 0 is the new funding.
fn payout(funding: OutPoint, from: &TxOut, to: ScriptBuf, amount_sat: u64, fee_sat: u64) -> Transaction {
    let output = |sat: u64, script_pubkey| TxOut { value: Amount::from_sat(sat), script_pubkey };
    let left = from.value.to_sat().saturating_sub(amount_sat);
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: funding,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        }],
        output: vec![output(left, from.script_pubkey.clone()), output(amount_sat.saturating_sub(fee_sat), to)],
    }
}
