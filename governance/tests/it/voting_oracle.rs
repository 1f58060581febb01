//! Hazard: a wrong outcome under any voting system. A second tally, written for slowness and plainness after
//! docs/spec/voting.md and sharing no code with the library but its types, must agree on random elections.

use althing_governance::voting::{Count, Outcome, Quorum, Rule, System, Threshold, TieBreak};
use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;
use proptest::prelude::*;

/// A ballot and the weight behind it.
pub(crate) type Vote = (Vec<u16>, u128);

/// One vote by all the rules of its proposal.
#[derive(Debug, Clone)]
pub(crate) struct Election {
    pub(crate) system: System,
    pub(crate) options: u16,
    pub(crate) votes: Vec<Vote>,
    /// Weight that abstains by delegations, without a ballot (L-17).
    pub(crate) standing: u128,
    pub(crate) absent: u128,
    pub(crate) rule: Rule,
    pub(crate) block: [u8; 32],
}

impl Election {
    pub(crate) fn count(&self) -> Count {
        let mut count = Count::new(self.system, self.options).unwrap();
        for (fields, weight) in &self.votes {
            count.add(fields, *weight).unwrap();
            count.add_roll(*weight).unwrap();
        }
        count.add_standing(self.standing).unwrap();
        count.add_roll(self.standing + self.absent).unwrap();
        count
    }

    pub(crate) fn tie(&self) -> TieBreak {
        TieBreak::new(BlockHash::from_byte_array(self.block))
    }

    pub(crate) fn roll(&self) -> u128 {
        self.votes.iter().map(|(_, weight)| weight).sum::<u128>() + self.standing + self.absent
    }

    /// All but those who stand aside.
    fn beside(&self) -> u128 {
        self.votes.iter().map(|(_, weight)| weight).sum::<u128>() + self.absent
    }

    fn voted(&self, wanted: impl Fn(&[u16]) -> bool) -> u128 {
        self.votes.iter().filter(|(fields, _)| wanted(fields)).map(|(_, weight)| weight).sum()
    }

    /// What the election comes to, counted by hand; `None` when a tie has to be broken and `broken` is false.
    pub(crate) fn by_hand(&self, broken: bool) -> Option<Outcome> {
        let rule = &self.rule;
        let voters = self.votes.iter().filter(|(_, weight)| *weight > 0).count();
        let enough_voters = voters >= rule.distinct_voters_min as usize;
        if !self.system.has_options() {
            let (yes, no, veto) = (self.voted(|f| f == [1]), self.voted(|f| f == [2]), self.voted(|f| f == [3]));
            let abstain = self.voted(|f| f == [0]);
            return Some(self.question(yes, no, veto, abstain, enough_voters));
        }
        if self.roll() == 0 || !enough_voters {
            return Some(Outcome::NoQuorum);
        }
        if let Quorum::ParticipationBp(bp) = rule.quorum
            && (self.beside() == 0 || self.voted(|_| true) * 10_000 < self.beside() * u128::from(bp))
        {
            return Some(Outcome::NoQuorum);
        }
        let none = self.options;
        match self.system {
            System::InstantRunoff => match self.literal_rounds(broken)? {
                Some(winner) => Some(self.elected(winner, self.prefer(winner, none), self.prefer(none, winner), 1)),
                None => Some(Outcome::Rejected),
            },
            System::Schulze => {
                let judged: Vec<(u16, Outcome)> = self
                    .unbeaten_on_paths()
                    .into_iter()
                    .map(|w| (w, self.elected(w, self.prefer(w, none), self.prefer(none, w), 1)))
                    .collect();
                self.choose(&judged, broken)
            }
            _ => {
                let sums: Vec<u128> = (0..=none).map(|option| self.sum_of(option)).collect();
                let best = *sums.iter().max().unwrap();
                let judged: Vec<(u16, Outcome)> = (0..=none)
                    .filter(|option| sums[usize::from(*option)] == best)
                    .map(|w| (w, self.elected(w, best, sums[usize::from(none)], self.largest_mark())))
                    .collect();
                self.choose(&judged, broken)
            }
        }
    }

