//! Proposal: what is to be decided, and exactly what happens if it passes.

use bitcoin::{Amount, ScriptBuf};

use super::{EntryKind, LaneBody};
use crate::charter::Class;
use crate::codec::{Canonical, DecodeError, Reader, Writer, check_length};
use crate::hash::{tag, tagged_hash};
use crate::id::{DaoId, MemberId, NetworkId, ProposalId};

/// Longest title in bytes.
pub const MAX_TITLE: usize = 120;
/// Longest body in bytes.
pub const MAX_BODY: usize = 16 * 1024;
/// Most outputs of a spend.
pub const MAX_OUTPUTS: usize = 100;
/// Longest output script in bytes.
pub const MAX_SCRIPT: usize = 520;

/// The exact content that is voted on (G-24). Its hash is the proposal's id; an edit is another proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalContent {
    /// Class; decides the rules together with the amount. Must fit the effect.
    pub class: Class,
    /// 1 to 120 bytes.
    pub title: String,
    /// At most 16 KiB.
    pub body: String,
    /// What happens if it passes.
    pub effect: Effect,
}

/// What a passed proposal does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing outside the log.
    None,
    /// Pays out of the treasury.
    Spend(Spend),
}

/// A payment out of the treasury.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    /// 1 to 100 outputs, exactly these and in this order.
    pub outputs: Vec<SpendOutput>,
    /// Highest fee in satoshis.
    pub fee_cap_sat: u64,
    /// Blocks from authorisation to expiry; the class rule's limit applies if it is lower. At least 1.
    pub expiry_blocks: u32,
}

/// One output of a spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendOutput {
    /// Output script, 1 to 520 bytes.
    pub script: ScriptBuf,
    /// Value in satoshis, at least 1.
    pub sat: u64,
}

impl ProposalContent {
    /// The id under which `author` proposes this (G-25).
    #[must_use]
    pub fn id(&self, network: NetworkId, dao: DaoId, author: MemberId) -> ProposalId {
        ProposalId(tagged_hash(tag::PROPOSAL, &[&network.0, &dao.0, &author.0, &self.to_bytes()]))
    }

    /// Satoshis that may leave the treasury: outputs and fee cap. 0 for text.
    #[must_use]
    pub fn amount_sat(&self) -> u64 {
        match &self.effect {
            Effect::None => 0,
            // Saturation cannot be reached: `check` bounds the sum by all bitcoin there are.
            Effect::Spend(spend) => spend.amount_sat().unwrap_or(u64::MAX),
        }
    }

    /// The rules of the content by itself (G-24); decoding applies them.
    ///
    /// # Errors
    /// [`DecodeError`] naming field and value.
    pub fn check(&self) -> Result<(), DecodeError> {
        check_length("proposal title", self.title.len(), 1, MAX_TITLE)?;
        check_length("proposal body", self.body.len(), 0, MAX_BODY)?;
        match (&self.class, &self.effect) {
            (Class::Text, Effect::None) => Ok(()),
            (Class::Spend, Effect::Spend(spend)) => spend.check(),
            (class, _) => Err(rule("effect", format!("class {} has another kind of effect", class.name()))),
        }
    }
}

impl Spend {
    /// Outputs and fee cap in satoshis; `None` on overflow.
    #[must_use]
    pub fn amount_sat(&self) -> Option<u64> {
        self.outputs.iter().try_fold(self.fee_cap_sat, |sum, output| sum.checked_add(output.sat))
    }

    /// What treasurers' software compares a transaction with, for the spend of `proposal` (G-26).
    #[must_use]
    pub fn intent_hash(&self, proposal: ProposalId) -> [u8; 32] {
        tagged_hash(tag::SPEND, &[&proposal.0, &self.to_bytes()])
    }

    fn check(&self) -> Result<(), DecodeError> {
        check_length("spend outputs", self.outputs.len(), 1, MAX_OUTPUTS)?;
        for output in &self.outputs {
            check_length("output script", output.script.len(), 1, MAX_SCRIPT)?;
            if output.sat == 0 {
                return Err(rule("output value", "is 0 sat".into()));
            }
        }
        if self.expiry_blocks == 0 {
            return Err(rule("expiry_blocks", "is 0; must be at least 1".into()));
        }
        match self.amount_sat() {
            Some(sum) if sum <= Amount::MAX_MONEY.to_sat() => Ok(()),
            _ => Err(rule("spend amount", "outputs and fee cap are more than 21 million bitcoin".into())),
        }
    }
}

impl LaneBody for ProposalContent {
    const KIND: EntryKind = EntryKind::Proposal;
    const TAG: &'static str = tag::SIGN_PROPOSAL;
}

impl Canonical for ProposalContent {
    fn encode(&self, w: &mut Writer) {
        w.u8(1);
        self.class.encode(w);
        w.text(&self.title);
        w.text(&self.body);
        match &self.effect {
            Effect::None => w.u8(0),
            Effect::Spend(spend) => {
                w.u8(1);
                spend.encode(w);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.version("proposal version")?;
        let content = Self {
            class: Canonical::decode(r)?,
            title: r.text("proposal title", MAX_TITLE)?,
            body: r.text("proposal body", MAX_BODY)?,
            effect: match r.u8()? {
                0 => Effect::None,
                1 => Effect::Spend(Canonical::decode(r)?),
                found => return Err(DecodeError::UnknownVariant { field: "effect", found }),
            },
        };
        content.check()?;
        Ok(content)
    }
}

impl Canonical for Spend {
    fn encode(&self, w: &mut Writer) {
        w.list(&self.outputs);
        w.u64(self.fee_cap_sat);
        w.u32(self.expiry_blocks);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { outputs: r.list("spend outputs", MAX_OUTPUTS)?, fee_cap_sat: r.u64()?, expiry_blocks: r.u32()? })
    }
}

impl Canonical for SpendOutput {
    fn encode(&self, w: &mut Writer) {
        w.bytes(self.script.as_bytes());
        w.u64(self.sat);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { script: ScriptBuf::from_bytes(r.bytes("output script", MAX_SCRIPT)?), sat: r.u64()? })
    }
}

fn rule(field: &'static str, problem: String) -> DecodeError {
    DecodeError::Rule { rule: "G-24", field, problem }
}
