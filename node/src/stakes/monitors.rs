//! Ends of channels on the chain: monitors are fed with blocks, and what they ask for is built, signed and broadcast.

use std::collections::{BTreeMap, BTreeSet};

use althing_channels::fees::{FeeMarket, fee};
use althing_channels::monitor::{
    Action, BlockId, ClaimState, End, Monitor, Need, SpendKind, Stage, assign_coins, bump_child, rate_with,
    reserve_per_close, to_remote_child,
};
use althing_channels::{JusticeTo, Phase, SweepTo, sweep_to_local, sweep_to_remote};
use anyhow::{Context, Result};
use bitcoin::{BlockHash, FeeRate, OutPoint, Transaction, Weight};

use super::Stakes;
use crate::shell::Shell;

impl Stakes {
    /// The monitor of a channel that is ending.
    pub fn monitor(&self, number: u32) -> Option<&Monitor> {
        self.monitors.get(&number)
    }

    /// How a channel ended, as far as the chain shows it.
    pub fn end(&self, number: u32) -> Option<End> {
        let channel = self.channel(number)?;
        self.monitors.get(&number)?.end(&channel.machine.watch())
    }

    /// The monitors after a block, of the channels that it concerns.
    ///
    /// # Errors
    /// When the block does not follow what a monitor has seen.
    pub fn monitors_after(
        &self,
        block: BlockId,
        prev: BlockHash,
        transactions: &[Transaction],
    ) -> Result<BTreeMap<u32, Monitor>> {
        let below = BlockId { height: block.height.saturating_sub(1), hash: prev };
        let fundings: BTreeMap<OutPoint, u32> = self
            .iter()
            .flat_map(|channel| channel.machine.fundings().into_iter().map(|funding| (funding, channel.number)))
            .collect();
        let inputs = transactions.iter().flat_map(|tx| &tx.input);
        let spent = inputs.filter_map(|input| fundings.get(&input.previous_output).copied());
        let concerned: BTreeSet<u32> = spent.chain(self.monitors.keys().copied()).collect();
        let mut after = BTreeMap::new();
        for number in concerned {
            let Some(channel) = self.channel(number) else { continue };
            let mut monitor = self.monitors.get(&number).cloned().unwrap_or_else(|| Monitor::new(below));
            monitor.apply_block(block, prev, transactions, &channel.machine.fundings())?;
            after.insert(number, monitor);
        }
        Ok(after)
    }

    /// The monitors when `tip` is the highest block that is left; none when no block is.
    ///
    /// # Errors
    /// When `tip` is above what a monitor has seen.
    pub fn monitors_before(&self, tip: Option<BlockId>) -> Result<BTreeMap<u32, Monitor>> {
        let Some(tip) = tip else { return Ok(BTreeMap::new()) };
        let mut before = self.monitors.clone();
        for monitor in before.values_mut() {
            monitor.disconnect_to(tip)?;
        }
        Ok(before)
    }

    /// Takes over monitors that are stored.
    pub fn set_monitors(&mut self, monitors: BTreeMap<u32, Monitor>) {
        self.monitors = monitors;
    }
}

/// A child that a commitment needs now.
struct Closing {
    number: u32,
    commitment: Transaction,
    rate: FeeRate,
}