    /// The sums of V-11, each read off the ballots by itself.
    pub(crate) fn sums(&self) -> Vec<u128> {
        let (all, asks) = (0..=self.options, !self.system.has_options());
        let mut sums: Vec<u128> = match self.system {
            System::YesNoAbstain | System::Optimistic => vec![self.voted(|f| f == [1]), self.voted(|f| f == [2])],
            System::YesNoVeto => (1..=3).map(|side| self.voted(|f| f == [side])).collect(),
            System::InstantRunoff => all.map(|option| self.voted(|f| f.first() == Some(&option))).collect(),
            System::Schulze => {
                all.clone().flat_map(|a| all.clone().map(move |b| (a, b))).map(|(a, b)| self.prefer(a, b)).collect()
            }
            _ => all.map(|option| self.sum_of(option)).collect(),
        };
        if !asks {
            sums.push(self.voted(|f| !f.is_empty()));
        }
        sums.push(self.voted(|f| if asks { f == [0] } else { f.is_empty() }));
        sums.push(self.standing);
        sums.push(self.votes.iter().filter(|(_, weight)| *weight > 0).count() as u128);
        sums.push(self.roll());
        sums
    }

    fn question(&self, yes: u128, no: u128, veto: u128, abstain: u128, enough_voters: bool) -> Outcome {
        let (rule, roll) = (&self.rule, self.roll());
        if roll == 0 {
            return Outcome::NoQuorum;
        }
        if self.system == System::Optimistic {
            let opposed = no * 10_000 >= roll * u128::from(rule.oppose_bp);
            return if opposed { Outcome::Rejected } else { Outcome::Passed { option: None } };
        }
        let quorate = match rule.quorum {
            Quorum::ParticipationBp(bp) => {
                self.beside() > 0 && (yes + abstain) * 10_000 >= self.beside() * u128::from(bp)
            }
            Quorum::YesOfTotalBp(bp) => yes * 10_000 >= roll * u128::from(bp),
        };
        if !quorate || !enough_voters {
            return Outcome::NoQuorum;
        }
        if veto > 0 && veto * 10_000 >= (yes + no + veto) * u128::from(rule.veto_bp) {
            return Outcome::Vetoed;
        }
        if yes > 0 && yes == no + veto {
            return Outcome::Tied;
        }
        if self.enough(yes, no + veto) { Outcome::Passed { option: None } } else { Outcome::Rejected }
    }

    fn enough(&self, yes: u128, no: u128) -> bool {
        match self.rule.threshold {
            Threshold::Majority => 2 * yes > yes + no,
            Threshold::PercentBp(bp) => yes + no > 0 && yes * 10_000 >= (yes + no) * u128::from(bp),
        }
    }

    fn elected(&self, winner: u16, yes: u128, no: u128, mark: u128) -> Outcome {
        if winner == self.options || !self.enough(yes, no) {
            return Outcome::Rejected;
        }
        // Whoever is for "none of these" is not counted as having come.
        let came = self.voted(|_| true) * mark;
        match self.rule.quorum {
            Quorum::YesOfTotalBp(bp) if yes * 10_000 < self.roll() * mark * u128::from(bp) => Outcome::NoQuorum,
            Quorum::ParticipationBp(bp)
                if came < no || (came - no) * 10_000 < self.beside() * mark * u128::from(bp) =>
            {
                Outcome::NoQuorum
            }
            _ => Outcome::Passed { option: Some(winner) },
        }
    }

    fn choose(&self, judged: &[(u16, Outcome)], broken: bool) -> Option<Outcome> {
        if judged.windows(2).all(|pair| pair[0].1 == pair[1].1) {
            return Some(judged[0].1);
        }
        broken.then(|| judged.iter().min_by_key(|(option, _)| self.lot(*option)).unwrap().1)
    }

    /// The tagged hash written out.
    fn lot(&self, option: u16) -> [u8; 32] {
        use bitcoin::hashes::sha256;
        let tag = sha256::Hash::hash(b"althing/tie/v1").to_byte_array();
        let message = [&tag[..], &tag[..], &self.block[..], &[(option >> 8) as u8, option as u8][..]].concat();
        sha256::Hash::hash(&message).to_byte_array()
    }

