//! What the other side of a channel signs is compared with what it signed before: two checkpoints of one number are kept as
//! evidence, without anybody asking for it (N-335).

use althing_channels::wire::CheckpointSign;
use althing_channels::{MAX_CHECKPOINT_BYTES, Msg, Side};
use althing_governance::ChannelId;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{self, Checkpoint, Entry};
use anyhow::{Context, Result};
use bitcoin::secp256k1::schnorr::Signature;

use super::StakeNews;
use crate::keys::hex;
use crate::shell::Shell;
use crate::store::Store;

/// Name of the alarm.
const ALARM: &str = "two checkpoints";

/// A checkpoint with the signature of the other side of its channel, which was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    checkpoint: Checkpoint,
    signature: Signature,
}

impl Heard {
    /// The checkpoint followed by the signature: a line of evidence (P-400).
    fn line(&self) -> Vec<u8> {
        [self.checkpoint.to_bytes().as_slice(), self.signature.as_ref()].concat()
    }

    /// Whether both cannot be of one honest signer.
    fn contradicts(&self, other: &Self, by: Side) -> bool {
        let (one, other) = (&self.checkpoint, &other.checkpoint);
        let is_of_one_place = (one.channel, one.number) == (other.channel, other.number);
        // A vote key that was replaced is another signer for whoever judges it.
        is_of_one_place && one != other && (by == Side::Hub || one.member == other.member)
    }
}

impl Shell {
    /// What a message shows the other side of a channel to have signed; compared with all that it signed before.
    pub(super) fn hear(&mut self, number: u32, message: &Msg) -> Result<Option<Heard>> {
        let Msg::CheckpointSign(CheckpointSign { proposal: Some(proposal), checkpoint_signature, .. }) = message else {
            return Ok(None);
        };
        if proposal.checkpoint.len() > MAX_CHECKPOINT_BYTES {
            return Ok(None);
        }
        let parsed =
            Checkpoint::from_bytes(&proposal.checkpoint).ok().zip(Signature::from_slice(checkpoint_signature).ok());
        let Some((checkpoint, signature)) = parsed else { return Ok(None) };
        let heard = Heard { checkpoint, signature };
        if !self.is_by_peer(number, &heard)? {
            return Ok(None);
        }
        self.compare(number, &heard)?;
        Ok(Some(heard))
    }

    /// Keeps what was signed and is nowhere else: what was refused, and at a member's node what the hub has to log still.
    pub(super) fn remember(&mut self, number: u32, heard: Option<Heard>, news: &[StakeNews]) -> Result<()> {
        let channel = self.channel(number)?;
        let machine = &channel.machine;
        let is_taken = |heard: &Heard| {
            let bytes = heard.checkpoint.to_bytes();
            let under_way = machine.checkpoint_under_way().is_some_and(|(proposed, _)| proposed == bytes);
            under_way || machine.signed_checkpoint().is_some_and(|signed| signed.bytes == bytes)
        };
        let next = machine.number().saturating_add(1);
        let mut kept: Vec<Heard> = heard.into_iter().filter(|heard| !is_taken(heard)).collect();
        kept.retain(|heard| heard.checkpoint.number <= next && heard.checkpoint.number > self.logged_number(heard));
        if machine.side() == Side::Member {
            for news in news {
                let StakeNews::Checkpointed(_, signed) = news else { continue };
                let (checkpoint, signature) =
                    (Checkpoint::from_bytes(&signed.bytes)?, Signature::from_slice(&signed.hub_signature)?);
                kept.push(Heard { checkpoint, signature });
            }
        }
        if kept.is_empty() {
            return Ok(());
        }
        self.store.write(|writer| {
            kept.iter().try_for_each(|Heard { checkpoint, signature }| {
                writer.put_heard(&checkpoint.channel.0, checkpoint.number, &checkpoint.to_bytes(), signature.as_ref())
            })
        })
    }

    /// Compares what the log has of this node's channels with what their other sides gave it.
    ///
    /// # Errors
    /// On I/O.
    pub fn compare_with_log(&mut self) -> Result<()> {
        for number in self.stakes.iter().map(|channel| channel.number).collect::<Vec<u32>>() {
            let Some(id) = self.channel(number)?.machine.id() else { continue };
            for (checkpoint, signature) in self.store.heard(&id.0)? {
                let heard = Heard {
                    checkpoint: Checkpoint::from_bytes(&checkpoint)?,
                    signature: Signature::from_slice(&signature)?,
                };
                if heard.checkpoint.number <= self.logged_number(&heard) {
                    self.compare(number, &heard)?;
                    self.store.write(|writer| writer.drop_heard(&id.0, heard.checkpoint.number))?;
                }
            }
        }
        Ok(())
    }

    /// Tells of what was found before this start.
    ///
    /// # Errors
    /// On I/O.
    pub(crate) fn recall_two_checkpoints(&mut self) -> Result<()> {
        if let Some([one, _]) = self.store.two_checkpoints()?.first() {
            let checkpoint = one.split_last_chunk::<64>().and_then(|(bytes, _)| Checkpoint::from_bytes(bytes).ok());
            let words = words(&checkpoint.context("stored evidence is no checkpoint")?);
            self.alarms.insert(ALARM, words);
        }
        Ok(())
    }

