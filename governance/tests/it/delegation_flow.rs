//! Hazard: weight that is counted twice, lost, or counted for somebody else on its way through delegations.

use std::collections::BTreeSet;
use std::sync::Arc;

use althing_governance::MemberId;
use althing_governance::delegation::{
    Basin, EdgeList, Electorate, ElectorateError, Graph, Live, MAX_STEPS, Receiver, Resolver, Route, RouteEndKind,
    Seat, resolve,
};
use proptest::prelude::*;

use crate::naive_delegation::{ABSTAIN, Edges, naive_flow};

fn electorate(weights: &[u64]) -> Arc<Electorate> {
    let members = weights.iter().zip(0u8..).map(|(weight, n)| (MemberId([n; 32]), u128::from(*weight)));
    Arc::new(Electorate::new(members).unwrap())
}

/// `edges[n]` are those of seat n; receiver `None` is outside the roll.
fn graph(weights: &[u64], edges: &[Edges]) -> Graph {
    let mut graph = Graph::new(electorate(weights));
    for (seat, edges) in graph.electorate().clone().seats().zip(edges) {
        graph.set(seat, &list(edges));
    }
    graph
}

fn list(edges: &Edges) -> EdgeList {
    let receiver = |to: Option<u32>| match to {
        Some(ABSTAIN) => Receiver::Abstention,
        to => to.map(Seat).into(),
    };
    EdgeList::new(edges.iter().map(|(to, share)| (receiver(*to), *share)))
}

fn to(receiver: u32) -> Edges {
    vec![(Some(receiver), 10_000)]
}

fn received(graph: &Graph, voters: &[u32]) -> Vec<u128> {
    let flow = resolve(graph, voters.iter().copied().map(Seat));
    graph.electorate().seats().map(|seat| flow.received(graph, seat)).collect()
}

fn stranded(graph: &Graph, voters: &[u32]) -> Vec<u128> {
    let flow = resolve(graph, voters.iter().copied().map(Seat));
    graph.electorate().seats().map(|seat| flow.stranded(seat)).collect()
}

fn abstained(graph: &Graph, voters: &[u32]) -> Vec<u128> {
    let flow = resolve(graph, voters.iter().copied().map(Seat));
    let by_seat: Vec<u128> = graph.electorate().seats().map(|seat| flow.abstained_at(seat)).collect();
    assert_eq!(by_seat.iter().sum::<u128>(), flow.abstained());
    by_seat
}

/// Seat 0 votes, every other delegates to the one before: 0 <- 1 <- 2 ...
fn chain(length: u32) -> Graph {
    let edges: Vec<Edges> = (0..=length).map(|n| n.checked_sub(1).map_or(vec![], to)).collect();
    graph(&vec![1; length as usize + 1], &edges)
}

/// L-17: an abstention is a step like any other.
#[test]
fn what_comes_to_an_abstention_within_eight_steps_abstains() {
    let abstains = |length: u32| {
        let edges: Vec<Edges> = (0..length).map(|n| to(n.checked_sub(1).unwrap_or(ABSTAIN))).collect();
        let graph = graph(&vec![1; length as usize], &edges);
        (abstained(&graph, &[])[0], stranded(&graph, &[]).iter().sum::<u128>())
    };
    assert_eq!((abstains(1), abstains(8), abstains(9)), ((1, 0), (8, 0), (8, 1)));
}

#[test]
fn an_own_ballot_goes_before_an_abstention() {
    let graph = graph(&[5, 7, 100], &[vec![(Some(ABSTAIN), 4000), (Some(2), 6000)], to(0), vec![]]);
    // 5 and 7 come at different steps, each rounded by itself: 2 of 5 and 2 of 7 abstain.
    assert_eq!((received(&graph, &[2]), abstained(&graph, &[2])), (vec![0, 0, 108], vec![4, 0, 0]));
    assert_eq!((received(&graph, &[0, 2]), abstained(&graph, &[0, 2])), (vec![12, 0, 100], vec![0; 3]));
    assert_eq!((received(&graph, &[1, 2]), abstained(&graph, &[1, 2])), (vec![0, 7, 103], vec![2, 0, 0]));
}

#[test]
fn eight_steps_count_and_nine_do_not() {
    assert_eq!(received(&chain(8), &[0])[0], 9);
    // The ninth's weight ends where it arrives after eight steps: one before the voter.
    assert_eq!(received(&chain(9), &[0])[0], 9);
    assert_eq!(stranded(&chain(9), &[0])[1], 1);
    assert_eq!(MAX_STEPS, 8);
}

