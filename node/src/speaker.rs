//! By which key this node speaks: a member's is the first vote key, until a rotation in the log says otherwise (G-90); a
//! treasurer's is the treasury key that the charter names (G-21).

use althing_governance::id::MemberId;
use bitcoin::secp256k1::{Keypair, XOnlyPublicKey};

use crate::shell::Shell;
use crate::store::{INCARNATION, TREASURERS_INCARNATION};

/// First incarnation of the lane of this seed's treasury key (N-303): own entries are kept by incarnation and number, so the
/// two lanes of one folder share none.
pub(crate) const TREASURERS_FIRST: u32 = 1 << 31;

/// As whom this node says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// The member, by the vote key that speaks now.
    Member,
    /// The treasurer whom a charter names by this seed's treasury key.
    Treasurer,
}

impl Voice {
    /// Whose an incarnation is.
    pub(crate) fn of_incarnation(incarnation: u32) -> Self {
        if incarnation < TREASURERS_FIRST { Self::Member } else { Self::Treasurer }
    }

    /// First incarnation, and the name under which the newest is stored.
    pub(crate) fn incarnations(self) -> (u32, &'static str) {
        match self {
            Self::Member => (0, INCARNATION),
            Self::Treasurer => (TREASURERS_FIRST, TREASURERS_INCARNATION),
        }
    }
}

impl Shell {
    /// The key by which this node speaks.
    pub(crate) fn key_of(&self, voice: Voice) -> Keypair {
        match voice {
            Voice::Member => self.keys.vote_number(self.own_key_number()),
            Voice::Treasurer => self.keys.treasury(),
        }
    }

    /// The key that speaks for the member whom a vote key names, whichever of their keys that is.
    pub(crate) fn speaking_key(&self, key: &MemberId) -> MemberId {
        let state = self.ledger.state();
        let member = state.member_of_key(key);
        state.members().get(&member).map_or(member, |record| record.key)
    }

    /// How often this node's vote key was replaced by the log: which of the seed's vote keys speaks now. 0 also when the key that
    /// speaks is none of this seed's; the rules then refuse what is signed.
    pub(crate) fn own_key_number(&self) -> u32 {
        let first = MemberId::of(&self.keys.vote().x_only_public_key().0);
        match self.speaking_key(&first) {
            speaking if speaking == first => 0,
            speaking => self.own_vote_key(&speaking).map_or(0, |(number, _)| number),
        }
    }

    /// A vote key of this node's seed, with its number.
    pub(crate) fn own_vote_key(&self, key: &MemberId) -> Option<(u32, Keypair)> {
        let key = XOnlyPublicKey::from_slice(&key.0).ok()?;
        let number = self.keys.vote_key_number(&key)?;
        Some((number, self.keys.vote_number(number)))
    }
}
