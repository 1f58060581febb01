//! MuSig2 (BIP327) of the two funding keys; the only place where the second libsecp256k1 is used.
//!
//! Values cross between the two libraries as bytes. Secret nonces are move-only and never leave memory (C-15).

use bitcoin::hashes::Hash;
use bitcoin::key::{TapTweak, TweakedPublicKey};
use bitcoin::secp256k1::{Message, PublicKey, SecretKey, XOnlyPublicKey, schnorr};
use bitcoin::{ScriptBuf, Txid};
use lightning::io;
use lightning::ln::msgs::DecodeError;
use lightning::util::ser::{Readable, Writeable, Writer};
use secp_musig::musig;

use crate::ids::tagged_hash;
use crate::life::Life;
use crate::secp::secp;

/// Fresh randomness for exactly one signing session, given by the shell. Move-only: using it consumes it.
pub struct SessionSecret([u8; 32]);

/// The 32 bytes given as randomness are all zero: the shell's generator is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("C-15: session randomness is all zero")]
pub struct ZeroEntropy;

impl SessionSecret {
    /// Takes 32 bytes from the operating system's generator, never used before.
    ///
    /// # Errors
    /// [`ZeroEntropy`] when all bytes are zero.
    pub fn new(bytes: [u8; 32]) -> Result<Self, ZeroEntropy> {
        if bytes == [0; 32] { Err(ZeroEntropy) } else { Ok(Self(bytes)) }
    }

    /// The value of a life (C-152).
    pub(crate) fn into_life(self) -> [u8; 32] {
        tagged_hash("althing/life-value/v1", &[&self.0])
    }

    /// Independent randomness for `count` sessions that begin at the same time.
    pub(crate) fn split(self, count: usize) -> impl Iterator<Item = Self> {
        (0u64..).take(count).map(move |index| Self(tagged_hash("althing/session/v1", &[&self.0, &index.to_be_bytes()])))
    }
}

/// A public nonce: two compressed points (BIP327), checked to be on the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicNonce(musig::PublicNonce);

impl PublicNonce {
    /// The 66 bytes sent to the peer.
    pub fn to_bytes(&self) -> [u8; 66] {
        self.0.serialize()
    }

    /// Reads 66 bytes; `None` when they are not two points.
    pub fn from_bytes(bytes: &[u8; 66]) -> Option<Self> {
        musig::PublicNonce::from_byte_array(bytes).ok().map(Self)
    }
}

/// A partial signature: one scalar (BIP327).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialSignature(musig::PartialSignature);

impl PartialSignature {
    /// The 32 bytes sent to the peer.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.serialize()
    }

    /// Reads 32 bytes; `None` when they are not below the group order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        musig::PartialSignature::from_byte_array(bytes).ok().map(Self)
    }
}

/// A partial signature and the public nonce of its signer: 32 + 66 = 98 bytes, in this order (BOLT "simple taproot").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialSignatureWithNonce {
    /// The signer's scalar.
    pub signature: PartialSignature,
    /// The signer's nonce, fresh for this signature.
    pub nonce: PublicNonce,
}

/// A nonce whose secret half can enter one signature: neither `Clone` nor serialisable.
pub struct SecretNonce {
    secret: musig::SecretNonce,
    public: PublicNonce,
}

impl SecretNonce {
    /// The half to send ahead.
    pub fn public(&self) -> PublicNonce {
        self.public
    }
}

/// `KeyAgg(KeySort(a, b))` with the Taproot tweak of an empty script tree (BIP86, BIP327, BIP341). Clause C-5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingAggregate {
    cache: musig::KeyAggCache,
    internal_key: XOnlyPublicKey,
    output_key: XOnlyPublicKey,
}

