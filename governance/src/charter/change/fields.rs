//! Every field of a charter with its value in words and with what may change it.
//!
//! The patterns name all fields of every type, so that a field added to a charter and forgotten here does not compile.

use std::fmt::Display;

use crate::charter::{
    Admission, Charter, Class, ClassRule, DelegationLimits, DiscussionLimits, Guardians, Guards, RewardShare, Rewards,
    Staging, WeightRule,
};
use crate::voting::{ALL_BP, Quorum, System, Threshold};

/// What a rule change that starts at 0 counts as for periods: 72 hours.
const BASE_BLOCKS: u64 = 432;
/// As [`BASE_BLOCKS`], for shares of the votes.
const BASE_SHARE: u64 = 100;
/// As [`BASE_BLOCKS`], for comments and votes on them.
const BASE_COMMENTS: u64 = 100;
/// Epochs as which "never dormant" counts: more than any charter may name.
const NEVER_EPOCHS: u64 = 1000;

/// One field of one charter.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) path: String,
    /// The value in words.
    pub(super) shown: String,
    pub(super) kind: Kind,
}

/// What may change a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Nothing.
    Identity,
    /// Class replace_keys.
    Keys,
    /// Class elect_treasurers.
    Treasury,
    /// A rule change.
    Free,
    /// A rule change, by at most the factor of the guards. From 0 it rises as if it had been `base`.
    Number { value: u64, base: u64 },
    /// As a number, by at most the factor for shares of the votes.
    Share { value: u64, base: u64 },
}

/// All fields in the order of the canonical bytes.
pub(super) fn of(charter: &Charter) -> Vec<Field> {
    let mut list = top(charter);
    for class in Class::ALL {
        let rules = charter.classes.iter().filter(|rule| rule.class == class);
        for (place, rule) in rules.enumerate() {
            let prefix = format!("classes.{}[{place}].", class.name());
            list.extend(of_rule(rule, charter, &prefix));
        }
    }
    list
}

/// The fields of one rule, with the bases that `charter` gives.
pub(super) fn of_rule(rule: &ClassRule, charter: &Charter, prefix: &str) -> Vec<Field> {
    let ClassRule {
        class: _,
        max_amount_sat,
        review_blocks,
        voting_blocks,
        veto_blocks,
        expiry_blocks,
        threshold,
        quorum,
        distinct_voters_min,
        systems,
        veto_bp,
        oppose_bp,
        final_ballots,
        early_decision,
        late_surge,
        bodies,
        deposit_sat,
        min_support_bp,
        min_proposer_weight,
    } = rule;
    let mut list = List::new(prefix);
    // Limits of bands are compared amount by amount.
    list.free("max_amount_sat", max_amount_sat.map_or_else(|| "unlimited".to_owned(), |sat| sat.to_string()));
    list.number("review_blocks", *review_blocks, BASE_BLOCKS);
    list.number("voting_blocks", *voting_blocks, 0);
    list.number("veto_blocks", *veto_blocks, BASE_BLOCKS);
    list.number("expiry_blocks", *expiry_blocks, 0);
    let (shown, value) = match *threshold {
        Threshold::Majority => ("majority".to_owned(), ALL_BP / 2 + 1),
        Threshold::PercentBp(bp) => (format!("{bp} bp"), bp),
    };
    list.push("threshold", shown, Kind::Share { value: u64::from(value), base: 0 });
    let (shown, value) = match *quorum {
        Quorum::ParticipationBp(bp) => (format!("participation {bp} bp"), bp),
        Quorum::YesOfTotalBp(bp) => (format!("yes of total {bp} bp"), bp),
    };
    list.push("quorum", shown, Kind::Share { value: u64::from(value), base: 0 });
    list.number("distinct_voters_min", *distinct_voters_min, 1);
    list.free("systems", words(systems.iter().map(system)));
    list.share("veto_bp", *veto_bp);
    list.share("oppose_bp", *oppose_bp);
    list.free("final_ballots", final_ballots);
    list.free("early_decision", early_decision);
    list.free("late_surge", late_surge);
    list.free("bodies", words(bodies.iter().map(|body| body.name())));
    list.number("deposit_sat", *deposit_sat, charter.admission.min_stake_sat());
    list.share("min_support_bp", *min_support_bp);
    let smallest = u64::try_from(charter.smallest_weight()).unwrap_or(u64::MAX);
    list.number("min_proposer_weight", *min_proposer_weight, smallest);
    list.fields
}

