//! What a signer has bound itself to for a seal.

use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, ScriptBuf, Transaction, Txid};

use crate::codec::{DecodeError, Reader, Writer};
use crate::link_builder::BuildError;
use crate::link_signing::UnsignedLink;

/// Version of the encoding.
const VERSION: u8 = 1;

/// Bytes of a P2TR script.
const SCRIPT_BYTES: usize = 34;

/// The one output 0 script that a signer will ever sign for a seal.
///
/// A link may be replaced by one that pays more, never by one that commits to something else: of two signed links
/// with different commitments the miners, not the members, would choose. A signer stores its pledge before it signs
/// the first version, and checks every later one against it, also after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealPledge {
    seal: OutPoint,
    script: ScriptBuf,
}

impl SealPledge {
    /// The pledge that signing `link` makes.
    pub fn of(link: &UnsignedLink) -> Self {
        Self { seal: link.seal().outpoint, script: link.transaction().output[0].script_pubkey.clone() }
    }

    /// The pledge that a signed version has made; `None` for what is no link.
    pub fn of_transaction(version: &Transaction) -> Option<Self> {
        let (input, output) = (version.input.first()?, version.output.first()?);
        let script = output.script_pubkey.clone();
        script.is_p2tr().then_some(Self { seal: input.previous_output, script })
    }

    /// The seal it is about.
    pub fn seal(&self) -> OutPoint {
        self.seal
    }

    /// Checks that signing `link` keeps the pledge.
    ///
    /// # Errors
    /// [`BuildError::OtherSeal`]; [`BuildError::OtherCommitment`] when output 0 is another one.
    pub fn check(&self, link: &UnsignedLink) -> Result<(), BuildError> {
        let found = link.seal().outpoint;
        if found != self.seal {
            return Err(BuildError::OtherSeal { found, expected: self.seal });
        }
        //
        let script = &link.transaction().output[0].script_pubkey;
        if *script != self.script {
            return Err(BuildError::OtherCommitment { found: script.clone(), expected: self.script.clone() });
        }
        Ok(())
    }

    /// Canonical bytes: version, seal, script.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u8(VERSION);
        writer.array(self.seal.txid.as_byte_array());
        writer.u32(self.seal.vout);
        writer.array(self.script.as_bytes());
        writer.finish()
    }

    /// Reads what [`SealPledge::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not the canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VERSION)?;
        let txid = Txid::from_byte_array(reader.array("seal")?);
        let vout = reader.u32("seal")?;
        let script = ScriptBuf::from_bytes(reader.take("script", SCRIPT_BYTES)?.to_vec());
        if !script.is_p2tr() {
            return Err(DecodeError::NotAllowed { field: "script", value: script.as_bytes()[0].into() });
        }
        reader.finish()?;
        Ok(Self { seal: OutPoint { txid, vout }, script })
    }
}
