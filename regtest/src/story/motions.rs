//! What is proposed in the story, who votes how, and what must come of it.

use althing_node::api::{Choice, DraftEffect, DraftOutput, ProposalDraft, ProposalState};

use super::join::STAKES_SAT;

/// A proposal with its ballots and the outcome they must have.
#[derive(Debug, Clone)]
pub struct Motion {
    /// Index of the member who proposes it.
    pub author: usize,
    /// What is proposed.
    pub draft: ProposalDraft,
    /// The ballots of each member in the order they are cast; the last one counts.
    pub ballots: [&'static [Choice]; 5],
    /// What everybody must find.
    pub outcome: ProposalState,
}

/// Sums of a proposal in satoshis of stake, worked out from [`STAKES_SAT`] and the last ballots alone: an oracle for what
/// the nodes compute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpectedSums {
    /// Stake for.
    pub yes: u64,
    /// Stake against.
    pub no: u64,
    /// Stake abstaining.
    pub abstain: u64,
    /// Number of voters.
    pub voters: u64,
}

use Choice::{Abstain, No, Yes};

impl Motion {
    /// The sums that must come out.
    #[must_use]
    pub fn expected_sums(&self) -> ExpectedSums {
        let mut sums = ExpectedSums::default();
        for (ballots, stake_sat) in self.ballots.iter().zip(STAKES_SAT) {
            match ballots.last() {
                Some(Yes) => sums.yes += stake_sat,
                Some(No) => sums.no += stake_sat,
                Some(Abstain) => sums.abstain += stake_sat,
                Some(_) | None => continue,
            }
            sums.voters += 1;
        }
        sums
    }

    /// How many ballots are cast, replaced ones included.
    #[must_use]
    pub fn ballots_cast(&self) -> usize {
        self.ballots.iter().map(|ballots| ballots.len()).sum()
    }
}

/// Two texts and a payment to `payee`: one text passes with a changed vote, the other lacks a quorum, the payment passes.
#[must_use]
pub fn motions(payee: &str) -> Vec<Motion> {
    vec![
        Motion {
            author: 0,
            draft: text(
                "Publish the minutes of every assembly",
                "Minutes appear within *seven days*, signed by two members who were present.",
            ),
            ballots: [&[Yes], &[Yes], &[No], &[Abstain], &[No, Yes]],
            outcome: ProposalState::Passed,
        },
        Motion {
            author: 4,
            draft: text("Hold the assembly in December", "The passes are closed by then, but the stars are bright."),
            // A fifteenth of the stake; the charter asks for a fifth.
            ballots: [&[], &[], &[], &[], &[Yes]],
            outcome: ProposalState::NoQuorum,
        },
        Motion {
            author: 2,
            draft: ProposalDraft::question(
                "Mend the roof of the booth",
                "Turf and timber before winter. The carpenter is paid when the assembly has decided.",
                vec![DraftEffect::Spend {
                    outputs: vec![DraftOutput { address: payee.to_owned(), amount_sat: 50_000 }],
                    fee_cap_sat: 5_000,
                }],
            ),
            ballots: [&[Yes], &[No, Yes], &[No], &[Yes], &[Abstain]],
            outcome: ProposalState::Authorised,
        },
    ]
}

fn text(title: &str, body: &str) -> ProposalDraft {
    ProposalDraft::question(title, body, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::{ExpectedSums, motions};

    #[test]
    fn the_last_ballot_of_each_member_counts() {
        let sums: Vec<ExpectedSums> = motions("bcrt1").iter().map(super::Motion::expected_sums).collect();
        assert_eq!(
            sums,
            [
                ExpectedSums { yes: 1_000_000, no: 300_000, abstain: 200_000, voters: 5 },
                ExpectedSums { yes: 100_000, no: 0, abstain: 0, voters: 1 },
                ExpectedSums { yes: 1_100_000, no: 300_000, abstain: 100_000, voters: 5 },
            ]
        );
    }
}
