//! A small DAO in which everything happens that a count depends on, drawn from one number.

use althing_governance::charter::{
    Admission, Body, Charter, Class, ClassRule, Quorum, Threshold, Treasurer, WeightRule,
};
use althing_governance::delegation::{Delegation, Part, Scope, Tag};
use althing_governance::entry::{
    Ballot, Effect, Entry, Equivocation, LaneBody, LaneEntry, ProposalContent, ProposalOption, Version, Withdrawal,
};
use althing_governance::voting::System;
use althing_governance::{FundingFact, ProposalId};

use crate::voting_oracle::ballot;
use crate::world::{self, IntoEntry, World, keypair, member_id};

/// What the members of a DAO are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Mixed,
    /// Nobody takes a side.
    Abstaining,
    /// Nobody votes.
    Silent,
    /// Equal stakes, and each vote says the opposite of the one before.
    Torn,
    /// Each delegates to the next one, the last one to the first.
    Circle,
    /// Each delegates to the next one, and the last ones vote.
    Chain,
}

/// Numbers drawn from one (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, n: u32) -> u32 {
        (self.next() % u64::from(n)) as u32
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u32) as usize]
    }
}

/// A DAO at play.
struct Play {
    random: Random,
    world: World,
    mood: Mood,
    members: u8,
    joined: u8,
    proposals: Vec<(u8, ProposalId, ProposalContent)>,
    ballots: u16,
}

/// The DAO of this number, its life over.
pub(crate) fn play(number: u64) -> World {
    let mut random = Random(number);
    let moods = [Mood::Abstaining, Mood::Silent, Mood::Torn, Mood::Torn, Mood::Circle, Mood::Chain];
    let mood = if random.one_in(2) { Mood::Mixed } else { random.pick(&moods) };
    let members = if mood == Mood::Chain { 10 + random.below(3) } else { 1 + random.below(8) } as u8;
    let world = World::with_charter(charter(&mut random, members));
    let mut play = Play { random, world, mood, members, joined: 0, proposals: Vec::new(), ballots: 0 };
    play.live();
    play.world
}

fn charter(random: &mut Random, members: u8) -> Charter {
    let some = |random: &mut Random| -> Vec<u8> { (1..=members).filter(|m| *m == 1 || random.one_in(2)).collect() };
    let min_stake_sat = random.pick(&[1, 1, 2, 4]);
    let mut charter = Charter {
        founders: some(random).into_iter().map(member_id).collect(),
        treasurers: some(random)
            .into_iter()
            .map(|member| Treasurer { name: format!("treasurer {member}"), key: keypair(member).public_key() })
            .collect(),
        admission: Admission::Open { min_stake_sat },
        weight_rule: random.pick(&[
            WeightRule::Stake,
            WeightRule::Stake,
            WeightRule::OneMemberOneVote,
            WeightRule::SqrtStake,
            WeightRule::StakeAge { cap_blocks: 60 },
        ]),
        per_member_cap: random.one_in(4).then_some(3),
        dormant_after_epochs: random.pick(&[0, 1, 3]),
        equivocation_suspension_epochs: random.below(4),
        ..world::charter()
    };
    charter.delegation.enabled = !random.one_in(8);
    if random.one_in(8) {
        charter.admission = Admission::Vote { min_stake_sat };
        charter.founders = (1..=members).filter(|_| !random.one_in(3)).map(member_id).collect();
    }
    if random.one_in(8) {
        charter.guards.excluded_members = vec![member_id(1 + random.below(members.into()) as u8)];
    }
    charter.classes = [Class::Text, Class::Spend].into_iter().map(|class| rule(random, class)).collect();
    charter
}