impl FundingAggregate {
    /// Aggregates two funding keys; the order of the arguments does not matter.
    pub fn new(a: &PublicKey, b: &PublicKey) -> Self {
        let mut keys = [a.serialize(), b.serialize()];
        keys.sort_unstable();
        let [first, second] =
            keys.map(|bytes| secp_musig::PublicKey::from_slice(&bytes).expect("both libraries accept the same points"));
        let mut cache = musig::KeyAggCache::new(&[&first, &second]);
        let internal_key = x_only(cache.agg_pk());
        // BIP341 with no scripts: the tweak commits to the internal key alone, so no hidden script can spend.
        let tweak = bitcoin::TapTweakHash::from_key_and_tweak(internal_key, None).to_byte_array();
        let tweak = secp_musig::Scalar::from_be_bytes(tweak)
            .expect("a SHA-256 output is below the group order except with probability 2^-128");
        cache.pubkey_xonly_tweak_add(&tweak).expect("the tweak is a hash of the key, so it is not the key's negation");
        let output_key = x_only(cache.agg_pk());
        debug_assert_eq!(internal_key.tap_tweak(secp(), None).0.to_x_only_public_key(), output_key);
        Self { cache, internal_key, output_key }
    }

    /// The aggregate before the Taproot tweak.
    pub fn internal_key(&self) -> XOnlyPublicKey {
        self.internal_key
    }

    /// The key in the funding output's script.
    pub fn output_key(&self) -> XOnlyPublicKey {
        self.output_key
    }

    /// The funding output's script. Clause C-5.
    pub fn script_pubkey(&self) -> ScriptBuf {
        ScriptBuf::new_p2tr_tweaked(TweakedPublicKey::dangerous_assume_tweaked(self.output_key))
    }

    /// Nonce for *own* commitment `number` over funding `txid`: the same each time it is asked for, so nothing secret is
    /// stored (C-16).
    ///
    /// It must enter one signature only; the state machine signs its own commitment once and stores the result.
    ///
    /// In each life of the side it is another (C-152): what a lost folder may have signed with a nonce, and nobody here knows of, must not meet
    /// a second signature.
    pub fn verification_nonce(&self, secret: &SecretKey, txid: Txid, number: u64, life: Option<&Life>) -> SecretNonce {
        let extra = match life {
            None => txid.to_byte_array(),
            Some(Life { first, value }) => {
                let parts: [&[u8]; 3] = [txid.as_byte_array(), value, &first.to_be_bytes()];
                tagged_hash("althing/life-nonce/v1", &parts)
            }
        };
        let (secret, public) =
            musig::new_nonce_pair_counter(number, Some(&self.cache), &keypair(secret), None, Some(extra));
        SecretNonce { secret, public: PublicNonce(public) }
    }

    /// Nonce sent ahead of the message it will sign (the closee's nonce of a cooperative close); kept in memory only.
    pub fn fresh_nonce(&self, secret: &SecretKey, session: SessionSecret) -> SecretNonce {
        self.nonce(secret, session, None, None)
    }

    /// Signs `sighash` with a nonce made for this signature alone, bound to the message and the peer's nonce (C-17).
    ///
    /// Because of that binding, two calls that were by mistake given the same randomness do not share a nonce unless
    /// they make the same signature.
    pub fn sign_fresh(
        &self,
        secret: &SecretKey,
        session: SessionSecret,
        peer_nonce: &PublicNonce,
        sighash: [u8; 32],
    ) -> PartialSignatureWithNonce {
        let bound = tagged_hash("althing/signing-nonce/v1", &[&peer_nonce.to_bytes()]);
        let nonce = self.nonce(secret, session, Some(&sighash), Some(bound));
        let public = nonce.public;
        PartialSignatureWithNonce { signature: self.sign(secret, nonce, peer_nonce, sighash), nonce: public }
    }

    /// Signs `sighash`, consuming the nonce.
    pub fn sign(
        &self,
        secret: &SecretKey,
        nonce: SecretNonce,
        peer_nonce: &PublicNonce,
        sighash: [u8; 32],
    ) -> PartialSignature {
        let session = self.session(&nonce.public, peer_nonce, sighash);
        PartialSignature(session.partial_sign(nonce.secret, &keypair(secret), &self.cache))
    }

