//! Opening: the funding transaction, checkpoint 0, and its first confirmations.

use althing_channels::monitor::FINAL_DEPTH;
use althing_channels::{CheckpointRequest, Effect, Phase, Side};
use althing_governance::codec::Canonical as _;
use althing_governance::dao::channel_id;
use althing_governance::entry::{Checkpoint, CheckpointFunding, SignedCheckpoint};
use althing_governance::id::MemberId;
use anyhow::{Context, Result, ensure};
use bitcoin::consensus::encode::deserialize;
use bitcoin::secp256k1::schnorr;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Transaction, TxOut, Txid};

use super::{NEXT_CHANNEL, StakeChannel, StakeNews};
use crate::chain_view::successor_output;
use crate::facts::outpoint_bytes;
use crate::shell::{Shell, unix_time};
use crate::store::FactRow;

/// Blocks that one side may know before the other.
const TIP_AHEAD: u32 = 6;

impl Shell {
    /// Tells channels how deep their fundings are, and which are spent, as the facts in the store say.
    ///
    /// # Errors
    /// On I/O.
    pub fn update_channels_from_chain(&mut self) -> Result<Vec<StakeNews>> {
        let mut news = self.advance_splices()?;
        let numbers: Vec<u32> = self.stakes.iter().map(|channel| channel.number).collect();
        for number in numbers {
            news.extend(self.update_channel_from_chain(number)?);
        }
        Ok(news)
    }

    /// The same for one channel: what a message of its peer may cost.
    ///
    /// # Errors
    /// On I/O.
    pub fn update_channel_from_chain(&mut self, number: u32) -> Result<Vec<StakeNews>> {
        let mut news = Vec::new();
        let tip = self.tip_height();
        let channel = self.stakes.channel(number);
        let open = channel
            .filter(|channel| !matches!(channel.machine.phase(), Phase::Closed | Phase::Failed))
            .and_then(|channel| Some((channel.number, channel.machine.phase(), channel.machine.funding()?)));
        let Some((number, phase, funding)) = open else { return Ok(news) };
        let Some(fact) = self.store.fact(&outpoint_bytes(&funding))? else {
            // Also after a reorganisation took the funding of a channel in use.
            if matches!(phase, Phase::AwaitConfirmation | Phase::Ready) {
                self.watch.expect(&self.store, funding)?;
                self.rebroadcast_funding(number);
            }
            return Ok(news);
        };
        if fact.spent.is_some() {
            // A block less deep may be replaced, and the channel with it be in use again.
            let is_deep = |height: u32| tip.saturating_add(1).saturating_sub(height) >= FINAL_DEPTH;
            if let Some((_, txid)) = self.end_of(fact)?.filter(|(height, _)| is_deep(*height)) {
                let effects = self.machine(number)?.funding_spent(txid).unwrap_or_default();
                news.extend(self.carry_out(number, effects)?);
            }
            return Ok(news);
        }
        if matches!(phase, Phase::AwaitCommitmentSigned | Phase::AwaitConfirmation) {
            let output = TxOut {
                value: Amount::from_sat(fact.value_sat),
                script_pubkey: ScriptBuf::from_bytes(fact.script.clone()),
            };
            let confirmations = tip.saturating_add(1).saturating_sub(fact.height);
            match self.machine(number)?.funding_confirmed(&output, confirmations) {
                Ok(effects) => news.extend(self.carry_out(number, effects)?),
                Err(error) => tracing::debug!(number, %error, "funding not usable yet"),
            }
        }
        Ok(news)
    }

    /// Height and id of the transaction that ended a channel, by what the store knows of its funding. After a splice it goes on in the funding that
    /// the transaction made (C-144), also one that this folder has forgotten; `None` while that is unspent, or was not seen yet.
    fn end_of(&self, mut fact: FactRow) -> Result<Option<(u32, Txid)>> {
        loop {
            let Some((height, tx, _)) = &fact.spent else { return Ok(None) };
            let Some(next) = successor_output(&fact)? else {
                let txid = deserialize::<Transaction>(tx).context("a stored spending transaction")?.compute_txid();
                return Ok(Some((*height, txid)));
            };
            match self.store.fact(&outpoint_bytes(&next))? {
                Some(row) => fact = row,
                None => return Ok(None),
            }
        }
    }

