//! The charter in plain sentences, from parsed values only.

mod class;

use super::{Admission, Charter, RewardShare, WeightRule};

/// Sentences of a charter about one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The subject, as a heading.
    pub title: String,
    /// Complete sentences.
    pub sentences: Vec<String>,
}

impl Charter {
    /// The whole charter for a person to read before joining: a heading, then one sentence per line, per subject.
    #[must_use]
    pub fn explain(&self) -> String {
        let texts: Vec<String> = self
            .sections()
            .into_iter()
            .map(|section| format!("{}\n  {}\n", section.title, section.sentences.join("\n  ")))
            .collect();
        texts.join("\n")
    }

    /// The sentences of [`Charter::sections`] without headings.
    #[must_use]
    pub fn to_plain_sentences(&self) -> Vec<String> {
        self.sections().into_iter().flat_map(|section| section.sentences).collect()
    }

    /// One sentence or more per rule, complete and in a fixed order.
    #[must_use]
    pub fn sections(&self) -> Vec<Section> {
        let mut sections = vec![
            section("Who and where", self.identity()),
            section("Members and weight", self.membership()),
            section("Clock and anchors", self.clock()),
            section("Guards", self.guard_sentences()),
            section("Money", self.money()),
            section("Delegation and discussion", self.talk()),
        ];
        sections.extend(self.classes.iter().map(|rule| section(rule.heading(), rule.to_plain_sentences())));
        sections
    }

    fn identity(&self) -> Vec<String> {
        let network = self.bitcoin_network().map_or_else(|| self.network.to_string(), |n| n.to_string());
        let mut out = vec![
            format!("This DAO is called {:?} and lives on the Bitcoin network {network}.", self.name),
            format!("Its hub has node key {} and signs the log with key {}.", self.hub_node_key, self.hub_log_key),
            format!("The anchor links are held by key {}.", self.anchor_key),
            format!("The treasury is {:?}.", self.treasury_descriptor),
        ];
        out.extend(self.treasurers.iter().map(|t| format!("{:?} is a treasurer, with key {}.", t.name, t.key)));
        out.extend(self.founders.iter().map(|f| format!("Vote key {f} is a founder's.")));
        out.extend(self.gossip_peers.iter().map(|peer| format!("Log heads are gossiped at {peer:?}.")));
        out
    }

    fn membership(&self) -> Vec<String> {
        let least = self.admission.min_stake_sat();
        let mut out = vec![match self.admission {
            Admission::Open { .. } => format!("Anybody who stakes at least {least} sat is a member."),
            Admission::Vote { .. } => {
                format!("Founders, and those whom a vote admits, are members while they stake at least {least} sat.")
            }
            Admission::Invite { max_open_per_member, .. } => format!(
                "Founders, those whom a member invites and those whom a vote admits are members while they stake at least \
                 {least} sat; a member has at most {max_open_per_member} open invitations."
            ),
        }];
        out.push(match self.weight_rule {
            WeightRule::Stake => "One staked satoshi is one unit of weight.".to_owned(),
            WeightRule::OneMemberOneVote => "One member is one unit of weight.".to_owned(),
            WeightRule::SqrtStake => "Weight is the integer square root of the staked satoshis.".to_owned(),
            WeightRule::StakeAge { cap_blocks } => format!(
                "Weight is the staked satoshis times the blocks since they were staked, of which at most {cap_blocks} count."
            ),
        });
        out.push(match self.per_member_cap {
            Some(cap) => format!("No member weighs more than {cap}."),
            None => "No weight is capped.".to_owned(),
        });
        out.push(match self.dormant_after_epochs {
            0 => "A member who does nothing keeps counting toward all weight for ever.".to_owned(),
            n => {
                format!("A member without an entry for {n} epochs leaves the count of all weight until the next entry.")
            }
        });
        out.push(format!(
            "Who signs two different entries in one place loses both, and every right for {} epochs.",
            self.equivocation_suspension_epochs
        ));
        out
    }

    fn clock(&self) -> Vec<String> {
        vec![
            format!("An epoch is {} blocks long.", self.epoch_blocks),
            format!("Stake counts from its confirmation {} on.", self.stake_confirmations),
            format!("A link is final at its confirmation {}.", self.final_depth),
            format!(
                "An epoch that leaves out an entry {} blocks after it was forced through Bitcoin authorises nothing.",
                self.forced_entry_delay_blocks
            ),
            format!(
                "The genesis transaction has a seal of {} sat, a spare seal of {} sat and {} gate(s) of {} sat each.",
                self.seal_sat, self.spare_seal_sat, self.gates, self.gate_sat
            ),
            format!("A link pays at most {} sat per virtual byte.", self.max_link_fee_rate_sat_vb),
            match self.anchored_links {
                true => "Any member can pay for a link that is stuck.".to_owned(),
                false => "Only the hub can pay more for a link that is stuck.".to_owned(),
            },
            format!(
                "Members with more than half of the weight can put another hub in its place, and take back links of up to {} blocks.",
                self.succession_window_blocks
            ),
        ]
    }

