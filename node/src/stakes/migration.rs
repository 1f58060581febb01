//! Moving a channel to another hub (C-300 to C-303): with the old hub in one transaction, without it by a close alone and a new
//! opening.
//!
//! What was ordered is stored; everything else follows from where both channels stand, so that [`Shell::advance_migrations`] can be
//! called at any time, and goes on after any restart. The old hub's signature is asked for last: until then nothing has moved.

use std::time::{Duration, Instant};

use althing_channels::monitor::{ClaimState, FINAL_DEPTH};
use althing_channels::{Channel, ChannelParams, DUST_SAT, OpeningId, Phase, Side};
use anyhow::{Context, Result};
use bitcoin::OutPoint;
use bitcoin::secp256k1::PublicKey;

use super::{StakeChannel, StakeNews, Stakes, channel_keys};
use crate::api::{ApiError, MigrationState};
use crate::keys::entropy;
use crate::outlay::expect_fee_rate;
use crate::peers::PeerAddress;
use crate::shell::Shell;
use crate::store::MigrationRow;

/// Size of a close with one output and with two, vB.
const CLOSE_VB: [u64; 2] = [111, 154];
/// Left in the wallet for the funding transaction's fee, by its rate: a few inputs, two outputs.
const FUNDING_VB: u64 = 400;
/// How often the turn is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// What a member wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationOrder {
    /// The hub that the channel moves to.
    pub to: PeerAddress,
    /// Fee rate, sat/vB; 1..=1000.
    pub fee_rate_sat_vb: u64,
    /// Without the old hub.
    pub alone: bool,
    /// The person answers for the folder (C-150), where it goes alone.
    pub newest: bool,
}

impl Stakes {
    /// The move of a channel, if one was ordered.
    pub fn migration(&self, number: u32) -> Option<&MigrationRow> {
        self.migrations.get(&number)
    }

    /// All moves.
    pub fn migrations(&self) -> impl Iterator<Item = &MigrationRow> {
        self.migrations.values()
    }

    /// The move whose one transaction funds this channel: the wallet has no part in that.
    pub fn funded_by(&self, successor: u32) -> Option<&MigrationRow> {
        self.migrations().find(|row| row.successor == Some(successor) && !row.alone)
    }

    /// Whether this channel was closed into another one, which its coins fund.
    pub fn moved_on(&self, number: u32) -> bool {
        self.migrations()
            .any(|row| row.number == number && row.successor.is_some_and(|successor| self.has_moved(successor)))
    }

    /// Whether the transaction that funds this channel is signed, and spends a funding of this member's.
    pub fn has_moved(&self, successor: u32) -> bool {
        let old = self.funded_by(successor).and_then(|row| self.channel(row.number));
        old.is_some_and(|old| old.machine.closes_into() && old.machine.signed_close().is_some())
    }
}

impl Shell {
    /// What a move would do, or why it cannot be.
    ///
    /// # Errors
    /// The rule that the order breaks, or what it has to wait for.
    pub fn review_migration(&self, number: u32, order: &MigrationOrder) -> Result<Vec<String>, ApiError> {
        self.judge_migration(number, order)?;
        let channel = self.channel(number)?;
        let (sat, peer) = (channel.machine.balances().member_sat, channel.peer);
        let MigrationOrder { to, fee_rate_sat_vb: rate, alone, newest: _ } = order;
        if *alone {
            let lock = channel.machine.params().member_csv_blocks;
            let mut sentences = vec![
                format!("Closes the channel that holds {sat} sat of yours without its hub {peer}, and opens one with {to}."),
                "Your wallet pays for the close, more with every block in which it waits.".to_owned(),
                format!("What is yours stays locked for {lock} blocks, comes home, and is then staked with the other hub, less the fees at {rate} sat/vB."),
                "Your weight ends with the close and comes back with the new stake; votes cast stay counted while the coins lie in the close.".to_owned(),
                "This node goes on with it whenever it runs. The close cannot be taken back; where the coins go then can be changed until they are in the new channel.".to_owned(),
            ];
            sentences.extend(self.doubts(channel));
            return Ok(sentences);
        }
        let fee = move_fee(channel, *rate);
        Ok(vec![
            format!(
                "Moves {} sat of the {sat} sat that are yours from the channel with hub {peer} into one with {to}, in one transaction.",
                sat.saturating_sub(fee)
            ),
            format!("Its fee is {fee} sat, {rate} sat/vB; it cannot be raised afterwards."),
            "The other hub signs your way out of the new channel before the old hub is asked to sign.".to_owned(),
            "Your stake counts all the time and you go on voting; it moves when the transaction is mined.".to_owned(),
            "Once begun, this channel can only be closed.".to_owned(),
        ])
    }

