//! G-102: nothing that is voted on takes the weight from too many of those who vote on it.

use std::collections::BTreeSet;

use super::super::{Fate, Ledger, Step};
use super::Bar;
use crate::charter::{ALL_BP, Charter, Class};
use crate::entry::{Effect, ProposalContent};
use crate::id::MemberId;
use crate::roll::Roll;
use crate::state::ProposalRecord;

/// Bits that weights are cut to, so that products of two of them stay within 128 bits with room for basis points.
const WEIGHT_BITS: u32 = 56;

/// Whether a rule change or an expulsion would take too much weight from those who have it, measured on the snapshot's stakes
/// before and after.
pub(super) fn electorate_shrink(ledger: &Ledger, step: &Step<'_>, proposal: &ProposalRecord) -> Option<Bar> {
    let roll = step.state.roll(proposal.snapshot_epoch)?;
    let (size, in_force) = (step.boundary.log_size, step.state.roll_charter(step.boundary.log_size));
    let now = step.state.membership_under(in_force, size);
    let limit_bp = step.state.charter_of(proposal).guards.electorate_shrink_bp;
    // Whoever is suspended will be back, and has a vote to lose (G-98).
    let before = keep(roll, |member| now.allows(member));
    let losses = match proposal.content.class {
        Class::RuleChange => rule_changes(&proposal.content)
            .map(|after| {
                let then = step.state.membership_under(after, size);
                let after = roll.reweighed(after, |member| now.allows(member) && then.allows(member));
                lost(&before, &after)
            })
            .collect(),
        Class::Expel => {
            let gone = expelled(ledger, step, proposal);
            let after = keep(&before, |member| !gone.contains(member));
            vec![lost(&before, &after)]
        }
        _ => Vec::new(),
    };
    let of = before.total();
    let worst = losses.into_iter().filter(|lost| is_above_share(*lost, of, limit_bp)).max();
    worst.map(|lost| Bar::ElectorateShrink { lost, of })
}

fn rule_changes(content: &ProposalContent) -> impl Iterator<Item = &Charter> {
    let effects = content.options.iter().flat_map(|option| &option.effects);
    effects.filter_map(|effect| match effect {
        Effect::RuleChange(change) => Some(&*change.charter),
        _ => None,
    })
}

/// Whom this proposal expels, and those before it that passed and are not in the roll's past yet: many small expulsions are a
/// large one.
fn expelled(ledger: &Ledger, step: &Step<'_>, proposal: &ProposalRecord) -> BTreeSet<MemberId> {
    let snapshot = proposal.snapshot_epoch;
    let is_recent = |enacted: Option<u32>| enacted.is_none_or(|epoch| epoch >= snapshot);
    let passed = ledger.standings().iter().filter(|(_, s)| match s.fate {
        Fate::Waiting | Fate::Effective => is_recent(s.enacted_epoch),
        _ => false,
    });
    let others = passed.filter_map(|(id, _)| step.state.proposals().get(id));
    let expelling = others.filter(|other| other.content.class == Class::Expel).chain([proposal]);
    let named = expelling.flat_map(|p| {
        let effects = p.content.options.iter().flat_map(|option| &option.effects);
        effects.filter_map(|effect| match effect {
            Effect::Expel { member } => Some(step.state.member_of_key_at(member, p.position)),
            _ => None,
        })
    });
    named.collect()
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
