//! A channel with five revoked commitments on either side, and every transaction that can end it.

use althing_channels::monitor::{BlockId, CloseOutputs, Monitor, RevokedSecrets, Watch};
use althing_channels::{
    Balances, Breach, ChannelKeys, CloseScripts, CloseTx, CommitmentContext, CommitmentTx, FundingAggregate, JusticeTo,
    PartialSignatureWithNonce, Side, SweepTo, funding_output, sweep_to_local, sweep_to_remote,
};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::SecretKey;
use bitcoin::secp256k1::schnorr::Signature;
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::{BlockHash, ScriptBuf, Transaction, TxOut, XOnlyPublicKey, secp256k1};

use crate::pair::{Entropy, close_script, funding_outpoint, keys, params};

/// The number that both sides have not revoked.
pub(crate) const LIVE: u64 = 5;
pub(crate) const BALANCES: Balances = Balances { member_sat: 600_000, hub_sat: 400_000 };

pub(crate) struct Ended {
    pub(crate) side: Side,
    pub(crate) keys: ChannelKeys,
    pub(crate) peer_keys: ChannelKeys,
    pub(crate) fundings: Vec<CommitmentContext>,
    pub(crate) scripts: CloseScripts,
    pub(crate) signed: Option<Transaction>,
}

impl Ended {
    /// As `side` sees it.
    pub(crate) fn new(side: Side) -> Self {
        let mut params = params();
        (params.member_sat, params.hub_sat) = (BALANCES.member_sat, BALANCES.hub_sat);
        let context =
            CommitmentContext::new(params, *keys(Side::Member).public(), *keys(Side::Hub).public(), funding_outpoint());
        let peer_keys = keys(side.other());
        let scripts = CloseScripts { member: close_script(Side::Member), hub: close_script(Side::Hub) };
        Self { side, keys: keys(side), peer_keys, fundings: vec![context], scripts, signed: None }
    }

    pub(crate) fn context(&self) -> &CommitmentContext {
        &self.fundings[0]
    }

    pub(crate) fn watch(&self) -> Watch<'_> {
        Watch {
            side: self.side,
            keys: &self.keys,
            fundings: self.fundings.clone(),
            secrets: self,
            own_number: LIVE,
            latest_number: LIVE,
            close: Some(CloseOutputs { member: &self.scripts.member, hub: &self.scripts.hub }),
            signed_commitment: self.signed.as_ref(),
        }
    }

    /// A commitment with a valid signature.
    pub(crate) fn commitment(&self, broadcaster: Side, number: u64) -> Transaction {
        let point = keys(broadcaster).per_commitment_point(number);
        let built = CommitmentTx::build(self.context(), broadcaster, number, &point, BALANCES).unwrap();
        let signature = self.both_sign(built.sighash());
        built.into_signed(&signature)
    }

    pub(crate) fn close(&self, fee_sat: u64) -> Transaction {
        let output = funding_output(self.context());
        let built =
            CloseTx::build(self.context().funding, &output, BALANCES, &self.scripts, Side::Member, fee_sat).unwrap();
        let signature = self.both_sign(built.sighash());
        built.into_signed(&signature)
    }

    pub(crate) fn breach(&self, number: u64) -> Breach {
        let secret = self.peer_keys.per_commitment_secret(number);
        let revoked = self.commitment(self.side.other(), number);
        Breach::find(&self.keys, self.context(), self.side, secret, &revoked).unwrap()
    }

    pub(crate) fn justice(&self, number: u64) -> Transaction {
        self.breach(number).justice(&self.keys, &justice_to(self.side)).unwrap()
    }

    /// What `by` does with its own `to_local` once the lock has ended.
    pub(crate) fn sweep_local(&self, by: Side, number: u64) -> Transaction {
        let commitment = self.commitment(by, number);
        sweep_to_local(&keys(by), self.context(), by, number, &commitment, &sweep_to(by)).unwrap()
    }

    pub(crate) fn sweep_remote(&self, by: Side, number: u64) -> Transaction {
        sweep_to_remote(&keys(by), &self.commitment(by.other(), number), &sweep_to(by)).unwrap()
    }

    fn both_sign(&self, sighash: [u8; 32]) -> Signature {
        let mut entropy = Entropy::default();
        let aggregate = FundingAggregate::new(&self.context().member.funding, &self.context().hub.funding);
        let secret = keys(Side::Hub).funding_secret();
        let announced = aggregate.fresh_nonce(&secret, entropy.next());
        let public = announced.public();
        let member = aggregate.sign_fresh(&keys(Side::Member).funding_secret(), entropy.next(), &public, sighash);
        let signature = aggregate.sign(&secret, announced, &member.nonce, sighash);
        aggregate.aggregate(&member, &PartialSignatureWithNonce { signature, nonce: public }, sighash).unwrap()
    }
}

impl RevokedSecrets for Ended {
    fn revoked_secret(&self, number: u64) -> Option<SecretKey> {
        (number < LIVE).then(|| self.peer_keys.per_commitment_secret(number))
    }
}

pub(crate) fn justice_to(side: Side) -> JusticeTo {
    JusticeTo { script: close_script(side), fee_sat: 500, anchor_sat: None, aux_rand: [5; 32] }
}

pub(crate) fn sweep_to(side: Side) -> SweepTo {
    SweepTo { script: close_script(side), fee_sat: 200, aux_rand: [6; 32] }
}

/// Block `height` of branch `branch`.
pub(crate) fn block(branch: u32, height: u32) -> BlockId {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&height.to_be_bytes());
    hash[4..8].copy_from_slice(&branch.to_be_bytes());
    BlockId { height, hash: BlockHash::from_byte_array(hash) }
}

/// Puts one block with these transactions on top.
pub(crate) fn mine(monitor: &mut Monitor, ended: &Ended, transactions: &[&Transaction]) -> bool {
    let tip = monitor.tip();
    let next = block(0, tip.height + 1);
    monitor.apply_block(next, tip.hash, transactions.iter().copied(), &ended.watch().outpoints()).unwrap()
}

/// Checks every key-path signature of `transaction` as a node would.
pub(crate) fn check_key_paths(transaction: &Transaction, prevouts: &[TxOut]) {
    let mut cache = SighashCache::new(transaction);
    for (index, input) in transaction.input.iter().enumerate() {
        assert_eq!(input.witness.len(), 1);
        let sighash =
            cache.taproot_key_spend_signature_hash(index, &Prevouts::All(prevouts), TapSighashType::Default).unwrap();
        let signature = Signature::from_slice(&input.witness[0]).unwrap();
        let key = XOnlyPublicKey::from_slice(&prevouts[index].script_pubkey.as_bytes()[2..]).unwrap();
        let message = secp256k1::Message::from_digest(sighash.to_byte_array());
        secp256k1::Secp256k1::new().verify_schnorr(&signature, &message, &key).unwrap();
    }
}

/// The outputs of `parents` that `transaction` spends, in its order.
pub(crate) fn prevouts(transaction: &Transaction, parents: &[&Transaction]) -> Vec<TxOut> {
    transaction
        .input
        .iter()
        .map(|input| {
            let parent = parents.iter().find(|parent| parent.compute_txid() == input.previous_output.txid).unwrap();
            parent.output[input.previous_output.vout as usize].clone()
        })
        .collect()
}

/// A script of nobody in the channel.
pub(crate) fn foreign_script() -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_byte_array([3; 20]))
}
