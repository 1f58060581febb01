//! Classes of proposals, and the rule under which a class or a band of amounts in it is decided.

use std::fmt;

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::voting::{Quorum, Rule, System, Threshold};

/// `voting_blocks` of a rule that names none: 72 hours.
pub(super) const DEFAULT_VOTING_BLOCKS: u32 = 432;
/// `veto_bp` of a rule that names none: a third.
const DEFAULT_VETO_BP: u16 = 3334;
/// `oppose_bp` of a rule that names none: a tenth.
const DEFAULT_OPPOSE_BP: u16 = 1000;

/// Most voting systems of one rule; there are ten.
pub(super) const MAX_SYSTEMS: usize = 16;

/// What a proposal is about. Its effect is typed data of the same class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Class {
    /// A resolution without effect on coins.
    Text,
    /// A payment out of the treasury.
    Spend,
    /// Payments by milestone, which a later vote can stop.
    Budget,
    /// Another charter in place of this one.
    RuleChange,
    /// A new member.
    Admit,
    /// A member less.
    Expel,
    /// Other treasurers, with a new treasury descriptor.
    ElectTreasurers,
    /// Other keys of the hub or of the anchor links.
    ReplaceKeys,
    /// A deposit taken by the treasury.
    Confiscate,
    /// Spending stops for a number of blocks. Can never pay.
    Pause,
    /// A request for proposals: submissions compete and one of them wins.
    Request,
}

/// Who has to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// All members, by weight.
    Members,
    /// The treasurers, one key one vote.
    Treasurers,
    /// The founders, one key one vote.
    Founders,
}

/// The rules for proposals of one class, or of one band of amounts in it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassRule {
    /// For which class.
    pub class: Class,
    /// Largest amount in satoshis (outputs and fee cap) that this band takes; no limit when `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_amount_sat: Option<u64>,
    /// Blocks of discussion before voting; 0 for none.
    #[serde(default)]
    pub review_blocks: u32,
    /// Least number of blocks for which voting is open.
    #[serde(default = "default_voting_blocks")]
    pub voting_blocks: u32,
    /// Blocks between a passed vote's close and its authorisation, in which guardians can delay or veto.
    #[serde(default)]
    pub veto_blocks: u32,
    /// Blocks from authorisation until an unexecuted effect expires.
    pub expiry_blocks: u32,
    /// Share of the votes that passes.
    pub threshold: Threshold,
    /// Turnout without which nothing passes.
    pub quorum: Quorum,
    /// Least number of members who voted; 0 for no such rule.
    #[serde(default)]
    pub distinct_voters_min: u32,
    /// Voting systems among which the author chooses, each at most once.
    #[serde(default = "default_systems")]
    pub systems: Vec<System>,
    /// Share of the weight cast, in basis points, at which vetoes reject under yes/no/veto.
    #[serde(default = "default_veto_bp")]
    pub veto_bp: u16,
    /// Share of the roll, in basis points, whose opposition rejects under the optimistic system.
    #[serde(default = "default_oppose_bp")]
    pub oppose_bp: u16,
    /// Whether a ballot cannot be changed once counted, and delegations are frozen while voting is open.
    #[serde(default)]
    pub final_ballots: bool,
    /// Whether a vote ends as soon as no remaining weight can change its outcome; only with `final_ballots`.
    #[serde(default)]
    pub early_decision: bool,
    /// Whether a change of the leading outcome in the last quarter extends the vote, at most to twice the period.
    #[serde(default)]
    pub late_surge: bool,
    /// Who has to agree; every body listed decides by itself under this rule's threshold.
    #[serde(default = "default_bodies")]
    pub bodies: Vec<Body>,
    /// What the author deposits, in satoshis; 0 for nothing.
    #[serde(default)]
    pub deposit_sat: u64,
    /// Share of the roll, in basis points, whose support returns the deposit of a proposal that does not pass; 0 returns it
    /// always.
    #[serde(default)]
    pub min_support_bp: u16,
    /// What an author weighs at least on the proposal's snapshot, by their own stake alone; 0 asks for no more than a place on
    /// the roll or an office.
    #[serde(default, skip_serializing_if = "asks_nothing")]
    pub min_proposer_weight: u64,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Class {
    /// Every class, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Text,
        Self::Spend,
        Self::Budget,
        Self::RuleChange,
        Self::Admit,
        Self::Expel,
        Self::ElectTreasurers,
        Self::ReplaceKeys,
        Self::Confiscate,
        Self::Pause,
        Self::Request,
    ];

    /// Its number in the encoding.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Spend => 1,
            Self::Budget => 2,
            Self::RuleChange => 3,
            Self::Admit => 4,
            Self::Expel => 5,
            Self::ElectTreasurers => 6,
            Self::ReplaceKeys => 7,
            Self::Confiscate => 8,
            Self::Pause => 9,
            Self::Request => 10,
        }
    }

    /// Its name in charters and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Spend => "spend",
            Self::Budget => "budget",
            Self::RuleChange => "rule_change",
            Self::Admit => "admit",
            Self::Expel => "expel",
            Self::ElectTreasurers => "elect_treasurers",
            Self::ReplaceKeys => "replace_keys",
            Self::Confiscate => "confiscate",
            Self::Pause => "pause",
            Self::Request => "request",
        }
    }

    /// Whether its effect can pay somebody out of the treasury, so that its rules come in bands by amount.
    #[must_use]
    pub const fn pays(self) -> bool {
        matches!(self, Self::Spend | Self::Budget | Self::Request)
    }

    /// Whether its effect is another charter: who decides, or who signs (G-85).
    #[must_use]
    pub const fn changes_charter(self) -> bool {
        matches!(self, Self::RuleChange | Self::ElectTreasurers | Self::ReplaceKeys)
    }
}

