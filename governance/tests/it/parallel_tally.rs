//! Hazard: a tally that depends on how it was divided, or on which part was done first.

use std::sync::Arc;

use althing_governance::MemberId;
use althing_governance::delegation::{EdgeList, Electorate, Graph, Receiver, Seat, resolve};
use althing_governance::parallel::{Fragments, Parcel, Shards, TallyShard};
use althing_governance::tree::{SumError, SumFragment, SumLeaf, SumTree, TreePurpose};
use althing_governance::voting::{Count, System};
use proptest::prelude::*;

/// One sum per leaf here; the number of sums does not matter to the division.
const PURPOSE: TreePurpose = TreePurpose::Roll;

struct Poll {
    system: System,
    options: u16,
    graph: Graph,
    ballots: Vec<(Seat, Vec<u16>)>,
}

impl Poll {
    /// One after the other, undivided.
    fn whole(&self) -> (Count, SumTree) {
        let flow = resolve(&self.graph, self.ballots.iter().map(|(seat, _)| *seat));
        let mut count = Count::new(self.system, self.options).unwrap();
        count.add_roll(self.graph.electorate().total()).unwrap();
        count.add_standing(flow.abstained()).unwrap();
        for (seat, fields) in &self.ballots {
            count.add(fields, flow.received(&self.graph, *seat)).unwrap();
        }
        let leaves = self
            .graph
            .electorate()
            .seats()
            .map(|seat| self.leaf(seat, flow.received(&self.graph, seat) + flow.abstained_at(seat)));
        (count, SumTree::build(PURPOSE, leaves.collect()).unwrap())
    }

    /// In shards that run, send, arrive and finish in the orders that `shuffle` says.
    fn divided(&self, shards: usize, shuffle: &mut Shuffle) -> (Count, SumTree) {
        let shards = Shards::new(self.graph.electorate().len(), shards);
        let mut ballots: Vec<(Seat, &[u16])> = self.ballots.iter().map(|(seat, fields)| (*seat, &fields[..])).collect();
        shuffle.shuffle(&mut ballots);
        let mut parts: Vec<TallyShard> =
            (0..shards.count()).map(|shard| TallyShard::new(&self.graph, shards, shard, ballots.clone())).collect();
        for _ in 0..8 {
            let mut inboxes: Vec<Vec<Parcel>> = vec![Vec::new(); shards.count()];
            for from in shuffle.order(shards.count()) {
                for (to, mut parcel) in parts[from].send().into_iter().enumerate() {
                    shuffle.shuffle(&mut parcel);
                    inboxes[to].push(parcel);
                }
            }
            for to in shuffle.order(shards.count()) {
                shuffle.shuffle(&mut inboxes[to]);
                parts[to].receive(&inboxes[to]);
            }
        }
        let mut count = Count::new(self.system, self.options).unwrap();
        let mut fragments = Fragments::new(PURPOSE);
        for shard in shuffle.order(shards.count()) {
            count.merge(&parts[shard].count(self.system, self.options).unwrap()).unwrap();
            let part = &parts[shard];
            let leaves =
                part.seats().map(|seat| self.leaf(seat, part.received(seat) + part.abstained_at(seat))).collect();
            fragments.insert(SumFragment::hash(PURPOSE, shards.range(shard).start, leaves).unwrap()).unwrap();
        }
        (count, fragments.finish().unwrap())
    }

    fn leaf(&self, seat: Seat, received: u128) -> SumLeaf {
        SumLeaf { key: self.graph.electorate().member(seat).0, value: Vec::new(), sums: vec![received] }
    }
}

/// Orders drawn from one number (xorshift64).
struct Shuffle(u64);

impl Shuffle {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    fn order(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }
}

