//! Who is a member: which keys speak for whom, who was admitted or expelled, who is dormant or suspended.

use std::collections::BTreeSet;

use bitcoin::secp256k1::PublicKey;

use super::{EquivocationRecord, LogState};
use crate::charter::{Admission, Charter};
use crate::id::MemberId;
use crate::roll::{FundingFact, Roll, StakeClaim};

/// Who may vote under the first entries of the log, stake apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    /// Whether a stake is enough.
    open: bool,
    admitted: BTreeSet<MemberId>,
    barred: BTreeSet<MemberId>,
}

impl Membership {
    pub(crate) fn allows(&self, member: &MemberId) -> bool {
        (self.open || self.admitted.contains(member)) && !self.barred.contains(member)
    }
}

impl LogState {
    /// The member for whom a vote key speaks or spoke: the key itself, unless it came by rotation (G-90).
    #[must_use]
    pub fn member_of_key(&self, key: &MemberId) -> MemberId {
        self.rotated_keys.get(key).map_or(*key, |(member, _)| *member)
    }

    /// As [`LogState::member_of_key`], by the first `size` entries: whom a key named at that place of the log.
    #[must_use]
    pub(crate) fn member_of_key_at(&self, key: &MemberId, size: u64) -> MemberId {
        let rotated = self.rotated_keys.get(key).filter(|(_, position)| *position < size);
        rotated.map_or(*key, |(member, _)| *member)
    }

    /// The replacements of vote keys among the first `size` entries, in their order: position, member, and the key that came
    /// (G-90). Collected into a map by member, it holds the key that speaks for each of these members at that place.
    #[must_use]
    pub fn rotations(&self, size: u64) -> Vec<(u64, MemberId, MemberId)> {
        let below = self.rotated_keys.iter().filter(|(_, (_, position))| *position < size);
        let mut found: Vec<_> = below.map(|(key, (member, position))| (*position, *member, *key)).collect();
        found.sort_unstable();
        found
    }

    /// Whether a vote key was replaced, so that nothing it signs counts any more (G-90).
    #[must_use]
    pub fn is_retired(&self, key: &MemberId) -> bool {
        self.members.get(&self.member_of_key(key)).is_some_and(|record| record.key != *key)
    }

    /// Whether a member is a guardian of a charter, by whichever of their vote keys it lists (G-90).
    pub(crate) fn is_guardian(&self, charter: &Charter, member: &MemberId) -> bool {
        charter.guardians.members.iter().any(|key| self.member_of_key(key) == *member)
    }

    /// Whether a key may speak without a stake: a treasurer's, a founder's or a guardian's (G-21).
    #[must_use]
    pub fn holds_office(&self, key: &MemberId) -> bool {
        let charter = self.charter();
        charter.founders.contains(key)
            || charter.guardians.members.contains(key)
            || charter.treasurers.iter().any(|treasurer| vote_key(&treasurer.key) == *key)
    }

    /// The height until which a member's rights are suspended, by the proofs below position `size` (G-98).
    #[must_use]
    pub fn suspended_until(&self, member: &MemberId, size: u64) -> Option<u32> {
        let proofs = self.equivocations.iter().filter(|proof| proof.member == *member && proof.position < size);
        proofs.map(|proof| self.suspension_end(proof)).max()
    }

    /// Whether a member said nothing for so long, before position `size`, that their weight leaves the denominators
    /// (G-46).
    #[must_use]
    pub fn is_dormant(&self, charter: &Charter, member: &MemberId, size: u64) -> bool {
        let Some(epochs) = Some(charter.dormant_after_epochs).filter(|epochs| *epochs > 0) else { return false };
        let said = self.lanes.spoken(member);
        let last = said[..said.partition_point(|position| *position < size)].last();
        // An entry that no head covers yet was said just now.
        let last_height = last.map_or(0, |position| self.entry_height(*position).unwrap_or(u32::MAX));
        let silence = epochs.saturating_mul(charter.epoch_blocks);
        last_height.saturating_add(silence) < self.height_of_size(size)
    }

    /// What the first `size` entries claim as stake, by channel id (G-32). Also of those who may not vote now: whoever was in
    /// an earlier roll is followed there until the enactment (G-37).
    #[must_use]
    pub fn stake_claims(&self, size: u64) -> Vec<StakeClaim> {
        self.channels
            .iter()
            .filter(|(_, record)| record.position < size)
            .map(|(channel, record)| {
                let known = record.checkpoints.partition_point(|(position, _)| *position < size);
                StakeClaim {
                    member: record.member,
                    channel: *channel,
                    outpoint: record.bind.funding,
                    member_funding_key: record.bind.member_funding_key,
                    hub_funding_key: record.bind.hub_funding_key,
                    member_sat: record.checkpoints[..known].last().map_or(0, |(_, c)| c.member_sat),
                }
            })
            .collect()
    }