fn rule(random: &mut Random, class: Class) -> ClassRule {
    let bp = [1, 1000, 2500, 3333, 3334, 5000, 5001, 6667, 10_000];
    let low = [1, 1, 1, 1000, 2000, 2500, 3334, 5000, 6667];
    let final_ballots = random.one_in(3);
    ClassRule {
        review_blocks: random.pick(&[0, 0, 0, 1, 7]),
        voting_blocks: 1 + random.below(16),
        veto_blocks: random.pick(&[0, 0, 5]),
        expiry_blocks: 60,
        threshold: match random.one_in(2) {
            true => Threshold::Majority,
            false => Threshold::PercentBp(random.pick(&[5001, 6000, 6667, 7500, 10_000])),
        },
        quorum: match random.one_in(2) {
            true => Quorum::ParticipationBp(random.pick(&low)),
            false => Quorum::YesOfTotalBp(random.pick(&low)),
        },
        distinct_voters_min: random.pick(&[0, 0, 0, 1, 2, 4]),
        systems: vec![
            System::YesNoAbstain,
            System::YesNoVeto,
            System::SingleChoice,
            System::Approval,
            System::Score { max: random.pick(&[1, 3, 10]) },
            System::InstantRunoff,
            System::Schulze,
            System::Split,
            System::Quadratic { credits: random.pick(&[1, 7, 30]) },
            System::Optimistic,
        ],
        veto_bp: random.pick(&bp),
        oppose_bp: random.pick(&bp),
        final_ballots,
        early_decision: final_ballots && !random.one_in(3),
        late_surge: random.one_in(2),
        bodies: match random.below(12) {
            0 => vec![Body::Members, Body::Founders],
            1 => vec![Body::Treasurers, Body::Members],
            2 => vec![Body::Members, Body::Founders, Body::Treasurers],
            3 => vec![Body::Founders],
            _ => vec![Body::Members],
        },
        ..ClassRule::new(class)
    }
}

impl Play {
    fn live(&mut self) {
        let first = if self.random.one_in(3) { self.who() } else { self.members };
        (0..first).for_each(|_| self.join());
        self.world.finish_epoch();
        match self.mood {
            Mood::Circle | Mood::Chain => self.hand_on(),
            _ if self.random.one_in(2) => (1..=self.members).for_each(|member| self.delegate_of(member)),
            _ => {}
        }
        let mut acts = 5 + self.random.below(70);
        while acts > 0 {
            self.act();
            acts -= 1;
        }
        (0..5).for_each(|_| self.world.finish_epoch());
    }

    fn act(&mut self) {
        match self.random.below(24) {
            0..2 => self.propose(),
            2..11 => self.cast(),
            11..14 => self.delegate(),
            14..18 => self.world.mine(),
            18 => {
                let ahead = self.world.height + self.random.below(8);
                self.world.mine_without_heads(ahead);
            }
            19 if self.random.one_in(2) => self.world.finish_epoch(),
            20 => self.move_stake(),
            21 if self.random.one_in(2) => self.withdraw_or_replace(),
            22 if self.random.one_in(2) => self.equivocate(),
            _ if self.random.one_in(3) => self.join(),
            _ => self.world.mine(),
        }
    }

    fn who(&mut self) -> u8 {
        1 + self.random.below(self.members.into()) as u8
    }

    /// The next member comes, or one that is there binds a second channel.
    fn join(&mut self) {
        let (member, channel) = if self.joined < self.members {
            self.joined += 1;
            (self.joined, self.joined)
        } else {
            let member = self.who();
            (member, 20 + member)
        };
        let stakes = [1, 1, 2, 3, 5, 9, 40, 1000];
        let value_sat = if self.mood == Mood::Torn { 4 } else { self.random.pick(&stakes) };
        let bind = self.world.bind_for(member, channel, value_sat);
        let funding = bind.funding;
        if self.world.say(member, bind).is_err() {
            return;
        }
        self.world.facts.push(FundingFact {
            outpoint: funding,
            value_sat,
            height: self.world.height - self.random.below(50),
            spent_height: None,
            successor: None,
            released_height: None,
        });
        let entry = self.world.checkpoint(member, funding, value_sat);
        let _ = self.world.append(entry);
    }

