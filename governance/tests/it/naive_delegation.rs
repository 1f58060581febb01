//! A second resolver, written from the clauses L-10 to L-13 and L-17 and from nothing else: it pulls where the library pushes, visits
//! every pair of members in every step, and multiplies before it divides.

/// Receivers (`None` outside the roll) and shares.
pub(crate) type Edges = Vec<(Option<u32>, u16)>;

/// Stands for a receiver where a part abstains (L-17).
pub(crate) const ABSTAIN: u32 = u32::MAX;

/// By seat.
pub(crate) struct NaiveFlow {
    pub(crate) received: Vec<u128>,
    pub(crate) stranded: Vec<u128>,
    pub(crate) abstained: Vec<u128>,
}

pub(crate) fn naive_flow(weights: &[u64], edges: &[Edges], voters: &[u32]) -> NaiveFlow {
    let seats = 0..weights.len();
    let votes = |seat: usize| voters.iter().any(|voter| *voter as usize == seat);
    let passes = |seat: usize, step: usize| !votes(seat) && !edges[seat].is_empty() && step < 8;
    let mut arrivals: Vec<Vec<u128>> = vec![weights.iter().map(|weight| u128::from(*weight)).collect()];
    for step in 1..=8 {
        let before = &arrivals[step - 1];
        let pulled = |to: usize| {
            let from = seats.clone().filter(|from| passes(*from, step - 1));
            from.map(|from| part(before[from], &edges[from], |receiver| receiver == Some(to as u32))).sum()
        };
        arrivals.push(seats.clone().map(pulled).collect());
    }
    let total = |seat: usize| (0..=8).map(|step| arrivals[step][seat]).sum::<u128>();
    let received = seats.clone().map(|seat| if votes(seat) { total(seat) } else { 0 }).collect();
    let stranded = seats
        .clone()
        .map(|seat| match (votes(seat), edges[seat].is_empty()) {
            (true, _) => 0,
            // Own weight that was never delegated is not delegated weight.
            (false, true) => total(seat) - arrivals[0][seat],
            (false, false) => {
                let outside: u128 =
                    (0..8).map(|step| part(arrivals[step][seat], &edges[seat], |receiver| receiver.is_none())).sum();
                arrivals[8][seat] + outside
            }
        })
        .collect();
    let abstained_in = |step: usize, seat: usize| match passes(seat, step) {
        true => part(arrivals[step][seat], &edges[seat], |receiver| receiver == Some(ABSTAIN)),
        false => 0,
    };
    let abstained = seats.clone().map(|seat| (0..8).map(|step| abstained_in(step, seat)).sum()).collect();
    NaiveFlow { received, stranded, abstained }
}

/// What the matching receivers get of `weight`, below 2^114.
fn part(weight: u128, edges: &Edges, matches: impl Fn(Option<u32>) -> bool) -> u128 {
    let upto = |count: usize| {
        let shares: u128 = edges[..count].iter().map(|(_, share)| u128::from(*share)).sum();
        weight * shares / 10_000
    };
    (0..edges.len()).filter(|i| matches(edges[*i].0)).map(|i| upto(i + 1) - upto(i)).sum()
}