    fn compare(&mut self, number: u32, heard: &Heard) -> Result<()> {
        let by = self.channel(number)?.machine.side().other();
        let Some(known) = self.signed_before(number, heard)?.into_iter().find(|known| known.contradicts(heard, by))
        else {
            return Ok(());
        };
        if !self.is_by_peer(number, &known)? {
            return Ok(());
        }
        let checkpoint = &heard.checkpoint;
        tracing::error!(channel = %checkpoint.channel, number = checkpoint.number, "two checkpoints of one number");
        self.store.write(|writer| {
            writer.put_two_checkpoints(&checkpoint.channel.0, checkpoint.number, &known.line(), &heard.line())
        })?;
        self.alarms.insert(ALARM, words(checkpoint));
        self.revision += 1;
        Ok(())
    }

    /// Everything of that number that the other side of the channel is known to have signed.
    fn signed_before(&self, number: u32, heard: &Heard) -> Result<Vec<Heard>> {
        let machine = &self.channel(number)?.machine;
        let at = heard.checkpoint.number;
        let of_side = |signatures: [[u8; 64]; 2]| match machine.side() {
            Side::Hub => signatures[0],
            Side::Member => signatures[1],
        };
        let mut known: Vec<(Vec<u8>, [u8; 64])> = Vec::new();
        known.extend(machine.checkpoint_under_way().map(|(bytes, signature)| (bytes.to_vec(), signature)));
        let signed = machine.signed_checkpoint().filter(|signed| signed.number == at);
        known.extend(
            signed.map(|signed| (signed.bytes.clone(), of_side([signed.member_signature, signed.hub_signature]))),
        );
        if let Some(signed) = self.logged_checkpoint(heard)? {
            let signatures = [signed.member_signature, signed.hub_signature].map(|signature| *signature.as_ref());
            known.push((signed.checkpoint.to_bytes(), of_side(signatures)));
        }
        for (bytes, signature) in self.store.heard(&heard.checkpoint.channel.0)? {
            known.push((bytes, signature.as_slice().try_into().context("a stored signature")?));
        }
        let parsed = known.into_iter().map(|(bytes, signature)| {
            Ok(Heard { checkpoint: Checkpoint::from_bytes(&bytes)?, signature: Signature::from_slice(&signature)? })
        });
        parsed.collect()
    }

    /// The log's checkpoint of that channel and number.
    fn logged_checkpoint(&self, heard: &Heard) -> Result<Option<entry::SignedCheckpoint>> {
        let Some(record) = self.ledger.state().channels().get(&heard.checkpoint.channel) else { return Ok(None) };
        let at = record.checkpoints.binary_search_by_key(&heard.checkpoint.number, |(_, checkpoint)| checkpoint.number);
        let Some((position, _)) = at.ok().and_then(|at| record.checkpoints.get(at)) else { return Ok(None) };
        // A batch that is not durable yet is looked at the next time.
        match self.store.entry_at(*position)?.map(|bytes| Entry::from_bytes(&bytes)).transpose()? {
            Some(Entry::Checkpoint(signed)) => Ok(Some(signed)),
            _ => Ok(None),
        }
    }

    /// Number of the newest checkpoint of that channel in the log.
    fn logged_number(&self, heard: &Heard) -> u64 {
        let record = self.ledger.state().channels().get(&heard.checkpoint.channel);
        record.and_then(|record| record.checkpoints.last()).map_or(0, |(_, checkpoint)| checkpoint.number)
    }

    /// Whether the other side of this channel signed it: the member by a vote key of its own, the hub by a log key of its time.
    fn is_by_peer(&self, number: u32, Heard { checkpoint, signature }: &Heard) -> Result<bool> {
        let (channel, params) = (self.channel(number)?, &self.dao.params);
        let is_of_channel = channel.machine.id().map(|id| ChannelId(id.0)) == Some(checkpoint.channel);
        if !is_of_channel || (checkpoint.network, checkpoint.dao) != (params.network, params.dao_id) {
            return Ok(false);
        }
        let state = self.ledger.state();
        let keys: Vec<[u8; 32]> = match channel.machine.side() {
            Side::Hub if state.member_of_key(&checkpoint.member) == state.member_of_key(&channel.member) => {
                vec![checkpoint.member.0]
            }
            Side::Hub => Vec::new(),
            Side::Member => {
                // P-332: a succession makes another hub of it.
                let since = state.successors().last().map_or(0, |record| record.position.saturating_sub(1));
                let versions = state.charters().iter().rev().filter(|version| version.position >= since);
                versions.map(|version| version.charter.hub_log_key.serialize()).collect()
            }
        };
        let check =
            |key: &[u8; 32]| checkpoint.signature_check("checkpoint", *key, *signature).verify(&self.secp).is_ok();
        Ok(keys.iter().any(check))
    }
}

/// The evidence that a node keeps, as lines of hex that a proof is made from: of each pair the oldest found.
///
/// # Errors
/// On I/O.
pub(crate) fn evidence(store: &Store) -> Result<Option<[String; 2]>> {
    Ok(store.two_checkpoints()?.first().map(|pair| pair.each_ref().map(|line| hex(line))))
}

fn words(checkpoint: &Checkpoint) -> String {
    format!(
        "P-400: the other side of channel {} signed two checkpoints of number {}. `althing proof export --statement two-checkpoints --out \
         FILE` writes the proof; give it to every member.",
        checkpoint.channel, checkpoint.number
    )
}