    /// Another balance, or the coins go.
    fn move_stake(&mut self) {
        if self.world.facts.is_empty() {
            return;
        }
        let at = self.random.below(self.world.facts.len() as u32) as usize;
        let soon = self.world.height + 1 + self.random.below(3);
        let fact = &mut self.world.facts[at];
        let FundingFact { outpoint, value_sat, .. } = *fact;
        match self.random.below(4) {
            0 => fact.released_height = fact.released_height.or(Some(soon)),
            1 => fact.spent_height = fact.spent_height.or(Some(soon)),
            _ => {
                let owner = self.world.log.iter().find_map(|entry| match entry {
                    Entry::Bind(e) if e.body.funding == outpoint => Some(e.lane.member),
                    _ => None,
                });
                let owner = (1..=self.members).find(|member| Some(member_id(*member)) == owner).unwrap();
                let balance = self.random.below(value_sat as u32 + 1).into();
                let entry = self.world.checkpoint(owner, outpoint, balance);
                let _ = self.world.append(entry);
            }
        }
    }

    fn content(&mut self, title: String) -> ProposalContent {
        let class = self.random.pick(&[Class::Text, Class::Spend]);
        let systems = &self.world.state.charter().classes.iter().find(|rule| rule.class == class).unwrap().systems;
        let system = systems[self.random.below(systems.len() as u32) as usize];
        let tags = ["fees", "roads"].into_iter().filter(|_| self.random.one_in(3)).map(|tag| Tag::new(tag).unwrap());
        let tags = tags.collect();
        let pays = class == Class::Spend;
        let options = match system.has_options() {
            true => (0..2 + self.random.below(3))
                .map(|number| ProposalOption { label: format!("Plan {number}"), effects: Vec::<Effect>::new() })
                .collect(),
            false if pays => world::spend("Nets", 500).options,
            false => world::text("Nets").options,
        };
        ProposalContent { class, tags, system, options, ..world::text(&title) }
    }

    fn propose(&mut self) {
        let author = self.who();
        let title = format!("Motion {}", self.world.log.len());
        let content = self.content(title);
        self.submit(author, content);
        if self.random.one_in(2) {
            self.world.mine();
            (0..3).for_each(|_| self.cast());
        }
    }

    fn submit(&mut self, author: u8, content: ProposalContent) {
        let p = self.world.state.params();
        let id = content.id(p.network, p.dao_id, member_id(author));
        if self.world.say(author, content.clone()).is_ok() {
            self.proposals.push((author, id, content));
        }
    }

    fn withdraw_or_replace(&mut self) {
        let Some((author, id, content)) = self.proposals.last().cloned() else { return };
        if self.random.one_in(2) {
            let _ = self.world.say(author, Withdrawal { proposal: id });
            return;
        }
        let thread = content.thread(id);
        let body = format!("Written anew at {}.", self.world.log.len());
        self.submit(author, ProposalContent { body, version_of: Some(Version { thread, previous: id }), ..content });
    }

    /// One ballot, or one of everybody: the log refuses those that come too early, too late or twice.
    fn cast(&mut self) {
        let near = self.proposals.len().min(3);
        if near == 0 || self.mood == Mood::Silent {
            return;
        }
        let at = self.proposals.len() - 1 - self.random.below(near as u32) as usize;
        let (_, id, content) = self.proposals[at].clone();
        let voters: Vec<u8> = match self.mood {
            Mood::Chain => (self.members - self.random.below(3) as u8..=self.members).collect(),
            _ if self.random.one_in(2) => (1..=self.members).filter(|_| self.random.one_in(2)).collect(),
            _ => vec![self.who()],
        };
        for member in voters {
            let fields = self.fields(&content);
            let _ = self.world.say(member, Ballot { proposal: id, fields, reason: None });
        }
    }

    fn fields(&mut self, content: &ProposalContent) -> Vec<u16> {
        self.ballots += 1;
        let (system, options) = (content.system, content.option_count());
        let random: Vec<u16> = (0..8).map(|_| self.random.next() as u16).collect();
        match self.mood {
            Mood::Abstaining if system.has_options() => Vec::new(),
            Mood::Abstaining => vec![0],
            // Yes and no by turns, and so the first options.
            Mood::Torn if !system.has_options() => vec![1 + self.ballots % 2],
            Mood::Torn if matches!(system, System::SingleChoice) || system.is_ranked() => vec![self.ballots % 2],
            _ => ballot(system, options, &random),
        }
    }

