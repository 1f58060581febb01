//! One block is replaced: the one that confirmed everybody's stake.

use althing_node::api::WaitFor;
use althing_regtest::story::{Periods, STAKES_SAT, enter, found, open_stakes, reach_roll};

use crate::stage;

#[test]
fn stakes_whose_block_is_replaced_count_from_their_new_block() {
    stage::with_assembly("reorg", |assembly| {
        let founded = found(assembly, Periods::SHORT)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        assembly.mine(1)?;
        // The funding transactions go back to the mempool, and a block of the new branch confirms them later.
        assembly.node.reorg_empty(1, 2)?;
        assembly.settle()?;
        for member in &assembly.members {
            let stakes = member.stakes()?;
            assert!(stakes.iter().all(|stake| stake.confirmations == 0), "{}: {stakes:?}", member.name());
        }
        reach_roll(assembly)?;
        for (member, stake_sat) in assembly.members.iter().zip(STAKES_SAT) {
            assert!(member.has_seen(WaitFor::OnRoll)?);
            assert_eq!(member.status()?.member.map(|member| member.stake_sat), Some(stake_sat));
        }
        Ok(())
    });
}