impl Body {
    /// Its number in the encoding.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Members => 0,
            Self::Treasurers => 1,
            Self::Founders => 2,
        }
    }

    /// Its name in charters and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Treasurers => "treasurers",
            Self::Founders => "founders",
        }
    }
}

impl ClassRule {
    /// A rule with every default of R-21: all members, yes/no/abstain, a majority, a fifth of the roll, 432 blocks of
    /// voting and 4320 until it expires.
    #[must_use]
    pub fn new(class: Class) -> Self {
        Self {
            class,
            max_amount_sat: None,
            review_blocks: 0,
            voting_blocks: DEFAULT_VOTING_BLOCKS,
            veto_blocks: 0,
            expiry_blocks: 4320,
            threshold: Threshold::Majority,
            quorum: Quorum::ParticipationBp(2000),
            distinct_voters_min: 0,
            systems: default_systems(),
            veto_bp: DEFAULT_VETO_BP,
            oppose_bp: DEFAULT_OPPOSE_BP,
            final_ballots: false,
            early_decision: false,
            late_surge: false,
            bodies: default_bodies(),
            deposit_sat: 0,
            min_support_bp: 0,
            min_proposer_weight: 0,
        }
    }

    /// What it takes to pass under this rule, for a counter of ballots.
    #[must_use]
    pub const fn voting_rule(&self) -> Rule {
        Rule {
            threshold: self.threshold,
            quorum: self.quorum,
            distinct_voters_min: self.distinct_voters_min,
            veto_bp: self.veto_bp,
            oppose_bp: self.oppose_bp,
        }
    }

    /// The same for one of its bodies (G-45): of an office there are as many voters as keys, so that no number of them is asked for.
    #[must_use]
    pub const fn voting_rule_of(&self, body: Body) -> Rule {
        let distinct_voters_min = match body {
            Body::Members => self.distinct_voters_min,
            Body::Treasurers | Body::Founders => 0,
        };
        Rule { distinct_voters_min, ..self.voting_rule() }
    }

    /// Whether others than the members decide, beside them or alone.
    #[must_use]
    pub fn has_offices(&self) -> bool {
        self.bodies != [Body::Members]
    }

    /// Whether the author may choose `system`; grade limits and budgets are part of it.
    #[must_use]
    pub fn allows(&self, system: System) -> bool {
        self.systems.contains(&system)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn asks_nothing(min_proposer_weight: &u64) -> bool {
    *min_proposer_weight == 0
}

fn default_voting_blocks() -> u32 {
    DEFAULT_VOTING_BLOCKS
}

fn default_systems() -> Vec<System> {
    vec![System::YesNoAbstain]
}

fn default_veto_bp() -> u16 {
    DEFAULT_VETO_BP
}

fn default_oppose_bp() -> u16 {
    DEFAULT_OPPOSE_BP
}

fn default_bodies() -> Vec<Body> {
    vec![Body::Members]
}

impl Canonical for Class {
    fn encode(&self, w: &mut Writer) {
        w.u8(self.number());
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let found = r.u8()?;
        let class = Self::ALL.get(usize::from(found)).copied();
        class.ok_or(DecodeError::UnknownVariant { field: "class", found })
    }
}

impl Canonical for Body {
    fn encode(&self, w: &mut Writer) {
        w.u8(self.number());
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::Members),
            1 => Ok(Self::Treasurers),
            2 => Ok(Self::Founders),
            found => Err(DecodeError::UnknownVariant { field: "body", found }),
        }
    }
}

/// All fields but the last: R-23 puts the least weights of proposers after everything else in a charter, so that one without
/// them has the bytes that it always had.
impl Canonical for ClassRule {
    fn encode(&self, w: &mut Writer) {
        self.class.encode(w);
        w.option(self.max_amount_sat, Writer::u64);
        w.u32(self.review_blocks);
        w.u32(self.voting_blocks);
        w.u32(self.veto_blocks);
        w.u32(self.expiry_blocks);
        self.threshold.encode(w);
        self.quorum.encode(w);
        w.u32(self.distinct_voters_min);
        w.list(&self.systems);
        w.u16(self.veto_bp);
        w.u16(self.oppose_bp);
        w.bool(self.final_ballots);
        w.bool(self.early_decision);
        w.bool(self.late_surge);
        w.list(&self.bodies);
        w.u64(self.deposit_sat);
        w.u16(self.min_support_bp);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            class: Canonical::decode(r)?,
            max_amount_sat: r.option("max_amount_sat", Reader::u64)?,
            review_blocks: r.u32()?,
            voting_blocks: r.u32()?,
            veto_blocks: r.u32()?,
            expiry_blocks: r.u32()?,
            threshold: Canonical::decode(r)?,
            quorum: Canonical::decode(r)?,
            distinct_voters_min: r.u32()?,
            systems: r.list("systems", MAX_SYSTEMS)?,
            veto_bp: r.u16()?,
            oppose_bp: r.u16()?,
            final_ballots: r.bool("final_ballots")?,
            early_decision: r.bool("early_decision")?,
            late_surge: r.bool("late_surge")?,
            bodies: r.list("bodies", 3)?,
            deposit_sat: r.u64()?,
            min_support_bp: r.u16()?,
            min_proposer_weight: 0,
        })
    }
}