    fn delegate(&mut self) {
        let delegating = if self.random.one_in(4) { self.members } else { 1 };
        for _ in 0..delegating {
            let member = self.who();
            self.delegate_of(member);
        }
    }

    fn delegate_of(&mut self, member: u8) {
        let content = self.content("Something".into());
        let scope = match self.random.below(4) {
            0 => Scope::Class(content.class),
            1 => Scope::Tag(Tag::new(self.random.pick(&["fees", "roads"])).unwrap()),
            _ => Scope::All,
        };
        // The number above them all is nobody's, and the next abstains.
        let abstention = u32::from(self.members) + 2;
        let mut to: Vec<_> = (0..self.random.below(5)).map(|_| 1 + self.random.below(abstention)).collect();
        to.retain(|receiver| *receiver != u32::from(member));
        let key = |receiver| if receiver == abstention { Part::ABSTAIN } else { member_id(receiver as u8) };
        let mut to: Vec<_> = to.into_iter().map(key).collect();
        to.sort_unstable();
        to.dedup();
        let mut left = 10_000u16;
        let mut parts: Vec<Part> = Vec::new();
        for (rest, to) in (0..to.len() as u16).rev().zip(to) {
            let share_bp = if rest == 0 { left } else { 1 + self.random.below((left - rest).into()) as u16 };
            left -= share_bp;
            parts.push(Part { to, share_bp });
        }
        let expires = self.random.one_in(3) && !parts.is_empty();
        let expires_height = expires.then(|| self.world.height + self.random.below(24));
        let _ = self.world.say(member, Delegation { scope, parts, expires_height });
    }

    /// Each to the next one; in a circle the last one to the first.
    fn hand_on(&mut self) {
        for member in 1..=self.members {
            let next = if member < self.members { member + 1 } else { 1 };
            if next != member && (next != 1 || self.mood == Mood::Circle) {
                let parts = vec![Part { to: member_id(next), share_bp: 10_000 }];
                let _ = self.world.say(member, Delegation { scope: Scope::All, parts, expires_height: None });
            }
        }
    }

    /// Somebody signs two entries for one place, and the log learns of it; of the two it has one, the other, or neither.
    fn equivocate(&mut self) {
        let member = self.who();
        let Some((_, id, content)) = self.proposals.last().cloned() else { return };
        let ballots = [(); 2].map(|()| Ballot { proposal: id, fields: self.fields(&content), reason: None });
        let titles = [0, 1].map(|side| format!("Motion {} {side}", self.world.log.len()));
        let to = member_id(1 + member % self.members.max(2));
        let delegations = [Vec::new(), vec![Part { to, share_bp: 10_000 }]].map(|parts| Delegation {
            scope: Scope::All,
            parts,
            expires_height: None,
        });
        match self.random.below(3) {
            0 => self.say_two(member, ballots),
            1 => {
                let contents = titles.map(|title| self.content(title));
                self.say_two(member, contents);
            }
            _ => self.say_two(member, delegations),
        }
    }

    fn say_two<B: LaneBody>(&mut self, member: u8, bodies: [B; 2])
    where
        LaneEntry<B>: IntoEntry,
    {
        let [one, other] = bodies.map(|body| self.world.sign(member, body).into_entry());
        let which = self.random.below(3);
        if which > 0 {
            let _ = self.world.append(if which == 1 { one.clone() } else { other.clone() });
        }
        // Much may happen before it comes out.
        for _ in 0..self.random.below(6) {
            self.act();
        }
        // Two entries alike prove nothing.
        if let Ok(proof) = Equivocation::new(one, other) {
            let _ = self.world.append(Entry::Equivocation(proof));
        }
    }
}