impl Shell {
    /// At a new tip: broadcasts anew what the ends of channels ask for, and drops the monitors that are done.
    ///
    /// # Errors
    /// On I/O.
    pub fn advance_monitors(&mut self) -> Result<()> {
        self.rebroadcast_closes();
        self.judge_channels_by_log()?;
        let tip = self.tip_height();
        let market = self.bitcoind.fee_market();
        self.fees = Some(market);
        self.towers.at_tip(market.economical);
        self.offer_blobs()?;
        self.sweep_seed_coins(&market);
        let waiting = self.spends_waiting();
        let below = self.tip.map(|(height, hash)| BlockId { height, hash });
        let mut monitors = self.stakes.monitors.clone();
        let mut wanted: Vec<(u32, Action)> = Vec::new();
        for (number, spend) in &waiting {
            let (Some(channel), Some(below)) = (self.stakes.channel(*number), below) else { continue };
            let monitor = monitors.entry(*number).or_insert_with(|| Monitor::new(below));
            let bump = monitor.bump_waiting(&channel.machine.watch(), spend, &market);
            wanted.extend(bump.map(|action| (*number, action)));
        }
        let mut alarms = Vec::new();
        let mut done = Vec::new();
        monitors.retain(|number, monitor| {
            let Some(channel) = self.stakes.channel(*number) else { return false };
            let watch = channel.machine.watch();
            let end = monitor.end(&watch);
            alarms.extend(end.as_ref().and_then(alarm));
            // C-144: a splice ended nothing, and the funding that it spent is given up.
            let stale = |spent: &OutPoint| !channel.machine.fundings().contains(spent);
            // C-305: a bid for what waits is remembered as long as it waits.
            let bids = monitor.has_bids() && waiting.iter().any(|(waits, _)| waits == number);
            let in_use = channel.machine.phase() == Phase::Ready;
            if end.is_none() && in_use && !bids && monitor.spends().keys().all(stale) {
                return false;
            }
            if let Some(end) = end.filter(|end| end.stage(tip) == Stage::Done) {
                done.push((*number, (lost_sat(&end) > 0).then(|| end_words(&end))));
                return false;
            }
            wanted.extend(monitor.actions(&watch, &market).into_iter().map(|action| (*number, action)));
            true
        });
        // Before anything is broadcast: a rate that was bid is never forgotten (C-76).
        self.store.write(|writer| {
            // Nothing of a channel that ended for good can be punished any more.
            done.iter().try_for_each(|(number, _)| writer.drop_blobs(*number))?;
            writer.put_monitors(&monitors)
        })?;
        self.stakes.monitors = monitors;
        for (number, words) in done {
            let (Some(words), Some(channel)) = (words, self.stakes.channel_mut(number)) else { continue };
            channel.note = words;
            self.persist_channel(number)?;
        }
        self.alarms.extend(alarms.into_iter().map(|words| ("channel", words)));
        let mut closings = Vec::new();
        for (number, action) in wanted {
            match action {
                Action::Broadcast { commitment, rate } => {
                    let rate = rate.max(self.rate_beside_splices(number));
                    closings.push(Closing { number, commitment, rate });
                }
                // N-191: both spend the member's own output.
                Action::SweepToRemote { .. } | Action::BumpPeer { .. } if self.weighs_in_votes(number) => {}
                other => self.try_broadcast(number, |shell| shell.claim(number, &other)),
            }
        }
        self.broadcast_commitments(&closings, &market);
        Ok(())
    }

    /// C-305: transactions in the mempool that spend fundings of channels of which this side has signed no commitment of its own.
    fn spends_waiting(&self) -> Vec<(u32, Transaction)> {
        let lives = |phase: Phase| matches!(phase, Phase::Ready | Phase::Closing | Phase::AwaitConfirmation);
        let channels = self.stakes.iter().filter(|channel| lives(channel.machine.phase()));
        let fundings: BTreeMap<OutPoint, u32> = channels
            .flat_map(|channel| channel.machine.fundings().into_iter().map(|funding| (funding, channel.number)))
            .collect();
        let outpoints: Vec<OutPoint> = fundings.keys().copied().collect();
        let spenders = self.bitcoind.spenders_waiting(&outpoints).unwrap_or_else(|error| {
            tracing::debug!(%error, "what waits in the mempool is not known");
            Vec::new()
        });
        let of = |spend: Transaction| {
            let number = spend.input.iter().find_map(|input| fundings.get(&input.previous_output))?;
            Some((*number, spend))
        };
        spenders.into_iter().filter_map(of).collect()
    }

    /// From now on the chain is watched for the end of this channel.
    pub(super) fn begin_monitor(&mut self, number: u32) -> Result<()> {
        let (height, hash) = self.tip.context("no block is known yet")?;
        if !self.stakes.monitors.contains_key(&number) {
            let monitor = Monitor::new(BlockId { height, hash });
            let mut monitors = self.stakes.monitors.clone();
            monitors.insert(number, monitor);
            self.store.write(|writer| writer.put_monitors(&monitors))?;
            self.stakes.monitors = monitors;
        }
        Ok(())
    }

