//! Channels end: together in rounds of fees, alone from either side, and with the block of the close replaced.

use althing_node::api::{Choice, Reply, Request, Stake};
use althing_regtest::story::{Assembly, STAKES_SAT, payee};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, bail, ensure};
use bitcoin::Transaction;
use serde_json::json;

use crate::channel_ends::{
    PATIENCE, await_child, balance, child_in_mempool, fund_actor, only_stake, paid, spender, spender_in_mempool,
    with_stakes,
};
use crate::splices::{decided, open_vote, vote};
use crate::told::ask;

/// The member's lock, `MEMBER_CSV_BLOCKS`.
const MEMBER_LOCK: u32 = 144;

#[test]
fn a_member_closes_alone_and_sweeps_after_its_lock() {
    with_stakes("close-alone", |assembly| {
        let stake = only_stake(&assembly.members[0])?;
        fund_actor(assembly, &assembly.members[0], 50_000)?;
        assembly.members[0].ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
        let commitment = spender_in_mempool(assembly, &stake)?;
        ensure!(commitment.version.0 == 3 && commitment.vsize() == 124, "{commitment:?}");
        // The package is in the mempool: the commitment pays nothing, its child pays for both.
        ensure!(await_child(assembly, &commitment)?.vsize() == 153);
        assembly.mine(1)?;
        let told = only_stake(&assembly.members[0])?;
        ensure!(told.words.contains("closed by this side alone"), "{told:?}");
        let before = balance(&assembly.members[0])?;
        assembly.node.mine(MEMBER_LOCK - 2)?;
        assembly.settle()?;
        ensure!(child_in_mempool(assembly, &commitment)?.is_none(), "the sweep is early");
        assembly.mine(1)?;
        ensure!(await_child(assembly, &commitment)?.vsize() == 130);
        assembly.mine(1)?;
        let after = balance(&assembly.members[0])?;
        let home = after.confirmed_sat - before.confirmed_sat;
        ensure!(home > stake.amount_sat - 2_000 && home < stake.amount_sat, "{home} of {} came home", stake.amount_sat);
        ensure!(only_stake(&assembly.members[0])?.state == "closed");
        Ok(())
    });
}

#[test]
fn the_hub_closes_alone_and_the_member_has_its_stake_at_once() {
    with_stakes("hub-closes-alone", |assembly| {
        let stake = only_stake(&assembly.members[1])?;
        fund_actor(assembly, &assembly.hub, 50_000)?;
        let before = balance(&assembly.members[1])?;
        assembly.hub.ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
        let commitment = spender_in_mempool(assembly, &stake)?;
        assembly.mine(1)?;
        await_child(assembly, &commitment)?;
        assembly.mine(1)?;
        let home = balance(&assembly.members[1])?.confirmed_sat - before.confirmed_sat;
        ensure!(home > stake.amount_sat - 2_000 && home < stake.amount_sat, "{home} of {} came home", stake.amount_sat);
        Ok(())
    });
}

