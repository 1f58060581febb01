//! Signing one version of one link in two rounds: everybody's nonce, then everybody's share.
//!
//! The rounds are values that are moved, never copied or stored: a secret nonce that entered two signatures gives
//! the operator's key away. After a crash a session is begun anew with fresh entropy.

use bitcoin::secp256k1::{Keypair, Message, PublicKey, schnorr};
use secp_musig::musig::{self, KeyAggCache};
use thiserror::Error;

use super::keys::{Operators, public};
use super::nonce::{PartialSignature, PublicNonce, SessionEntropy};
use crate::link_builder::BuildError;
use crate::link_signing::{SignedLink, UnsignedLink};
use crate::pledge::SealPledge;

/// Why a signing session does not go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The link may not be signed by these operators, or at all.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A message from, or a key of, somebody who is no operator.
    #[error("A-70: {key} is no operator of this anchor key")]
    NotAnOperator {
        /// The key.
        key: Box<PublicKey>,
    },
    /// An operator sent a second, different value for the same round.
    #[error("A-73: operator {operator} sent two different values in one round")]
    Contradiction {
        /// The operator.
        operator: Box<PublicKey>,
    },
    /// Not every operator has sent its value of the round.
    #[error("A-73: {missing} operators have not sent theirs, the first is {first}")]
    Incomplete {
        /// How many.
        missing: usize,
        /// The first of them in key order.
        first: Box<PublicKey>,
    },
    /// An operator's share does not fit its key and nonce.
    #[error("A-74: the share of operator {operator} does not verify")]
    BadShare {
        /// The operator to blame.
        operator: Box<PublicKey>,
    },
}

/// The first round: nonces come in, in any order. Neither `Clone` nor storable.
pub struct NonceRound {
    operators: Operators,
    link: UnsignedLink,
    cache: KeyAggCache,
    message: [u8; 32],
    own: Keypair,
    secret: musig::SecretNonce,
    nonces: Vec<Option<PublicNonce>>,
}

impl NonceRound {
    /// Begins a session for `link` as the operator with `own` key; `pledge` is what this operator has pledged for the
    /// seal and stored before. Send the nonce returned to every other operator.
    ///
    /// # Errors
    /// [`SessionError::Build`] when the seal is not held by these operators or the link breaks the pledge,
    /// [`SessionError::NotAnOperator`] when `own` is not among them.
    pub fn begin(
        operators: Operators,
        link: UnsignedLink,
        pledge: &SealPledge,
        own: Keypair,
        entropy: SessionEntropy,
    ) -> Result<(Self, PublicNonce), SessionError> {
        pledge.check(&link)?;
        let (found, expected) = (operators.anchor_key(), link.seal().anchor_key);
        if found != expected {
            let wrong_key = BuildError::WrongKey { found: Box::new(found), expected: Box::new(expected) };
            return Err(wrong_key.into());
        }
        let place = place(&operators, &own.public_key())?;
        let mut cache = operators.aggregate();
        // the key path signs with the tweaked key, the leaf with the aggregate itself.
        if let Some(tweak) = link.key_tweak() {
            let tweak = secp_musig::Scalar::from_be_bytes(tweak)
                .expect("a SHA-256 output is below the group order except with probability 2^-128");
            cache
                .pubkey_xonly_tweak_add(&tweak)
                .expect("the tweak is a hash of the key, so it is not the key's negation");
        }
        let message = *link.sighash().as_ref();
        // bound to key, link and entropy, so that entropy repeated by mistake does not repeat a nonce.
        let signer = keypair(&own);
        let (secret, nonce) = musig::new_nonce_pair(
            musig::SessionSecretRand::assume_uniformly_random(entropy.into_bytes()),
            Some(&cache),
            Some(signer.secret_key()),
            signer.public_key(),
            Some(&message),
            None,
        );
        let nonce = PublicNonce(nonce);
        let mut nonces = vec![None; operators.keys().len()];
        nonces[place] = Some(nonce);
        Ok((Self { operators, link, cache, message, own, secret, nonces }, nonce))
    }

    /// Takes another operator's nonce. The same one again changes nothing.
    ///
    /// # Errors
    /// [`SessionError::NotAnOperator`], [`SessionError::Contradiction`]; the round stays as it was.
    pub fn receive(&mut self, operator: &PublicKey, nonce: PublicNonce) -> Result<(), SessionError> {
        let place = place(&self.operators, operator)?;
        keep(&mut self.nonces[place], nonce, operator)
    }