    /// Member: orders a move, or the way without the old hub for one that does not go on.
    ///
    /// # Errors
    /// As [`Shell::review_migration`], or I/O.
    pub fn order_migration(
        &mut self,
        number: u32,
        order: &MigrationOrder,
        is_reached: &dyn Fn(&PublicKey) -> bool,
    ) -> Result<Vec<StakeNews>, ApiError> {
        self.judge_migration(number, order)?;
        if order.alone && order.newest {
            self.answer_for_newest(number)?;
        }
        if order.alone {
            self.expect_newest(number)?;
        }
        let row = MigrationRow {
            number,
            target: order.to.to_string(),
            fee_rate_sat_vb: order.fee_rate_sat_vb,
            fee_sat: 0,
            alone: order.alone,
            successor: None,
            failure: String::new(),
        };
        // What the old order had begun to open is given up first: no coins are in it, and the wallet shall not pay for it.
        if let Some(before) = self.stakes.migration(number).and_then(|row| row.successor)
            && self.stakes.channel(before).is_some()
            && !self.give_up_successor(before, "C-303: the move goes another way")?
        {
            return Err(ApiError::not_now(
                "C-303: the coins are on their way into the channel with the other hub already",
            ));
        }
        self.put_migration(row)?;
        self.advance_migrations(is_reached).map_err(ApiError::from)
    }

    /// Member: takes an order to move back, and leaves nothing of it.
    ///
    /// # Errors
    /// C-303 when there is none, or both hubs are signing it already; or I/O.
    pub fn cancel_migration(&mut self, number: u32) -> Result<(), ApiError> {
        let none = || ApiError::not_now("C-303: this channel does not move to another hub");
        let row = self.stakes.migration(number).ok_or_else(none)?.clone();
        let is_signing = !row.alone && self.channel(number)?.machine.phase() != Phase::Ready;
        let successor = row.successor.filter(|successor| self.stakes.channel(*successor).is_some());
        let is_given_up = match successor {
            Some(_) if is_signing => false,
            Some(successor) => self.give_up_successor(successor, "C-303: the move was taken back")?,
            None => !is_signing,
        };
        if !is_given_up {
            return Err(ApiError::not_now(match row.alone {
                true => "C-303: what came home is in the channel with the other hub already",
                false => {
                    "C-303: the move is being signed and cannot be taken back; --alone goes on without the present hub"
                }
            }));
        }
        self.drop_migration(number)?;
        Ok(())
    }

    /// An opening with another hub ends before there is anything in it, and leaves no line; whether it could.
    fn give_up_successor(&mut self, successor: u32, why: &str) -> Result<bool> {
        if self.channel(successor)?.machine.phase() != Phase::Failed {
            let Ok(given_up) = self.machine(successor)?.abandon(why) else { return Ok(false) };
            self.carry_out(successor, given_up)?;
        }
        self.forget_opening(successor)?;
        Ok(true)
    }

    fn drop_migration(&mut self, number: u32) -> Result<()> {
        self.store.write(|writer| writer.drop_migration(number))?;
        self.stakes.migrations.remove(&number);
        self.revision += 1;
        Ok(())
    }