/// N-191, G-37: a hub that closes takes nobody out of a vote; the member's part comes home when the vote is over, or when it is asked for.
#[test]
fn the_hub_takes_no_vote_away_by_closing() {
    with_stakes("closes-on-voters", |assembly| {
        let (patient, other) = (1, 2);
        let proposal = open_vote(assembly, "A new boat")?;
        for member in [patient, other] {
            vote(assembly, member, &proposal, Choice::Yes)?;
            fund_actor(assembly, &assembly.hub, 50_000)?;
        }
        let mut left = Vec::new();
        for member in [patient, other] {
            let stake = only_stake(&assembly.members[member])?;
            assembly.hub.ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
            left.push((spender_in_mempool(assembly, &stake)?, stake));
        }
        // Deep enough for the end of the channels to be final, and over a restart.
        for _ in 0..3 {
            assembly.mine(2)?;
            assembly.members[patient].kill();
            assembly.members[patient].start()?;
            assembly.settle()?;
        }
        for (member, (commitment, stake)) in [patient, other].into_iter().zip(&left) {
            ensure!(assembly.node.inclusion(&commitment.compute_txid())?.is_some(), "the close is not mined");
            let told = only_stake(&assembly.members[member])?;
            ensure!(told.state == "closing" && told.words.contains("as long as a vote is under way"), "{told:?}");
            ensure!(
                unspent(assembly, commitment, stake)?,
                "{} moved what weighs in a vote",
                assembly.members[member].name()
            );
        }
        // Who wants it home has it home.
        let (commitment, stake) = &left[1];
        let review = assembly.members[other].cli().run(&["channel", "close", &stake.channel, "--force"])?;
        ensure!(review.stderr.contains("no longer weighs"), "{review:?}");
        ask(&assembly.members[other], &["channel", "close", &stake.channel, "--force", "--yes"])?;
        ensure!(await_child(assembly, commitment)?.vsize() == 111);
        assembly.mine(1)?;
        ensure!(!unspent(assembly, commitment, stake)?);

        let (commitment, stake) = &left[0];
        decided(assembly, &proposal, STAKES_SAT[patient] + STAKES_SAT[other])?;
        // Nothing is held back once the vote is in effect.
        assembly.mine_until("the coins on their way home", 30, || {
            Ok((!unspent(assembly, commitment, stake)?).then_some(()))
        })?;
        assembly.mine(6)?;
        ensure!(only_stake(&assembly.members[patient])?.state == "closed");
        // Counted again (V-34), without who had it home by then.
        for actor in assembly.everybody() {
            let tally = actor.proposal(&proposal)?.tally.context("no tally")?;
            ensure!(tally.yes == STAKES_SAT[patient].to_string(), "{} has {tally:?}", actor.name());
        }
        // What is home is nobody's stake, on the roll or beside it.
        assembly.mine_until("both stakes gone from the list of members", 30, || {
            let members = assembly.members[0].members()?;
            Ok((members.iter().filter(|member| member.stake_sat == 0).count() == 2).then_some(()))
        })?;
        Ok(())
    });
}

/// Whether the member's output of a commitment is where the close left it, mempool included.
fn unspent(assembly: &Assembly, commitment: &Transaction, stake: &Stake) -> Result<bool> {
    let vout = commitment.output.iter().position(|output| output.value.to_sat() == stake.amount_sat);
    let vout = vout.context("the commitment pays the member")?;
    let found = assembly.node.call("gettxout", &[json!(commitment.compute_txid()), json!(vout), json!(true)])?;
    Ok(!found.is_null())
}