    /// Each commitment goes out with a child of its own, which spends a coin of its own (C-77).
    fn broadcast_commitments(&mut self, closings: &[Closing], market: &FeeMarket) {
        let needs: Vec<Need> = closings
            .iter()
            .filter_map(|closing| {
                let held = self.stakes.channel(closing.number)?.child_coin.as_ref().map(|coin| coin.outpoint);
                let funding = closing.commitment.input.first()?.previous_output;
                Some(Need { funding, least_sat: reserve_per_close(closing.rate.max(market.floor)).to_sat(), held })
            })
            .collect();
        if needs.is_empty() {
            return;
        }
        let promised = self.stakes.promised_coins();
        let mut coins = self.wallet.confirmed_coins(&promised);
        coins.extend(closings.iter().filter_map(|closing| self.stakes.channel(closing.number)?.child_coin.clone()));
        let mut given = assign_coins(&needs, &coins);
        // A coin that does not pay the rate wanted pays a lower one, which is better than none.
        let least_sat = reserve_per_close(market.floor).to_sat();
        let poor = needs.iter().filter(|need| !given.contains_key(&need.funding));
        let poor: Vec<Need> = poor.map(|need| Need { least_sat: least_sat.min(need.least_sat), ..*need }).collect();
        coins.retain(|coin| given.values().all(|taken| taken.outpoint != coin.outpoint));
        given.extend(assign_coins(&poor, &coins));
        let mut unpaid = Vec::new();
        for closing in closings {
            let funding = closing.commitment.input.first().map(|input| input.previous_output);
            let coin = funding.and_then(|funding| given.get(&funding)).cloned();
            let missing_sat = coin.is_none().then(|| reserve_per_close(closing.rate.max(market.floor)).to_sat());
            if let Some(channel) = self.stakes.channel_mut(closing.number) {
                channel.child_missing_sat = missing_sat;
                channel.child_coin = coin.clone().or(channel.child_coin.take());
            }
            let Some(coin) = coin else {
                unpaid.extend(missing_sat);
                // It pays no fee; where a node takes that, nothing is missing.
                self.try_broadcast(closing.number, |shell| Ok(shell.bitcoind.submit(&closing.commitment).map(drop)?));
                continue;
            };
            let rate = closing.rate.min(rate_with(coin.output.value)).max(market.floor);
            self.try_broadcast(closing.number, |shell| {
                let change = shell.wallet.unused_script()?;
                let child = bump_child(&closing.commitment, &[coin], &change, rate)?;
                let child = shell.wallet.sign_child(child)?;
                shell.bitcoind.submit_package(&[closing.commitment.clone(), child])?;
                Ok(())
            });
        }
        match unpaid.iter().max() {
            Some(most) => drop(self.alarms.insert("reserve", unpaid_words(*most, unpaid.len()))),
            None => drop(self.alarms.remove("reserve")),
        }
    }