fn top(charter: &Charter) -> Vec<Field> {
    let Charter {
        name,
        network,
        hub_node_key,
        hub_log_key,
        anchor_key,
        treasury_descriptor,
        treasurers,
        founders,
        admission,
        epoch_blocks,
        stake_confirmations,
        final_depth,
        hub_funding_sat,
        weight_rule,
        per_member_cap,
        gates,
        gate_sat,
        seal_sat,
        spare_seal_sat,
        max_link_fee_rate_sat_vb,
        gossip_peers,
        classes: _,
        guards,
        guardians,
        rewards,
        delegation,
        discussion,
        hub_bond_sat,
        dormant_after_epochs,
        equivocation_suspension_epochs,
        forced_entry_delay_blocks,
        anchored_links,
        succession_window_blocks,
        staging,
    } = charter;
    let min_stake_sat = admission.min_stake_sat();
    let mut list = List::new("");
    list.free("name", format!("{name:?}"));
    list.push("network", network.to_string(), Kind::Identity);
    list.push("hub_node_key", hub_node_key.to_string(), Kind::Keys);
    list.push("hub_log_key", hub_log_key.to_string(), Kind::Keys);
    list.push("anchor_key", anchor_key.to_string(), Kind::Keys);
    list.push("treasury_descriptor", format!("{treasury_descriptor:?}"), Kind::Treasury);
    let holders = treasurers.iter().map(|treasurer| format!("{:?} {}", treasurer.name, treasurer.key));
    list.push("treasurers", words(holders), Kind::Treasury);
    list.push("founders", words(founders), Kind::Identity);
    list.admission(*admission);
    // Heights of boundaries and the depth of finality are the clock to which everything in the log refers.
    list.push("epoch_blocks", epoch_blocks.to_string(), Kind::Identity);
    list.push("stake_confirmations", stake_confirmations.to_string(), Kind::Identity);
    list.push("final_depth", final_depth.to_string(), Kind::Identity);
    list.push("hub_funding_sat", hub_funding_sat.to_string(), Kind::Identity);
    list.free("weight_rule", weight_rule.name());
    if let WeightRule::StakeAge { cap_blocks } = weight_rule {
        list.number("weight_rule.stake_age.cap_blocks", *cap_blocks, 0);
    }
    if let Some(cap) = per_member_cap {
        list.number("per_member_cap", *cap, 0);
    }
    list.push("gates", gates.to_string(), Kind::Identity);
    list.push("gate_sat", gate_sat.to_string(), Kind::Identity);
    list.push("seal_sat", seal_sat.to_string(), Kind::Identity);
    list.push("spare_seal_sat", spare_seal_sat.to_string(), Kind::Identity);
    list.number("max_link_fee_rate_sat_vb", *max_link_fee_rate_sat_vb, 0);
    list.free("gossip_peers", words(gossip_peers.iter().map(|peer| format!("{peer:?}"))));
    list.guards(guards, min_stake_sat);
    list.guardians(guardians);
    list.limits(rewards, *delegation, *discussion, min_stake_sat);
    list.number("hub_bond_sat", *hub_bond_sat, min_stake_sat);
    let dormant = match u64::from(*dormant_after_epochs) {
        0 => ("never".to_owned(), NEVER_EPOCHS),
        n => (n.to_string(), n),
    };
    list.push("dormant_after_epochs", dormant.0, Kind::Number { value: dormant.1, base: 0 });
    list.number("equivocation_suspension_epochs", *equivocation_suspension_epochs, 1);
    list.number("forced_entry_delay_blocks", *forced_entry_delay_blocks, 0);
    list.free("anchored_links", anchored_links);
    list.number("succession_window_blocks", *succession_window_blocks, 0);
    list.staging(staging.as_ref(), min_stake_sat);
    list.fields
}

struct List {
    prefix: String,
    fields: Vec<Field>,
}

