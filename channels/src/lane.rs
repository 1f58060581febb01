//! The app lane: consecutive opaque entries from a member, acknowledged cumulatively. Clauses C-50 to C-54.
//!
//! The hash chain (the lane's `head`) is computed by the governance core; here it is 32 given bytes.

use std::collections::VecDeque;

use lightning::io;
use lightning::ln::msgs::DecodeError;
use lightning::util::ser::{Readable, Writeable, Writer};

/// Most entries sent and not yet acknowledged. Clause C-51.
pub const LANE_WINDOW: u64 = 64;
/// Longest entry in bytes that a lane carries.
pub const MAX_ENTRY_BYTES: usize = 20 * 1024;

/// A refused step on a lane. The lane is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaneError {
    /// Not the next number.
    #[error("C-50: entry has sequence {sequence}, expected {expected}")]
    Sequence {
        /// The number given.
        sequence: u64,
        /// The number that comes next.
        expected: u64,
    },
    /// The window is full; try again after an acknowledgement.
    #[error("C-51: {unacked} entries wait for acknowledgement, at most {LANE_WINDOW} may")]
    WindowFull {
        /// Entries waiting.
        unacked: u64,
    },
    /// Longer than [`MAX_ENTRY_BYTES`].
    #[error("C-51: entry has {bytes} bytes, at most {MAX_ENTRY_BYTES} are carried")]
    EntrySize {
        /// Its length.
        bytes: usize,
    },
    /// Acknowledges what was never sent.
    #[error("C-52: acknowledgement up to {up_to}, last sent is {last_sent}")]
    AckAhead {
        /// The number acknowledged.
        up_to: u64,
        /// The last number sent.
        last_sent: u64,
    },
    /// Acknowledges another history: the hub's signed statement contradicts what was sent.
    #[error("C-52: acknowledgement of {up_to} names another head than the one sent")]
    AckHead {
        /// The number acknowledged.
        up_to: u64,
    },
}

impl LaneError {
    /// Whether the same step may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::WindowFull { .. })
    }

    /// Number of the clause.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Sequence { .. } => "C-50",
            Self::WindowFull { .. } | Self::EntrySize { .. } => "C-51",
            Self::AckAhead { .. } | Self::AckHead { .. } => "C-52",
        }
    }
}

/// An entry that waits for its acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingEntry {
    /// Its position in the lane; the first is 1.
    pub sequence: u64,
    /// The lane's head after it.
    pub head: [u8; 32],
    /// The signed entry.
    pub entry: Vec<u8>,
}

/// The member's end of a lane. Store it before an entry is sent (C-61).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneSender {
    acked: u64,
    acked_head: [u8; 32],
    outbox: VecDeque<PendingEntry>,
}

impl LaneSender {
    /// A lane in which `acked` entries are acknowledged, the last of them giving `head` (0 and the empty lane's head at
    /// the beginning).
    pub fn new(acked: u64, head: [u8; 32]) -> Self {
        Self { acked, acked_head: head, outbox: VecDeque::new() }
    }

    /// Number and head of the last acknowledged entry.
    pub fn acked(&self) -> (u64, [u8; 32]) {
        (self.acked, self.acked_head)
    }

    /// Number and head of the last entry, acknowledged or not: what the next one follows.
    pub fn last(&self) -> (u64, [u8; 32]) {
        self.outbox.back().map_or((self.acked, self.acked_head), |pending| (pending.sequence, pending.head))
    }

    /// Takes the next entry into the outbox.
    ///
    /// # Errors
    /// [`LaneError::Sequence`], [`LaneError::EntrySize`] or (for now) [`LaneError::WindowFull`].
    pub fn push(&mut self, pending: PendingEntry) -> Result<(), LaneError> {
        let (last_sent, _) = self.last();
        let expected = last_sent.saturating_add(1);
        if pending.sequence != expected || pending.sequence == last_sent {
            return Err(LaneError::Sequence { sequence: pending.sequence, expected }); // C-50
        }
        if pending.entry.len() > MAX_ENTRY_BYTES {
            return Err(LaneError::EntrySize { bytes: pending.entry.len() }); // C-51
        }
        if self.unacked() >= LANE_WINDOW {
            return Err(LaneError::WindowFull { unacked: self.unacked() }); // C-51
        }
        self.outbox.push_back(pending);
        Ok(())
    }

