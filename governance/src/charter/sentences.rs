//! The charter in plain sentences, from the parsed data.

use super::{Admission, Charter, ClassRule, Quorum, Threshold, WeightRule};

impl Charter {
    /// One sentence per rule, complete and in a fixed order, for a person to read before joining.
    #[must_use]
    pub fn to_plain_sentences(&self) -> Vec<String> {
        let network = self.bitcoin_network().map_or_else(|| self.network.to_string(), |n| n.to_string());
        let mut out = vec![
            format!("This DAO is called {:?} and lives on the Bitcoin network {network}.", self.name),
            format!("Its hub has node key {} and signs the log with key {}.", self.hub_node_key, self.hub_log_key),
            format!("The anchor links are held by key {}.", self.anchor_key),
            format!("The treasury is {}.", self.treasury_descriptor),
        ];
        out.extend(self.treasurers.iter().map(|t| format!("{:?} is a treasurer, with key {}.", t.name, t.key)));
        out.extend(self.founders.iter().map(|f| format!("Vote key {f} is a founder's.")));
        let min_stake_sat = self.admission.min_stake_sat();
        out.push(match self.admission {
            Admission::Open { .. } => format!("Anybody who stakes at least {min_stake_sat} sat is a member."),
            Admission::Vote { .. } => {
                format!("Whom a vote admits and who stakes at least {min_stake_sat} sat is a member.")
            }
            Admission::Invite { .. } => {
                format!("Whom a member invites and who stakes at least {min_stake_sat} sat is a member.")
            }
        });
        out.push(format!("An epoch is {} blocks long.", self.epoch_blocks));
        out.push(format!("Stake counts from its confirmation {} on.", self.stake_confirmations));
        out.push(format!("A link is final at its confirmation {}.", self.final_depth));
        out.push(format!("The hub puts {} sat of its own into a new channel.", self.hub_funding_sat));
        out.push(match self.weight_rule {
            WeightRule::Stake => "One staked satoshi is one unit of weight.".to_owned(),
            WeightRule::OneMemberOneVote => "One member is one unit of weight.".to_owned(),
            WeightRule::StakeAge { cap_blocks } => {
                format!("Weight is staked satoshis times the blocks since they were staked, at most {cap_blocks}.")
            }
            WeightRule::SqrtStake => "Weight is the integer square root of the staked satoshis.".to_owned(),
        });
        if let Some(cap) = self.per_member_cap {
            out.push(format!("No member weighs more than {cap}."));
        }
        out.push(format!(
            "The genesis transaction has a seal of {} sat, a spare seal of {} sat and {} gate(s) of {} sat each.",
            self.seal_sat, self.spare_seal_sat, self.gates, self.gate_sat
        ));
        out.push(format!("A link pays at most {} sat per virtual byte.", self.max_link_fee_rate_sat_vb));
        out.extend(self.gossip_peers.iter().map(|peer| format!("Log heads are gossiped at {peer}.")));
        out.extend(self.classes.iter().map(ClassRule::to_plain_sentence));
        out
    }
}

impl ClassRule {
    /// The whole rule in one sentence.
    #[must_use]
    pub fn to_plain_sentence(&self) -> String {
        let band = match self.max_amount_sat {
            Some(max) => format!(" of up to {max} sat"),
            None => String::new(),
        };
        let review = match self.review_blocks {
            0 => "is voted on at once".to_owned(),
            n => format!("is reviewed for {n} blocks, then voted on"),
        };
        let threshold = match self.threshold {
            Threshold::Majority => "more than half of yes and no is yes".to_owned(),
            Threshold::PercentBp(bp) => format!("at least {} of yes and no is yes", percent(bp)),
        };
        let quorum = match self.quorum {
            Quorum::ParticipationBp(bp) => {
                format!("yes and abstain together are at least {} of all weight", percent(bp))
            }
            Quorum::YesOfTotalBp(bp) => format!("yes is at least {} of all weight", percent(bp)),
        };
        let distinct = match self.distinct_voters_min {
            0 => String::new(),
            n => format!(" and at least {n} members vote"),
        };
        format!(
            "A {} proposal{band} {review} for at least {} blocks; it passes if {threshold} and {quorum}{distinct}; it is \
             authorised {} blocks after the close and expires {} blocks later.",
            self.class.name(),
            self.voting_blocks,
            self.veto_blocks,
            self.expiry_blocks
        )
    }
}

/// Basis points as a percentage with two digits, exactly.
fn percent(bp: u16) -> String {
    format!("{}.{:02} %", bp / 100, bp % 100)
}