    /// Goes on with every move as far as both sides and the chain have come. A channel with the other hub is begun only when that is
    /// reached: until then there is an order and nothing else.
    ///
    /// # Errors
    /// On I/O.
    pub fn advance_migrations(&mut self, is_reached: &dyn Fn(&PublicKey) -> bool) -> Result<Vec<StakeNews>> {
        let mut news = Vec::new();
        let numbers: Vec<u32> = self.stakes.migrations.keys().copied().collect();
        for number in numbers {
            let Some(row) = self.stakes.migration(number).filter(|row| row.failure.is_empty()).cloned() else {
                continue;
            };
            let Some(old) = self.stakes.channel(number) else { continue };
            // Whoever closed alone meanwhile, goes on with what comes home.
            let left = old.machine.phase() == Phase::ForceClosing;
            if left && !row.alone {
                self.put_migration(MigrationRow { alone: true, successor: None, fee_sat: 0, ..row })?;
            } else if row.alone {
                self.advance_alone(&row, is_reached, &mut news)?;
            } else {
                self.advance_together(&row, is_reached, &mut news)?;
            }
        }
        Ok(news)
    }

    /// In words: how far a move has come.
    pub(crate) fn migration_state(&self, number: u32) -> Option<MigrationState> {
        let row = self.stakes.migration(number)?;
        let new = row.successor.and_then(|number| self.stakes.channel(number));
        let old = self.stakes.channel(number)?;
        let (step, words) = match (new.map(|new| new.machine.phase()), old.machine.phase()) {
            _ if !row.failure.is_empty() => ("failed", format!("The move to another hub failed: {}", row.failure)),
            (Some(Phase::Ready), _) => ("done", "The stake has moved to another hub.".to_owned()),
            _ if old.machine.closes_into() && old.machine.signed_close().is_some() && !row.alone => (
                "confirming",
                "The stake moves to another hub; the transaction is signed and waits to be mined.".to_owned(),
            ),
            (Some(_), _) if row.alone => ("opening", "What came home is being staked with another hub.".to_owned()),
            (None, Phase::ForceClosing | Phase::Closed) if row.alone => {
                let target = &row.target;
                let words = format!(
                    "Closed alone; what comes home is staked with the hub {target} once it is 6 blocks deep and that hub answers. The order can still go to another one, or be taken back with --cancel."
                );
                ("sweeping", words)
            }
            _ if row.alone && !self.doubts(old).is_empty() => (
                "waiting",
                "C-150: is closed alone, to be opened with another hub, once its hub has shown that this folder is not an old copy, or you \
                 answer for it: the same order again, with --newest."
                    .to_owned(),
            ),
            _ if row.alone => ("closing", "Is being closed alone, to be opened with another hub.".to_owned()),
            (None, Phase::Ready) => (
                "agreeing",
                format!(
                    "The move waits for the hub {}, which has not answered yet; nothing has moved, and --cancel takes the order back.",
                    row.target
                ),
            ),
            (_, Phase::Closing) => (
                "signing",
                "Both hubs are signing the move of the stake; if the present one does not answer, --alone goes on without it."
                    .to_owned(),
            ),
            _ => ("agreeing", "The move to another hub is being agreed with it; nothing has moved.".to_owned()),
        };
        let channel = new.and_then(|new| new.machine.id()).map(|id| id.to_string());
        Some(MigrationState { to: row.target.clone(), step: step.to_owned(), words, channel })
    }

