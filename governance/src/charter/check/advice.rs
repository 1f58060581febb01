//! What a charter may say but hardly should.

use std::fmt;

use crate::charter::{Admission, Charter, Class, ClassRule, WeightRule};
use crate::voting::{ALL_BP, Quorum, Threshold};

/// Voting period in blocks below which people miss votes: 72 hours.
const WISE_VOTING_BLOCKS: u32 = 432;
/// Quorum in basis points below which a few decide.
const WISE_QUORUM_BP: u16 = 500;
/// Open invitations per member above which one member can pack the association.
const WISE_INVITATIONS: u16 = 10;

/// One thing that is allowed but unwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Clause of the specification.
    pub rule: &'static str,
    /// Which field.
    pub field: String,
    /// What could happen.
    pub what: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.field, self.rule, self.what)
    }
}

impl Charter {
    /// What this charter may say but hardly should; never a reason to refuse it.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        let mut list = AdviceList(Vec::new());
        hub_keys(self, &mut list);
        treasury(self, &mut list);
        power(self, &mut list);
        membership(self, &mut list);
        for (i, rule) in self.classes.iter().enumerate() {
            class(self, i, rule, &mut list);
        }
        list.0
    }
}

struct AdviceList(Vec<Advice>);

impl AdviceList {
    fn add(&mut self, rule: &'static str, field: impl Into<String>, what: impl Into<String>) {
        self.0.push(Advice { rule, field: field.into(), what: what.into() });
    }
}

/// what one secret opens, one theft takes; and neither key can be replaced without the other.
fn hub_keys(charter: &Charter, list: &mut AdviceList) {
    let node = charter.hub_node_key.x_only_public_key().0;
    let keys = [("hub_node_key", node), ("hub_log_key", charter.hub_log_key), ("anchor_key", charter.anchor_key)];
    for (i, (field, key)) in keys.iter().enumerate() {
        if let Some((other, _)) = keys[..i].iter().find(|(_, before)| before == key) {
            list.add("R-94", *field, format!("is the same as {other}; whoever gets one secret has both powers"));
        }
    }
}

fn treasury(charter: &Charter, list: &mut AdviceList) {
    let pays = charter.classes.iter().any(|rule| rule.class.pays());
    if pays && charter.guards.spending_cap.is_none() {
        list.add("R-80", "guards.spending_cap", "is absent; one passed vote can empty the treasury");
    }
    if pays && charter.guards.active_stake_min_sat == 0 {
        list.add("R-81", "guards.active_stake_min_sat", "is 0; whoever stays when all others have left can spend");
    }
    let spam = charter.classes.iter().all(|rule| rule.deposit_sat == 0) && charter.guards.cooldown_blocks == 0;
    if spam {
        list.add(
            "R-82",
            "guards.cooldown_blocks",
            "is 0 and no class has a deposit; proposals can be repeated for free",
        );
    }
    if charter.rewards.pool_sat_per_epoch > 0 && charter.rewards.dues_sat_per_epoch == 0 {
        list.add("R-83", "rewards.pool_sat_per_epoch", "is paid by the treasury, because there are no dues");
    }
}

fn power(charter: &Charter, list: &mut AdviceList) {
    let mut of_class = charter.classes.iter().filter(|rule| rule.class == Class::RuleChange);
    if of_class.next().is_none() {
        list.add("R-84", "classes", "has no rule for class rule_change; this charter can never change");
    }
    // else a spend goes the easy way: first the rules, then the money.
    let strictest = charter.classes.iter().filter(|rule| rule.class.pays()).map(threshold_bp).max().unwrap_or(0);
    for (i, rule) in charter.classes.iter().enumerate() {
        if rule.class.changes_charter() && threshold_bp(rule) < strictest {
            let what = format!("of class {} is easier than the strictest of a class that pays", rule.class.name());
            list.add("R-85", format!("classes[{i}].threshold"), what);
        }
    }
    let windows = charter.classes.iter().any(|rule| rule.veto_blocks > 0);
    match (charter.guardians.members.is_empty(), windows) {
        (true, true) => list.add("R-86", "guardians.members", "is empty; nobody can use the veto windows"),
        (false, false) => list.add("R-86", "guardians.members", "cannot do anything; no class has a veto window"),
        _ => {}
    }
}

