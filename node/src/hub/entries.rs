//! Entries on their way into the log: those of members, as the intake examined them, and the hub's own.

use std::collections::BTreeSet;

use althing_channels::wire::AppNack;
use althing_channels::{ChannelId, Msg, Phase, SignedCheckpoint};
use althing_governance::Charter;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Bind, Digests, Entry, entry_id};
use althing_governance::id::MemberId;
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use super::Hub;
use super::batch::Origin;
use crate::api::clause_in;
use crate::intake::{Arrived, Finding, PEER_BYTES, PEER_ENTRIES, Report, STRIKES_MAX};
use crate::ledger::LedgerError;
use crate::peers::PeerId;
use crate::stakes::StakeChannel;

/// Entries that are looked ahead at together: few enough that what was read is still near when it is used.
const AHEAD: usize = 64;

impl Hub {
    pub(super) fn on_intake(&mut self, report: Report) {
        match report {
            Report::Batch(arrived) => self.on_arrived(arrived),
            Report::Crowded(offered) => {
                let detail = format!("N-71: {PEER_ENTRIES} entries or {PEER_BYTES} bytes of yours wait already");
                let id = entry_id(&offered.bytes);
                let origin = Origin { peer: offered.peer, sequence: offered.sequence, id };
                self.refuse_entry(origin, "N-71".into(), detail, true);
            }
            Report::Fault(found) => {
                let error = anyhow::anyhow!("checking signatures in batches went wrong once and is off now: {found}");
                self.shell.trouble("intake", &error);
            }
            Report::Misbehaving(peer) => {
                self.shut_out.insert(peer);
                self.refuse_peer(peer, "N-72", &format!("{STRIKES_MAX} of your entries had bad signatures"));
                self.shell.peers.disconnect(peer);
            }
        }
    }

    /// Entries of members, examined by the intake.
    pub(super) fn on_arrived(&mut self, arrived: Vec<Arrived>) {
        let mut arrived = arrived.into_iter();
        while !arrived.as_slice().is_empty() {
            let next = arrived.as_slice().iter().take(AHEAD);
            self.shell.ledger.state().look_ahead(next.filter_map(Arrived::signed));
            arrived.by_ref().take(AHEAD).for_each(|arrived| self.on_one(arrived));
        }
        self.unsettled += 1;
    }

    fn on_one(&mut self, Arrived { offered, digests, finding }: Arrived) {
        let (peer, id) = (offered.peer, digests.id);
        if self.copies.contains(&peer) {
            return;
        }
        let origin = Origin { peer, sequence: offered.sequence, id };
        if !self.members.contains_key(&PeerId(peer)) {
            // Its hello may wait in its line while the entry came by the intake.
            self.refuse_entry(origin, "N-30".into(), "say hello first".into(), true);
        } else if !self.acknowledge_again(peer, &id) {
            if let Err(refusal) = self.expect_newest() {
                self.refuse_entry(origin, "N-128".into(), refusal.message, true);
                return;
            }
            let taken = self.take_in(origin, offered.bytes, digests, finding);
            if taken.is_ok() && self.vouched.insert(PeerId(peer)) {
                self.intake.vouch(peer);
            }
            self.answer_refusal(origin, taken);
        }
    }

    pub(super) fn take_in(
        &mut self,
        origin: Origin,
        bytes: Vec<u8>,
        digests: Digests,
        finding: Finding,
    ) -> Result<(), LedgerError> {
        let position = self.shell.ledger.state().size();
        let entry = match finding {
            Finding::Signed(entry) => *entry,
            // Its bind may have come in the meantime.
            Finding::Stranger(_) => self.shell.ledger.examine(&bytes)?,
            Finding::Malformed(reason) | Finding::Forged(reason) => {
                return Err(LedgerError::Invalid { position, kind: None, reason });
            }
        };
        let follow_up = match &entry {
            Entry::Bind(bind) => {
                // The rules first: what the log refuses needs no look at channels.
                self.shell.ledger.check_rules(&entry)?;
                Some((bind.lane.member, self.checkpoint_for(origin.peer, &bind.body)?))
            }
            // What only the hub says comes from the hub.
            Entry::Head(_) | Entry::Anchored(_) | Entry::Checkpoint(_) | Entry::Execution(_) | Entry::GateRefill(_) => {
                let reason = "N-36: heads, anchors, checkpoints and notes of payments come from the hub".into();
                return Err(LedgerError::Invalid { position, kind: None, reason });
            }
            Entry::SeenNote(_) => return self.take_in_note(entry, bytes, origin),
            _ => None,
        };
        self.shell.ledger.check_electorate(&entry)?;
        let new_key = match &entry {
            Entry::KeyRotation(signed) => Some(signed.rotation.new_key),
            _ => None,
        };
        self.log_entry(entry, bytes, digests, Some(origin))?;
        if new_key.is_some() {
            self.intake.know(new_key);
        }
        if let Some((member, checkpoint)) = follow_up {
            self.intake.know([member]);
            self.say(checkpoint.to_bytes())?;
        }
        Ok(())
    }

    /// Logs an entry of the hub's own.
    pub(super) fn say(&mut self, bytes: Vec<u8>) -> Result<(), LedgerError> {
        let entry = self.shell.ledger.examine(&bytes)?;
        let digests = Digests::of(&bytes);
        self.log_entry(entry, bytes, digests, None)
    }