    /// An opening that failed leaves nothing behind with a hub, which has nothing in it, nor with a member that moves and named no funding.
    ///
    /// # Errors
    /// On I/O.
    pub fn forget_opening(&mut self, number: u32) -> Result<()> {
        let channel = self.channel(number)?;
        let may_be_funded = channel.machine.side() == Side::Member && channel.machine.funding().is_some();
        if channel.machine.phase() != Phase::Failed || may_be_funded {
            return Ok(());
        }
        self.stakes.drop_all_but_errors(number);
        // C-3: the seed of the number was used; no other channel gets it.
        let floor = self.stakes.next_number();
        self.store.write(|writer| {
            writer.drop_channel(number)?;
            writer.set_meta(NEXT_CHANNEL, &floor.to_be_bytes())
        })?;
        self.stakes.remove(number);
        self.stakes.keep_above(floor);
        self.revision += 1;
        Ok(())
    }

    /// Member: builds the funding transaction and checkpoint 0 over it. Nothing is broadcast here.
    pub(super) fn build_funding(&mut self, number: u32, script: ScriptBuf, amount_sat: u64) -> Result<Vec<Effect>> {
        let rate = FeeRate::from_sat_per_vb(self.channel(number)?.fee_rate_sat_vb).context("fee rate too large")?;
        // The transaction that opens the channel makes the coin for closing it, too: both are mined at once (C-77).
        let tx = match self.pay(&[(script, Amount::from_sat(amount_sat))], rate, 1) {
            Ok(tx) => tx,
            Err(error) => return Ok(self.machine(number)?.abandon(&error.message)?),
        };
        let funding = OutPoint { txid: tx.compute_txid(), vout: 0 };
        self.stakes.channel_mut(number).context("the channel exists")?.funding_tx = Some(tx);
        self.fund_with(number, funding, amount_sat)
    }

    /// Member: names the funding output, with checkpoint 0 over it.
    pub(super) fn fund_with(&mut self, number: u32, funding: OutPoint, amount_sat: u64) -> Result<Vec<Effect>> {
        let commitments = self.machine(number)?.first_commitments(funding)?;
        let (tip_height, tip_hash) = self.tip.context("no block is known yet")?;
        let key = self.keys.vote_number(self.own_key_number());
        let member = MemberId::of(&key.x_only_public_key().0);
        let lane = self.ledger.state().lane(&member).copied();
        let (incarnation, sequence, head) = match lane {
            Some(lane) => (lane.incarnation, lane.sequence, lane.head),
            None => {
                let first = self.ledger.state().next_lane_header(member, 0);
                (0, 0, first.prev_head)
            }
        };
        let checkpoint = Checkpoint {
            network: self.dao.params.network,
            dao: self.dao.params.dao_id,
            channel: channel_id(self.dao.params.dao_id, funding),
            member,
            number: 0,
            fundings: vec![CheckpointFunding {
                outpoint: funding,
                member_commitment: commitments.member,
                hub_commitment: commitments.hub,
            }],
            tip_height,
            tip_hash,
            member_sat: amount_sat,
            hub_sat: 0,
            forfeited_sat: 0,
            incarnation,
            sequence,
            head,
        };
        let signature = checkpoint.sign(&self.secp, &key, &self.aux_rand()?);
        Ok(self.machine(number)?.fund(funding, checkpoint.to_bytes(), *signature.as_ref())?)
    }