    fn judge_migration(&self, number: u32, order: &MigrationOrder) -> Result<(), ApiError> {
        let channel = self.channel(number)?;
        let MigrationOrder { to, fee_rate_sat_vb: rate, alone, newest: _ } = order;
        expect_fee_rate(*rate)?;
        let machine = &channel.machine;
        if machine.side() != Side::Member {
            return Err(ApiError::invalid("C-300", "only the member moves its channel"));
        }
        if to.node_id == channel.peer {
            return Err(ApiError::invalid("C-300", format!("the channel is with {} already", to.node_id)));
        }
        let min = self.ledger.state().charter().admission.min_stake_sat().max(DUST_SAT);
        let sat = machine.balances().member_sat;
        let left = sat.saturating_sub(move_fee(channel, *rate));
        if left < min {
            let words = format!("{left} sat would be left of {sat} sat; the charter's minimum is {min} sat");
            return Err(ApiError::invalid("C-300", words));
        }
        // Alone, the new channel is opened when this one has ended.
        if !*alone {
            self.expect_settled(number)?;
            self.expect_room_in_backup()?;
        }
        let before = self.stakes.migration(number);
        let may_leave = matches!(machine.phase(), Phase::Ready | Phase::Closing | Phase::ForceClosing);
        if *alone {
            let is_signed = machine.signed_close().is_some();
            return match before {
                Some(row) if row.goes_alone_to(to) && self.doubts(channel).is_empty() => Err(ApiError::not_now(
                    "C-303: this channel moves to that hub already; --cancel takes the order back",
                )),
                // Left alone already: what comes home can still go elsewhere.
                Some(row) if row.alone => Ok(()),
                _ if is_signed => {
                    Err(ApiError::not_now("C-303: a close of this channel is signed and waits to be mined"))
                }
                _ if !may_leave => Err(ApiError::not_now("C-303: the stake channel is not in use")),
                _ => Ok(()),
            };
        }
        if before.is_some_and(|row| row.failure.is_empty()) {
            return Err(ApiError::not_now(
                "C-300: this channel moves already; --cancel takes the order back, --alone goes on without its hub",
            ));
        }
        if machine.phase() != Phase::Ready {
            return Err(ApiError::not_now(
                "C-300: the stake channel is not in use; --alone goes on with what comes home",
            ));
        }
        if machine.own_close_script().is_some() {
            return Err(ApiError::not_now(
                "C-32: a close of this channel was begun and gave way to a deposit, so its coins can go to that address only; --alone goes on with what comes home",
            ));
        }
        if !channel.pending_splices().is_empty() || channel.splice_order.is_some() {
            return Err(ApiError::not_now("C-300: a splice of this channel waits for its confirmations"));
        }
        let held = machine.ledger().map_or(0, althing_channels::Ledger::held_sat);
        if held > 0 {
            return Err(ApiError::not_now(format!(
                "C-300: {held} sat are held as deposits and have to be settled first"
            )));
        }
        Ok(())
    }

    fn put_migration(&mut self, row: MigrationRow) -> Result<()> {
        self.store.write(|writer| writer.put_migration(&row))?;
        self.stakes.migrations.insert(row.number, row);
        self.revision += 1;
        Ok(())
    }

    fn fail_migration(&mut self, row: &MigrationRow, why: String, news: &mut Vec<StakeNews>) -> Result<()> {
        news.push(StakeNews::Reported(row.number, why.clone()));
        if let Some(successor) = row.successor.filter(|successor| self.stakes.channel(*successor).is_some()) {
            self.forget_opening(successor)?;
        }
        // Nothing has moved and nothing was signed: the channel is in use as before.
        if self.channel(row.number)?.machine.phase() == Phase::Ready {
            return self.drop_migration(row.number);
        }
        self.put_migration(MigrationRow { failure: why, ..row.clone() })
    }

    /// C-301: opening with the other hub, close with this one, in the order that leaves a way out at every moment.
    fn advance_together(
        &mut self,
        row: &MigrationRow,
        is_reached: &dyn Fn(&PublicKey) -> bool,
        news: &mut Vec<StakeNews>,
    ) -> Result<()> {
        let old = self.channel(row.number)?;
        let Some(new) = row.successor.and_then(|number| self.stakes.channel(number)) else {
            let fee_sat = move_fee(old, row.fee_rate_sat_vb);
            let sat = old.machine.balances().member_sat.saturating_sub(fee_sat);
            if old.machine.phase() != Phase::Ready {
                let why = "C-303: the channel was closed before it moved".to_owned();
                return self.fail_migration(row, why, news);
            }
            if !is_reached(&row.target.parse::<PeerAddress>()?.node_id) {
                return Ok(());
            }
            let row = MigrationRow { fee_sat, ..row.clone() };
            return self.begin_successor(&row, sat, news);
        };
        let (successor, phase) = (new.number, new.machine.phase());
        match (phase, old.machine.phase()) {
            (Phase::Failed, _) => {
                let why = format!("C-303: the other hub: {}", new.machine.failure().unwrap_or("the opening failed"));
                self.fail_migration(row, why, news)
            }
            (Phase::AwaitFundingTx, Phase::Ready) => self.begin_move(row, successor, news),
            (Phase::AwaitFundingTx, Phase::Closing) => self.name_funding(row, successor, news),
            // The new channel's commitment is verified and stored.
            (Phase::AwaitConfirmation, Phase::Closing) => self.ask_old_hub(row, successor, news),
            _ => Ok(()),
        }
    }