    /// Whether every nonce is there.
    pub fn is_complete(&self) -> bool {
        self.nonces.iter().all(Option::is_some)
    }

    /// Ends the round: signs, which uses the secret nonce up. Send the share returned to every other operator.
    ///
    /// # Errors
    /// [`SessionError::Incomplete`]; the session is then lost with its nonce, see [`NonceRound::is_complete`].
    pub fn sign(self) -> Result<(SignatureRound, PartialSignature), SessionError> {
        let nonces = complete(&self.operators, &self.nonces)?;
        let aggregate = musig::AggregatedNonce::new(&nonces.iter().map(|nonce| &nonce.0).collect::<Vec<_>>());
        let session = musig::Session::new(&self.cache, aggregate, &self.message);
        let share = PartialSignature(session.partial_sign(self.secret, &keypair(&self.own), &self.cache));
        let mut shares = vec![None; nonces.len()];
        shares[place(&self.operators, &self.own.public_key())?] = Some(share);
        let Self { operators, link, cache, .. } = self;
        Ok((SignatureRound { operators, link, cache, session, nonces, shares }, share))
    }
}

/// The second round: shares come in, in any order, each checked by itself so that the one who spoils it is known.
pub struct SignatureRound {
    operators: Operators,
    link: UnsignedLink,
    cache: KeyAggCache,
    session: musig::Session,
    nonces: Vec<PublicNonce>,
    shares: Vec<Option<PartialSignature>>,
}

impl SignatureRound {
    /// Takes another operator's share. The same one again changes nothing.
    ///
    /// # Errors
    /// [`SessionError::BadShare`] names the operator to blame; also [`SessionError::NotAnOperator`] and
    /// [`SessionError::Contradiction`]. The round stays as it was.
    pub fn receive(&mut self, operator: &PublicKey, share: PartialSignature) -> Result<(), SessionError> {
        let place = place(&self.operators, operator)?;
        //
        if !self.session.partial_verify(&self.cache, &share.0, &self.nonces[place].0, public(operator)) {
            return Err(SessionError::BadShare { operator: Box::new(*operator) });
        }
        keep(&mut self.shares[place], share, operator)
    }

    /// Whether every share is there.
    pub fn is_complete(&self) -> bool {
        self.shares.iter().all(Option::is_some)
    }

    /// Adds the shares into one BIP340 signature and completes the link with it.
    ///
    /// # Errors
    /// [`SessionError::Incomplete`]; [`SessionError::Build`] should not occur, since every share was checked.
    pub fn finish(self) -> Result<SignedLink, SessionError> {
        let shares = complete(&self.operators, &self.shares)?;
        let sum = self.session.partial_sig_agg(&shares.iter().map(|share| &share.0).collect::<Vec<_>>());
        let signature = schnorr::Signature::from_slice(&sum.assume_valid().to_byte_array())
            .expect("both libraries write a signature in 64 bytes");
        // Checked once more by `attach`, with the library that the rest of the program verifies with.
        Ok(self.link.attach(signature)?)
    }

    /// The message being signed (BIP341), for logs.
    pub fn sighash(&self) -> Message {
        self.link.sighash()
    }
}

fn place(operators: &Operators, key: &PublicKey) -> Result<usize, SessionError> {
    operators.place(key).ok_or_else(|| SessionError::NotAnOperator { key: Box::new(*key) })
}

/// the first value counts; another one is a contradiction, not a correction.
fn keep<T: PartialEq>(slot: &mut Option<T>, value: T, operator: &PublicKey) -> Result<(), SessionError> {
    if slot.as_ref().is_some_and(|kept| *kept != value) {
        return Err(SessionError::Contradiction { operator: Box::new(*operator) });
    }
    *slot = Some(value);
    Ok(())
}

fn complete<T: Copy>(operators: &Operators, slots: &[Option<T>]) -> Result<Vec<T>, SessionError> {
    let missing = slots.iter().filter(|slot| slot.is_none()).count();
    match slots.iter().position(Option::is_none) {
        Some(first) => Err(SessionError::Incomplete { missing, first: Box::new(operators.keys()[first]) }),
        None => Ok(slots.iter().copied().flatten().collect()),
    }
}

fn keypair(own: &Keypair) -> secp_musig::Keypair {
    secp_musig::Keypair::from_secret_bytes(own.secret_bytes()).expect("both libraries accept the same scalars")
}
