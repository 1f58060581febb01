//! What the state remembers of entries.

use std::collections::BTreeMap;

use bitcoin::secp256k1::XOnlyPublicKey;
use bitcoin::{BlockHash, Txid};

use super::live::LiveTally;
use crate::ballots::Ballots;
use crate::charter::Charter;
use crate::delegation::Scope;
use crate::entry::{
    Bind, Checkpoint, Entry, Execution, GuardianVoice, LogHead, Opinion, ProposalContent, next_lane_head,
};
use crate::epoch::EpochHeader;
use crate::id::{ChannelId, CharterHash, EntryId, LaneHead, MemberId, ProposalId};
use crate::ledger::Ending;
use crate::lifecycle::Schedule;

/// A vote key's lane as far as it is in the log. A key that came by rotation goes on where the one before it stopped (G-90), so
/// that of one member (incarnation, sequence) never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// Newest incarnation seen.
    pub incarnation: u32,
    /// Number of the newest entry in it, or of the rotation that gave the lane to this key.
    pub sequence: u64,
    /// Hash chain over them.
    pub head: LaneHead,
}

impl Lane {
    /// The lane under the key that replaces this one, by the rotation `id`, which takes the next number (G-90).
    pub(super) fn handed_over(&self, id: EntryId) -> Self {
        Self { sequence: self.sequence.saturating_add(1), head: next_lane_head(self.head, id), ..*self }
    }
}

/// Positions of one key's entries in one incarnation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Number of the first: 1, unless the key took the lane over.
    first: u64,
    /// The log has no gaps in a lane (G-21), so they are in the order of their numbers.
    positions: Vec<u64>,
}

impl Run {
    pub(super) fn from(first: u64) -> Self {
        Self { first, positions: Vec::new() }
    }

    pub(super) fn push(&mut self, position: u64) {
        self.positions.push(position);
    }

    /// Reads the end to which the next position is added.
    pub(super) fn touch_end(&self) -> u64 {
        self.positions.last().copied().unwrap_or(0)
    }

    /// Position of the entry of a number.
    pub(super) fn at(&self, sequence: u64) -> Option<u64> {
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        self.positions.get(index).copied()
    }

    /// Position with which it began.
    pub(super) fn begins(&self) -> Option<u64> {
        self.positions.first().copied()
    }
}

/// What an entry takes in the log; once another has it, nobody can log the entry any more (G-97).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A number in a key's lane: key, incarnation and sequence.
    Lane(MemberId, u32, u64),
    /// The newest checkpoint of a channel, signed by a vote key.
    Checkpoint(ChannelId, u64, MemberId),
    /// The key that speaks for a member until then.
    Rotation(MemberId),
    /// The one proof about a place in a lane.
    Equivocation(MemberId, u32, u64),
    /// The one proof about a key of the hub.
    Fraud(XOnlyPublicKey),
}

impl Place {
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        if let Some(lane) = entry.lane() {
            return Some(Self::Lane(lane.member, lane.incarnation, lane.sequence));
        }
        Some(match entry {
            Entry::Checkpoint(e) => Self::Checkpoint(e.checkpoint.channel, e.checkpoint.number, e.checkpoint.member),
            Entry::KeyRotation(e) => Self::Rotation(e.rotation.old_key),
            Entry::Equivocation(proof) => {
                let (key, incarnation, sequence) = proof.place();
                Self::Equivocation(key, incarnation, sequence)
            }
            Entry::HubFraud(proof) => Self::Fraud(proof.hub_log_key),
            // Nobody says these but the hub.
            _ => return None,
        })
    }
}

/// What a proof of equivocation can make void, beside ballots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Proposal(ProposalId),
    Delegation(Scope),
}

impl Said {
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        match entry {
            Entry::Proposal(e) => Some(Self::Proposal(e.body.id(e.lane.network, e.lane.dao, e.lane.member))),
            Entry::Delegation(e) => Some(Self::Delegation(e.body.scope.clone())),
            _ => None,
        }
    }
}

/// An entry that members have seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noted {
    /// What it takes.
    pub(super) place: Option<Place>,
    /// Positions of the notes.
    pub(super) by: BTreeMap<MemberId, u64>,
}

/// An entry that somebody put on Bitcoin and that the log could have taken (G-107).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forced {
    /// What it takes.
    pub(super) place: Option<Place>,
    /// Height of the block that holds it.
    pub(super) height: u32,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRecord {
    /// Name in the newest bind.
    pub name: String,
    /// Position of the first bind.
    pub joined: u64,
    /// Channels bound, in order.
    pub channels: Vec<ChannelId>,
    /// The vote key that speaks for the member, which names it unless the key was rotated.
    pub key: MemberId,
}