#[test]
fn a_close_together_is_bumped_twice_and_the_last_confirms() {
    with_stakes("close-rounds", |assembly| {
        let stake = only_stake(&assembly.members[2])?;
        let away = payee(assembly)?;
        let send = |amount_sat: Option<u64>, review| Request::WalletSend {
            to: away.clone(),
            amount_sat,
            // All goes at the rate that the node finds itself: a modest one without an estimate.
            fee_rate_sat_vb: amount_sat.map(|_| 3),
            review,
        };
        for fee_sat in [stake.amount_sat + 1, stake.amount_sat - 1, u64::MAX] {
            let fee = assembly.members[2].ask(Request::StakeClose { channel: stake.channel.clone(), fee_sat });
            ensure!(format!("{:#}", fee.unwrap_err()).contains("C-31"));
            ensure!(only_stake(&assembly.members[2])?.state == "ready", "a refused close takes the channel out of use");
        }
        let early = assembly.members[2].ask(send(None, false));
        ensure!(
            format!("{:#}", early.unwrap_err()).contains("C-77"),
            "what closes the channel alone may leave the wallet"
        );
        let mut txids = Vec::new();
        for fee_sat in [300, 600, 5_000] {
            assembly.members[2].ask(Request::StakeClose { channel: stake.channel.clone(), fee_sat })?;
            let close = wait_for("the close with that fee", PATIENCE, || match spender(assembly, &stake) {
                Ok(Some(tx)) if paid(&tx) == stake.amount_sat - fee_sat => Look::Ready(tx),
                other => Look::NotYet(format!("{other:?}")),
            })?;
            ensure!(close.version.0 == 3, "{close:?}");
            txids.push(close.compute_txid());
        }
        let low = assembly.members[2].ask(Request::StakeClose { channel: stake.channel.clone(), fee_sat: 5_100 });
        ensure!(format!("{:#}", low.unwrap_err()).contains("C-35"));
        assembly.mine(1)?;
        ensure!(assembly.node.inclusion(&txids[2])?.is_some(), "the last round did not confirm");
        // The block is replaced; the close waits in the mempool and confirms again.
        assembly.node.reorg_empty(1, 2)?;
        assembly.settle()?;
        ensure!(only_stake(&assembly.members[2])?.state == "closing");
        assembly.mine(7)?;
        ensure!(assembly.node.inclusion(&txids[2])?.is_some(), "the close was lost with its block");
        ensure!(only_stake(&assembly.members[2])?.state == "closed");
        // What came home is no stake any more, also while it lies where the close put it.
        for actor in [&assembly.members[2], &assembly.hub] {
            let told = actor.members()?.into_iter().find(|member| member.name == "Gudrun").context("Gudrun")?;
            ensure!(told.stake_sat == 0 && told.funding_outpoints.is_empty(), "{told:?}");
        }
        // What came home goes wherever its owner says.
        let member = &assembly.members[2];
        for amount_sat in [0, 100, 2_100_000_000_000_001, u64::MAX] {
            let refusal = format!("{:#}", member.ask(send(Some(amount_sat), false)).unwrap_err());
            ensure!(refusal.contains("W-7"), "{refusal}");
        }
        let rich = format!("{:#}", member.ask(send(Some(2_100_000_000_000_000), false)).unwrap_err());
        ensure!(rich.contains("W-1"), "{rich}");
        let before = balance(member)?.confirmed_sat;
        ensure!(
            matches!(member.ask(send(Some(20_000), true))?, Reply::SayReview(_))
                && balance(member)?.confirmed_sat == before
        );
        for (amount_sat, left) in [(Some(20_000), true), (None, false)] {
            let Reply::Sent { txid, amount_sat: arrives, fee_sat } = member.ask(send(amount_sat, false))? else {
                bail!("nothing was sent");
            };
            ensure!(
                amount_sat.is_none_or(|asked| asked == arrives) && (200..1_500).contains(&fee_sat),
                "{arrives} {fee_sat}"
            );
            assembly.mine(1)?;
            ensure!(assembly.node.inclusion(&txid.parse()?)?.is_some(), "the coins stayed");
            assembly.settle()?;
            ensure!((balance(member)?.confirmed_sat > 0) == left, "{:?}", balance(member)?);
        }
        Ok(())
    });
}

#[test]
fn a_close_alone_survives_its_block_and_several_close_at_once() {
    with_stakes("closes-at-once", |assembly| {
        let stakes: Vec<Stake> = assembly.members[..3].iter().map(only_stake).collect::<Result<_>>()?;
        // One coin for each commitment: version 3 allows a child one unconfirmed parent.
        for _ in 0..3 {
            fund_actor(assembly, &assembly.hub, 30_000)?;
        }
        for stake in &stakes {
            assembly.hub.ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
        }
        let commitments = stakes.iter().map(|stake| spender_in_mempool(assembly, stake)).collect::<Result<Vec<_>>>()?;
        for commitment in &commitments {
            await_child(assembly, commitment)?;
        }
        assembly.mine(1)?;
        assembly.node.reorg_empty(1, 2)?;
        assembly.settle()?;
        assembly.mine(2)?;
        for commitment in commitments {
            ensure!(
                assembly.node.inclusion(&commitment.compute_txid())?.is_some(),
                "a commitment was lost with its block"
            );
        }
        Ok(())
    });
}
