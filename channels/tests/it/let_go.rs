//! N-35, C-11: a hub lets go of an opening that nobody funds; the member's stake comes home if it is funded after all.

use althing_channels::{Effect, Phase, Side};

use crate::pair::{Pair, params};

/// Up to both signatures; the funding is in no block.
fn signed() -> Pair {
    let mut pair = Pair::new(Vec::new());
    pair.run_until(Phase::AwaitConfirmation);
    pair
}

#[test]
fn what_a_hub_let_go_of_the_member_takes_home_alone() {
    let mut pair = signed();
    let effects = pair.channel(Side::Hub).let_go("nobody funds it").unwrap();
    assert_eq!(pair.channel(Side::Hub).phase(), Phase::Failed);
    let told = effects.iter().find_map(|effect| match effect {
        Effect::Send(message) => Some(message.clone()),
        _ => None,
    });
    // The member has broadcast: what the hub says ends nothing.
    pair.deliver(Side::Member, &told.unwrap());
    assert_eq!(pair.phase(Side::Member), Some(Phase::AwaitConfirmation));
    pair.force_close(Side::Member);
    let (_, commitment) = &pair.commitments[0];
    let own = commitment.output.iter().map(|output| output.value.to_sat()).max();
    assert_eq!(own, Some(params().member_sat));
}

#[test]
fn nobody_lets_go_of_what_is_funded_nor_a_member_of_its_own() {
    let mut pair = signed();
    assert!(pair.channel(Side::Member).let_go("a member").is_err());
    pair.run_until(Phase::Ready);
    assert!(pair.channel(Side::Hub).is_funded());
    assert!(pair.channel(Side::Hub).let_go("in use").is_err());
    assert_eq!(pair.phase(Side::Hub), Some(Phase::Ready));
}