    /// The charter by which the roll of the first `size` entries is computed: a change of who is eligible counts only some
    /// epochs after it came into force (G-38).
    #[must_use]
    pub fn roll_charter(&self, size: u64) -> &Charter {
        let height = self.height_of_size(size);
        let delayed = self.charters.iter().rev().find(|version| {
            let guards = &version.charter.guards;
            let delay = guards.eligibility_delay_epochs.saturating_mul(version.charter.epoch_blocks);
            version.position < size && version.since_height.saturating_add(delay) < height
        });
        delayed.map_or(&self.params.charter, |version| &version.charter)
    }

    /// The roll of the epoch that closes at `closing_height`, from this log and the facts about its claims (G-36).
    #[must_use]
    pub fn roll_at(&self, facts: &[FundingFact], closing_height: u32) -> Option<Roll> {
        let size = self.first_head_at(closing_height)?.head.size;
        let charter = self.roll_charter(size);
        let (mut membership, mut claims) = (self.membership_under(charter, size), self.stake_claims(size));
        membership.barred.extend(self.suspended(size));
        claims.retain(|claim| membership.allows(&claim.member));
        Some(Roll::compute(charter, &claims, facts, closing_height))
    }

    /// Whether somebody may vote already, once they have a stake, by what is decided and in force (G-38).
    #[must_use]
    pub fn is_admitted(&self, key: &MemberId) -> bool {
        let size = self.size();
        self.membership_under(self.roll_charter(size), size).allows(&self.member_of_key(key))
    }

    /// Who may vote if `charter` says who may. A suspension passes, so it takes nobody's place (G-98).
    pub(crate) fn membership_under(&self, charter: &Charter, size: u64) -> Membership {
        let height = self.height_of_size(size);
        let member = |key: &MemberId| self.member_of_key_at(key, size);
        let mut admitted: BTreeSet<MemberId> = charter.founders.iter().map(member).collect();
        let excluded: BTreeSet<MemberId> = charter.guards.excluded_members.iter().map(member).collect();
        let mut barred = excluded.clone();
        for (_, change) in self.membership_changes(charter, size, height) {
            match change {
                Change::Accepted { by, invitee } => {
                    if admitted.contains(&by) && matches!(charter.admission, Admission::Invite { .. }) {
                        admitted.insert(invitee);
                    }
                }
                Change::Admitted(member) => {
                    admitted.insert(member);
                    barred.remove(&member);
                }
                Change::Expelled(member) => {
                    admitted.remove(&member);
                    barred.insert(member);
                }
            }
        }
        // No vote gives back what the charter excludes.
        barred.extend(excluded);
        Membership { open: charter.admission.is_open(), admitted, barred }
    }

    /// Whose rights are suspended by the first `size` entries (G-98).
    fn suspended(&self, size: u64) -> impl Iterator<Item = MemberId> + '_ {
        let height = self.height_of_size(size);
        let lasting = self.equivocations.iter().filter(move |p| p.position < size && self.suspension_end(p) > height);
        lasting.map(|proof| proof.member)
    }

    /// Every acceptance, and every admission and expulsion decided by an epoch that was final before position `size`, whose
    /// delay is over, by position.
    fn membership_changes(&self, charter: &Charter, size: u64, height: u32) -> Vec<(u64, Change)> {
        let delay = charter.guards.eligibility_delay_epochs.saturating_mul(charter.epoch_blocks);
        let accepted = self.invitations.values().filter_map(|invitation| {
            let position = invitation.accepted.filter(|position| *position < size)?;
            let invitee = self.member_of_key_at(&invitation.invitee, position);
            // The others have as long to see it as they have before a vote admits somebody.
            let counts = self.entry_height(position)?.saturating_add(delay) < height;
            counts.then_some((position, Change::Accepted { by: invitation.by, invitee }))
        });
        let decided = self.ledger.membership_changes().iter().filter_map(|change| {
            let anchored = self.anchored.iter().find(|a| a.header.epoch == change.epoch)?;
            let counts = anchored.position < size && anchored.header.closing_height.saturating_add(delay) < height;
            let member = change.member;
            let what = if change.admitted { Change::Admitted(member) } else { Change::Expelled(member) };
            counts.then_some((anchored.position, what))
        });
        let mut changes: Vec<(u64, Change)> = accepted.chain(decided).collect();
        changes.sort_by_key(|(position, _)| *position);
        changes
    }

    /// Tip height of the newest head at or below `size`, the head whose size it is included; 0 before the first.
    pub(crate) fn height_of_size(&self, size: u64) -> u32 {
        let heads = self.heads.partition_point(|record| record.head.size <= size);
        heads.checked_sub(1).map_or(0, |newest| self.heads[newest].head.tip_height)
    }

    fn suspension_end(&self, proof: &EquivocationRecord) -> u32 {
        let charter = self.charter_at(proof.position);
        let term = charter.equivocation_suspension_epochs.saturating_mul(charter.epoch_blocks);
        let height = self.entry_height(proof.position).or_else(|| self.tip_height()).unwrap_or(0);
        height.saturating_add(term)
    }
}

/// The vote key that a treasurer's key is: its x-only form.
pub(crate) fn vote_key(key: &PublicKey) -> MemberId {
    MemberId(key.x_only_public_key().0.serialize())
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Accepted { by: MemberId, invitee: MemberId },
    Admitted(MemberId),
    Expelled(MemberId),
}
