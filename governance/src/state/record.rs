//! What the state remembers of entries.

use bitcoin::{BlockHash, Txid};

use crate::entry::{Bind, Checkpoint, LogHead, ProposalContent};
use crate::epoch::EpochHeader;
use crate::id::{ChannelId, EntryId, LaneHead, MemberId, ProposalId};
use crate::lifecycle::Schedule;
use crate::tally::{Ballots, Sums};

/// A member's lane as far as it is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// Newest incarnation seen.
    pub incarnation: u32,
    /// Entries in it.
    pub sequence: u64,
    /// Hash chain over them.
    pub head: LaneHead,
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
    /// Index of its rule in the charter's classes.
    pub rule: u32,
    /// Epoch of the newest final header when it was logged; its roll is the electorate.
    pub snapshot_epoch: u32,
    /// Heights, once a head covers it.
    pub schedule: Option<Schedule>,
    /// Every accepted ballot.
    pub ballots: Ballots,
    /// Totals over the last ballots, once the roll of the snapshot is known.
    pub live: Option<Sums>,
    /// Comments in the order of the log.
    pub comments: Vec<CommentRecord>,
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