    fn largest_mark(&self) -> u128 {
        match self.system {
            System::Score { max } => u128::from(max),
            System::Quadratic { credits } => (0..=65_535u128).rfind(|mark| mark * mark <= u128::from(credits)).unwrap(),
            _ => 1,
        }
    }

    fn sum_of(&self, option: u16) -> u128 {
        let at = usize::from(option);
        let mut sum = 0;
        for (fields, weight) in self.votes.iter().filter(|(fields, _)| !fields.is_empty()) {
            sum += match self.system {
                System::SingleChoice => weight * u128::from(fields[0] == option),
                System::Split => {
                    let before: u128 = fields[..at].iter().map(|part| u128::from(*part)).sum();
                    let upto = before + u128::from(fields[at]);
                    weight * upto / 10_000 - weight * before / 10_000
                }
                _ => weight * u128::from(fields[at]),
            };
        }
        sum
    }

    /// Weight of the ballots that put `a` above `b`.
    fn prefer(&self, a: u16, b: u16) -> u128 {
        let place = |fields: &[u16], option| fields.iter().position(|o| *o == option).unwrap_or(usize::MAX);
        self.voted(|fields| place(fields, a) < place(fields, b))
    }

    /// Instant run-off as it is told to children: piles of ballots, and the smallest pile goes.
    fn literal_rounds(&self, broken: bool) -> Option<Option<u16>> {
        let mut left: Vec<u16> = (0..=self.options).collect();
        loop {
            let piles: Vec<(u16, u128)> = left
                .iter()
                .map(|option| {
                    let on_top = |fields: &[u16]| fields.iter().find(|o| left.contains(o)) == Some(option);
                    (*option, self.voted(on_top))
                })
                .collect();
            let table: u128 = piles.iter().map(|(_, pile)| pile).sum();
            if table == 0 {
                return Some(None);
            }
            if let Some((winner, _)) = piles.iter().find(|(_, pile)| pile * 2 > table) {
                return Some(Some(*winner));
            }
            let smallest = piles.iter().map(|(_, pile)| *pile).min().unwrap();
            let mut going: Vec<u16> = piles.iter().filter(|(_, pile)| *pile == smallest).map(|(o, _)| *o).collect();
            // One by one, and empty piles in any order: it must not matter.
            if smallest > 0 && going.len() > 1 {
                if !broken {
                    return None;
                }
                going.sort_by_key(|option| self.lot(*option));
            }
            let out = going.pop().unwrap();
            left.retain(|option| *option != out);
        }
    }

    /// Schulze's winners by walking every path without repetition.
    fn unbeaten_on_paths(&self) -> Vec<u16> {
        let all: Vec<u16> = (0..=self.options).collect();
        let unbeaten = |a: &u16| all.iter().all(|b| a == b || self.path(&[*a], *b) >= self.path(&[*b], *a));
        all.iter().copied().filter(unbeaten).collect()
    }

    /// Strength of the strongest path that begins with `walked` and ends at `goal`.
    fn path(&self, walked: &[u16], goal: u16) -> u128 {
        let here = *walked.last().unwrap();
        if here == goal {
            return u128::MAX;
        }
        (0..=self.options)
            .filter(|next| !walked.contains(next))
            .map(|next| {
                let (won, lost) = (self.prefer(here, next), self.prefer(next, here));
                let link = if won > lost { won } else { 0 };
                link.min(self.path(&[walked, &[next]].concat(), goal))
            })
            .max()
            .unwrap_or(0)
    }
}

/// Every system, with small parameters so that ties and exact shares are common.
pub(crate) fn systems() -> impl Strategy<Value = (System, u16)> {
    let questions = prop_oneof![Just(System::YesNoAbstain), Just(System::YesNoVeto), Just(System::Optimistic)];
    let choices = prop_oneof![
        Just(System::SingleChoice),
        Just(System::Approval),
        (1u16..5).prop_map(|max| System::Score { max }),
        Just(System::InstantRunoff),
        Just(System::Schulze),
        Just(System::Split),
        (1u32..30).prop_map(|credits| System::Quadratic { credits }),
    ];
    prop_oneof![3 => questions.prop_map(|system| (system, 0)), 7 => (choices, 2u16..5)]
}

