//! The treasury's output descriptor and the scripts derived from it (T-1 to T-5).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use bitcoin::secp256k1::PublicKey;
use bitcoin::taproot::TapNodeHash;
use bitcoin::{NetworkKind, Script, ScriptBuf, relative};
use miniscript::Descriptor;
use miniscript::descriptor::{DefiniteDescriptorKey, DescriptorPublicKey, DescriptorType, Wildcard};
use miniscript::policy::{Liftable, Semantic};
use thiserror::Error;

use crate::curve::secp;

/// Longest descriptor text accepted, in bytes.
pub const MAX_DESCRIPTOR_BYTES: usize = 2048;

/// Derivation indexes that are looked through for a script of which nothing else is known.
pub const SEARCHED_INDEXES: u32 = 64;

/// T-110: every node follows the scripts at the indexes below this one from the beginning, whatever was paid to them, and as many behind the
/// highest that was paid to. Nothing goes back to the treasury further out, where nobody might see it.
pub const INDEXES_IN_SIGHT: u32 = 200;

/// T-110: no script is in sight from this index on, whatever was paid to: gates are looked for below it.
pub const MOST_INDEXES_IN_SIGHT: u32 = 1000;

/// T-110: below which index every node follows the scripts of a treasury; `highest` is the highest index that a block has paid to.
pub fn indexes_in_sight(highest: Option<u32>) -> u32 {
    let used = highest.map_or(0, |highest| highest.saturating_add(1));
    used.saturating_add(INDEXES_IN_SIGHT).min(MOST_INDEXES_IN_SIGHT)
}

/// Most keys a treasury may have: what P2WSH `multi` allows within the standard limits.
pub const MAX_TREASURY_KEYS: usize = 15;

/// BIP341's point with no known discrete logarithm, for a P2TR treasury whose key path nobody can use.
pub(crate) const UNSPENDABLE_KEY: &str = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0";

/// Longest wait in blocks. Of a longer one the network takes the lowest 16 bits (BIP68), so that 65,546 would be 10.
const MAX_WAIT: u32 = 0xffff;

/// Deepest level of a BIP32 key: depth is one byte.
const MAX_KEY_DEPTH: usize = 255;

/// Why a text is not an acceptable treasury descriptor, or a script cannot be derived from it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TreasuryError {
    /// The text is longer than [`MAX_DESCRIPTOR_BYTES`].
    #[error("T-1: the descriptor has {length} bytes, at most {MAX_DESCRIPTOR_BYTES} are allowed")]
    TooLong {
        /// Length of the text in bytes.
        length: usize,
    },
    /// The text is not a descriptor of public keys (BIP380 to 387), or its checksum is wrong.
    #[error("T-1: not a descriptor of public keys: {reason}")]
    Malformed {
        /// The parser's message.
        reason: String,
    },
    /// The descriptor is neither `wsh(...)` nor `tr(...)`.
    #[error("T-2: the descriptor is of type {found}, it must be wsh or tr")]
    WrongType {
        /// Name of the type found.
        found: String,
    },
    /// The key path of a `tr(...)` could be spent by somebody.
    #[error("T-2: the internal key of tr() is {found}, it must be the unspendable key {UNSPENDABLE_KEY}")]
    SpendableKeyPath {
        /// The internal key found.
        found: String,
    },
    /// Miniscript's analysis refuses it: malleable, unspendable, over resource limits, or a path without signature.
    #[error("T-3: the script is not sane: {reason}")]
    NotSane {
        /// Miniscript's message.
        reason: String,
    },
    /// The condition asks for something else than keys and a wait in blocks.
    #[error(
        "T-3: the condition may ask for keys and for 1 to {MAX_WAIT} blocks of waiting (older) only, it is {found}"
    )]
    NotKeysAndWaits {
        /// The condition as a miniscript policy.
        found: String,
    },
    /// One key can spend without a wait, or there are too few keys or too many.
    #[error(
        "T-3: {threshold} of {keys} keys can spend without a wait: at least 2 keys must be needed, and there may be at most {MAX_TREASURY_KEYS}"
    )]
    BadThreshold {
        /// Fewest keys that can spend without a wait.
        threshold: usize,
        /// How many keys there are.
        keys: usize,
    },
    /// Two of the keys are the same.
    #[error("T-3: key {key} stands twice")]
    RepeatedKey {
        /// The key that stands twice.
        key: String,
    },
    /// A key expression that this treasury does not allow: several paths, or derivation that needs private keys.
    #[error("T-4: key {key}: {reason}")]
    BadKey {
        /// The key expression.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Payments of this treasury cannot be staged.
    #[error("T-86: payments of this treasury cannot be staged: {reason}")]
    NotStageable {
        /// What is in the way.
        reason: String,
    },
    /// The derivation index is 2^31 or more.
    #[error("T-5: derivation index {index} is not below 2^31")]
    IndexOutOfRange {
        /// The index asked for.
        index: u32,
    },
}