    /// Removes everything up to `up_to`; returns how many entries that were. An old acknowledgement removes nothing.
    ///
    /// # Errors
    /// [`LaneError::AckAhead`] or [`LaneError::AckHead`] when the acknowledgement contradicts what was sent.
    pub fn acknowledge(&mut self, up_to: u64, head: [u8; 32]) -> Result<usize, LaneError> {
        let (last_sent, _) = self.last();
        if up_to > last_sent {
            return Err(LaneError::AckAhead { up_to, last_sent }); // C-52
        }
        if up_to < self.acked {
            return Ok(0);
        }
        let known = self
            .outbox
            .iter()
            .find(|pending| pending.sequence == up_to)
            .map_or(self.acked_head, |pending| pending.head);
        if known != head {
            return Err(LaneError::AckHead { up_to }); // C-52
        }
        let before = self.outbox.len();
        self.outbox.retain(|pending| pending.sequence > up_to);
        self.acked = up_to;
        self.acked_head = head;
        Ok(before - self.outbox.len())
    }

    /// Takes back a refused entry and all after it, which build on it (C-53); they are returned for the user to see.
    pub fn withdraw_from(&mut self, sequence: u64) -> Vec<PendingEntry> {
        let keep = self.outbox.iter().take_while(|pending| pending.sequence < sequence).count();
        self.outbox.split_off(keep).into()
    }

    /// What to send after a reconnect: everything not acknowledged, in order.
    pub fn pending(&self) -> impl Iterator<Item = &PendingEntry> {
        self.outbox.iter()
    }

    fn unacked(&self) -> u64 {
        self.outbox.len() as u64
    }
}

/// What to do with an entry that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The next one: check it and log it.
    Next,
    /// Arrived before and is still being logged: nothing to do.
    InProgress,
    /// Already acknowledged: send the newest acknowledgement again.
    Acknowledged,
}

/// The hub's end of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneReceiver {
    received: u64,
    durable: u64,
    head: [u8; 32],
}

impl LaneReceiver {
    /// A lane with `durable` logged entries, the last of them giving `head`.
    pub fn new(durable: u64, head: [u8; 32]) -> Self {
        Self { received: durable, durable, head }
    }

    /// Number and head of the last logged entry: what the acknowledgement states.
    pub fn durable(&self) -> (u64, [u8; 32]) {
        (self.durable, self.head)
    }

    /// An entry arrives.
    ///
    /// # Errors
    /// [`LaneError::Sequence`] when it leaves a gap; (for now) [`LaneError::WindowFull`].
    pub fn receive(&mut self, sequence: u64) -> Result<Arrival, LaneError> {
        if sequence != 0 && sequence <= self.durable {
            return Ok(Arrival::Acknowledged);
        }
        if sequence != 0 && sequence <= self.received {
            return Ok(Arrival::InProgress);
        }
        let expected = self.received.saturating_add(1);
        if sequence != expected || sequence == self.received {
            return Err(LaneError::Sequence { sequence, expected }); // C-50
        }
        let unacked = self.received - self.durable;
        if unacked >= LANE_WINDOW {
            return Err(LaneError::WindowFull { unacked }); // C-51
        }
        self.received = sequence;
        Ok(Arrival::Next)
    }

    /// Entries up to `up_to` are in the durable log, the last of them giving `head`.
    ///
    /// # Errors
    /// [`LaneError::AckAhead`] for entries that never arrived.
    pub fn logged(&mut self, up_to: u64, head: [u8; 32]) -> Result<(), LaneError> {
        if up_to > self.received {
            return Err(LaneError::AckAhead { up_to, last_sent: self.received });
        }
        if up_to > self.durable {
            self.durable = up_to;
            self.head = head;
        }
        Ok(())
    }

    /// An entry was refused, or the connection is gone: what is not logged is as if it never arrived (C-53, C-54).
    pub fn forget_unlogged(&mut self) {
        self.received = self.durable;
    }
}

impl Writeable for LaneSender {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        self.acked.write(writer)?;
        self.acked_head.write(writer)?;
        (self.outbox.len() as u8).write(writer)?;
        for pending in &self.outbox {
            pending.head.write(writer)?;
            pending.entry.write(writer)?;
        }
        Ok(())
    }
}

impl Readable for LaneSender {
    fn read<R: io::Read>(reader: &mut R) -> Result<Self, DecodeError> {
        let mut lane = Self::new(Readable::read(reader)?, Readable::read(reader)?);
        let count: u8 = Readable::read(reader)?;
        for _ in 0..count {
            let sequence = lane.last().0.checked_add(1).ok_or(DecodeError::InvalidValue)?;
            let pending = PendingEntry { sequence, head: Readable::read(reader)?, entry: Readable::read(reader)? };
            lane.push(pending).map_err(|_| DecodeError::InvalidValue)?;
        }
        Ok(lane)
    }
}

// Entries under way are not stored: after a restart the member sends them again.
impl Writeable for LaneReceiver {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        self.durable.write(writer)?;
        self.head.write(writer)
    }
}

impl Readable for LaneReceiver {
    fn read<R: io::Read>(reader: &mut R) -> Result<Self, DecodeError> {
        Ok(Self::new(Readable::read(reader)?, Readable::read(reader)?))
    }
}
