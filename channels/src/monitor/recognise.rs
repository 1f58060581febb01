//! What a transaction that spends a funding output is. Clause C-72.
//!
//! The funding output is spent only with both sides' signatures, and what this side ever signs is of few forms. So the form
//! tells what a spend is, without a list of all transactions ever signed.

use bitcoin::secp256k1::SecretKey;
use bitcoin::{OutPoint, ScriptBuf, Transaction};
use lightning::ln::chan_utils::get_commitment_transaction_number_obscure_factor;

use crate::commitment::{CommitmentContext, Side, funding_output};
use crate::keys::ChannelKeys;
use crate::scripts::{ToLocal, to_remote_script};

/// The secrets with which a peer has revoked its commitments.
pub trait RevokedSecrets {
    /// The secret of the peer's commitment `number`; `None` while that is not revoked.
    fn revoked_secret(&self, number: u64) -> Option<SecretKey>;
}

/// What a channel knows and the chain does not show. [`Channel::watch`](crate::Channel::watch) makes it.
#[derive(Clone)]
pub struct Watch<'a> {
    /// This side.
    pub side: Side,
    /// This side's keys.
    pub keys: &'a ChannelKeys,
    /// All fundings in force.
    pub fundings: Vec<CommitmentContext>,
    /// Where the secrets are with which the peer has revoked its commitments.
    pub secrets: &'a dyn RevokedSecrets,
    /// The lowest own commitment that this side has not revoked.
    pub own_number: u64,
    /// The highest own or peer's commitment that this side has ever signed or accepted.
    pub latest_number: u64,
    /// Scripts that cooperative closes pay to, once both are known.
    pub close: Option<CloseOutputs<'a>>,
    /// Own commitment, signed to be broadcast (C-26).
    pub signed_commitment: Option<&'a Transaction>,
}

/// Scripts of a cooperative close.
#[derive(Clone, Copy, Debug)]
pub struct CloseOutputs<'a> {
    /// The member's.
    pub member: &'a ScriptBuf,
    /// The hub's.
    pub hub: &'a ScriptBuf,
}

/// What spent a funding output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpendKind {
    /// A close signed by both.
    CooperativeClose,
    /// A transaction whose output is another funding of this channel.
    Splice,
    /// Own commitment that is not revoked.
    OwnCommitment {
        /// Its number.
        number: u64,
    },
    /// Own commitment that this side had revoked: the peer can take everything. Only a copied or restored store does this.
    OwnRevoked {
        /// Its number.
        number: u64,
    },
    /// The peer's commitment, not revoked.
    PeerCommitment {
        /// Its number.
        number: u64,
    },
    /// The peer's commitment that the peer had revoked: a breach.
    PeerRevoked {
        /// Its number.
        number: u64,
    },
    /// The peer's commitment of a number that this side does not know of: this side lost data.
    PeerAhead {
        /// Its number.
        number: u64,
    },
    /// Nothing this side knows to have signed.
    Unknown,
}

impl Watch<'_> {
    /// Outpoints of all fundings.
    pub fn outpoints(&self) -> Vec<OutPoint> {
        self.fundings.iter().map(|context| context.funding).collect()
    }

    /// What `spend`, which spends the funding of `context`, is.
    pub fn recognise(&self, context: &CommitmentContext, spend: &Transaction) -> SpendKind {
        let Some(number) = commitment_number(context, spend) else {
            return self.recognise_agreed(context, spend);
        };
        if self.is_own(context, number, spend) {
            return if number < self.own_number {
                SpendKind::OwnRevoked { number }
            } else {
                SpendKind::OwnCommitment { number }
            };
        }
        if self.secrets.revoked_secret(number).is_some() {
            SpendKind::PeerRevoked { number }
        } else if number > self.latest_number {
            SpendKind::PeerAhead { number }
        } else {
            SpendKind::PeerCommitment { number }
        }
    }

    /// Scripts of the own `to_local` output of commitment `number`: one for each life that may have broadcast it (C-152).
    pub(super) fn own_to_locals(&self, context: &CommitmentContext, number: u64) -> Vec<ScriptBuf> {
        let own = self.keys.public();
        let (peer, csv_blocks) = match self.side {
            Side::Member => (&context.hub, context.params.member_csv_blocks),
            Side::Hub => (&context.member, context.params.hub_csv_blocks),
        };
        let with = |point| ToLocal::new(&point, &own.delayed_basepoint, &peer.revocation_basepoint, csv_blocks);
        self.keys.points_in_any_life(number).map(|point| with(point).script_pubkey()).collect()
    }

    // Both sides' commitments of one number look alike but for their scripts; at least one output is above dust (C-23).
    fn is_own(&self, context: &CommitmentContext, number: u64, spend: &Transaction) -> bool {
        let peer = match self.side {
            Side::Member => &context.hub,
            Side::Hub => &context.member,
        };
        let (own, of_peer) = (self.own_to_locals(context, number), to_remote_script(&peer.payment));
        spend.output.iter().any(|output| output.script_pubkey == of_peer || own.contains(&output.script_pubkey))
    }

    fn recognise_agreed(&self, context: &CommitmentContext, spend: &Transaction) -> SpendKind {
        let txid = spend.compute_txid();
        // An output to both keys is a funding of the channel, also where this side has forgotten that it signed it.
        let script = funding_output(context).script_pubkey;
        if self.fundings.iter().any(|context| context.funding.txid == txid)
            || spend.output.iter().any(|output| output.script_pubkey == script)
        {
            return SpendKind::Splice;
        }
        let pays_only = |close: CloseOutputs<'_>| {
            spend.output.iter().all(|output| [close.member, close.hub].contains(&&output.script_pubkey))
        };
        if self.close.is_some_and(pays_only) { SpendKind::CooperativeClose } else { SpendKind::Unknown }
    }
}

/// The number of a commitment over the funding of `context`; `None` when it has not the form of C-24.
pub fn commitment_number(context: &CommitmentContext, transaction: &Transaction) -> Option<u64> {
    let [input] = transaction.input.as_slice() else { return None };
    let (lock_time, sequence) = (transaction.lock_time.to_consensus_u32(), input.sequence.0);
    if input.previous_output != context.funding || lock_time >> 24 != 0x20 || sequence >> 24 != 0x80 {
        return None;
    }
    let obscured = u64::from(sequence & 0xff_ffff) << 24 | u64::from(lock_time & 0xff_ffff);
    let factor = get_commitment_transaction_number_obscure_factor(&context.member.payment, &context.hub.payment, true);
    Some(obscured ^ factor)
}
