//! Effects on other proposals: the emergency pause, and the request for proposals.

use super::rule;
use crate::charter::{Class, MAX_PAUSE_BLOCKS, MAX_PERIOD_BLOCKS};
use crate::codec::{Canonical, DecodeError, Reader, Writer, check_ascending, check_length};

/// Holds back every authorisation of some classes (G-87). It can delay and never pay, so that whoever seizes the emergency
/// path gains nothing by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// For how many blocks from its own authorisation on; the charter's limit applies if it is lower. At least 1.
    pub blocks: u32,
    /// Which classes, ascending, at least one; not the class pause.
    pub classes: Vec<Class>,
}

/// Asks for competing proposals of class spend or budget that name it, of which at most one passes (G-88).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Blocks from its own authorisation in which submissions are taken; then all are voted on at once. 1 to 52,560.
    pub submission_blocks: u32,
    /// Most satoshis that a submission may move, fees included; at least 1.
    pub budget_cap_sat: u64,
}

impl Pause {
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        check_length("paused classes", self.classes.len(), 1, Class::ALL.len())?;
        if !(1..=MAX_PAUSE_BLOCKS).contains(&self.blocks) {
            return Err(rule("G-87", "pause blocks", format!("is {}; must be 1 to {MAX_PAUSE_BLOCKS}", self.blocks)));
        }
        check_ascending("G-87", "paused classes", &self.classes, |class| class)?;
        if self.classes.contains(&Class::Pause) {
            return Err(rule("G-87", "paused classes", "hold pause; a pause must stay possible to end".into()));
        }
        Ok(())
    }
}

impl Request {
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        if !(1..=MAX_PERIOD_BLOCKS).contains(&self.submission_blocks) {
            let what = format!("is {}; must be 1 to {MAX_PERIOD_BLOCKS}", self.submission_blocks);
            return Err(rule("G-88", "submission_blocks", what));
        }
        if self.budget_cap_sat == 0 {
            return Err(rule("G-88", "budget_cap_sat", "is 0; must be at least 1".into()));
        }
        Ok(())
    }
}

impl Canonical for Pause {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.blocks);
        w.list(&self.classes);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { blocks: r.u32()?, classes: r.list("paused classes", Class::ALL.len())? })
    }
}

impl Canonical for Request {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.submission_blocks);
        w.u64(self.budget_cap_sat);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { submission_blocks: r.u32()?, budget_cap_sat: r.u64()? })
    }
}