/// A treasury: k-of-n keys, perhaps with ways of recovery after a wait, as one output descriptor.
#[derive(Clone, PartialEq, Eq)]
pub struct Treasury {
    descriptor: Descriptor<DescriptorPublicKey>,
    condition: Semantic<DescriptorPublicKey>,
    threshold: usize,
    keys: Vec<DescriptorPublicKey>,
    searched: Searched,
}

/// The first [`SEARCHED_INDEXES`] scripts, once they were asked for: each takes a derivation of every key, and a transaction of
/// hundreds of inputs asks for all of them again for each. Copies of a treasury share them.
#[derive(Clone, Default)]
struct Searched(Arc<OnceLock<BTreeMap<ScriptBuf, u32>>>);

/// It follows from the descriptor.
impl PartialEq for Searched {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Searched {}

impl Treasury {
    /// Parses and checks a descriptor such as `wsh(sortedmulti(2,[fp/48h/0h/0h/2h]xpub.../<path>/*,...))`.
    ///
    /// The same text may serve any network: whether an extended key is written as `xpub` or `tpub` does not change the
    /// scripts.
    ///
    /// # Errors
    /// [`TreasuryError`] naming the first rule broken.
    pub fn parse(text: &str) -> Result<Self, TreasuryError> {
        // T-1
        if text.len() > MAX_DESCRIPTOR_BYTES {
            return Err(TreasuryError::TooLong { length: text.len() });
        }
        let descriptor = Descriptor::<DescriptorPublicKey>::from_str(text)
            .map_err(|error| TreasuryError::Malformed { reason: error.to_string() })?;
        let condition = spending_condition(&descriptor)?;
        // T-3
        descriptor.sanity_check().map_err(|error| TreasuryError::NotSane { reason: error.to_string() })?;
        let (threshold, keys) = fewest_keys(&condition)?;
        if threshold < 2 || keys.len() > MAX_TREASURY_KEYS {
            return Err(TreasuryError::BadThreshold { threshold, keys: keys.len() });
        }
        check_keys(&keys)?;
        let condition = condition.normalized();
        let treasury = Self { descriptor, condition, threshold, keys, searched: Searched::default() };
        treasury.check_distinct_keys()?;
        Ok(treasury)
    }

