//! Hazard: a live tally that costs more the more members there are, so that a vote with many cannot be followed. Operations are
//! counted, not time.

use std::sync::Arc;

use althing_governance::MemberId;
use althing_governance::delegation::{Basin, EdgeList, Electorate, Graph, Live, MAX_STEPS, Seat};

/// So many members; the last are those of a small group that the others have nothing to do with.
fn electorate(members: u32) -> Arc<Electorate> {
    let member = |n: u32| {
        let mut id = [7; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        (MemberId(id), u128::from(10 + n % 5))
    };
    Arc::new(Electorate::new((0..members).map(member)).unwrap())
}

fn delegate(graph: &mut Graph, from: u32, to: &[u32]) {
    let share = 10_000 / u16::try_from(to.len()).unwrap();
    let rest = 10_000 - share * (u16::try_from(to.len()).unwrap() - 1);
    let edges = to.iter().enumerate().map(|(at, to)| (Some(Seat(*to)), if at == 0 { rest } else { share }));
    graph.set(Seat(from), &EdgeList::new(edges));
}

/// What each of these ballots costs, cast and then taken back.
fn costs(graph: Graph, voters: &[u32]) -> Vec<u64> {
    let (basin, mut live) = (Basin::new(graph), Live::new());
    let mut costs = Vec::new();
    for votes in [true, false] {
        for voter in voters {
            let before = live.work();
            live.set_votes(&basin, Seat(*voter), votes);
            costs.push(live.work() - before);
        }
    }
    costs
}

#[test]
fn a_ballot_without_delegation_costs_the_same_among_ten_and_ten_thousand() {
    for members in [10, 10_000] {
        let graph = Graph::new(electorate(members));
        let voters: Vec<u32> = (0..10).collect();
        // One look at its own seat in each step, and no edge.
        assert!(costs(graph, &voters).iter().all(|cost| *cost == MAX_STEPS as u64), "{members}");
    }
}

#[test]
fn a_ballot_costs_the_edges_that_it_affects_and_no_other() {
    let mut known: Option<Vec<u64>> = None;
    for members in [20, 2_000, 20_000] {
        let mut graph = Graph::new(electorate(members));
        // 0 -> 1 -> 2 -> 3, and 4 to 5 and 6 in parts; 7 with its hundreds of delegators is somebody else's.
        for (from, to) in [(0, vec![1]), (1, vec![2]), (2, vec![3]), (4, vec![5, 6])] {
            delegate(&mut graph, from, &to);
        }
        (8..members).for_each(|from| delegate(&mut graph, from, &[7]));
        let costs = costs(graph, &[0, 3, 1, 4, 7]);
        // Downstream of 0 are three edges; each is looked at as it was and as it is, once in a step at most.
        let bound = |edges: usize| (MAX_STEPS * (1 + 3 * edges)) as u64;
        for (cost, edges) in costs.iter().zip([3, 0, 2, 2, 0].into_iter().cycle()) {
            assert!(*cost <= bound(edges), "{cost} for {edges} edges: {costs:?}");
        }
        // Who only receives changes no edge, however many delegate to them.
        assert_eq!(costs[4], MAX_STEPS as u64);
        assert_eq!(known.get_or_insert_with(|| costs.clone()), &costs, "{members} members");
    }
}

#[test]
fn a_delegation_that_changes_costs_the_edges_that_it_affects() {
    let mut known = None;
    for members in [20, 20_000] {
        let mut graph = Graph::new(electorate(members));
        for (from, to) in [(1, vec![2]), (2, vec![3])] {
            delegate(&mut graph, from, &to);
        }
        (8..members).for_each(|from| delegate(&mut graph, from, &[7]));
        let mut basin = Basin::new(graph);
        let mut lives = vec![Live::new(); 4];
        lives[0].set_votes(&basin, Seat(3), true);
        let work = |basin: &Basin, lives: &[Live]| basin.work() + lives.iter().map(Live::work).sum::<u64>();
        let before = work(&basin, &lives);
        let edges = EdgeList::new([(Some(Seat(1)), 10_000)]);
        let shifts = basin.set(Seat(0), &edges, &mut lives);
        assert_eq!(shifts.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0, 0, 0], "the ballot of 3 is worth more");
        let cost = work(&basin, &lives) - before;
        // Once in the basin and once in each of those that share it.
        assert!(cost > 0 && cost <= (5 * MAX_STEPS * (1 + 3 * 3)) as u64, "{cost}");
        assert_eq!(*known.get_or_insert(cost), cost, "{members} members");
    }
}