/// A poll of up to 40 members under some system, every second of whom delegates, drawn from one number.
fn poll(system: System, options: u16, members: u8, seed: u64) -> Poll {
    let mut random = Shuffle(seed | 1);
    let n = usize::from(members);
    let weights = (0..members).map(|m| (MemberId([m; 32]), 1 + random.below(1_000_000) as u128));
    let mut graph = Graph::new(Arc::new(Electorate::new(weights).unwrap()));
    for seat in graph.electorate().clone().seats() {
        if random.below(2) == 0 {
            let share = 1 + u16::try_from(random.below(9_999)).unwrap();
            let mut receiver = || match random.below(8) {
                0 => Receiver::Outside,
                1 => Receiver::Abstention,
                _ => Receiver::Seat(Seat(u32::try_from(random.below(n)).unwrap())),
            };
            graph.set(seat, &EdgeList::new([(receiver(), share), (receiver(), 10_000 - share)]));
        }
    }
    let voters: Vec<Seat> = graph.electorate().seats().filter(|_| random.below(3) == 0).collect();
    let ballots = voters.into_iter().map(|seat| (seat, fields(system, options, &mut random))).collect();
    Poll { system, options, graph, ballots }
}

fn fields(system: System, options: u16, random: &mut Shuffle) -> Vec<u16> {
    let all = usize::from(options) + 1;
    match system {
        System::InstantRunoff | System::Schulze => {
            let listed = random.below(all + 1);
            random.order(all).into_iter().take(listed).map(|option| u16::try_from(option).unwrap()).collect()
        }
        System::Split => {
            let cut = u16::try_from(random.below(10_001)).unwrap();
            [vec![cut, 10_000 - cut], vec![0; all - 2]].concat()
        }
        _ => vec![u16::try_from(random.below(3)).unwrap()],
    }
}

#[test]
fn every_seat_is_in_one_shard() {
    for seats in 0..30usize {
        for count in 1..40 {
            let shards = Shards::new(seats, count);
            let ranges: Vec<_> = (0..count).map(|shard| shards.range(shard)).collect();
            assert_eq!((ranges[0].start, ranges[count - 1].end), (0, seats));
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            for seat in 0..seats {
                let shard = shards.of(Seat(u32::try_from(seat).unwrap()));
                assert!(ranges[shard].contains(&seat), "seat {seat} of {seats} in shard {shard} of {count}");
            }
        }
    }
    assert_eq!(Shards::new(5, 0), Shards::new(5, 1));
}

#[test]
fn fragments_that_overlap_or_are_missing() {
    let leaves: Vec<SumLeaf> = (0..6u8).map(|n| SumLeaf { key: [n; 32], value: vec![], sums: vec![1] }).collect();
    let part = |a: usize, b: usize| SumFragment::hash(PURPOSE, a, leaves[a..b].to_vec()).unwrap();
    for (parts, expected, found) in [
        (vec![(0, 3), (2, 5)], 3, 2),
        (vec![(2, 5), (0, 3)], 3, 2),
        (vec![(0, 6), (2, 3)], 6, 2),
        (vec![(1, 2), (1, 2)], 2, 1),
        (vec![(2, 3), (1, 5)], 5, 2),
    ] {
        let mut fragments = Fragments::new(PURPOSE);
        let error = parts.iter().find_map(|(a, b)| fragments.insert(part(*a, *b)).err());
        assert_eq!(error, Some(SumError::Gap { expected, found }), "{parts:?}");
    }
    for (parts, expected, found) in [(vec![(1, 6)], 0, 1), (vec![(0, 2), (3, 6)], 2, 3)] {
        let mut fragments = Fragments::new(PURPOSE);
        parts.iter().for_each(|(a, b)| fragments.insert(part(*a, *b)).unwrap());
        assert_eq!(fragments.finish(), Err(SumError::Gap { expected, found }), "{parts:?}");
    }
    assert_eq!(Fragments::new(PURPOSE).finish(), SumTree::build(PURPOSE, vec![]));
}

proptest! {
    #[test]
    fn any_shards_in_any_order_give_the_same_sums_and_roots(
        system in prop_oneof![
            Just((System::YesNoAbstain, 0)), Just((System::Split, 3)), Just((System::InstantRunoff, 4)),
            Just((System::Schulze, 3)),
        ],
        members in 1..40u8, seed in any::<u64>(), shards in 1..50usize, order in 1..u64::MAX,
    ) {
        let poll = poll(system.0, system.1, members, seed);
        prop_assert_eq!(poll.divided(shards, &mut Shuffle(order)), poll.whole());
    }
}
