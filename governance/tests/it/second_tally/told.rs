//! What a log says, read from its first entry on for every question (G-30, G-40 to G-44, L-6 to L-8).

use althing_governance::charter::{Charter, ClassRule};
use althing_governance::delegation::{Part, Scope};
use althing_governance::entry::{Entry, LogHead, ProposalContent};
use althing_governance::{FundingFact, MemberId, ProposalId};

use crate::world::World;

/// A log and the facts about its chain.
pub(crate) struct Told<'a> {
    pub(crate) log: &'a [Entry],
    pub(crate) charter: &'a Charter,
    pub(crate) facts: &'a [FundingFact],
    /// Closing heights of the epochs, from the first one on.
    pub(crate) closings: Vec<u32>,
}

/// A proposal that a head covers.
pub(crate) struct Motion<'a> {
    pub(crate) id: ProposalId,
    pub(crate) position: usize,
    pub(crate) content: &'a ProposalContent,
    pub(crate) rule: &'a ClassRule,
    /// Epoch of its roll.
    pub(crate) snapshot: u32,
    pub(crate) open: u32,
    pub(crate) close: u32,
    pub(crate) latest_close: u32,
}

impl<'a> Told<'a> {
    pub(crate) fn of(world: &'a World) -> Self {
        Self {
            log: &world.log,
            charter: &world.state.params().charter,
            facts: &world.facts,
            closings: world.headers.iter().map(|header| header.closing_height).collect(),
        }
    }

    pub(crate) fn heads(&self) -> impl Iterator<Item = &'a LogHead> + use<'a> {
        self.log.iter().filter_map(|entry| match entry {
            Entry::Head(head) => Some(&head.statement),
            _ => None,
        })
    }

    /// Size of the first head of at least this height.
    pub(crate) fn size_at(&self, height: u32) -> Option<usize> {
        self.heads().find(|head| head.tip_height >= height).map(size)
    }

    /// Height of the entry at a position.
    pub(crate) fn height_of(&self, position: usize) -> Option<u32> {
        self.heads().find(|head| size(head) > position).map(|head| head.tip_height)
    }

    /// Height of the newest head of at most this size.
    pub(crate) fn height_of_size(&self, below: usize) -> u32 {
        self.heads().filter(|head| size(head) <= below).last().map_or(0, |head| head.tip_height)
    }

    pub(crate) fn boundary(&self, height: u32) -> u32 {
        height.div_ceil(self.charter.epoch_blocks) * self.charter.epoch_blocks
    }

    /// Whether one signed two entries for the place of this one, as entries behind it and below `cutoff` prove (G-98).
    pub(crate) fn is_void(&self, position: usize, cutoff: usize) -> bool {
        let Some(lane) = self.log[position].lane() else { return false };
        let place = (lane.member, lane.incarnation, lane.sequence);
        self.log[position..cutoff.max(position)]
            .iter()
            .any(|entry| matches!(entry, Entry::Equivocation(proof) if proof.place() == place))
    }

    /// Every proposal that a head covers, in the order of the log.
    pub(crate) fn motions(&self) -> Vec<Motion<'a>> {
        (0..self.log.len()).filter_map(|position| self.motion(position)).collect()
    }

    fn motion(&self, position: usize) -> Option<Motion<'a>> {
        let (id, content) = self.proposal(position)?;
        let logged = self.height_of(position)?;
        let amount = content.amount_sat();
        let takes =
            |rule: &&ClassRule| rule.class == content.class && rule.max_amount_sat.is_none_or(|max| amount <= max);
        let rule =
            self.charter.classes.iter().filter(takes).min_by_key(|rule| rule.max_amount_sat.unwrap_or(u64::MAX))?;
        let first = content.version_of.map_or(id, |version| version.thread);
        let first = (0..=position).find(|at| self.proposal(*at).is_some_and(|(other, _)| other == first))?;
        let anchored = self.log[..first].iter().rev().find_map(|entry| match entry {
            Entry::Anchored(anchored) => Some(anchored.statement.header.epoch),
            _ => None,
        });
        let open = if rule.review_blocks == 0 { logged } else { self.boundary(logged + rule.review_blocks) };
        let close = self.boundary(open + rule.voting_blocks);
        let twice = (open + 2 * (close - open)) / self.charter.epoch_blocks * self.charter.epoch_blocks;
        let latest_close = if rule.late_surge { close.max(twice) } else { close };
        Some(Motion { id, position, content, rule, snapshot: anchored?, open, close, latest_close })
    }

    fn proposal(&self, position: usize) -> Option<(ProposalId, &'a ProposalContent)> {
        let Entry::Proposal(e) = &self.log[position] else { return None };
        Some((e.body.id(e.lane.network, e.lane.dao, e.lane.member), &e.body))
    }

    /// Whether its author took it back or put another in its place, or it was void before position `cutoff`.
    pub(crate) fn is_dropped(&self, motion: &Motion<'_>, cutoff: usize) -> bool {
        let drops = |entry: &Entry| match entry {
            Entry::Withdrawal(e) => e.body.proposal == motion.id,
            Entry::Proposal(e) => e.body.version_of.is_some_and(|version| version.previous == motion.id),
            _ => false,
        };
        self.is_void(motion.position, cutoff) || self.log.iter().any(drops)
    }

    /// The ballot of a member that counts below `cutoff`: the last one that is not void.
    pub(crate) fn ballot(&self, motion: &Motion<'_>, member: MemberId, cutoff: usize) -> Option<&'a [u16]> {
        (0..cutoff).rev().find_map(|at| match &self.log[at] {
            Entry::Ballot(e) if e.body.proposal == motion.id && e.lane.member == member => {
                (!self.is_void(at, cutoff)).then_some(&e.body.fields[..])
            }
            _ => None,
        })
    }

    /// To whom a member delegates for a proposal of which ballots below `cutoff` count; nothing for nobody.
    pub(crate) fn delegation(&self, motion: &Motion<'_>, member: MemberId, cutoff: usize) -> &'a [Part] {
        if !self.charter.delegation.enabled {
            return &[];
        }
        let frozen = self.size_at(motion.open).filter(|_| motion.rule.final_ballots);
        let cutoff = frozen.map_or(cutoff, |opened| opened.min(cutoff));
        let tags = motion.content.tags.iter().map(|tag| Scope::Tag(tag.clone()));
        let scopes = tags.chain([Scope::Class(motion.content.class), Scope::All]);
        scopes
            .map(|scope| self.in_scope(&scope, member, cutoff, motion.close))
            .find(|parts| !parts.is_empty())
            .unwrap_or(&[])
    }

    fn in_scope(&self, scope: &Scope, member: MemberId, cutoff: usize, close: u32) -> &'a [Part] {
        let newest = (0..cutoff).rev().find_map(|at| match &self.log[at] {
            Entry::Delegation(e) if e.lane.member == member && e.body.scope == *scope => Some((at, &e.body)),
            _ => None,
        });
        match newest {
            Some((at, body))
                if !self.is_void(at, cutoff) && body.expires_height.is_none_or(|height| close < height) =>
            {
                &body.parts
            }
            _ => &[],
        }
    }
}

pub(crate) fn size(head: &LogHead) -> usize {
    usize::try_from(head.size).unwrap()
}
