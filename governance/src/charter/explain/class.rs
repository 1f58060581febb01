//! The rule of one class in plain sentences.

use super::percent;
use crate::charter::{Body, Class, ClassRule};
use crate::voting::{Quorum, System, Threshold};

impl Class {
    /// What a proposal of this class does, as a phrase after "decides".
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Text => "a resolution, without any payment",
            Self::Spend => "a payment out of the treasury",
            Self::Budget => "payments by milestone, which a later vote can stop",
            Self::RuleChange => "another charter in place of this one",
            Self::Admit => "that somebody becomes a member",
            Self::Expel => "that somebody stops being a member",
            Self::ElectTreasurers => "who the treasurers are and where the treasury is kept",
            Self::ReplaceKeys => "other keys of the hub or of the anchor links",
            Self::Confiscate => "that the treasury takes a deposit",
            Self::Pause => "that payments stop for a while; it can never pay",
            Self::Request => "which of several submissions is paid, if any",
        }
    }
}

impl ClassRule {
    /// The whole rule in one paragraph.
    #[must_use]
    pub fn to_plain_sentence(&self) -> String {
        self.to_plain_sentences().join(" ")
    }

    /// The whole rule, a sentence per part.
    #[must_use]
    pub fn to_plain_sentences(&self) -> Vec<String> {
        let (class, band, meaning) = (self.class.name(), self.band(), self.class.meaning());
        let mut out = vec![format!("A proposal of class {class}{band} decides {meaning}.")];
        out.push(self.systems_sentence());
        out.push(self.course());
        out.push(format!("It passes if {}.", self.test()));
        if self.systems.iter().any(|system| system.has_options()) {
            out.push(self.choice_sentence().to_owned());
        }
        if self.systems.contains(&System::YesNoVeto) {
            out.push(format!(
                "Under yes_no_veto it is rejected, and its deposit lost, if {} of the weight cast is a veto.",
                percent(self.veto_bp)
            ));
        }
        if self.systems.contains(&System::Optimistic) {
            out.push(format!(
                "Under optimistic it passes, whatever the turnout, unless {} of all weight is against.",
                percent(self.oppose_bp)
            ));
        }
        out.extend(self.bodies_sentence());
        if self.final_ballots {
            out.push("A ballot is final once counted, and delegations are frozen while voting is open.".to_owned());
        }
        if self.early_decision {
            out.push("The vote ends as soon as no remaining weight can change its outcome.".to_owned());
        }
        if self.late_surge {
            out.push(
                "If the leading outcome changes in the last quarter, voting goes on, at most to twice its length."
                    .to_owned(),
            );
        }
        if self.min_proposer_weight > 0 {
            out.push(format!(
                "Whoever proposes it weighs at least {} on the roll by their own stake, whatever others delegated to them.",
                self.min_proposer_weight
            ));
        }
        out.extend(self.deposit_sentence());
        out
    }

    pub(super) fn heading(&self) -> String {
        format!("Proposals of class {}{}", self.class.name(), self.band())
    }

    fn band(&self) -> String {
        self.max_amount_sat.map(|max| format!(" of up to {max} sat")).unwrap_or_default()
    }

    fn systems_sentence(&self) -> String {
        let systems: Vec<String> = self.systems.iter().map(|system| system.words()).collect();
        match systems.as_slice() {
            [one] => format!("It is voted on by {one}."),
            several => format!("Its author chooses how it is voted on: {}.", several.join(", ")),
        }
    }

    fn course(&self) -> String {
        let review = match self.review_blocks {
            0 => "It is voted on at once".to_owned(),
            n => format!("It is reviewed for {n} blocks, then voted on"),
        };
        format!(
            "{review} for at least {} blocks; it is authorised {} blocks after the close and expires {} blocks later.",
            self.voting_blocks, self.veto_blocks, self.expiry_blocks
        )
    }

    fn test(&self) -> String {
        let threshold = match self.threshold {
            Threshold::Majority => "more than half of yes and no is yes".to_owned(),
            Threshold::PercentBp(bp) => format!("at least {} of yes and no is yes", percent(bp)),
        };
        let quorum = match self.quorum {
            Quorum::ParticipationBp(bp) => {
                format!("yes and abstain together are at least {} of all weight that does not stand aside", percent(bp))
            }
            Quorum::YesOfTotalBp(bp) => format!("yes is at least {} of all weight", percent(bp)),
        };
        let distinct = match self.distinct_voters_min {
            0 => String::new(),
            n => format!(" and at least {n} members vote"),
        };
        format!("{threshold} and {quorum}{distinct}")
    }

    /// V-21, V-26.
    const fn choice_sentence(&self) -> &'static str {
        match self.quorum {
            Quorum::ParticipationBp(_) => {
                "Of a choice, yes is what prefers the winner and no what prefers none of these; all that is cast or abstains counts for the \
                 quorum, but what prefers none of these."
            }
            Quorum::YesOfTotalBp(_) => "Of a choice, yes is what prefers the winner and no what prefers none of these.",
        }
    }

    fn bodies_sentence(&self) -> Option<String> {
        if self.bodies == [Body::Members] {
            return None;
        }
        let bodies: Vec<&str> = self.bodies.iter().map(|body| body.name()).collect();
        Some(format!(
            "Who has to agree: {}; treasurers and founders by one key one vote under the same threshold.",
            bodies.join(" and ")
        ))
    }

    fn deposit_sentence(&self) -> Option<String> {
        match (self.deposit_sat, self.min_support_bp) {
            (0, _) => None,
            (sat, 0) => Some(format!("Its author deposits {sat} sat and gets them back.")),
            (sat, bp) => Some(format!(
                "Its author deposits {sat} sat, which are lost if it does not pass and fewer than {} of all weight support it.",
                percent(bp)
            )),
        }
    }
}
