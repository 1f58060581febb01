//! Kinds of entries and their numbers.

use super::{MAX_ENTRY, MAX_EQUIVOCATION};

/// The kind byte of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum EntryKind {
    /// [`super::Entry::Bind`]
    Bind = 1,
    /// [`super::Entry::Checkpoint`]
    Checkpoint = 2,
    /// [`super::Entry::Proposal`]
    Proposal = 3,
    /// [`super::Entry::Comment`]
    Comment = 4,
    /// [`super::Entry::Ballot`]
    Ballot = 5,
    /// [`super::Entry::Head`]
    Head = 6,
    /// [`super::Entry::Anchored`]
    Anchored = 7,
    /// [`super::Entry::Delegation`]
    Delegation = 8,
    /// [`super::Entry::CommentVote`]
    CommentVote = 9,
    /// [`super::Entry::AuthorUpdate`]
    AuthorUpdate = 10,
    /// [`super::Entry::Withdrawal`]
    Withdrawal = 11,
    /// [`super::Entry::KeyRotation`]
    KeyRotation = 12,
    /// [`super::Entry::Invitation`]
    Invitation = 13,
    /// [`super::Entry::Acceptance`]
    Acceptance = 14,
    /// [`super::Entry::GuardianAct`]
    GuardianAct = 15,
    /// [`super::Entry::Equivocation`]
    Equivocation = 16,
    /// [`super::Entry::DepositHold`]
    DepositHold = 17,
    /// [`super::Entry::SeenNote`]
    SeenNote = 18,
    /// [`super::Entry::Execution`]
    Execution = 19,
    /// [`super::Entry::GateRefill`]
    GateRefill = 20,
    /// [`super::Entry::HubFraud`]
    HubFraud = 21,
}

impl EntryKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 21] = [
        Self::Bind,
        Self::Checkpoint,
        Self::Proposal,
        Self::Comment,
        Self::Ballot,
        Self::Head,
        Self::Anchored,
        Self::Delegation,
        Self::CommentVote,
        Self::AuthorUpdate,
        Self::Withdrawal,
        Self::KeyRotation,
        Self::Invitation,
        Self::Acceptance,
        Self::GuardianAct,
        Self::Equivocation,
        Self::DepositHold,
        Self::SeenNote,
        Self::Execution,
        Self::GateRefill,
        Self::HubFraud,
    ];

    /// The kind with this number, which is its byte.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// What it is called in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bind => "bind entry",
            Self::Checkpoint => "checkpoint",
            Self::Proposal => "proposal entry",
            Self::Comment => "comment entry",
            Self::Ballot => "ballot entry",
            Self::Head => "log head",
            Self::Anchored => "anchored entry",
            Self::Delegation => "delegation entry",
            Self::CommentVote => "vote on a comment",
            Self::AuthorUpdate => "author update",
            Self::Withdrawal => "withdrawal",
            Self::KeyRotation => "key rotation",
            Self::Invitation => "invitation",
            Self::Acceptance => "acceptance",
            Self::GuardianAct => "guardian act",
            Self::Equivocation => "equivocation proof",
            Self::DepositHold => "deposit hold",
            Self::SeenNote => "seen note",
            Self::Execution => "execution entry",
            Self::GateRefill => "gate refill",
            Self::HubFraud => "proof of hub fraud",
        }
    }

    /// Most bytes of an entry of this kind (G-20, G-98).
    #[must_use]
    pub const fn max_length(self) -> usize {
        match self {
            Self::Equivocation => MAX_EQUIVOCATION,
            _ => MAX_ENTRY,
        }
    }
}