    /// Whether `partial` is the signature of `signer` over `sighash` in the session of these two nonces.
    pub fn verify_partial(
        &self,
        signer: &PublicKey,
        partial: &PartialSignatureWithNonce,
        other_nonce: &PublicNonce,
        sighash: [u8; 32],
    ) -> bool {
        let session = self.session(&partial.nonce, other_nonce, sighash);
        session.partial_verify(&self.cache, &partial.signature.0, &partial.nonce.0, public(signer))
    }

    /// Adds both partial signatures into the BIP340 signature of the funding output; `None` when it does not verify.
    pub fn aggregate(
        &self,
        a: &PartialSignatureWithNonce,
        b: &PartialSignatureWithNonce,
        sighash: [u8; 32],
    ) -> Option<schnorr::Signature> {
        let session = self.session(&a.nonce, &b.nonce, sighash);
        let sum = session.partial_sig_agg(&[&a.signature.0, &b.signature.0]).assume_valid();
        let signature = schnorr::Signature::from_slice(&sum.to_byte_array()).ok()?;
        // Checked with the library that the rest of the program verifies with.
        secp().verify_schnorr(&signature, &Message::from_digest(sighash), &self.output_key).ok()?;
        Some(signature)
    }

    fn nonce(
        &self,
        secret: &SecretKey,
        session: SessionSecret,
        sighash: Option<&[u8; 32]>,
        extra: Option<[u8; 32]>,
    ) -> SecretNonce {
        let keypair = keypair(secret);
        let (secret, public) = musig::new_nonce_pair(
            musig::SessionSecretRand::assume_uniformly_random(session.0),
            Some(&self.cache),
            Some(keypair.secret_key()),
            keypair.public_key(),
            sighash,
            extra,
        );
        SecretNonce { secret, public: PublicNonce(public) }
    }

    fn session(&self, a: &PublicNonce, b: &PublicNonce, sighash: [u8; 32]) -> musig::Session {
        musig::Session::new(&self.cache, musig::AggregatedNonce::new(&[&a.0, &b.0]), &sighash)
    }
}

impl Writeable for PublicNonce {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        self.to_bytes().write(writer)
    }
}

impl Readable for PublicNonce {
    fn read<R: io::Read>(reader: &mut R) -> Result<Self, DecodeError> {
        Self::from_bytes(&Readable::read(reader)?).ok_or(DecodeError::InvalidValue)
    }
}

impl Writeable for PartialSignature {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        self.to_bytes().write(writer)
    }
}

impl Readable for PartialSignature {
    fn read<R: io::Read>(reader: &mut R) -> Result<Self, DecodeError> {
        Self::from_bytes(&Readable::read(reader)?).ok_or(DecodeError::InvalidValue)
    }
}

impl Writeable for PartialSignatureWithNonce {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        self.signature.write(writer)?;
        self.nonce.write(writer)
    }
}

impl Readable for PartialSignatureWithNonce {
    fn read<R: io::Read>(reader: &mut R) -> Result<Self, DecodeError> {
        Ok(Self { signature: Readable::read(reader)?, nonce: Readable::read(reader)? })
    }
}

fn x_only(key: secp_musig::XOnlyPublicKey) -> XOnlyPublicKey {
    XOnlyPublicKey::from_slice(&key.to_byte_array()).expect("both libraries accept the same points")
}

fn public(key: &PublicKey) -> secp_musig::PublicKey {
    secp_musig::PublicKey::from_slice(&key.serialize()).expect("both libraries accept the same points")
}

fn keypair(secret: &SecretKey) -> secp_musig::Keypair {
    secp_musig::Keypair::from_secret_bytes(secret.secret_bytes()).expect("both libraries accept the same scalars")
}