    /// Opens the channel with the other hub; its number is stored before anybody hears of it, so a restart does not take it for
    /// an opening that the wallet pays for.
    fn begin_successor(&mut self, row: &MigrationRow, member_sat: u64, news: &mut Vec<StakeNews>) -> Result<()> {
        if let Err(refusal) = self.expect_room_in_backup() {
            return self.fail_migration(row, refusal.message, news);
        }
        let number = self.fresh_number()?;
        self.put_migration(MigrationRow { successor: Some(number), ..row.clone() })?;
        let old = self.channel(row.number)?;
        let ChannelParams { network, dao, member_csv_blocks, hub_csv_blocks, .. } = *old.machine.params();
        let params = ChannelParams { network, dao, member_sat, hub_sat: 0, member_csv_blocks, hub_csv_blocks };
        let to: PeerAddress = row.target.parse()?;
        let keys = channel_keys(&self.keys, number);
        match Channel::member_open(keys, OpeningId(entropy()?), params) {
            Ok((machine, effects)) => {
                let channel = StakeChannel::new(number, to.node_id, old.member, machine);
                let fee_rate_sat_vb = row.fee_rate_sat_vb;
                self.stakes.insert(StakeChannel { fee_rate_sat_vb, ..channel });
                news.extend(self.carry_out(number, effects)?);
                Ok(())
            }
            Err(violation) => {
                let why = format!("{}: {violation}", violation.rule());
                self.fail_migration(row, why, news)
            }
        }
    }

    /// The other hub has named its key: the close into the new funding script begins, at a moment at which no balance can change.
    fn begin_move(&mut self, row: &MigrationRow, successor: u32, news: &mut Vec<StakeNews>) -> Result<()> {
        let old = self.channel(row.number)?;
        let new = &self.channel(successor)?.machine;
        if !old.machine.can_move() || self.unsettled_deposits_sat(old) > 0 {
            let due = old.migration_asked.is_none_or(|asked| asked.elapsed() > ASK_AGAIN);
            if due && let Some(channel) = self.stakes.channel_mut(row.number) {
                channel.migration_asked = Some(Instant::now());
                let effects = channel.machine.ask_turn().unwrap_or_default();
                news.extend(self.carry_out(row.number, effects)?);
            }
            return Ok(());
        }
        if old.machine.balances().member_sat != new.params().member_sat.saturating_add(row.fee_sat) {
            // A checkpoint came in between: the opening is made anew for what is there now.
            self.give_up_successor(successor, "C-301: the balance has changed")?;
            return self.put_migration(MigrationRow { successor: None, ..row.clone() });
        }
        let script = new.funding_output().context("the other hub's key is known")?.script_pubkey;
        let session = self.session()?;
        let effects = self.machine(row.number)?.close_into(script, session)?;
        news.extend(self.carry_out(row.number, effects)?);
        Ok(())
    }

    /// Both scripts of the close are known, so its id is: the new channel is funded by it, and nobody has signed it.
    fn name_funding(&mut self, row: &MigrationRow, successor: u32, news: &mut Vec<StakeNews>) -> Result<()> {
        let Some(funding) = self.planned_funding(row, successor)? else { return Ok(()) };
        let sat = self.channel(successor)?.machine.params().member_sat;
        let effects = self.fund_with(successor, funding, sat)?;
        news.extend(self.carry_out(successor, effects)?);
        Ok(())
    }