    fn guard_sentences(&self) -> Vec<String> {
        let guards = &self.guards;
        let mut out = vec![match guards.spending_cap {
            Some(cap) => format!(
                "At most {} sat leave the treasury within any {} blocks; what does not fit is not paid.",
                cap.max_sat, cap.window_blocks
            ),
            None => "Nothing limits what leaves the treasury but the votes.".to_owned(),
        }];
        out.push(match guards.active_stake_min_sat {
            0 => "Payments are voted on however little stake is active.".to_owned(),
            sat => format!(
                "What opens for voting while less than {sat} sat of stake are active pays nothing, whatever the vote says."
            ),
        });
        out.push(format!(
            "One rule change moves a number at most by the factor {} and a share of the votes at most by the factor {}.",
            factor(guards.step_limit_factor_bp),
            factor(guards.threshold_step_factor_bp)
        ));
        let shrink = percent(guards.electorate_shrink_bp);
        out.push(format!(
            "A rule change that would take more than {shrink} of all weight from those who have it has no effect, and a \
             change of who is eligible counts after {} epoch(s).",
            guards.eligibility_delay_epochs
        ));
        out.push(format!(
            "An expulsion has no effect if it would take more than {shrink} of all weight, together with those that passed \
             and wait or took effect since its roll: whoever weighs more than that cannot be expelled."
        ));
        out.extend(cooldown(guards.cooldown_blocks));
        if guards.deposit_growth_bp > 0 {
            let grown = factor(guards.deposit_growth_bp.saturating_add(10_000));
            out.push(format!("With every failure its deposit grows by the factor {grown}."));
        }
        out.push(format!(
            "One pause holds back what it names for at most {} blocks; one that the members do not decide only what pays.",
            guards.pause_max_blocks
        ));
        out.extend(guards.excluded_members.iter().map(|m| format!("The stake of vote key {m} has no weight.")));
        out.extend(self.guardian_sentences());
        out.extend(self.staging_sentences());
        out
    }

    /// G-120, with what it cannot do: nobody should switch it on and expect more.
    fn staging_sentences(&self) -> Vec<String> {
        let Some(staging) = &self.staging else { return vec!["No payment is staged.".to_owned()] };
        let which = match staging.from_sat {
            0 => "Every payment".to_owned(),
            sat => format!("A payment of {sat} sat or more"),
        };
        let (threshold, count, blocks) = (staging.threshold, staging.keys.len(), staging.delay_blocks);
        let mut out = vec![format!(
            "{which} is staged: it rests {blocks} block(s) before it is paid out, and {threshold} of {count} guardian(s) of staged payments \
             together with one treasurer can bring it back until then."
        )];
        out.extend(staging.keys.iter().map(|key| format!("Key {key} is of a guardian of staged payments.")));
        out.push(format!(
            "Bitcoin cannot bind what they do with it: {threshold} guardian(s) and one treasurer who agree can also take what is staged, which \
             every member then sees."
        ));
        out
    }

    fn guardian_sentences(&self) -> Vec<String> {
        let guardians = &self.guardians;
        if guardians.members.is_empty() {
            return vec!["There are no guardians.".to_owned()];
        }
        let delay = match guardians.delay_blocks {
            0 => String::new(),
            n => format!(", or put it off once by {n} blocks"),
        };
        let mut out: Vec<String> = guardians.members.iter().map(|m| format!("Vote key {m} is a guardian's.")).collect();
        out.push(format!(
            "Any {} of the {} guardians can veto what passed, in its veto window{delay}; they can do nothing else.",
            guardians.threshold,
            guardians.members.len()
        ));
        out
    }

    fn money(&self) -> Vec<String> {
        let rewards = &self.rewards;
        let mut out = vec![match (rewards.pool_sat_per_epoch, rewards.share) {
            (0, _) => "Voting is not paid.".to_owned(),
            (sat, RewardShare::Equal) => format!("{sat} sat per epoch are shared equally among those who voted."),
            (sat, RewardShare::ByWeight) => format!("{sat} sat per epoch are shared by weight among those who voted."),
        }];
        out.push(match rewards.dues_sat_per_epoch {
            0 => "There are no dues.".to_owned(),
            sat => format!("Every member owes {sat} sat per epoch."),
        });
        out.push(match self.hub_bond_sat {
            0 => "The hub has no bond.".to_owned(),
            sat => format!("The hub loses a bond of {sat} sat when its fraud is proven."),
        });
        out.push(format!("The hub puts {} sat of its own into a new channel.", self.hub_funding_sat));
        out
    }

    fn talk(&self) -> Vec<String> {
        let discussion = &self.discussion;
        vec![
            match (self.delegation.enabled, self.delegation.max_parts) {
                (false, _) => "Nobody can vote for another.".to_owned(),
                (true, n) => format!("A member may let up to {n} other(s) vote for them, and take it back."),
            },
            match discussion.comments_per_epoch {
                0 => "Comments are not taken.".to_owned(),
                n => format!(
                    "A member may write {n} comments of up to {} bytes per epoch and vote on {} comments.",
                    discussion.comment_bytes, discussion.comment_votes_per_epoch
                ),
            },
        ]
    }
}

/// G-100, as far as the cool-down goes.
fn cooldown(blocks: u32) -> Vec<String> {
    if blocks == 0 {
        return vec!["A proposal that failed may be repeated at once.".to_owned()];
    }
    vec![
        format!(
            "What is proposed within {blocks} blocks after a vote failed has no effect if it is about the same: a payee, a \
             member, a budget or thread, a class to pause, or a field of the charter (of another author: the same value \
             for it, and only if the members were heard and said no)."
        ),
        "Within them the author of what failed cannot effectively propose another payment to somebody whom no vote ever paid, \
         after a payment; nor, after a text or request, another of its class."
            .to_owned(),
        "What stood in the log already when the vote ended is barred only if it is by the same author, about the same, and \
         asks for no less."
            .to_owned(),
    ]
}

fn section(title: impl Into<String>, sentences: Vec<String>) -> Section {
    Section { title: title.into(), sentences }
}

/// Basis points as a percentage with two digits, exactly.
fn percent(bp: u16) -> String {
    format!("{}.{:02} %", bp / 100, bp % 100)
}

/// Parts of 10,000 as a decimal number, exactly.
fn factor(parts: u32) -> String {
    format!("{}.{:04}", parts / 10_000, parts % 10_000)
}
