//! Staged payments: a charter may ask that what is paid out of the treasury waits where guardians can bring it back (G-120).

use bitcoin::secp256k1::PublicKey;

use super::MAX_LIST;
use crate::codec::{Canonical, DecodeError, Reader, Writer};

/// Which payments go in two transactions, how long they wait between the two, and who can bring them back with a treasurer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staging {
    /// A payment of this many satoshis or more is staged; 0 for every payment.
    pub from_sat: u64,
    /// Blocks that a staged payment rests before it can be paid out.
    pub delay_blocks: u16,
    /// How many of the keys have to sign, beside one of the treasury's, to bring it back.
    pub threshold: u16,
    /// Keys of the guardians of staged payments: `althing treasury key` shows them. None is a key of the treasury.
    pub keys: Vec<PublicKey>,
}

impl Canonical for Staging {
    fn encode(&self, w: &mut Writer) {
        w.u64(self.from_sat);
        w.u16(self.delay_blocks);
        w.u16(self.threshold);
        w.count(self.keys.len());
        self.keys.iter().for_each(|key| w.public_key(key));
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (from_sat, delay_blocks, threshold) = (r.u64()?, r.u16()?, r.u16()?);
        let count = r.count("staging.keys", MAX_LIST)?;
        let mut keys = Vec::new();
        for _ in 0..count {
            keys.push(r.public_key("staging.keys")?);
        }
        Ok(Self { from_sat, delay_blocks, threshold, keys })
    }
}
