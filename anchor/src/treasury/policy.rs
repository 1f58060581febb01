//! From a template or a policy in words of miniscript to a treasury (T-10 to T-12).

use std::str::FromStr;

use miniscript::Segwitv0;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::policy::Concrete;
use thiserror::Error;

use super::descriptor::{Treasury, TreasuryError, UNSPENDABLE_KEY};

/// Longest policy text accepted, in bytes.
const MAX_POLICY_BYTES: usize = 4096;

/// The kind of output a treasury uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptKind {
    /// P2WSH.
    Wsh,
    /// P2TR, spent by its script path only: signatures stay attributable.
    Tr,
}

/// A way to spend after a wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Blocks that a coin has to rest: 1 to 65,535.
    pub after_blocks: u16,
    /// How many of the keys must sign.
    pub threshold: usize,
    /// The keys; `None` for those of the treasury itself.
    pub keys: Option<Vec<String>>,
}

/// A treasury by k-of-n keys with any number of recoveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreasuryTemplate {
    /// P2WSH or P2TR.
    pub kind: ScriptKind,
    /// k.
    pub threshold: usize,
    /// The n keys: public keys, or extended public keys with their origin and no path behind them.
    pub keys: Vec<String>,
    /// Ways to spend after a wait.
    pub recoveries: Vec<Recovery>,
}

/// Why there is no treasury by this template or policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text is no policy, or longer than 4096 bytes.
    #[error("T-10: not a policy: {reason}")]
    Malformed {
        /// The parser's message.
        reason: String,
    },
    /// No script can be made of it.
    #[error("T-10: no script can be made of this policy: {reason}")]
    Uncompilable {
        /// The compiler's message.
        reason: String,
    },
    /// A plain key cannot stand in two ways of spending.
    #[error("T-11: {key} is a plain key; to sign in a recovery too it must be an extended key (xpub)")]
    PlainKeyTwice {
        /// The key.
        key: String,
    },
    /// The result is no treasury.
    #[error(transparent)]
    Treasury(#[from] TreasuryError),
}

impl TreasuryTemplate {
    /// The treasury.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn treasury(&self) -> Result<Treasury, PolicyError> {
        let primary = branch_keys(&self.keys, 0);
        let k = self.threshold;
        if self.recoveries.is_empty() {
            let keys = primary.join(",");
            let text = match self.kind {
                ScriptKind::Wsh => format!("wsh(sortedmulti({k},{keys}))"),
                ScriptKind::Tr => format!("tr({UNSPENDABLE_KEY},multi_a({k},{keys}))"),
            };
            return Ok(Treasury::parse(&text)?);
        }
        let mut parts = vec![threshold_policy(k, &primary)];
        for (number, recovery) in (1..).zip(&self.recoveries) {
            let keys = match &recovery.keys {
                Some(keys) => branch_keys(keys, 0),
                None => branch_keys(&self.keys, number),
            };
            if let Some(key) = keys.iter().find(|key| primary.contains(key)) {
                return Err(PolicyError::PlainKeyTwice { key: key.clone() });
            }
            let keys = threshold_policy(recovery.threshold, &keys);
            parts.push(format!("and({keys},older({}))", recovery.after_blocks));
        }
        // The ordinary way is by far the likelier one; the recoveries are weighted alike.
        let policy = parts.iter().skip(2).fold(parts[1].clone(), |rest, part| format!("or({rest},{part})"));
        compile_policy(self.kind, &format!("or(99@{},1@{policy})", parts[0]))
    }
}

/// Makes a treasury of a policy such as `or(99@thresh(2,pk(A),pk(B)),1@and(pk(C),older(4320)))`.
///
/// # Errors
/// [`PolicyError`].
pub fn compile_policy(kind: ScriptKind, text: &str) -> Result<Treasury, PolicyError> {
    if text.len() > MAX_POLICY_BYTES {
        let reason = format!("{} bytes, at most {MAX_POLICY_BYTES} are allowed", text.len());
        return Err(PolicyError::Malformed { reason });
    }
    let policy = Concrete::<DescriptorPublicKey>::from_str(text)
        .map_err(|error| PolicyError::Malformed { reason: error.to_string() })?;
    let uncompilable = |reason: String| PolicyError::Uncompilable { reason };
    let descriptor = match kind {
        ScriptKind::Wsh => {
            let script = policy.compile::<Segwitv0>().map_err(|error| uncompilable(error.to_string()))?;
            Descriptor::new_wsh(script).map_err(|error| uncompilable(error.to_string()))?
        }
        ScriptKind::Tr => {
            let unspendable =
                DescriptorPublicKey::from_str(UNSPENDABLE_KEY).map_err(|error| uncompilable(error.to_string()))?;
            // A policy whose one key could be the internal key would give that key the key path: T-2 then refuses it.
            policy.compile_tr(Some(unspendable)).map_err(|error| uncompilable(error.to_string()))?
        }
    };
    Ok(Treasury::parse(&descriptor.to_string())?)
}

fn threshold_policy(threshold: usize, keys: &[String]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("pk({key})")).collect();
    format!("thresh({threshold},{})", keys.join(","))
}

/// T-11: an extended key without a path signs by its branch `number`, addresses below it; a plain key is itself.
fn branch_keys(keys: &[String], number: usize) -> Vec<String> {
    keys.iter()
        .map(|key| {
            let key = key.trim();
            let behind_origin = key.rsplit(']').next().unwrap_or(key);
            let is_extended = behind_origin.get(1..4) == Some("pub");
            if is_extended && !behind_origin.contains('/') { format!("{key}/{number}/*") } else { key.to_owned() }
        })
        .collect()
}