    fn claim(&mut self, number: u32, action: &Action) -> Result<()> {
        let script = self.wallet.unused_script()?;
        if let Action::BumpPeer { commitment, rate } = action {
            let child = to_remote_child(self.channel(number)?.machine.keys(), commitment, &script, *rate, [0; 32])?;
            return Ok(self.bitcoind.submit_package(&[commitment.clone(), child])?);
        }
        let channel = self.channel(number)?;
        let machine = &channel.machine;
        let keys = machine.keys();
        // Without randomness the same transaction comes out each time, and is known to every mempool that has it (BIP340).
        let aux_rand = [0; 32];
        let tx = match action {
            Action::SweepDelayed { number, commitment, rate, .. } => {
                let context = machine.context().context("a channel that ended has a funding")?;
                let fee_of = |weight| fee(*rate, weight).to_sat();
                let to = |fee_sat| SweepTo { script: script.clone(), fee_sat, aux_rand };
                let weight = sweep_to_local(keys, &context, machine.side(), *number, commitment, &to(0))?.weight();
                sweep_to_local(keys, &context, machine.side(), *number, commitment, &to(fee_of(weight)))?
            }
            Action::SweepToRemote { commitment, rate, .. } => {
                let to = |fee_sat| SweepTo { script: script.clone(), fee_sat, aux_rand };
                let weight: Weight = sweep_to_remote(keys, commitment, &to(0))?.weight();
                sweep_to_remote(keys, commitment, &to(fee(*rate, weight).to_sat()))?
            }
            Action::Justice { breach, rate, .. } => {
                let to = |fee_sat| JusticeTo { script: script.clone(), fee_sat, anchor_sat: None, aux_rand };
                let weight = breach.justice(keys, &to(0))?.weight();
                breach.justice(keys, &to(fee(*rate, weight).to_sat()))?
            }
            other => anyhow::bail!("an action that this program does not know: {other:?}"),
        };
        self.bitcoind.submit(&tx)?;
        Ok(())
    }

    /// What is not taken now is said again at the next tip, so trouble is no end.
    fn try_broadcast(&mut self, number: u32, broadcast: impl FnOnce(&mut Self) -> Result<()>) {
        if let Err(error) = broadcast(self) {
            tracing::warn!(number, error = format!("{error:#}"), "not taken; tried again with the next block");
        }
    }
}

/// In words: that commitments wait for coins.
pub(crate) fn unpaid_words(least_sat: u64, channels: usize) -> String {
    let of = if channels == 1 {
        "a close alone".to_owned()
    } else {
        format!("{channels} closes alone, each with one of its own")
    };
    format!(
        "W-4: no confirmed coin of at least {least_sat} sat is free to pay for {of}, and a commitment is not sent without. Send that to an address of this wallet; it goes out by itself with the block in which the coin arrives."
    )
}

/// What a person must know of an end.
fn alarm(end: &End) -> Option<String> {
    let txid = end.txid;
    if let sat @ 1.. = lost_sat(end) {
        return Some(format!(
            "The channel that {txid} closed is over, and the other side took {sat} sat of this side's part."
        ));
    }
    match end.kind {
        SpendKind::PeerRevoked { number } => Some(format!(
            "The other side broadcast the revoked commitment {number} ({txid}); all of the channel's coins are being taken from it."
        )),
        SpendKind::PeerAhead { number } => Some(format!(
            "The other side closed with commitment {number} ({txid}), which this node does not know: it has lost data. Its own part is taken."
        )),
        SpendKind::OwnRevoked { number } => Some(format!(
            "A copy of this node broadcast the revoked commitment {number} ({txid}); the other side can take everything."
        )),
        SpendKind::Unknown => Some(format!("The channel was spent by {txid}, which this node never signed.")),
        _ => None,
    }
}

/// What the other side took of what this side could have, satoshis.
pub(crate) fn lost_sat(end: &End) -> u64 {
    let lost = end.claims.iter().filter(|claim| matches!(claim.state, ClaimState::Lost { .. }));
    lost.map(|claim| claim.output.value.to_sat()).fold(0, u64::saturating_add)
}

/// In words: how far the end of a channel has come.
pub(crate) fn end_words(end: &End) -> String {
    let what = match end.kind {
        SpendKind::CooperativeClose => "closed together",
        SpendKind::OwnCommitment { .. } => "closed by this side alone",
        SpendKind::PeerCommitment { .. } => "closed by the other side alone",
        SpendKind::PeerRevoked { .. } => "closed by the other side with a revoked commitment",
        _ => "spent",
    };
    let open: u64 = end
        .claims
        .iter()
        .filter(|claim| claim.state == ClaimState::Open)
        .map(|claim| claim.output.value.to_sat())
        .sum();
    let taken = match lost_sat(end) {
        0 => String::new(),
        sat => format!("; the other side took {sat} sat of it"),
    };
    let waits = if open > 0 { format!("; {open} sat are still to be taken home") } else { String::new() };
    format!("The channel is {what}, {} blocks deep{taken}{waits}.", end.confirmations)
}
