//! A channel that came back from a backup. Clauses C-92 and C-153.

use super::checkpoint::Money;
use super::state::State;
use super::{Channel, ChannelError, Effect, Phase, Violation};
use crate::musig::{PartialSignature, PartialSignatureWithNonce};

impl Channel {
    /// Bytes for a backup, read with [`Channel::decode`]: the state without anything with which a commitment could be broadcast.
    ///
    /// Whoever serves the backup could serve an old one, stall, and punish what is broadcast of it. So a channel read from
    /// these bytes goes on with its peer, but closes alone only with a commitment made after the restore (C-92). `None` where
    /// nothing is worth keeping: before the funding, and after the end.
    pub fn encode_backup(&self) -> Option<Vec<u8>> {
        let phase = self.state.phase;
        if phase == Phase::ForceClosing {
            // The last thing ever signed; it cannot be revoked any more.
            return Some(self.encode());
        }
        if !matches!(phase, Phase::AwaitConfirmation | Phase::Ready | Phase::Closing) {
            return None;
        }
        let nonce = self.verification_nonce(&self.context()?, self.number()).public();
        let blank = PartialSignatureWithNonce { signature: blank_signature(), nonce };
        let mut state: State = self.state.clone();
        state.restored = Some(self.number());
        // C-153: what comes out of it draws a life of its own.
        (state.next_life, state.own_from) = (None, None);
        state.peer_signature = Some(blank);
        (state.close_tx, state.close_fee_sat) = (None, None);
        if let Some(money) = &mut state.money {
            money.replace_signatures(blank);
        }
        Some(state.encode_versioned())
    }

    /// The log has a checkpoint of this channel with the number `logged`, which both sides signed. If this side does not know it,
    /// its state is old: as C-132, whoever may have served it (C-93).
    #[must_use]
    pub fn judge_by_log(&mut self, logged: u64) -> Vec<Effect> {
        let overtaken = self.state.division.take_if(|division| division.number < logged).is_some(); // C-162
        let number = self.number();
        let in_use = matches!(self.state.phase, Phase::Ready | Phase::Closing);
        let old = |money: &&mut Money| !money.behind && logged > money.signed_number();
        let Some(money) = self.state.money.as_mut().filter(|_| in_use).filter(old) else {
            return overtaken.then_some(Effect::Persist).into_iter().collect();
        };
        money.behind = true;
        let refusal = Violation::Stale { number, logged };
        let (rule, detail) = (refusal.rule(), refusal.to_string());
        vec![Effect::Persist, self.error_message(rule, &detail), Effect::Behind]
    }

    /// The own number that a restore brought back; that commitment and all before are never broadcast.
    pub fn restored_number(&self) -> Option<u64> {
        self.state.restored
    }

    /// # Errors
    /// [`Violation::Restored`] when the newest commitment is one that a restore brought back.
    pub(super) fn expect_made_here(&self) -> Result<(), ChannelError> {
        match self.state.restored {
            Some(number) if self.number() <= number => Err(Violation::Restored { number: self.number() }.into()),
            _ => Ok(()),
        }
    }
}

/// A scalar that completes no signature.
fn blank_signature() -> PartialSignature {
    let mut one = [0; 32];
    one[31] = 1;
    PartialSignature::from_bytes(&one).expect("one is below the group order")
}