    pub(super) fn log_entry(
        &mut self,
        entry: Entry,
        bytes: Vec<u8>,
        digests: Digests,
        origin: Option<Origin>,
    ) -> Result<(), LedgerError> {
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        ledger.append_known(entry, digests, &mut chain)?;
        self.shell.workload.came();
        self.batch.push(bytes, origin);
        Ok(())
    }

    /// What the intake knows of the charter: who may speak without a stake, and which key is the hub's (N-78).
    pub(super) fn follow_charter(&self) {
        let charter = self.shell.ledger.state().charter();
        self.intake.know(offices(charter));
        self.intake.use_hub_log_key(charter.hub_log_key);
    }

    pub(super) fn answer_refusal(&self, origin: Origin, taken: Result<(), LedgerError>) {
        let Err(error) = taken else { return };
        let detail = error.to_string();
        let rule = clause_in(&detail).unwrap_or("N-40").to_owned();
        self.refuse_entry(origin, rule, detail, !matches!(error, LedgerError::Invalid { .. }));
    }

    pub(super) fn refuse_entry(&self, origin: Origin, rule: String, detail: String, transient: bool) {
        let Origin { peer, sequence, id } = origin;
        self.shell.peers.send(peer, Msg::AppNack(AppNack { sequence, entry: id.0, rule, detail, transient }));
    }

    /// A stake is bound when its channel with this hub is in use; checkpoint 0 then goes into the log behind it.
    fn checkpoint_for(&self, peer: PublicKey, bind: &Bind) -> Result<Entry, LedgerError> {
        let position = self.shell.ledger.state().size();
        let invalid = |reason: String| LedgerError::Invalid { position, kind: Some("bind"), reason };
        let Some(channel) = self.shell.stakes.by_id(ChannelId(bind.channel.0)) else {
            return Err(invalid(format!("N-37: this hub has no stake channel {}", bind.channel)));
        };
        if channel.peer != peer {
            return Err(invalid(format!("N-33: stake channel {} is another member's", bind.channel)));
        }
        match channel.machine.phase() {
            // N-331: a stake that moves here is bound before it is mined, so that no roll misses it.
            Phase::AwaitConfirmation if self.moves_here(channel, bind).map_err(LedgerError::Ours)? => {}
            phase if phase < Phase::Ready => {
                let reason = format!("C-19: stake channel {} is not confirmed yet", bind.channel);
                return Err(LedgerError::NotYet { position, reason });
            }
            phase if phase > Phase::Ready => {
                return Err(invalid(format!("N-37: stake channel {} is being closed", bind.channel)));
            }
            _ => {}
        }
        match self.shell.opening_checkpoint(channel.number) {
            Ok(Some(signed)) => self.shell.signed_now(signed).map(Entry::Checkpoint).map_err(LedgerError::Ours),
            Ok(None) => {
                Err(invalid(format!("N-38: stake channel {} has no checkpoint signed by both sides", bind.channel)))
            }
            Err(error) => Err(invalid(format!("N-38: {error:#}"))),
        }
    }

    /// Whether the funding of a new channel waits to be mined and spends that of another channel which is bound to its member.
    fn moves_here(&self, channel: &StakeChannel, bind: &Bind) -> Result<bool> {
        let Some(waiting) = self.shell.bitcoind.waiting(&bind.funding.txid)? else { return Ok(false) };
        let state = self.shell.ledger.state();
        let spent: BTreeSet<_> = waiting.input.iter().map(|input| input.previous_output).collect();
        let own = state.channels().values().filter(|record| record.member == channel.member);
        let mut fundings = own.flat_map(|record| {
            let spliced = record.checkpoints.last().map(|(_, checkpoint)| &checkpoint.fundings);
            std::iter::once(record.bind.funding).chain(spliced.into_iter().flatten().map(|funding| funding.outpoint))
        });
        Ok(fundings.any(|funding| spent.contains(&funding)))
    }

    /// A checkpoint of a channel that is bound goes into the log.
    pub(super) fn log_checkpoint(&mut self, signed: &SignedCheckpoint) {
        let logged = self.shell.checkpoint_entry(signed).and_then(|bytes| Ok(self.say(bytes)?));
        self.shell.settle_trouble("checkpoint", logged);
    }

    /// Logs checkpoints that were signed and not logged when the program ended.
    pub(super) fn log_missing_checkpoints(&mut self) {
        let channels = self.shell.ledger.state().channels();
        let missing: Vec<_> = self
            .shell
            .stakes
            .iter()
            .filter_map(|channel| {
                let signed = channel.machine.signed_checkpoint()?;
                let record = channels.get(&althing_governance::ChannelId(channel.machine.id()?.0))?;
                let logged = record.checkpoints.last().map(|(_, newest)| newest.number);
                (logged < Some(signed.number)).then(|| signed.clone())
            })
            .collect();
        for signed in missing {
            self.log_checkpoint(&signed);
        }
    }
}

/// Vote keys that may speak without a stake (G-21).
pub(super) fn offices(charter: &Charter) -> Vec<MemberId> {
    let treasurers = charter.treasurers.iter().map(|treasurer| MemberId::of(&treasurer.key.x_only_public_key().0));
    let others = charter.founders.iter().chain(&charter.guardians.members).copied();
    treasurers.chain(others).collect()
}
