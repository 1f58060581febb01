//! The book of delegations: what each member said for each scope, by position in the log, so that the delegations in
//! force at any cutoff can be told again.

use std::collections::{BTreeMap, BTreeSet};

use super::body::{Delegation, Part, Scope, Tag};
use crate::charter::Class;
use crate::id::{EntryId, MemberId};

/// Every delegation in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    by_member: BTreeMap<MemberId, BTreeMap<Scope, Vec<DelegationRecord>>>,
    /// Positions of what was said for each scope, and the heights at which some of it expires.
    by_scope: BTreeMap<Scope, (BTreeSet<u64>, BTreeSet<u32>)>,
}

/// All that topic, cutoff and height of close decide about which delegations of a book are in force: where two views are
/// the same, so are the delegations (L-6 to L-8).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct View {
    /// Scopes asked for, in their order, as far as anybody ever delegated for them.
    scopes: Vec<Scope>,
    /// Position of the newest that counts; `None` when none does.
    newest: Option<u64>,
    /// The last height by which one expired; `None` before.
    expired: Option<u32>,
}

/// A delegation in the log, without its member and scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationRecord {
    /// Its position.
    pub position: u64,
    /// Its entry.
    pub entry: EntryId,
    parts: Box<[Part]>,
    expires_height: Option<u32>,
}

/// What a proposal is about, as far as delegations ask.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic {
    /// Its class.
    pub class: Class,
    /// Its tags, in the proposal's order.
    pub tags: Vec<Tag>,
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters what `member` said at `position`. The order in which entries arrive here does not matter, only their
    /// positions do. The caller has checked the body ([`Delegation::check_by`]).
    pub fn record(&mut self, member: MemberId, position: u64, entry: EntryId, delegation: Delegation) {
        let Delegation { scope, parts, expires_height } = delegation;
        let (positions, expiries) = self.by_scope.entry(scope.clone()).or_default();
        positions.insert(position);
        expiries.extend(expires_height);
        let records = self.by_member.entry(member).or_default().entry(scope).or_default();
        let at = records.partition_point(|record| record.position < position);
        records.insert(at, DelegationRecord { position, entry, parts: parts.into(), expires_height });
    }

    /// The delegation of `member` that is in force for a proposal about `topic` that closes at `close_height`, counting
    /// the log before position `cutoff` (L-6 to L-8).
    #[must_use]
    pub fn in_force(
        &self,
        member: &MemberId,
        topic: &Topic,
        cutoff: u64,
        close_height: u32,
    ) -> Option<&DelegationRecord> {
        most_specific(self.by_member.get(member)?, topic, cutoff, close_height)
    }

    /// Whether an entry is the last word of `member` for a scope: only that one has a meaning (L-7).
    #[must_use]
    pub(crate) fn is_newest(&self, member: &MemberId, scope: &Scope, entry: &EntryId) -> bool {
        let said = self.by_member.get(member).and_then(|scopes| scopes.get(scope));
        said.and_then(|records| records.last()).is_some_and(|record| record.entry == *entry)
    }

    /// The delegation of each member that is in force, as [`Book::in_force`] tells, by ascending member.
    pub fn all_in_force<'a>(
        &'a self,
        topic: &'a Topic,
        cutoff: u64,
        close_height: u32,
    ) -> impl Iterator<Item = (MemberId, &'a DelegationRecord)> {
        self.by_member.iter().filter_map(move |(member, scopes)| {
            most_specific(scopes, topic, cutoff, close_height).map(|record| (*member, record))
        })
    }

    /// What of a topic, a cutoff and a height of close matters here.
    #[must_use]
    pub fn view(&self, topic: &Topic, cutoff: u64, close_height: u32) -> View {
        let scopes: Vec<Scope> = topic.scopes().filter(|scope| self.by_scope.contains_key(scope)).collect();
        let said = || scopes.iter().filter_map(|scope| self.by_scope.get(scope));
        let newest = said().filter_map(|(positions, _)| positions.range(..cutoff).next_back()).max().copied();
        let expired = said().filter_map(|(_, expiries)| expiries.range(..=close_height).next_back()).max().copied();
        View { scopes, newest, expired }
    }

    /// What `member` said last for each scope before position `cutoff`, revocations and expired ones left out; for a
    /// user's own view. `height` is that of the proposals of interest.
    pub fn of_member<'a>(
        &'a self,
        member: &MemberId,
        cutoff: u64,
        height: u32,
    ) -> impl Iterator<Item = (&'a Scope, &'a DelegationRecord)> {
        let scopes = self.by_member.get(member).into_iter().flatten();
        scopes.filter_map(move |(scope, records)| newest(records, cutoff, height).map(|record| (scope, record)))
    }
}

impl Topic {
    /// L-6: its tags in its order, then its class, then all.
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.tags.iter().cloned().map(Scope::Tag).chain([Scope::Class(self.class), Scope::All])
    }

    /// Whether a delegation of this scope can hold for it (L-6).
    #[must_use]
    pub fn is_in(&self, scope: &Scope) -> bool {
        match scope {
            Scope::All => true,
            Scope::Class(class) => *class == self.class,
            Scope::Tag(tag) => self.tags.contains(tag),
        }
    }
}

impl DelegationRecord {
    /// Who receives how much; never empty in one that is in force.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// It holds for proposals that close below this height.
    #[must_use]
    pub fn expires_height(&self) -> Option<u32> {
        self.expires_height
    }

    /// Whether it hands anything on for a proposal that closes at `close_height` (L-8): neither a revocation nor expired.
    #[must_use]
    pub fn holds_at(&self, close_height: u32) -> bool {
        !self.parts.is_empty() && self.expires_height.is_none_or(|expires| close_height < expires)
    }
}

fn most_specific<'a>(
    scopes: &'a BTreeMap<Scope, Vec<DelegationRecord>>,
    topic: &Topic,
    cutoff: u64,
    close_height: u32,
) -> Option<&'a DelegationRecord> {
    let mut said = topic.scopes().filter_map(|scope| scopes.get(&scope));
    said.find_map(|records| newest(records, cutoff, close_height))
}

/// L-7: only the newest of a scope counts; one that was replaced does not come back when its successor expires.
fn newest(records: &[DelegationRecord], cutoff: u64, close_height: u32) -> Option<&DelegationRecord> {
    let before = records.partition_point(|record| record.position < cutoff);
    records[..before].last().filter(|record| record.holds_at(close_height))
}