    /// Checks checkpoint 0 against what this side knows, and the other side's signature on it.
    pub(super) fn check_checkpoint(&mut self, number: u32, request: &CheckpointRequest) -> Result<Vec<Effect>> {
        let side = self.channel(number)?.machine.side();
        let signature = match self.judge_checkpoint(number, request) {
            Ok(checkpoint) if side == Side::Hub => {
                let signature = checkpoint.sign(&self.secp, &self.log_key()?, &self.aux_rand()?);
                Some(*signature.as_ref())
            }
            Ok(_) => None,
            Err(error) => return Ok(self.machine(number)?.checkpoint_refused(&format!("{error:#}"))?),
        };
        let session = self.session()?;
        if side == Side::Hub {
            self.watch.expect(&self.store, request.funding)?;
        }
        let machine = self.machine(number)?;
        Ok(match signature {
            Some(signature) => machine.checkpoint_signed(signature, session)?,
            None => machine.checkpoint_accepted(session)?,
        })
    }

    fn judge_checkpoint(&self, number: u32, request: &CheckpointRequest) -> Result<Checkpoint> {
        let channel = self.channel(number)?;
        let checkpoint = Checkpoint::from_bytes(&request.checkpoint)?;
        let newest = self.tip_height().saturating_add(TIP_AHEAD);
        ensure!(
            checkpoint.tip_height <= newest,
            "N-35: checkpoint 0 was signed at height {}, this side's newest block is {}; try again when it has the newer ones",
            checkpoint.tip_height,
            self.tip_height()
        );
        let params = channel.machine.params();
        let wanted = Checkpoint {
            network: self.dao.params.network,
            dao: self.dao.params.dao_id,
            channel: channel_id(self.dao.params.dao_id, request.funding),
            member: self.speaking_key(&channel.member),
            number: 0,
            fundings: vec![CheckpointFunding {
                outpoint: request.funding,
                member_commitment: request.commitments.member,
                hub_commitment: request.commitments.hub,
            }],
            member_sat: params.member_sat,
            hub_sat: params.hub_sat,
            // What the member alone knows at this moment; the log's rules bind it when it is logged.
            ..checkpoint.clone()
        };
        let taken = |other: &StakeChannel| other.number != number && other.machine.funding() == Some(request.funding);
        ensure!(!self.stakes.iter().any(taken), "the funding output {} belongs to another channel", request.funding);
        ensure!(checkpoint == wanted, "checkpoint 0 is {checkpoint:?}, this side has {wanted:?}");
        let (what, key) = match channel.machine.side() {
            Side::Hub => ("the member's checkpoint signature", wanted.member.0),
            Side::Member => ("the hub's checkpoint signature", self.ledger.state().hub_log_key().serialize()),
        };
        let signature = schnorr::Signature::from_slice(&request.peer_signature)?;
        checkpoint.signature_check(what, key, signature).verify(&self.secp)?;
        Ok(checkpoint)
    }

    /// Checkpoint 0 of a channel with both signatures, once both are there.
    ///
    /// # Errors
    /// When the stored parts are malformed.
    pub fn opening_checkpoint(&self, number: u32) -> Result<Option<SignedCheckpoint>> {
        let Some(stored) = self.channel(number)?.machine.checkpoint() else { return Ok(None) };
        let Some(hub_signature) = stored.hub_signature else { return Ok(None) };
        Ok(Some(SignedCheckpoint {
            checkpoint: Checkpoint::from_bytes(&stored.bytes)?,
            member_signature: schnorr::Signature::from_slice(&stored.member_signature)?,
            hub_signature: schnorr::Signature::from_slice(&hub_signature)?,
        }))
    }

    pub(super) fn rebroadcast_funding(&mut self, number: u32) {
        let Some(tx) = self.stakes.channel(number).and_then(|channel| channel.funding_tx.clone()) else { return };
        match self.bitcoind.submit(&tx) {
            Ok(_) => {
                if let Some(channel) = self.stakes.channel_mut(number) {
                    channel.funding_taken = true;
                }
                if let Err(error) = self.wallet.note_broadcast(&tx, unix_time()) {
                    tracing::warn!(%error, "the wallet did not note the funding transaction");
                }
            }
            Err(error) => {
                tracing::warn!(number, %error, "the funding transaction was not taken; it is sent again with the next block");
            }
        }
    }
}