#[test]
fn an_own_ballot_overrides_and_keeps_what_arrives() {
    let graph = graph(&[1, 10, 100], &[vec![], to(0), to(1)]);
    assert_eq!(received(&graph, &[0]), [111, 0, 0]);
    assert_eq!(received(&graph, &[0, 1]), [1, 110, 0]);
    assert_eq!(received(&graph, &[0, 1, 2]), [1, 10, 100]);
    assert_eq!(received(&graph, &[]), [0, 0, 0]);
}

#[test]
fn cycles_end_as_not_voting_and_free_when_one_votes() {
    let graph = graph(&[1, 10, 100], &[to(1), to(2), to(0)]);
    assert_eq!(received(&graph, &[]), [0, 0, 0]);
    assert_eq!(stranded(&graph, &[]).iter().sum::<u128>(), 111);
    assert_eq!(received(&graph, &[1]), [0, 111, 0]);
}

#[test]
fn two_who_name_each_other_are_not_doubled() {
    let graph = graph(&[7, 5], &[to(1), to(0)]);
    assert_eq!(received(&graph, &[0]), [12, 0]);
    assert_eq!(received(&graph, &[0, 1]), [7, 5]);
    assert_eq!(stranded(&graph, &[]), [7, 5]);
}

#[test]
fn streams_join_before_they_are_divided() {
    // Two units arrive in the same step at 2, who divides by halves: one each. Divided apart, each unit's half is rounded
    // down and both would go to the second part.
    let halves = vec![(Some(3), 5_000), (Some(4), 5_000)];
    let graph = graph(&[1, 1, 0, 0, 0], &[to(2), to(2), halves, vec![], vec![]]);
    assert_eq!(received(&graph, &[3, 4]), [0, 0, 0, 1, 1]);
}

#[test]
fn parts_outside_the_roll_are_not_cast() {
    let edges = vec![(None, 4_000), (Some(1), 6_000)];
    let graph = graph(&[10, 1], &[edges, vec![]]);
    assert_eq!(received(&graph, &[1]), [0, 7]);
    assert_eq!(stranded(&graph, &[1]), [4, 0]);
    let route = Route::of(&graph, Seat(0), |seat| seat == Seat(1));
    assert_eq!(route.cast(), 6);
    assert!(route.ends.iter().any(|end| end.kind == RouteEndKind::OutsideRoll && end.weight == 4));
}

#[test]
fn the_largest_weights_fit() {
    let halves = vec![(Some(1), 3_333), (Some(2), 6_667)];
    let members = [u128::MAX - 2, 1, 1].into_iter().zip(0u8..).map(|(weight, n)| (MemberId([n; 32]), weight));
    let mut graph = Graph::new(Arc::new(Electorate::new(members).unwrap()));
    graph.set(Seat(0), &list(&halves));
    let flow = resolve(&graph, [Seat(1), Seat(2)]);
    assert_eq!(flow.gained(Seat(1)) + flow.gained(Seat(2)), u128::MAX - 2);
    // floor((2^128 - 3) * 3333 / 10000)
    assert_eq!(flow.gained(Seat(1)), 113_416_112_894_748_789_872_342_756_657_008_344_877);
}

#[test]
fn no_electorate_out_of_order_or_beyond_128_bits() {
    let pair = |a: (u8, u128), b: (u8, u128)| Electorate::new([(MemberId([a.0; 32]), a.1), (MemberId([b.0; 32]), b.1)]);
    assert_eq!(pair((2, 1), (1, 1)), Err(ElectorateError::Order(MemberId([1; 32]))));
    assert_eq!(pair((1, 1), (1, 1)), Err(ElectorateError::Order(MemberId([1; 32]))));
    assert_eq!(pair((1, u128::MAX), (2, 1)), Err(ElectorateError::Overflow));
    assert_eq!(pair((1, u128::MAX), (2, 0)).unwrap().total(), u128::MAX);
}

#[test]
fn a_route_is_cut_where_it_would_take_too_long() {
    // A complete graph of 200 members: every step visits every edge.
    let all = 200u32;
    let weights = vec![1_000_000; all as usize];
    let edges: Vec<Edges> = (0..all).map(|n| (1..=16).map(|i| (Some((n + i * 7) % all), 625)).collect()).collect();
    let mut graph =
        Graph::new(Arc::new(Electorate::new(weights.iter().zip(0u8..).map(|(w, n)| (MemberId([n; 32]), *w))).unwrap()));
    for (seat, edges) in graph.electorate().clone().seats().zip(&edges) {
        graph.set(seat, &list(edges));
    }
    let route = Route::of(&graph, Seat(0), |_| false);
    assert!(route.cut_short);
    assert!(!Route::of(&chain(9), Seat(9), |seat| seat == Seat(0)).cut_short);
}

