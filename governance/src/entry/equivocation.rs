//! Equivocation: proof that a member signed two different entries for one place in their lane.

use super::{Entry, EntryKind, LaneHeader, MAX_ENTRY};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::id::MemberId;
use crate::signing::{SignatureCheck, read_prefix};

/// Two entries of one member with the same incarnation and sequence, and different messages (G-98). It needs no signature of
/// its own: whoever holds both entries holds the proof. Two signatures over one message are no offence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivocation {
    first: Box<Entry>,
    second: Box<Entry>,
}

impl Equivocation {
    /// The proof from two entries, in either order.
    ///
    /// # Errors
    /// [`DecodeError::Rule`] when they prove nothing.
    pub fn new(one: Entry, other: Entry) -> Result<Self, DecodeError> {
        // One order only, so that a pair has one byte form (E-1).
        let (first, second) = if one.to_bytes() <= other.to_bytes() { (one, other) } else { (other, one) };
        let proof = Self { first: Box::new(first), second: Box::new(second) };
        proof.check()?;
        Ok(proof)
    }

    /// The key that signed both.
    #[must_use]
    pub fn member(&self) -> MemberId {
        self.place().0
    }

    /// Key, incarnation and sequence that both entries name.
    #[must_use]
    pub fn place(&self) -> (MemberId, u32, u64) {
        // `check` established that both have a lane.
        self.first.lane().map_or((MemberId([0; 32]), 0, 0), place)
    }

    /// The two entries.
    #[must_use]
    pub fn entries(&self) -> [&Entry; 2] {
        [&self.first, &self.second]
    }

    /// The member's signatures under both.
    #[must_use]
    pub fn signature_checks(&self) -> Vec<SignatureCheck> {
        self.entries().into_iter().flat_map(Entry::lane_signature_check).collect()
    }

    fn check(&self) -> Result<(), DecodeError> {
        let (Some(first), Some(second)) = (self.first.lane(), self.second.lane()) else {
            return Err(rule("one of the entries stands in no lane".into()));
        };
        if (first.network, first.dao) != (second.network, second.dao) {
            return Err(rule("the entries are of different DAOs".into()));
        }
        if place(first) != place(second) {
            return Err(rule(format!("the places {:?} and {:?} differ", place(first), place(second))));
        }
        let message = |entry: &Entry| entry.lane_signature_check().map(|check| check.message);
        if message(&self.first) == message(&self.second) {
            return Err(rule("both entries say the same".into()));
        }
        if self.first.to_bytes() > self.second.to_bytes() {
            return Err(rule("the entries are not in the order of their bytes".into()));
        }
        Ok(())
    }
}

impl Canonical for Equivocation {
    fn encode(&self, w: &mut Writer) {
        w.u8(1);
        w.u8(EntryKind::Equivocation as u8);
        w.bytes(&self.first.to_bytes());
        w.bytes(&self.second.to_bytes());
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        read_prefix(r, &[1, EntryKind::Equivocation as u8])?;
        let mut entry = || {
            let bytes = r.bytes("equivocating entry", MAX_ENTRY)?;
            // A proof within a proof has no lane; refused before it is read, so that nothing nests.
            match bytes.get(1) {
                Some(kind) if *kind == EntryKind::Equivocation as u8 => {
                    Err(rule("one of the entries stands in no lane".into()))
                }
                _ => Entry::from_bytes(&bytes).map(Box::new),
            }
        };
        let proof = Self { first: entry()?, second: entry()? };
        proof.check()?;
        Ok(proof)
    }
}

fn place(lane: &LaneHeader) -> (MemberId, u32, u64) {
    (lane.member, lane.incarnation, lane.sequence)
}

fn rule(problem: String) -> DecodeError {
    DecodeError::Rule { rule: "G-98", field: "equivocation", problem }
}
