//! Whether a hub that came back with an old disk may divide a channel by the checkpoint that its member shows (C-163).

use althing_channels::Division;
use althing_channels::wire::CheckpointShown;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::Checkpoint;
use anyhow::{Result, ensure};
use bitcoin::secp256k1::schnorr::Signature;

use super::{StakeChannel, StakeNews};
use crate::facts::outpoint_bytes;
use crate::keys::REPLACEMENTS;
use crate::shell::Shell;
use crate::store::FactRow;

impl Shell {
    /// Hub: what the checkpoint divides, and what the log does not bear out, in words; that is the operator's to answer (N-336).
    ///
    /// # Errors
    /// What makes it none that this hub may divide by.
    pub(crate) fn judge_shown(&self, number: u32, shown: &CheckpointShown) -> Result<(Division, Option<String>)> {
        let channel = self.channel(number)?;
        let checkpoint = Checkpoint::from_bytes(&shown.checkpoint)?;
        self.expect_of_channel(channel, &checkpoint, shown.number)?;
        self.expect_signed_by_both(&checkpoint, shown)?;
        let record = self.ledger.state().channels().get(&checkpoint.channel);
        let logged = record.and_then(|record| record.checkpoints.last()).map(|(_, logged)| logged);
        if let Some(logged) = logged {
            let (here, there) = (logged.number, checkpoint.number);
            ensure!(here <= there, "the log has checkpoint {here} of this channel, {there} is shown");
            ensure!(here < there || *logged == checkpoint, "checkpoint {here} of the log says something else");
        }
        let held_sat = self.unsettled_deposits_sat(channel);
        ensure!(held_sat == 0, "N-96: {held_sat} sat are held as deposits that nothing settled yet");
        let (forfeited, folded) = (self.forfeited_in_log_sat(channel), checkpoint.forfeited_sat);
        let doubt = match logged.map(|logged| logged.number) {
            Some(newest) if newest < checkpoint.number => {
                Some(format!("the log has none after checkpoint {newest} of it"))
            }
            None => Some("the log has no checkpoint of it".to_owned()),
            _ if folded < forfeited => Some(format!(
                "{forfeited} sat of deposits in it are forfeited by the log, {folded} sat by the checkpoint"
            )),
            _ => None,
        };
        let first = checkpoint.fundings.first().map(|funding| funding.outpoint);
        let funding = first.ok_or_else(|| anyhow::anyhow!("the checkpoint names no funding"))?;
        let Checkpoint { number, member_sat, hub_sat, .. } = checkpoint;
        Ok((Division { number, funding, member_sat, hub_sat }, doubt))
    }

    /// Hub: divides by it from now on, in a close together.
    pub(crate) fn take_division(&mut self, number: u32, division: Division) -> Result<Vec<StakeNews>> {
        let session = self.session()?;
        // C-162: a splice that was mined since this folder was copied made it.
        let script = self.channel(number)?.machine.funding_output().map(|output| output.script_pubkey);
        let fact = self.store.fact(&outpoint_bytes(&division.funding))?;
        let is_its = |fact: &FactRow| {
            fact.spent.is_none() && script.is_some_and(|script| script.as_bytes() == fact.script.as_slice())
        };
        let on_chain_sat = fact.filter(is_its).map(|fact| fact.value_sat);
        let machine = self.machine(number)?;
        let effects = match machine.take_division(division, on_chain_sat, session) {
            Ok(effects) => effects,
            Err(refusal) => machine.refuse_shown(&refusal.to_string()),
        };
        self.carry_out(number, effects)
    }

    /// Hub: tells the member why not.
    pub(crate) fn refuse_shown(&mut self, number: u32, why: &str) -> Result<Vec<StakeNews>> {
        let effects = self.machine(number)?.refuse_shown(why);
        self.carry_out(number, effects)
    }

    /// Hub: names its script, so that the member proposes the close (C-164).
    pub(crate) fn begin_divided_close(&mut self, number: u32) -> Result<Vec<StakeNews>> {
        let effects = self.answer_close(number)?;
        self.carry_out(number, effects)
    }

    fn expect_of_channel(&self, channel: &StakeChannel, checkpoint: &Checkpoint, number: u64) -> Result<()> {
        let (params, state) = (&self.dao.params, self.ledger.state());
        ensure!(checkpoint.network == params.network, "the checkpoint is of network {}", checkpoint.network);
        ensure!(checkpoint.dao == params.dao_id, "the checkpoint is of DAO {}", checkpoint.dao);
        let is_here = channel.machine.id().is_some_and(|id| id.0 == checkpoint.channel.0);
        ensure!(is_here, "the checkpoint is of channel {}", checkpoint.channel);
        ensure!(checkpoint.number == number, "the checkpoint has number {}, {number} is shown", checkpoint.number);
        // N-300
        let is_of_member = state.member_of_key(&checkpoint.member) == state.member_of_key(&channel.member);
        ensure!(is_of_member, "the checkpoint is of member {}", checkpoint.member);
        Ok(())
    }

    /// The member's signature is by the vote key that the checkpoint names, the hub's by any log key of this seed (N-78).
    fn expect_signed_by_both(&self, checkpoint: &Checkpoint, shown: &CheckpointShown) -> Result<()> {
        let by_member = Signature::from_slice(&shown.member_signature)?;
        checkpoint.signature_check("checkpoint, member", checkpoint.member.0, by_member).verify(&self.secp)?;
        let by_hub = Signature::from_slice(&shown.hub_signature)?;
        let is_by =
            |key: [u8; 32]| checkpoint.signature_check("checkpoint, hub", key, by_hub).verify(&self.secp).is_ok();
        let in_force = self.ledger.state().hub_log_key().serialize();
        let mut of_seed = (0..REPLACEMENTS).map(|step| self.keys.log_number(step).x_only_public_key().0.serialize());
        ensure!(
            is_by(in_force) && self.log_key().is_ok() || of_seed.any(is_by),
            "the hub's signature on it is by none of this hub's log keys"
        );
        Ok(())
    }
}
