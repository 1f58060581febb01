//! Keys of one channel, all from one 32-byte seed. Clauses C-3, C-4 and C-152.

use bitcoin::secp256k1::{Keypair, PublicKey, SecretKey};
use lightning::impl_writeable_tlv_based;
use lightning::ln::chan_utils::build_commitment_secret;
use zeroize::Zeroize;

use crate::ids::tagged_hash;
use crate::life::{Life, life_of};
use crate::secp::secp;

/// Largest commitment number: 48 bits, as in BOLT 3.
pub const MAX_COMMITMENT_NUMBER: u64 = (1 << 48) - 1;

/// Secret seed of one side of one channel; wiped from memory when dropped, never printed.
///
/// The shell derives it from the wallet's seed words, one per channel, so that `to_remote` outputs are found again
/// from the words alone.
#[derive(Clone)]
pub struct ChannelSeed([u8; 32]);

impl ChannelSeed {
    /// Takes 32 uniformly random (or hardened-derived) bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Drop for ChannelSeed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// One side's public keys of a channel, as sent in `open_stake` and `accept_stake`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelPublicKeys {
    /// Key of this side in the MuSig2 funding output.
    pub funding: PublicKey,
    /// Blinded with the peer's per-commitment points into the revocation keys of the *peer's* commitments (BOLT 3).
    pub revocation_basepoint: PublicKey,
    /// Tweaked with own per-commitment points into the delayed keys of own commitments (BOLT 3).
    pub delayed_basepoint: PublicKey,
    /// Internal key of this side's `to_remote` output; the same in every commitment.
    pub payment: PublicKey,
    /// Per-commitment point of commitment 0.
    pub first_point: PublicKey,
}

impl_writeable_tlv_based!(ChannelPublicKeys, {
    (0, funding, required),
    (2, revocation_basepoint, required),
    (4, delayed_basepoint, required),
    (6, payment, required),
    (8, first_point, required),
});

/// One side's secret keys; every secret is derived again when it is used, so only the seed stays in memory.
#[derive(Clone)]
pub struct ChannelKeys {
    seed: ChannelSeed,
    public: ChannelPublicKeys,
    /// The lives of this side, the firsts ascending (C-152).
    lives: Vec<Life>,
}

impl ChannelKeys {
    /// Derives the public keys of `seed`.
    pub fn new(seed: ChannelSeed) -> Self {
        let public = ChannelPublicKeys {
            funding: point(&derive(&seed, "funding")),
            revocation_basepoint: point(&derive(&seed, "revocation")),
            delayed_basepoint: point(&derive(&seed, "delayed")),
            payment: point(&derive(&seed, "payment")),
            first_point: point(&per_commitment_secret(&seed, None, 0)),
        };
        Self { seed, public, lives: Vec::new() }
    }

    /// The same keys with these lives; their firsts ascend.
    #[must_use]
    pub fn with_lives(self, lives: Vec<Life>) -> Self {
        Self { lives, ..self }
    }

    /// The lives of this side.
    pub fn lives(&self) -> &[Life] {
        &self.lives
    }

    /// The life that commitment `number` belongs to; `None` before the first.
    pub fn life_of(&self, number: u64) -> Option<&Life> {
        life_of(&self.lives, number)
    }

    /// The public keys.
    pub fn public(&self) -> &ChannelPublicKeys {
        &self.public
    }

    /// Key pair of the funding key; also signs the member's binding of vote key and stake.
    pub fn funding_keypair(&self) -> Keypair {
        Keypair::from_secret_key(secp(), &derive(&self.seed, "funding"))
    }

    /// Secret of the funding key.
    pub fn funding_secret(&self) -> SecretKey {
        derive(&self.seed, "funding")
    }

    /// Secret of the revocation basepoint: with a revealed per-commitment secret it punishes an old commitment.
    pub fn revocation_secret(&self) -> SecretKey {
        derive(&self.seed, "revocation")
    }

    /// Secret of the delayed basepoint: sweeps own `to_local`.
    pub fn delayed_secret(&self) -> SecretKey {
        derive(&self.seed, "delayed")
    }

    /// Secret of the static payment key: sweeps own `to_remote`.
    pub fn payment_secret(&self) -> SecretKey {
        derive(&self.seed, "payment")
    }

    /// Per-commitment secret of commitment `number` (0 is the first); revealing it makes that commitment punishable.
    ///
    /// Numbers past [`MAX_COMMITMENT_NUMBER`] do not occur: the state machine ends a channel before.
    pub fn per_commitment_secret(&self, number: u64) -> SecretKey {
        per_commitment_secret(&self.seed, self.life_of(number), number)
    }

    /// Public point of [`Self::per_commitment_secret`].
    pub fn per_commitment_point(&self, number: u64) -> PublicKey {
        point(&self.per_commitment_secret(number))
    }

    /// The points that this number had or would have in any life that may have come to it: which of them an old transaction has is not
    /// known.
    pub fn points_in_any_life(&self, number: u64) -> impl Iterator<Item = PublicKey> + '_ {
        let lives = self.lives.iter().rev().filter(move |life| life.first <= number);
        let in_lives = lives.map(move |life| point(&per_commitment_secret(&self.seed, Some(life), number)));
        in_lives.chain([()].map(|()| point(&per_commitment_secret(&self.seed, None, number))))
    }

    /// The per-commitment secret that other lives than the own known ones give; to recognise what a later life has given away.
    pub(crate) fn secret_in(&self, lives: &[Life], number: u64) -> SecretKey {
        per_commitment_secret(&self.seed, life_of(lives, number), number)
    }
}

fn point(secret: &SecretKey) -> PublicKey {
    PublicKey::from_secret_key(secp(), secret)
}

// C-3: H_tag("althing/channel-<role>/v1", seed || counter), the first counter from 0 that gives a valid scalar.
fn derive(seed: &ChannelSeed, role: &str) -> SecretKey {
    let tag = format!("althing/channel-{role}/v1");
    (0u8..=255)
        .find_map(|counter| SecretKey::from_slice(&tagged_hash(&tag, &[&seed.0, &[counter]])).ok())
        .expect("256 hashes in a row outside the group order have probability 2^-32000")
}

// C-4: BOLT 3 shachain; its index counts down from 2^48 - 1 while our number counts up. C-152: another chain in each life.
fn per_commitment_secret(seed: &ChannelSeed, life: Option<&Life>, number: u64) -> SecretKey {
    let (mut chain_seed, place) = match life {
        None => (tagged_hash("althing/channel-shachain/v1", &[&seed.0]), number),
        Some(Life { first, value }) => {
            let parts: [&[u8]; 3] = [&seed.0, value, &first.to_be_bytes()];
            (tagged_hash("althing/channel-life/v1", &parts), number.saturating_sub(*first))
        }
    };
    let index = MAX_COMMITMENT_NUMBER - (place & MAX_COMMITMENT_NUMBER);
    let secret = build_commitment_secret(&chain_seed, index);
    chain_seed.zeroize();
    SecretKey::from_slice(&secret).expect("a SHA-256 output is a valid scalar except with probability 2^-128")
}
