//! The delegation entry's body: to whom, in which parts, for which proposals and until when.

use std::fmt;
use std::str::FromStr;

use crate::charter::{ALL_BP, Class};
use crate::codec::{Canonical, DecodeError, Reader, Writer, check_ascending, check_length};
use crate::id::MemberId;

/// Most members among whom one delegation divides a weight (L-2).
pub const MAX_PARTS: usize = 16;
/// Longest tag in bytes (L-4).
pub const MAX_TAG: usize = 32;

/// A member hands the weight that they do not use themselves to others, or takes it back (L-1).
///
/// It replaces the member's earlier delegation of the same scope from its own position in the log on. It carries no
/// weight: that is the roll's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// For which proposals.
    pub scope: Scope,
    /// Who receives how much, by ascending member; 1 to [`MAX_PARTS`] parts whose shares add up to 10,000. Empty revokes
    /// what the scope held.
    pub parts: Vec<Part>,
    /// It holds for proposals that close below this height; without limit when `None`. At least 1. `None` in a
    /// revocation.
    pub expires_height: Option<u32>,
}

/// One receiver of a delegation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Who receives; [`Part::ABSTAIN`] for a part that abstains.
    pub to: MemberId,
    /// How much, in basis points of the weight that passes through; 1 to 10,000.
    pub share_bp: u16,
}

/// For which proposals a delegation holds. The most specific one in force decides: tag before class before all (L-6).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Every proposal.
    All,
    /// Proposals of this class.
    Class(Class),
    /// Proposals that carry this tag.
    Tag(Tag),
}

/// A topic: 1 to [`MAX_TAG`] lower-case letters a to z, digits and inner hyphens (L-4), so that no two tags look alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Part {
    /// Stands in the place of a member where the weight abstains (L-17). It can be nobody's key: no point of the curve has the
    /// abscissa 0.
    pub const ABSTAIN: MemberId = MemberId([0; 32]);

    /// This share of the weight abstains.
    #[must_use]
    pub const fn abstaining(share_bp: u16) -> Self {
        Self { to: Self::ABSTAIN, share_bp }
    }

    /// Whether it goes to nobody and abstains.
    #[must_use]
    pub fn abstains(&self) -> bool {
        self.to == Self::ABSTAIN
    }
}

impl Delegation {
    /// `true` when it only takes back what the scope held.
    #[must_use]
    pub fn is_revocation(&self) -> bool {
        self.parts.is_empty()
    }

    /// The rules of the body by itself (L-2, L-3); decoding applies them.
    ///
    /// # Errors
    /// [`DecodeError`] naming clause, field and value.
    pub fn check(&self) -> Result<(), DecodeError> {
        check_length("delegation parts", self.parts.len(), 0, MAX_PARTS)?;
        if self.expires_height == Some(0) {
            return Err(rule("L-3", "expires_height", "is 0, so it would never hold".into()));
        }
        if self.is_revocation() {
            return match self.expires_height {
                None => Ok(()),
                Some(height) => Err(rule("L-3", "expires_height", format!("is {height} in a revocation"))),
            };
        }
        check_ascending("L-2", "delegation parts", &self.parts, |part| &part.to)?;
        if let Some(part) = self.parts.iter().find(|part| part.share_bp == 0) {
            return Err(rule("L-2", "delegation share", format!("of {} is 0", part.to)));
        }
        match self.parts.iter().map(|part| u32::from(part.share_bp)).sum::<u32>() {
            sum if sum == u32::from(ALL_BP) => Ok(()),
            sum => Err(rule("L-2", "delegation shares", format!("add up to {sum}, not {ALL_BP}"))),
        }
    }

    /// The rules of the body said by `member`: those of [`Delegation::check`], and nobody delegates to themselves (L-5).
    ///
    /// # Errors
    /// [`DecodeError`] naming clause, field and value.
    pub fn check_by(&self, member: &MemberId) -> Result<(), DecodeError> {
        self.check()?;
        match self.parts.iter().find(|part| part.to == *member) {
            None => Ok(()),
            Some(part) => Err(rule("L-5", "delegation parts", format!("{} delegates to themselves", part.to))),
        }
    }
}

impl Tag {
    /// A tag from its text.
    ///
    /// # Errors
    /// [`DecodeError`] when the text is no tag (L-4).
    pub fn new(text: impl Into<String>) -> Result<Self, DecodeError> {
        let text = text.into();
        check_length("tag", text.len(), 1, MAX_TAG)?;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if let Some(c) = text.chars().find(|c| !allowed(*c)) {
            // Escaped, because the text may come from a stranger.
            return Err(rule("L-4", "tag", format!("has {c:?}; only a to z, 0 to 9 and '-' are allowed")));
        }
        if text.starts_with('-') || text.ends_with('-') {
            return Err(rule("L-4", "tag", format!("{text:?} begins or ends with '-'")));
        }
        Ok(Self(text))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::new(text)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({})", self.0)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all proposals"),
            Self::Class(class) => write!(f, "class {}", class.name()),
            Self::Tag(tag) => write!(f, "tag {tag}"),
        }
    }
}

impl Canonical for Delegation {
    fn encode(&self, w: &mut Writer) {
        self.scope.encode(w);
        w.list(&self.parts);
        w.option(self.expires_height, Writer::u32);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let delegation = Self {
            scope: Canonical::decode(r)?,
            parts: r.list("delegation parts", MAX_PARTS)?,
            expires_height: r.option("expires_height", Reader::u32)?,
        };
        delegation.check()?;
        Ok(delegation)
    }
}

impl Canonical for Part {
    fn encode(&self, w: &mut Writer) {
        self.to.encode(w);
        w.u16(self.share_bp);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { to: Canonical::decode(r)?, share_bp: r.u16()? })
    }
}

impl Canonical for Scope {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::All => w.u8(0),
            Self::Class(class) => {
                w.u8(1);
                class.encode(w);
            }
            Self::Tag(tag) => {
                w.u8(2);
                tag.encode(w);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::All),
            1 => Canonical::decode(r).map(Self::Class),
            2 => Canonical::decode(r).map(Self::Tag),
            found => Err(DecodeError::UnknownVariant { field: "delegation scope", found }),
        }
    }
}

impl Canonical for Tag {
    fn encode(&self, w: &mut Writer) {
        w.text(&self.0);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(r.text("tag", MAX_TAG)?)
    }
}

fn rule(rule: &'static str, field: &'static str, problem: String) -> DecodeError {
    DecodeError::Rule { rule, field, problem }
}
