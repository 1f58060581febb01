//! Votes signed beforehand, so that a run measures the hub and not the voters.

use althing_governance::codec::Canonical as _;
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Ballot, Choice, Entry, LaneEntry, entry_id};
use althing_governance::id::ProposalId;
use bitcoin::secp256k1::{All, Secp256k1};

use super::world::{AUX, Voter, World};

/// A vote ready to be sent.
#[derive(Clone)]
pub struct Vote {
    /// Number of the member.
    pub voter: u32,
    /// Number of the entry in the member's lane.
    pub sequence: u64,
    /// The entry.
    pub bytes: Vec<u8>,
}

/// Signs votes, one chunk behind the other. Vote i is by member i modulo their number, so that the keys of a batch differ as
/// much as they can; a member's votes go to one proposal after another.
pub struct Voting {
    params: DaoParams,
    voters: Vec<Voter>,
    proposals: Vec<ProposalId>,
    next: u64,
}

impl Voting {
    /// The votes of a world's members on all its proposals.
    pub fn of(world: &World) -> Self {
        let params = world.dao.params.clone();
        Self { params, voters: world.voters.clone(), proposals: world.proposals.clone(), next: 0 }
    }

    /// The next `count` votes, signed on `threads` threads.
    pub fn sign(&mut self, count: usize, threads: usize) -> Vec<Vote> {
        self.sign_in_turns(count, threads, 1)
    }

    /// As [`Self::sign`], but `turn` votes of a member side by side, as the traffic of channels is.
    pub fn sign_in_turns(&mut self, count: usize, threads: usize, turn: u64) -> Vec<Vote> {
        let (first, members) = (self.next, self.voters.len() as u64);
        self.next += count as u64;
        let last = self.next;
        let threads = threads.clamp(1, self.voters.len());
        let share = self.voters.len().div_ceil(threads);
        let (params, proposals) = (&self.params, &self.proposals);
        let parts: Vec<Vec<(u64, Vote)>> = std::thread::scope(|scope| {
            let running: Vec<_> = self
                .voters
                .chunks_mut(share)
                .enumerate()
                .map(|(part, voters)| {
                    scope.spawn(move || {
                        let secp = Secp256k1::new();
                        let from = (part * share) as u64;
                        let own = from..from + voters.len() as u64;
                        let numbers = (first..last).filter(|number| own.contains(&(number / turn % members)));
                        numbers
                            .map(|number| {
                                let voter = number / turn % members;
                                let round = number / turn / members * turn + number % turn;
                                let proposal = proposals[((voter + round) % proposals.len() as u64) as usize];
                                let place = &mut voters[(voter - from) as usize];
                                (number, sign(&secp, params, place, voter as u32, proposal, number))
                            })
                            .collect()
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        merge(parts)
    }
}

fn sign(
    secp: &Secp256k1<All>,
    params: &DaoParams,
    voter: &mut Voter,
    number: u32,
    proposal: ProposalId,
    seed: u64,
) -> Vote {
    let lane = voter.next_lane(params);
    let choice = [Choice::Yes, Choice::No, Choice::Abstain][(seed % 3) as usize];
    let entry = LaneEntry::sign(secp, lane, Ballot::new(proposal, choice, None), &voter.key, &AUX);
    let bytes = Entry::Ballot(entry).to_bytes();
    voter.advance(lane.head_after(entry_id(&bytes)));
    Vote { voter: number, sequence: lane.sequence, bytes }
}

/// The parts, each in order, in the order of all.
fn merge(parts: Vec<Vec<(u64, Vote)>>) -> Vec<Vote> {
    let mut all: Vec<(u64, Vote)> = parts.into_iter().flatten().collect();
    all.sort_unstable_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, vote)| vote).collect()
}

impl Vote {
    /// The same with one bit of s changed: of the right form, and of nobody.
    pub fn forged(&self) -> Self {
        let mut forged = self.clone();
        if let Some(last) = forged.bytes.last_mut() {
            *last ^= 1;
        }
        forged
    }
}
