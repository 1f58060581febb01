//! Who is a member with what weight, and what members may do.

use super::{MAX_PERIOD_BLOCKS, Problems};
use crate::charter::{Admission, Charter, Class, MAX_COMMENT_BYTES, MAX_DELEGATION_PARTS, RewardShare, WeightRule};
use crate::voting::System;

/// Most blocks by which guardians can put off an authorisation: a month.
const MAX_GUARDIAN_DELAY_BLOCKS: u64 = 4320;
/// Most comments and votes on comments of one member in an epoch.
const MAX_COMMENTS: u64 = 100_000;
/// Most epochs of dormancy or suspension.
const MAX_EPOCHS: u64 = 1000;

pub(super) fn check(charter: &Charter, p: &mut Problems) {
    admission(charter, p);
    sybil(charter, p);
    guardians(charter, p);
    //
    p.within("R-73", "delegation.max_parts", charter.delegation.max_parts, 1, u64::from(MAX_DELEGATION_PARTS));
    //
    let discussion = &charter.discussion;
    p.within("R-74", "discussion.comments_per_epoch", discussion.comments_per_epoch, 0, MAX_COMMENTS);
    p.within("R-74", "discussion.comment_votes_per_epoch", discussion.comment_votes_per_epoch, 0, MAX_COMMENTS);
    p.within("R-74", "discussion.comment_bytes", discussion.comment_bytes, 1, u64::from(MAX_COMMENT_BYTES));
    // one epoch is too short to tell a quiet member from an absent one.
    if charter.dormant_after_epochs == 1 || u64::from(charter.dormant_after_epochs) > MAX_EPOCHS {
        let what = format!("is {}; must be 0 (never), or 2 to {MAX_EPOCHS}", charter.dormant_after_epochs);
        p.add("R-75", "dormant_after_epochs", what);
    }
    p.within("R-75", "equivocation_suspension_epochs", charter.equivocation_suspension_epochs, 0, MAX_EPOCHS);
    p.period("forced_entry_delay_blocks", charter.forced_entry_delay_blocks, charter.least_period());
    p.period("succession_window_blocks", charter.succession_window_blocks, charter.least_period());
}

fn admission(charter: &Charter, p: &mut Problems) {
    //
    let min_stake_sat = charter.admission.min_stake_sat();
    if min_stake_sat == 0 {
        p.add("R-58", "admission.min_stake_sat", "is 0; must be at least 1".into());
    }
    p.sat("admission.min_stake_sat", min_stake_sat);
    if let Admission::Invite { max_open_per_member: 0, .. } = charter.admission {
        p.add("R-58", "admission.invite.max_open_per_member", "is 0; must be at least 1".into());
    }
    if let WeightRule::StakeAge { cap_blocks } = charter.weight_rule {
        p.within("R-58", "weight_rule.stake_age.cap_blocks", cap_blocks, 1, 10 * u64::from(MAX_PERIOD_BLOCKS));
    }
    if let Some(cap) = charter.per_member_cap {
        // The largest integer of a TOML document.
        p.within("R-57", "per_member_cap", cap, 1, i64::MAX.cast_unsigned());
    }
    // founders alone are not an association for long.
    let admits = charter.classes.iter().any(|rule| rule.class == Class::Admit);
    if matches!(charter.admission, Admission::Vote { .. }) && !admits {
        p.add("R-77", "classes", "has no rule of class admit; must have one where admission is by vote".into());
    }
}

/// With open admission anybody can be several members, so every rule under which two small stakes get more than one large
/// stake is beaten by splitting.
fn sybil(charter: &Charter, p: &mut Problems) {
    if !charter.admission.is_open() {
        return;
    }
    //
    match charter.weight_rule {
        WeightRule::Stake | WeightRule::StakeAge { .. } => {}
        WeightRule::OneMemberOneVote | WeightRule::SqrtStake => p.add(
            "R-59",
            "weight_rule",
            format!(
                "is {}; must be stake or stake_age with open admission, or anybody could split their stake over \
                 several keys",
                charter.weight_rule.name()
            ),
        ),
    }
    if let Some(cap) = charter.per_member_cap {
        p.add("R-59", "per_member_cap", format!("is {cap}; must be left out with open admission"));
    }
    //
    for (i, rule) in charter.classes.iter().enumerate() {
        if rule.systems.iter().any(|system| matches!(system, System::Quadratic { .. })) {
            let what = "has quadratic with open admission; must be without it, or admission be by vote or invite";
            p.add("R-60", &format!("classes[{i}].systems"), what.into());
        }
    }
    if charter.rewards.pool_sat_per_epoch > 0 && charter.rewards.share == RewardShare::Equal {
        p.add("R-60", "rewards.share", "is equal; must be by_weight with open admission".into());
    }
}

/// guardians put off and veto, and no single one of them does.
fn guardians(charter: &Charter, p: &mut Problems) {
    let guardians = &charter.guardians;
    let (found, threshold) = (guardians.members.len(), usize::from(guardians.threshold));
    let field = "guardians.threshold";
    if found == 0 {
        if threshold != 0 || guardians.delay_blocks != 0 {
            p.add(
                "R-69",
                field,
                format!(
                    "is {threshold}, and guardians.delay_blocks {}, without guardians; must both be 0, or \
                     guardians.members name at least 2",
                    guardians.delay_blocks
                ),
            );
        }
        return;
    }
    if found == 1 {
        p.add("R-69", "guardians.members", "has length 1; must be 0, or 2 and more".into());
    }
    if threshold * 2 <= found || threshold > found {
        p.add(
            "R-69",
            field,
            format!("is {threshold}; must be more than half of the {found} guardians, and at most all"),
        );
    }
    p.within("R-69", "guardians.delay_blocks", guardians.delay_blocks, 0, MAX_GUARDIAN_DELAY_BLOCKS);
}