fn rules() -> impl Strategy<Value = Rule> {
    let bp = || {
        prop_oneof![Just(1u16), Just(2500), Just(3333), Just(3334), Just(5000), Just(6667), Just(10_000), 1u16..10_001]
    };
    let threshold = prop_oneof![
        2 => Just(Threshold::Majority),
        1 => prop_oneof![Just(5001u16), Just(6000), Just(6667), Just(7500), Just(10_000)].prop_map(Threshold::PercentBp),
    ];
    let quorum = prop_oneof![bp().prop_map(Quorum::ParticipationBp), bp().prop_map(Quorum::YesOfTotalBp)];
    (threshold, quorum, 0u32..4, bp(), bp()).prop_map(|(threshold, quorum, distinct_voters_min, veto_bp, oppose_bp)| {
        Rule { threshold, quorum, distinct_voters_min, veto_bp, oppose_bp }
    })
}

/// A valid ballot made of random numbers.
pub(crate) fn ballot(system: System, options: u16, random: &[u16]) -> Vec<u16> {
    let all = usize::from(options) + 1;
    let number = |at: usize| random[at % random.len()];
    if system.has_options() && number(7) % 8 == 0 {
        return vec![];
    }
    match system {
        System::YesNoAbstain | System::Optimistic => vec![number(0) % 3],
        System::YesNoVeto => vec![number(0) % 4],
        System::SingleChoice => vec![number(0) % (options + 1)],
        System::Approval => (0..all).map(|at| number(at) % 2).collect(),
        System::Score { max } => (0..all).map(|at| number(at) % (max + 1)).collect(),
        System::InstantRunoff | System::Schulze => {
            let mut order: Vec<u16> = (0..=options).collect();
            order.sort_by_key(|option| number(usize::from(*option)).wrapping_mul(40_503));
            order.truncate(1 + usize::from(number(6)) % all);
            order
        }
        System::Split => {
            let mut cuts: Vec<u16> = (1..all)
                .map(|at| number(at) % 5 * 2500 + number(at + 1) % 2 * 333)
                .map(|cut| cut.min(10_000))
                .collect();
            cuts.sort_unstable();
            cuts.push(10_000);
            let mut before = 0;
            cuts.into_iter().map(|cut| cut - std::mem::replace(&mut before, cut)).collect()
        }
        System::Quadratic { credits } => {
            let mut left = credits;
            (0..all)
                .map(|at| {
                    let votes = u32::from(number(at)) % (left.isqrt() + 1);
                    left -= votes * votes;
                    votes as u16
                })
                .collect()
        }
    }
}

pub(crate) fn elections() -> impl Strategy<Value = Election> {
    let weights = prop_oneof![4 => 0u128..5, 1 => 0u128..1_000_000];
    (
        systems(),
        proptest::collection::vec((proptest::collection::vec(any::<u16>(), 8), weights), 0..9),
        0u128..4,
        prop_oneof![2 => Just(0u128), 1 => 0u128..5],
        rules(),
        any::<[u8; 32]>(),
    )
        .prop_map(|((system, options), random, absent, standing, rule, block)| {
            let votes = random.iter().map(|(numbers, weight)| (ballot(system, options, numbers), *weight)).collect();
            Election { system, options, votes, standing, absent, rule, block }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn both_tallies_agree(election in elections()) {
        let count = election.count();
        prop_assert_eq!(count.outcome(&election.rule, None).ok(), election.by_hand(false), "without a block");
        prop_assert_eq!(count.outcome(&election.rule, Some(election.tie())).ok(), election.by_hand(true), "with a block");
    }

    /// Whatever is decided without the tie's block stays so whichever block is found.
    #[test]
    fn no_block_overturns_what_is_decided(election in elections(), blocks in proptest::collection::vec(any::<[u8; 32]>(), 4)) {
        let count = election.count();
        if let Ok(decided) = count.outcome(&election.rule, None) {
            for block in blocks {
                let tie = TieBreak::new(BlockHash::from_byte_array(block));
                prop_assert_eq!(count.outcome(&election.rule, Some(tie)), Ok(decided));
            }
        }
    }
}