/// A bound channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRecord {
    /// Whose.
    pub member: MemberId,
    /// Position of the bind.
    pub position: u64,
    /// The bind.
    pub bind: Bind,
    /// Checkpoints with their positions; both ascend.
    pub checkpoints: Vec<(u64, Checkpoint)>,
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRecord {
    /// Its id.
    pub id: ProposalId,
    /// Its author.
    pub author: MemberId,
    /// Its position.
    pub position: u64,
    /// Its entry.
    pub entry: EntryId,
    /// What it says and does.
    pub content: ProposalContent,
    /// The first version of it; its own id if it is that.
    pub thread: ProposalId,
    /// Index among [`super::LogState::charters`] of the charter whose rules it keeps, whatever is decided later.
    pub charter: usize,
    /// Index of its rule in that charter's classes.
    pub rule: u32,
    /// Epoch of the newest final header when its first version was logged; its roll is the electorate.
    pub snapshot_epoch: u32,
    /// Heights, once a head covers it.
    pub schedule: Option<Schedule>,
    /// Why it was never voted on to the end, if so.
    pub dropped: Option<Dropped>,
    /// Every accepted ballot.
    pub ballots: Ballots,
    /// Totals over the last ballots, once the roll of the snapshot is known.
    pub live: Option<LiveTally>,
    /// When its vote ends, where its rule lets it end at another height than its close.
    pub ending: Option<Ending>,
    /// Comments in the order of the log.
    pub comments: Vec<CommentRecord>,
    /// What guardians asked for, with positions.
    pub guardian_acts: Vec<(u64, MemberId, GuardianVoice)>,
    /// Notes of payments that were mined, with positions, in the order of the log.
    pub executions: Vec<(u64, Execution)>,
}

/// Why a proposal has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Position of the entry that did it.
    pub position: u64,
    /// What did.
    pub cause: DropCause,
}

/// What takes a proposal off the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropCause {
    /// Its author.
    Withdrawn,
    /// A newer version.
    Superseded {
        /// That version.
        by: ProposalId,
    },
    /// The proof that its entry was one of two for the same place.
    Void,
}

impl DropCause {
    /// What a proposal did, or what became of it.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Withdrawn => "was withdrawn".to_owned(),
            Self::Superseded { by } => format!("was replaced by its version {by}"),
            Self::Void => "is void".to_owned(),
        }
    }
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentRecord {
    /// Its entry.
    pub entry: EntryId,
    /// Its position.
    pub position: u64,
    /// Its author.
    pub author: MemberId,
    /// The comment it answers.
    pub parent: Option<EntryId>,
    /// Its text, untrusted.
    pub text: String,
    /// Whether the proposal's author marked it as an update.
    pub is_update: bool,
    /// What members think of it.
    pub opinions: BTreeMap<MemberId, Opinion>,
}

/// A charter that is or was in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharterVersion {
    /// The rules.
    pub charter: Charter,
    /// Their hash.
    pub hash: CharterHash,
    /// Closing height of the epoch whose header put it in force; 0 for the founding charter.
    pub since_height: u32,
    /// Position of the entry that noted this header as final; 0 for the founding charter.
    pub position: u64,
}

/// An invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvitationRecord {
    /// Who invited.
    pub by: MemberId,
    /// Whom.
    pub invitee: MemberId,
    /// From this height on it cannot be accepted.
    pub expires_height: u32,
    /// Position of the acceptance.
    pub accepted: Option<u64>,
}

/// Satoshis held as a deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldRecord {
    /// Position of the hold.
    pub position: u64,
    /// Whose satoshis.
    pub member: MemberId,
    /// In which channel.
    pub channel: ChannelId,
    /// For which proposal's first version.
    pub thread: ProposalId,
    /// How many.
    pub amount_sat: u64,
}

/// A member who was proven to have equivocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EquivocationRecord {
    /// Position of the proof.
    pub position: u64,
    /// Who.
    pub member: MemberId,
}

/// A proof that the hub broke its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FraudRecord {
    /// Position of the proof.
    pub position: u64,
    /// The key that signed both statements.
    pub hub_log_key: XOnlyPublicKey,
}

/// A head in the log. Its position is its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadRecord {
    /// What was signed.
    pub head: LogHead,
    /// Its entry.
    pub entry: EntryId,
}

/// An epoch known to be final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnchoredRecord {
    /// Position of the anchored entry.
    pub position: u64,
    /// The header.
    pub header: EpochHeader,
    /// Its link.
    pub link: Txid,
    /// Height of the link's block.
    pub mined_height: u32,
    /// Hash of that block.
    pub mined_hash: BlockHash,
}