impl List {
    fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), fields: Vec::new() }
    }

    fn push(&mut self, name: &str, shown: String, kind: Kind) {
        self.fields.push(Field { path: format!("{}{name}", self.prefix), shown, kind });
    }

    fn free(&mut self, name: &str, value: impl Display) {
        self.push(name, value.to_string(), Kind::Free);
    }

    fn number(&mut self, name: &str, value: impl Into<u64>, base: u64) {
        let value = value.into();
        self.push(name, value.to_string(), Kind::Number { value, base });
    }

    fn share(&mut self, name: &str, bp: u16) {
        self.push(name, format!("{bp} bp"), Kind::Share { value: u64::from(bp), base: BASE_SHARE });
    }

    fn admission(&mut self, admission: Admission) {
        let name = match admission {
            Admission::Open { .. } => "open",
            Admission::Vote { .. } => "vote",
            Admission::Invite { .. } => "invite",
        };
        self.free("admission", name);
        self.number("admission.min_stake_sat", admission.min_stake_sat(), 0);
        if let Admission::Invite { max_open_per_member, .. } = admission {
            self.number("admission.max_open_per_member", max_open_per_member, 0);
        }
    }

    fn guards(&mut self, guards: &Guards, min_stake_sat: u64) {
        let Guards {
            spending_cap,
            active_stake_min_sat,
            step_limit_factor_bp,
            threshold_step_factor_bp,
            electorate_shrink_bp,
            eligibility_delay_epochs,
            cooldown_blocks,
            deposit_growth_bp,
            pause_max_blocks,
            excluded_members,
        } = guards;
        if let Some(cap) = spending_cap {
            self.number("guards.spending_cap.window_blocks", cap.window_blocks, 0);
            self.number("guards.spending_cap.max_sat", cap.max_sat, 0);
        }
        self.number("guards.active_stake_min_sat", *active_stake_min_sat, min_stake_sat);
        self.number("guards.step_limit_factor_bp", *step_limit_factor_bp, 0);
        self.number("guards.threshold_step_factor_bp", *threshold_step_factor_bp, 0);
        self.share("guards.electorate_shrink_bp", *electorate_shrink_bp);
        self.number("guards.eligibility_delay_epochs", *eligibility_delay_epochs, 0);
        self.number("guards.cooldown_blocks", *cooldown_blocks, BASE_BLOCKS);
        self.number("guards.deposit_growth_bp", *deposit_growth_bp, u64::from(ALL_BP) / 2);
        self.number("guards.pause_max_blocks", *pause_max_blocks, 0);
        self.free("guards.excluded_members", words(excluded_members));
    }

    fn guardians(&mut self, guardians: &Guardians) {
        let Guardians { members, threshold, delay_blocks } = guardians;
        self.free("guardians.members", words(members));
        self.free("guardians.threshold", threshold);
        self.number("guardians.delay_blocks", *delay_blocks, BASE_BLOCKS);
    }

    /// G-123: numbers move by the factor of the guards; the switch itself is a rule change as any other.
    fn staging(&mut self, staging: Option<&Staging>, min_stake_sat: u64) {
        let Some(Staging { from_sat, delay_blocks, threshold, keys }) = staging else {
            return self.free("staging", "off");
        };
        self.free("staging", "on");
        self.number("staging.from_sat", *from_sat, min_stake_sat);
        self.number("staging.delay_blocks", *delay_blocks, 0);
        self.free("staging.threshold", threshold);
        self.free("staging.keys", words(keys));
    }

    fn limits(
        &mut self,
        rewards: &Rewards,
        delegation: DelegationLimits,
        discussion: DiscussionLimits,
        min_stake_sat: u64,
    ) {
        let Rewards { pool_sat_per_epoch, share, dues_sat_per_epoch } = rewards;
        self.number("rewards.pool_sat_per_epoch", *pool_sat_per_epoch, min_stake_sat);
        self.free(
            "rewards.share",
            match share {
                RewardShare::Equal => "equal",
                RewardShare::ByWeight => "by_weight",
            },
        );
        self.number("rewards.dues_sat_per_epoch", *dues_sat_per_epoch, min_stake_sat.div_ceil(1000));
        let DelegationLimits { enabled, max_parts } = delegation;
        self.free("delegation.enabled", enabled);
        self.free("delegation.max_parts", max_parts);
        let DiscussionLimits { comments_per_epoch, comment_votes_per_epoch, comment_bytes } = discussion;
        self.number("discussion.comments_per_epoch", comments_per_epoch, BASE_COMMENTS);
        self.number("discussion.comment_votes_per_epoch", comment_votes_per_epoch, BASE_COMMENTS);
        self.number("discussion.comment_bytes", comment_bytes, 0);
    }
}

fn words<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}

fn system(system: &System) -> String {
    match system {
        System::Score { max } => format!("score 0 to {max}"),
        System::Quadratic { credits } => format!("quadratic of {credits}"),
        other => other.name().to_owned(),
    }
}