fn membership(charter: &Charter, list: &mut AdviceList) {
    expulsion(charter, list);
    let has = |class| charter.classes.iter().any(|rule| rule.class == class);
    if matches!(charter.admission, Admission::Open { .. }) {
        if has(Class::Admit) {
            list.add("R-87", "classes", "has a rule for class admit, but anybody is admitted");
        }
        if has(Class::Expel) {
            let what =
                "has a rule for class expel, but anybody is admitted: who is expelled comes back with another key";
            list.add("R-87", "classes", what);
        }
    }
    match charter.admission {
        Admission::Invite { max_open_per_member, .. } if max_open_per_member > WISE_INVITATIONS => {
            let what = format!("is {max_open_per_member}; one member can pack the association");
            list.add("R-87", "admission.invite.max_open_per_member", what);
        }
        Admission::Invite { .. } if splits(charter) => {
            let what = "lets each member bring in others, who weigh more as several than as one: whoever has keys and stakes enough \
                        outvotes the rest within some epochs; admission by vote leaves that to all";
            list.add("R-87", "admission", what);
        }
        _ => {}
    }
}

/// Whether one stake weighs more in the hands of several members than in those of one.
fn splits(charter: &Charter) -> bool {
    matches!(charter.weight_rule, WeightRule::OneMemberOneVote | WeightRule::SqrtStake)
        || charter.per_member_cap.is_some()
}

/// the guard of G-102 holds for single members too.
fn expulsion(charter: &Charter, list: &mut AdviceList) {
    let (bp, founders) = (charter.guards.electorate_shrink_bp, charter.founders.len());
    let expels = charter.classes.iter().any(|rule| rule.class == Class::Expel);
    if !expels || usize::from(bp) * founders >= usize::from(ALL_BP) {
        return;
    }
    let what = match ALL_BP.checked_div(bp) {
        Some(_) => {
            let needed = ALL_BP.div_ceil(bp);
            format!(
                "is {bp} basis points; among fewer than {needed} equal members (founders: {founders}) nobody can be expelled"
            )
        }
        None => "is 0; nobody can be expelled".to_owned(),
    };
    list.add("R-95", "guards.electorate_shrink_bp", what);
}

fn class(charter: &Charter, i: usize, rule: &ClassRule, list: &mut AdviceList) {
    let at = |name: &str| format!("classes[{i}].{name}");
    if !charter.is_regtest() && rule.voting_blocks < WISE_VOTING_BLOCKS {
        let what = format!("is {}; below {WISE_VOTING_BLOCKS} (72 hours) people miss votes", rule.voting_blocks);
        list.add("R-88", at("voting_blocks"), what);
    }
    let (Quorum::ParticipationBp(bp) | Quorum::YesOfTotalBp(bp)) = rule.quorum;
    if bp < WISE_QUORUM_BP {
        list.add("R-89", at("quorum"), format!("is {bp} basis points; a few decide"));
    }
    if rule.class.pays() && rule.distinct_voters_min < 2 {
        let what = format!("is {}; one member alone can decide a payment", rule.distinct_voters_min);
        list.add("R-90", at("distinct_voters_min"), what);
    }
    if rule.class.pays() && rule.veto_blocks == 0 {
        list.add("R-91", at("veto_blocks"), "is 0; nobody has time to stop a payment that should not have passed");
    }
    let min_stake_sat = charter.admission.min_stake_sat();
    if rule.deposit_sat > min_stake_sat {
        let what =
            format!("is {}; members with the smallest stake of {min_stake_sat} cannot propose", rule.deposit_sat);
        list.add("R-92", at("deposit_sat"), what);
    }
    let (asked, smallest) = (rule.min_proposer_weight, charter.smallest_weight());
    if u128::from(asked) > smallest {
        let what = format!("is {asked}; members with the smallest stake, who weigh {smallest}, cannot propose");
        list.add("R-93", at("min_proposer_weight"), what);
    }
}

/// Yes among yes and no, in basis points; a majority counts as one more than half.
fn threshold_bp(rule: &ClassRule) -> u16 {
    match rule.threshold {
        Threshold::Majority => ALL_BP / 2 + 1,
        Threshold::PercentBp(bp) => bp,
    }
}