/// Random members, weights, edges and voters.
fn worlds() -> impl Strategy<Value = (Vec<u64>, Vec<Edges>, BTreeSet<u32>)> {
    (1..12u32).prop_flat_map(|seats| {
        let weight = prop_oneof![1..20u64, any::<u64>()];
        let n = seats as usize;
        (
            proptest::collection::vec(weight, n),
            proptest::collection::vec(edges(seats), n),
            proptest::collection::btree_set(0..seats, 0..n),
        )
    })
}

/// Nothing, or up to four receivers, among them some outside the roll and the abstention, with shares that add up.
fn edges(seats: u32) -> impl Strategy<Value = Edges> {
    let receivers = proptest::collection::btree_set(0..seats + 3, 1..5);
    let cuts = proptest::collection::btree_set(1..10_000u16, 4);
    let some = (receivers, cuts).prop_map(move |(receivers, cuts)| {
        let inner = receivers.len() - 1;
        let bounds: Vec<u16> = [0].into_iter().chain(cuts.into_iter().take(inner)).chain([10_000]).collect();
        let shares = bounds.windows(2).map(|pair| pair[1] - pair[0]);
        let receiver = |to: u32| if to == seats + 2 { Some(ABSTAIN) } else { Some(to).filter(|to| *to < seats) };
        receivers.into_iter().map(receiver).zip(shares).collect()
    });
    prop_oneof![1 => Just(vec![]), 3 => some]
}