    /// The script of a stage (T-86) as a policy: the treasury's keys stand in both of its leaves, which T-3 forbids a treasury.
    pub(super) fn of_stage(text: &str) -> Result<Self, TreasuryError> {
        let refused = |reason: String| TreasuryError::NotStageable { reason };
        let descriptor =
            Descriptor::<DescriptorPublicKey>::from_str(text).map_err(|error| refused(error.to_string()))?;
        descriptor.sanity_check().map_err(|error| refused(error.to_string()))?;
        let condition = spending_condition(&descriptor)?;
        let (threshold, all) = fewest_keys(&condition)?;
        let mut keys = Vec::new();
        for key in all {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let policy =
            Self { descriptor, condition: condition.normalized(), threshold, keys, searched: Searched::default() };
        policy.check_distinct_keys()?;
        Ok(policy)
    }

    /// How many keys must sign at least where no wait is over: k of "k of n".
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// What has to be met to spend, as a tree of keys, waits and thresholds.
    pub(super) fn condition(&self) -> &Semantic<DescriptorPublicKey> {
        &self.condition
    }

    /// All key expressions, in the order of the descriptor.
    pub fn keys(&self) -> &[DescriptorPublicKey] {
        &self.keys
    }

    /// The parsed descriptor, for wallets.
    pub fn descriptor(&self) -> &Descriptor<DescriptorPublicKey> {
        &self.descriptor
    }

    /// Whether the descriptor has a wildcard. Without one every index gives the same script.
    pub fn is_ranged(&self) -> bool {
        self.descriptor.has_wildcard()
    }

    /// The descriptor's text without checksum, its extended keys spelled for a kind of network.
    pub fn spelled_for(&self, kind: NetworkKind) -> String {
        let text = format!("{:#}", self.descriptor);
        self.keys.iter().fold(text, |text, key| match key {
            DescriptorPublicKey::XPub(xpub) => {
                let mut spelled = xpub.xkey;
                spelled.network = kind;
                text.replace(&xpub.xkey.to_string(), &spelled.to_string())
            }
            _ => text,
        })
    }

    /// Output script at derivation index `index` (T-5).
    ///
    /// # Errors
    /// [`TreasuryError::IndexOutOfRange`] for an index of 2^31 or more.
    pub fn script_at(&self, index: u32) -> Result<ScriptBuf, TreasuryError> {
        Ok(self.at(index)?.script_pubkey())
    }

    /// The root of the script tree at derivation index `index`, by which anybody sees that the output key has the key that nobody has
    /// inside (T-2); `None` of P2WSH.
    ///
    /// # Errors
    /// [`TreasuryError::IndexOutOfRange`] for an index of 2^31 or more.
    pub fn tree_root_at(&self, index: u32) -> Result<Option<TapNodeHash>, TreasuryError> {
        Ok(match self.at(index)? {
            Descriptor::Tr(tr) => tr.spend_info().merkle_root(),
            _ => None,
        })
    }

    /// The descriptor at derivation index `index`.
    pub(super) fn at(&self, index: u32) -> Result<Descriptor<DefiniteDescriptorKey>, TreasuryError> {
        self.descriptor.at_derivation_index(index).map_err(|_| TreasuryError::IndexOutOfRange { index })
    }

    /// The public keys at derivation index `index`, in the order of [`Treasury::keys`].
    ///
    /// # Errors
    /// [`TreasuryError::IndexOutOfRange`] for an index of 2^31 or more.
    pub fn public_keys_at(&self, index: u32) -> Result<Vec<PublicKey>, TreasuryError> {
        let derive = |key: &DescriptorPublicKey| {
            let definite = key.clone().at_derivation_index(index).ok()?;
            Some(definite.derive_public_key(secp()).ok()?.inner)
        };
        self.keys.iter().map(derive).collect::<Option<_>>().ok_or(TreasuryError::IndexOutOfRange { index })
    }

    /// The derivation index whose script this is: one of `hints`, or below [`SEARCHED_INDEXES`].
    pub fn index_of(&self, script: &Script, hints: impl IntoIterator<Item = u32>) -> Option<u32> {
        let known = self.searched.0.get_or_init(|| {
            let searched = if self.is_ranged() { SEARCHED_INDEXES } else { 1 };
            (0..searched).filter_map(|index| Some((self.script_at(index).ok()?, index))).collect()
        });
        let is_here = |index: &u32| self.script_at(*index).is_ok_and(|own| *own == *script);
        known.get(script).copied().or_else(|| hints.into_iter().take(INDEXES_IN_SIGHT as usize).find(is_here))
    }

    /// T-3: compared as derived public keys, so that one key under two spellings is still found.
    fn check_distinct_keys(&self) -> Result<(), TreasuryError> {
        let mut seen = BTreeSet::new();
        for key in &self.keys {
            let bad = |reason| TreasuryError::BadKey { key: key.to_string(), reason };
            let definite = key.clone().at_derivation_index(0).map_err(|_| bad("cannot be derived"))?;
            let public = definite.derive_public_key(secp()).map_err(|_| bad("cannot be derived"))?;
            if !seen.insert(public.inner.x_only_public_key().0) {
                return Err(TreasuryError::RepeatedKey { key: key.to_string() });
            }
        }
        Ok(())
    }
}

impl FromStr for Treasury {
    type Err = TreasuryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Treasury {
    /// The descriptor with its checksum.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.descriptor.fmt(formatter)
    }
}

impl fmt::Debug for Treasury {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Treasury({self})")
    }
}

/// T-2: the condition of the script, leaving out a key path that nobody can use.
fn spending_condition(
    descriptor: &Descriptor<DescriptorPublicKey>,
) -> Result<Semantic<DescriptorPublicKey>, TreasuryError> {
    let not_sane = |error: miniscript::Error| TreasuryError::NotSane { reason: error.to_string() };
    match descriptor {
        Descriptor::Wsh(wsh) => wsh.lift().map_err(not_sane),
        Descriptor::Tr(tr) => {
            let internal = tr.internal_key().to_string();
            if internal != UNSPENDABLE_KEY {
                return Err(TreasuryError::SpendableKeyPath { found: internal });
            }
            match tr.tap_tree() {
                Some(tree) => tree.lift().map_err(not_sane),
                None => Err(TreasuryError::NotKeysAndWaits { found: "no script path".to_owned() }),
            }
        }
        _ => Err(TreasuryError::WrongType { found: type_name(descriptor.desc_type()) }),
    }
}

fn type_name(kind: DescriptorType) -> String {
    format!("{kind:?}").to_lowercase()
}

/// The fewest keys that can spend without a wait, and all keys, if the condition asks for nothing but keys and waits.
fn fewest_keys(condition: &Semantic<DescriptorPublicKey>) -> Result<(usize, Vec<DescriptorPublicKey>), TreasuryError> {
    let mut keys = Vec::new();
    collect_keys(condition, &mut keys)?;
    let at_once = condition.clone().at_age(relative::LockTime::ZERO);
    Ok((at_once.minimum_n_keys().unwrap_or(0), keys))
}

fn collect_keys(
    condition: &Semantic<DescriptorPublicKey>,
    keys: &mut Vec<DescriptorPublicKey>,
) -> Result<(), TreasuryError> {
    match condition {
        Semantic::Key(key) => keys.push(key.clone()),
        Semantic::Older(wait) if wait.is_height_locked() && wait.to_consensus_u32() <= MAX_WAIT => {}
        Semantic::Thresh(threshold) => {
            for item in threshold.iter() {
                collect_keys(item, keys)?;
            }
        }
        _ => return Err(TreasuryError::NotKeysAndWaits { found: condition.to_string() }),
    }
    Ok(())
}

/// T-4: every index must be derivable from public keys alone, and one descriptor means one script per index.
///
/// This also keeps out what the descriptor library would panic on: hardened wildcards and paths beyond depth 255.
fn check_keys(keys: &[DescriptorPublicKey]) -> Result<(), TreasuryError> {
    for key in keys {
        let problem = match key {
            DescriptorPublicKey::Single(_) => None,
            DescriptorPublicKey::MultiXPub(_) => Some("several derivation paths are not allowed"),
            DescriptorPublicKey::XPub(xpub) if key.has_hardened_step() || xpub.wildcard == Wildcard::Hardened => {
                Some("a hardened step cannot be derived from public keys")
            }
            // One more level for the wildcard.
            DescriptorPublicKey::XPub(xpub)
                if usize::from(xpub.xkey.depth) + xpub.derivation_path.len() + 1 > MAX_KEY_DEPTH =>
            {
                Some("the derivation path goes below depth 255")
            }
            DescriptorPublicKey::XPub(_) => None,
        };
        if let Some(reason) = problem {
            return Err(TreasuryError::BadKey { key: key.to_string(), reason });
        }
    }
    Ok(())
}