    /// The old hub is asked to sign, now that the way out of the new channel is stored.
    fn ask_old_hub(&mut self, row: &MigrationRow, successor: u32, news: &mut Vec<StakeNews>) -> Result<()> {
        let old = self.channel(row.number)?;
        if let Some(close) = old.machine.signed_close().cloned() {
            let channel = self.stakes.channel_mut(successor).context("the channel exists")?;
            if channel.funding_tx.is_none() {
                channel.funding_tx = Some(close);
                self.persist_channel(successor)?;
            }
            return Ok(());
        }
        if !old.machine.can_propose_close() {
            return Ok(());
        }
        let funding = self.channel(successor)?.machine.funding().context("the new channel has a funding")?;
        let session = self.session()?;
        match self.machine(row.number)?.propose_move(funding, row.fee_sat, session) {
            Ok(effects) => news.extend(self.carry_out(row.number, effects)?),
            Err(error) => return self.fail_migration(row, error.to_string(), news),
        }
        Ok(())
    }

    fn planned_funding(&self, row: &MigrationRow, successor: u32) -> Result<Option<OutPoint>> {
        let new = self.channel(successor)?.machine.funding_output().context("the other hub's key is known")?;
        // Before the old hub has named its script there is nothing to plan.
        let Ok(close) = self.channel(row.number)?.machine.planned_close(row.fee_sat) else { return Ok(None) };
        let vout = (0u32..).zip(&close.transaction().output).find(|(_, output)| **output == new);
        Ok(vout.map(|(vout, _)| OutPoint { txid: close.txid(), vout }))
    }

    /// C-303: closed alone, taken home, opened anew.
    fn advance_alone(
        &mut self,
        row: &MigrationRow,
        is_reached: &dyn Fn(&PublicKey) -> bool,
        news: &mut Vec<StakeNews>,
    ) -> Result<()> {
        let old = self.channel(row.number)?;
        if let Some(new) = row.successor.and_then(|number| self.stakes.channel(number)) {
            if new.machine.phase() == Phase::Failed {
                let why = format!("C-303: the other hub: {}", new.machine.failure().unwrap_or("the opening failed"));
                return self.fail_migration(row, why, news);
            }
            return Ok(());
        }
        if matches!(old.machine.phase(), Phase::Ready | Phase::Closing) && old.machine.signed_close().is_none() {
            // C-150: an order out of an old copy of the folder waits like one that is given there.
            if !self.doubts(old).is_empty() {
                return Ok(());
            }
            match self.close_alone(row.number) {
                Ok(more) => news.extend(more),
                Err(error) => return self.fail_migration(row, error.message, news),
            }
            return Ok(());
        }
        // Everything that is this side's is home, as deep as a reorganisation hardly goes.
        let Some(end) = self.stakes.end(row.number) else { return Ok(()) };
        let tip = self.tip_height();
        let home = |state: &ClaimState| match state {
            ClaimState::Open => false,
            ClaimState::Taken { height, .. } | ClaimState::Lost { height, .. } => {
                tip.saturating_add(1).saturating_sub(*height) >= FINAL_DEPTH
            }
        };
        if end.confirmations < FINAL_DEPTH || !end.claims.iter().all(|claim| home(&claim.state)) {
            return Ok(());
        }
        let had = self.channel(row.number)?.machine.balances().member_sat;
        let fee = FUNDING_VB.saturating_mul(row.fee_rate_sat_vb);
        let sat = had.min(self.free_for_opening().saturating_sub(fee));
        let min = self.ledger.state().charter().admission.min_stake_sat().max(DUST_SAT);
        if sat < min {
            let why = format!("C-303: {sat} sat came home, the charter's minimum is {min} sat");
            return self.fail_migration(row, why, news);
        }
        match is_reached(&row.target.parse::<PeerAddress>()?.node_id) {
            true => self.begin_successor(row, sat, news),
            false => Ok(()),
        }
    }
}

impl MigrationRow {
    /// Whether that is under way.
    fn goes_alone_to(&self, hub: &PeerAddress) -> bool {
        self.alone && self.failure.is_empty() && self.target == hub.to_string()
    }
}

/// Fee of the one transaction.
fn move_fee(channel: &StakeChannel, rate: u64) -> u64 {
    let size = CLOSE_VB[usize::from(channel.machine.balances().hub_sat >= DUST_SAT)];
    size.saturating_mul(rate)
}
