//! G-102: nothing that is voted on takes the weight from too many of those who vote on it.

use std::collections::BTreeSet;

use super::super::{Fate, Ledger, Step};
use super::Bar;
use crate::charter::{ALL_BP, Charter, Class};
use crate::entry::{Effect, ProposalContent};
use crate::id::{MemberId, ProposalId};
use crate::roll::Roll;
use crate::state::{LogState, ProposalRecord};

/// Bits that weights are cut to, so that products of two of them stay within 128 bits with room for basis points.
const WEIGHT_BITS: u32 = 56;

/// A rule change or an expulsion, with what it is measured by.
struct Change<'a> {
    ledger: &'a Ledger,
    state: &'a LogState,
    /// Whom the rules leave out is told by the log below this position.
    size: u64,
    /// Epoch and roll of its snapshot.
    snapshot: (u32, &'a Roll),
    content: &'a ProposalContent,
    /// Where it stands, or would.
    position: u64,
    limit_bp: u16,
}

/// Whether a rule change or an expulsion would take too much weight from those who have it, measured on the snapshot's stakes
/// before and after.
pub(super) fn electorate_shrink(ledger: &Ledger, step: &Step<'_>, proposal: &ProposalRecord) -> Option<Bar> {
    let epoch = proposal.snapshot_epoch;
    let change = Change {
        ledger,
        state: step.state,
        size: step.boundary.log_size,
        snapshot: (epoch, step.state.roll(epoch)?),
        content: &proposal.content,
        position: proposal.position,
        limit_bp: step.state.charter_of(proposal).guards.electorate_shrink_bp,
    };
    change.judge()
}

/// The same of what is not proposed yet, as far as the newest roll tells: other stakes may come and go before it passes.
pub(super) fn forecast_shrink(
    ledger: &Ledger,
    state: &LogState,
    content: &ProposalContent,
    thread: &ProposalId,
) -> Option<Bar> {
    let epoch = state.snapshot_for(thread)?;
    let (size, limit_bp) = (state.size(), state.charter().guards.electorate_shrink_bp);
    Change { ledger, state, size, snapshot: (epoch, state.roll(epoch)?), content, position: size, limit_bp }.judge()
}

impl Change<'_> {
    fn judge(&self) -> Option<Bar> {
        let (state, size, (_, roll)) = (self.state, self.size, self.snapshot);
        let now = state.membership_under(state.roll_charter(size), size);
        // Whoever is suspended will be back, and has a vote to lose (G-98).
        let before = keep(roll, |member| now.allows(member));
        let losses = match self.content.class {
            Class::RuleChange => rule_changes(self.content)
                .map(|after| {
                    let then = state.membership_under(after, size);
                    let after = roll.reweighed(after, |member| now.allows(member) && then.allows(member));
                    lost(&before, &after)
                })
                .collect(),
            Class::Expel => {
                let gone = self.expelled();
                let after = keep(&before, |member| !gone.contains(member));
                vec![lost(&before, &after)]
            }
            _ => Vec::new(),
        };
        let of = before.total();
        let worst = losses.into_iter().filter(|lost| is_above_share(*lost, of, self.limit_bp)).max();
        worst.map(|lost| Bar::ElectorateShrink { lost, of })
    }

    /// Whom it expels, and those before it that passed and are not in the roll's past yet: many small expulsions are a large one.
    fn expelled(&self) -> BTreeSet<MemberId> {
        let (snapshot, _) = self.snapshot;
        let is_recent = |enacted: Option<u32>| enacted.is_none_or(|epoch| epoch >= snapshot);
        let passed = self.ledger.standings().iter().filter(|(_, s)| match s.fate {
            Fate::Waiting | Fate::Effective => is_recent(s.enacted_epoch),
            _ => false,
        });
        let others = passed.filter_map(|(id, _)| self.state.proposals().get(id));
        let expelling = others.filter(|other| other.content.class == Class::Expel);
        let all = expelling.map(|other| (&other.content, other.position)).chain([(self.content, self.position)]);
        let named = all.flat_map(|(content, position)| {
            let effects = content.options.iter().flat_map(|option| &option.effects);
            effects.filter_map(move |effect| match effect {
                Effect::Expel { member } => Some(self.state.member_of_key_at(member, position)),
                _ => None,
            })
        });
        named.collect()
    }
}

fn rule_changes(content: &ProposalContent) -> impl Iterator<Item = &Charter> {
    let effects = content.options.iter().flat_map(|option| &option.effects);
    effects.filter_map(|effect| match effect {
        Effect::RuleChange(change) => Some(&*change.charter),
        _ => None,
    })
}

fn keep(roll: &Roll, keeps: impl Fn(&MemberId) -> bool) -> Roll {
    let kept = roll.iter().filter(|(member, _)| keeps(member));
    Roll::from_stakes(kept.map(|(member, entry)| (*member, entry.stake_sat, entry.weight)))
}

/// By how much the shares of the whole that members have shrink from one roll to the other, added up, in weight of the first.
/// When some lose their vote and nothing else changes, it is what they weighed.
fn lost(before: &Roll, after: &Roll) -> u128 {
    let cut = |total: u128| (u128::BITS - total.leading_zeros()).saturating_sub(WEIGHT_BITS);
    let (cut_before, cut_after) = (cut(before.total()), cut(after.total()));
    let (all, all_after) = (before.total() >> cut_before, after.total() >> cut_after);
    if all_after == 0 {
        return before.total();
    }
    let shrunk = before.iter().map(|(member, entry)| {
        let (had, has) = (entry.weight >> cut_before, after.weight(member) >> cut_after);
        (had * all_after).saturating_sub(has * all)
    });
    let sum = shrunk.fold(0u128, u128::saturating_add);
    (sum.div_ceil(all_after) << cut_before).min(before.total())
}

/// Whether `part / whole > bp / 10000`, without leaving 128 bits.
fn is_above_share(part: u128, whole: u128, bp: u16) -> bool {
    let products = part.checked_mul(u128::from(ALL_BP)).zip(whole.checked_mul(u128::from(bp)));
    part > 0 && products.is_none_or(|(part, whole)| part > whole)
}