proptest! {
    #[test]
    fn agrees_with_the_naive_resolver((weights, edges, voters) in worlds()) {
        let graph = graph(&weights, &edges);
        let voters: Vec<u32> = voters.into_iter().collect();
        let naive = naive_flow(&weights, &edges, &voters);
        prop_assert_eq!(received(&graph, &voters), naive.received);
        prop_assert_eq!(stranded(&graph, &voters), naive.stranded);
        prop_assert_eq!(abstained(&graph, &voters), naive.abstained);
    }

    #[test]
    fn no_unit_is_lost_or_made((weights, edges, voters) in worlds()) {
        let graph = graph(&weights, &edges);
        let voters: Vec<u32> = voters.into_iter().collect();
        let idle: u128 = graph.electorate().seats()
            .filter(|seat| graph.edges(*seat).is_empty() && !voters.contains(&seat.0))
            .map(|seat| graph.electorate().weight(seat)).sum();
        let cast: u128 = received(&graph, &voters).iter().sum();
        let lost: u128 = stranded(&graph, &voters).iter().sum();
        let abstained: u128 = abstained(&graph, &voters).iter().sum();
        prop_assert_eq!(cast + lost + abstained + idle, graph.electorate().total());
    }

    #[test]
    fn a_resolver_used_twice_forgets_the_first((first, second) in (worlds(), worlds())) {
        let mut resolver = Resolver::new(12);
        for (weights, edges, voters) in [first, second] {
            let graph = graph(&weights, &edges);
            let voters: Vec<Seat> = voters.into_iter().map(Seat).collect();
            let reused = resolver.resolve(&graph, voters.iter().copied()).clone();
            let fresh = resolve(&graph, voters.iter().copied());
            for seat in graph.electorate().seats() {
                prop_assert_eq!(reused.received(&graph, seat), fresh.received(&graph, seat));
                prop_assert_eq!(reused.stranded(seat), fresh.stranded(seat));
                prop_assert_eq!(reused.abstained_at(seat), fresh.abstained_at(seat));
            }
            prop_assert_eq!(reused.abstained(), fresh.abstained());
        }
    }

    /// L-14, for each of several proposals that share a basin.
    #[test]
    fn live_is_the_whole_tally_at_any_time(
        (weights, start, _) in worlds(),
        changes in proptest::collection::vec((any::<u32>(), 0..6usize, edges(11)), 1..40),
    ) {
        let seats = u32::try_from(weights.len()).unwrap();
        let mut basin = Basin::new(graph(&weights, &start));
        let mut lives = vec![Live::new(); 3];
        let mut counted = vec![vec![0u128; weights.len()]; lives.len()];
        for (seat, what, edges) in changes {
            let seat = Seat(seat % seats);
            let shifts = if let Some(live) = lives.get_mut(what) {
                let mut shifts = vec![Vec::new(); counted.len()];
                shifts[what] = live.set_votes(&basin, seat, !live.votes(seat));
                shifts
            } else {
                let inside = |to: Option<u32>| to.filter(|to| *to < seats || *to == ABSTAIN);
                let edges = list(&edges.into_iter().map(|(to, share)| (inside(to), share)).collect());
                basin.set(seat, &edges, &mut lives)
            };
            for ((live, counted), shifts) in lives.iter().zip(&mut counted).zip(shifts) {
                // Whoever applies the shifts to a count has the right weights.
                for shift in shifts {
                    prop_assert_eq!(counted[shift.seat.index()], shift.before);
                    prop_assert_ne!(shift.before, shift.after);
                    counted[shift.seat.index()] = shift.after;
                }
                let voters: Vec<u32> = (0..seats).filter(|seat| live.votes(Seat(*seat))).collect();
                prop_assert_eq!(&*counted, &received(basin.graph(), &voters));
                let abstained = abstained(basin.graph(), &voters);
                for seat in basin.graph().electorate().seats() {
                    prop_assert_eq!(live.received(&basin, seat), counted[seat.index()]);
                    prop_assert_eq!(live.abstained_at(&basin, seat), abstained[seat.index()]);
                }
                prop_assert_eq!(live.abstained(&basin), abstained.iter().sum::<u128>());
            }
        }
        // What is held is what differs, however it came about.
        for live in lives {
            let mut fresh = Live::new();
            for seat in basin.graph().electorate().seats().filter(|seat| live.votes(*seat)) {
                fresh.set_votes(&basin, seat, true);
            }
            prop_assert_eq!(live, fresh);
        }
    }

    #[test]
    fn a_live_tally_does_not_remember_its_history((weights, edges, voters) in worlds(), detour in any::<u32>()) {
        let basin = Basin::new(graph(&weights, &edges));
        let mut straight = Live::new();
        let mut winding = straight.clone();
        let detour = Seat(detour % u32::try_from(weights.len()).unwrap());
        winding.set_votes(&basin, detour, true);
        for seat in voters.iter().rev() {
            winding.set_votes(&basin, Seat(*seat), true);
        }
        if !voters.contains(&detour.0) {
            winding.set_votes(&basin, detour, false);
        }
        for seat in &voters {
            straight.set_votes(&basin, Seat(*seat), true);
        }
        prop_assert_eq!(straight, winding);
    }

    /// What a ballot would do is what it does, although only what lies behind its seat is looked at.
    #[test]
    fn a_ballot_that_is_only_thought_of_is_weighed_as_one_that_is_cast((weights, edges, voters) in worlds()) {
        let basin = Basin::new(graph(&weights, &edges));
        let mut live = Live::new();
        for seat in &voters {
            live.set_votes(&basin, Seat(*seat), true);
        }
        for seat in basin.graph().electorate().seats() {
            let mut cast = live.clone();
            let mut shifts = cast.set_votes(&basin, seat, true);
            shifts.retain(|shift| shift.seat != seat);
            prop_assert_eq!(
                live.if_votes(&basin, seat),
                (cast.received(&basin, seat), shifts, cast.abstained(&basin))
            );
        }
    }

    #[test]
    fn a_route_accounts_for_the_whole_weight((weights, edges, voters) in worlds()) {
        let graph = graph(&weights, &edges);
        for seat in graph.electorate().seats() {
            let route = Route::of(&graph, seat, |seat| voters.contains(&seat.0));
            prop_assert!(!route.cut_short);
            let sum: u128 = route.ends.iter().map(|end| end.weight).sum();
            prop_assert_eq!(sum, graph.electorate().weight(seat));
            for end in &route.ends {
                prop_assert_eq!(end.kind == RouteEndKind::Ballot, voters.contains(&end.seat.0));
                prop_assert!(end.steps <= MAX_STEPS);
            }
        }
    }

    #[test]
    fn alone_the_route_is_the_flow((weights, edges, voters) in worlds()) {
        // When nobody else has weight, nothing joins, and route and tally must agree to the unit.
        let mut alone = vec![0; weights.len()];
        alone[0] = weights[0];
        let graph = graph(&alone, &edges);
        let voters: Vec<u32> = voters.into_iter().collect();
        let route = Route::of(&graph, Seat(0), |seat| voters.contains(&seat.0));
        let mut by_seat = vec![0; weights.len()];
        for end in route.ends.iter().filter(|end| end.kind == RouteEndKind::Ballot) {
            by_seat[end.seat.index()] += end.weight;
        }
        prop_assert_eq!(received(&graph, &voters), by_seat);
    }
}
