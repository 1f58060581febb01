//! A treasury's policy in sentences, and what spending by it weighs at worst (T-13, T-14).

use bitcoin::Weight;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::policy::Semantic;

use super::descriptor::{Treasury, TreasuryError};
use crate::coin::input;

/// Blocks a day, for words only.
const BLOCKS_A_DAY: u32 = 144;

/// Blocks an hour, for words only.
const BLOCKS_AN_HOUR: u32 = 6;

/// One way to spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendingPath {
    /// Blocks that a coin has to rest first; 0 for none.
    pub after_blocks: u32,
    /// Fewest signatures.
    pub threshold: usize,
    /// What is needed, in a sentence.
    pub sentence: String,
}

/// What spending weighs at worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicySize {
    /// Weight of one input: outpoint, sequence, script and witness.
    pub input: Weight,
    /// Size of a transaction with one input and two outputs of the treasury's kind, in vB, rounded up.
    pub one_in_two_out_vbytes: u64,
}

impl Treasury {
    /// Every way to spend, those without a wait first. `name` gives the words for a key, by its place in [`Treasury::keys`].
    pub fn paths(&self, name: impl Fn(usize) -> String) -> Vec<SpendingPath> {
        let alternatives: Vec<Semantic<DescriptorPublicKey>> = match self.condition() {
            Semantic::Thresh(threshold) if threshold.k() == 1 => {
                threshold.iter().map(|item| (**item).clone()).collect()
            }
            other => vec![other.clone()],
        };
        let mut paths: Vec<SpendingPath> = alternatives.iter().map(|part| self.path(part, &name)).collect();
        paths.sort_by_key(|path| path.after_blocks);
        paths
    }

    /// What spending weighs at worst.
    ///
    /// # Errors
    /// [`TreasuryError::NotSane`] when the descriptor library knows no bound.
    pub fn size(&self) -> Result<PolicySize, TreasuryError> {
        let script = self.script_at(0)?;
        let input = self.input_weight()?;
        let output = Weight::from_non_witness_data_size(8 + 1 + script.len() as u64);
        // Version, lock time, both counts; marker and flag.
        let frame = Weight::from_non_witness_data_size(4 + 4 + 1 + 1) + Weight::from_wu(2);
        let whole = frame + input + output + output;
        Ok(PolicySize { input, one_in_two_out_vbytes: whole.to_vbytes_ceil() })
    }

    /// Weight of an input that spends a coin of this treasury, at worst.
    pub(super) fn input_weight(&self) -> Result<Weight, TreasuryError> {
        let bound = self.descriptor().max_weight_to_satisfy();
        let witness = bound.map_err(|error| TreasuryError::NotSane { reason: error.to_string() })?;
        // The bound is what a witness weighs beyond the byte that says "no witness".
        Ok(input(bitcoin::OutPoint::null()).segwit_weight() + witness)
    }

    fn path(&self, part: &Semantic<DescriptorPublicKey>, name: &impl Fn(usize) -> String) -> SpendingPath {
        let after_blocks = wait_of(part);
        let threshold = part.minimum_n_keys().unwrap_or(0);
        let who = self.words(&without_waits(part), name);
        let sentence = match after_blocks {
            0 => format!("At any time: {who}."),
            blocks => format!("Once a coin has rested {blocks} blocks (about {}): {who}.", time(blocks)),
        };
        SpendingPath { after_blocks, threshold, sentence }
    }

    fn words(&self, part: &Semantic<DescriptorPublicKey>, name: &impl Fn(usize) -> String) -> String {
        match part {
            Semantic::Key(key) => self.keys().iter().position(|own| own == key).map_or_else(|| key.to_string(), name),
            Semantic::Older(wait) => format!("a rest of {} blocks", wait.to_consensus_u32()),
            Semantic::Thresh(threshold) => {
                let items: Vec<String> = threshold.iter().map(|item| self.words(item, name)).collect();
                match (threshold.k(), threshold.n()) {
                    (k, n) if k == n => items.join(" and "),
                    (1, _) => format!("one of ({})", items.join(", ")),
                    (k, _) => format!("{k} of ({})", items.join(", ")),
                }
            }
            other => other.to_string(),
        }
    }
}

/// The longest wait that stands beside all the keys of a part.
fn wait_of(part: &Semantic<DescriptorPublicKey>) -> u32 {
    match part {
        Semantic::Older(wait) => wait.to_consensus_u32(),
        Semantic::Thresh(threshold) if threshold.k() == threshold.n() => {
            threshold.iter().map(|item| wait_of(item)).max().unwrap_or(0)
        }
        _ => 0,
    }
}

fn without_waits(part: &Semantic<DescriptorPublicKey>) -> Semantic<DescriptorPublicKey> {
    match part {
        // Every wait is over: what remains are the keys.
        Semantic::Thresh(threshold) if threshold.k() == threshold.n() => {
            let kept: Vec<_> =
                threshold.iter().filter(|item| !matches!(***item, Semantic::Older(_))).cloned().collect();
            // Of waits alone nothing would be left to say.
            miniscript::Threshold::new(kept.len(), kept).map_or_else(|_| part.clone(), Semantic::Thresh)
        }
        other => other.clone(),
    }
}

/// Whether a descriptor pays to P2TR.
pub(super) fn is_taproot(descriptor: &Descriptor<DescriptorPublicKey>) -> bool {
    matches!(descriptor, Descriptor::Tr(_))
}

/// How long that many blocks take, in the unit that fits, rounded up.
fn time(blocks: u32) -> String {
    let (count, unit) = match blocks {
        ..BLOCKS_A_DAY => (blocks.div_ceil(BLOCKS_AN_HOUR), "hour"),
        _ => (blocks.div_ceil(BLOCKS_A_DAY), "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
