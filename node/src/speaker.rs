//! Which vote key speaks for a member now: the first one, until a rotation in the log says otherwise (G-90).

use althing_governance::id::MemberId;
use bitcoin::secp256k1::{Keypair, XOnlyPublicKey};

use crate::shell::Shell;

impl Shell {
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
