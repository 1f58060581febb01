//! What a monitor has to know of a channel. Clause C-72.

use bitcoin::secp256k1::SecretKey;

use super::Channel;
use crate::commitment::{CommitmentContext, Side};
use crate::monitor::{CloseOutputs, RevokedSecrets, Watch};

impl Channel {
    /// What a [`Monitor`](crate::monitor::Monitor) of this channel is asked with; empty of fundings before the outpoint is known.
    pub fn watch(&self) -> Watch<'_> {
        let (own, peer) = (self.state.own_close_script.as_ref(), self.state.peer_close_script.as_ref());
        let (member, hub) = match self.state.side {
            Side::Member => (own, peer),
            Side::Hub => (peer, own),
        };
        Watch {
            side: self.state.side,
            keys: &self.keys,
            fundings: self.contexts(),
            secrets: self,
            own_number: self.number(),
            latest_number: self.number().max(self.peer_numbers().1),
            close: member.zip(hub).map(|(member, hub)| CloseOutputs { member, hub }),
            // C-145: the later one is over the funding that confirmed.
            signed_commitment: self
                .state
                .signed_later
                .last()
                .or(self.state.signed_commitment.as_ref())
                .map(|signed| &signed.transaction),
        }
    }

    /// Keys and terms over every funding in force; the amounts of the terms are those over that funding.
    fn contexts(&self) -> Vec<CommitmentContext> {
        let context = |funding| {
            let mut context = self.context_over(funding).ok()?;
            if let Some(balances) = self.ledger().and_then(|ledger| ledger.balances_over(funding)) {
                (context.params.member_sat, context.params.hub_sat) = (balances.member_sat, balances.hub_sat);
            }
            Some(context)
        };
        self.fundings().into_iter().filter_map(context).collect()
    }
}

impl RevokedSecrets for Channel {
    fn revoked_secret(&self, number: u64) -> Option<SecretKey> {
        self.peer_secret(number)
    }
}
