//! Whoever leaves before a vote takes effect takes their weight along, and who has closed and kept the coins does not (G-37, G-106),
//! through the real program on a real bitcoind; and weights that grow with the age of a stake.

use althing_governance::Charter;
use althing_governance::charter::{Class, ClassRule, Quorum, WeightRule};
use althing_node::api::ProposalState;
use althing_regtest::story::{Actor, Assembly, Periods, STAKES_SAT, enter, found_by, open_stakes, payee};
use anyhow::{Context as _, Result, ensure};

use crate::channel_ends::{only_stake, spender_in_mempool};
use crate::every_command::{five, propose, until_it_says};
use crate::stage::with_assembly;
use crate::told::ask;

/// Blocks from the end of a vote until it takes effect.
const VETO_BLOCKS: u32 = 48;

/// Blocks of age beyond which a stake weighs no more.
const OLD_BLOCKS: u32 = 12;

/// Blocks until what was asked for has happened, and as much again for a busy machine.
const WITHIN_BLOCKS: u32 = 90;

#[test]
fn who_leaves_before_it_takes_effect_takes_the_weight_along() {
    with_assembly("exit", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, slow_and_by_age)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        aged(assembly)?;
        let [astrid, bjarni, gudrun, hallgerd, njal] = five(assembly)?;
        let carried = propose(astrid, &["text", "--title", "Carried by who leaves"])?;
        let kept = propose(astrid, &["text", "--title", "Carried by who closes"])?;
        assembly.mine_until("the votes open", WITHIN_BLOCKS, || {
            Ok((astrid.proposal(&kept)?.state == ProposalState::Voting).then_some(()))
        })?;
        // 500,000 against 400,000, of which Gudrun has 300,000; 300,000 against nobody, of which Hallgerd has 200,000.
        for (voter, proposal, choice) in [
            (gudrun, &carried, "yes"),
            (hallgerd, &carried, "yes"),
            (bjarni, &carried, "no"),
            (hallgerd, &kept, "yes"),
            (njal, &kept, "yes"),
        ] {
            ask(voter, &["vote", proposal, choice, "--yes"])?;
        }
        for proposal in [&carried, &kept] {
            until_it_says(assembly, proposal, "says passed, provisional until it takes effect")?;
        }
        for leaver in [gudrun, hallgerd] {
            let stake = only_stake(leaver)?;
            ask(leaver, &["stake", "close", &stake.channel, "--yes"])?;
            spender_in_mempool(assembly, &stake)?;
        }
        // All leaves a wallet only behind its last channel (C-77).
        assembly.mine(7)?;
        assembly.settle()?;
        let away = payee(assembly)?;
        ask(gudrun, &["wallet", "send", "--to", &away, "--all", "--yes"])?;
        assembly.mine(1)?;
        until_it_says(assembly, &carried, "counted again with the stakes still locked, in epoch")?;
        until_it_says(assembly, &carried, "it is rejected; nothing happens")?;
        until_it_says(assembly, &kept, "it took effect")?;
        let both = STAKES_SAT[2] + STAKES_SAT[3];
        told_with_the_close(njal, &carried, [[STAKES_SAT[3], STAKES_SAT[1]], [both, STAKES_SAT[1]]])?;
        // The roll is lighter by who left, the sums are the same.
        let closed = STAKES_SAT[3] + STAKES_SAT[4];
        told_with_the_close(njal, &kept, [[closed, 0], [closed, 0]])?;
        let shown = astrid.cli().run(&["proposal", "show", &carried])?.stdout;
        for words in ["said passed", "counted again with the stakes still locked", "at the close: members: yes"] {
            ensure!(shown.contains(words), "no {words:?} in {shown}");
        }
        let cells = ["1,counted,at the close", "1,says,passed", "2,counted,at enactment", "2,says,rejected"];
        assembly.mine_until("a report with both counts", WITHIN_BLOCKS, || {
            let report = njal.cli().run(&["report", "--format", "csv"])?.stdout;
            let has = |cell: &&str| report.contains(&format!("Decisions,Questions,{cell},"));
            Ok(cells.iter().all(has).then_some(()))
        })
    });
}

/// V-34: yes and no, in satoshis, as counted again and as at the close.
fn told_with_the_close(actor: &Actor, proposal: &str, expected: [[u64; 2]; 2]) -> Result<()> {
    let told = actor.proposal(proposal)?;
    let again = told.tally.context("no sums")?;
    let close = told.vote.at_close.into_iter().next().context("no sums of the close")?.tally;
    let sums = [again, close].map(|tally| {
        [tally.yes, tally.no].map(|sum| sum.parse::<u64>().map_or(u64::MAX, |sum| sum / u64::from(OLD_BLOCKS)))
    });
    ensure!(sums == expected, "{sums:?} instead of {expected:?}");
    Ok(())
}

fn slow_and_by_age(mut charter: Charter) -> Charter {
    charter.weight_rule = WeightRule::StakeAge { cap_blocks: OLD_BLOCKS };
    charter.classes = Class::ALL
        .map(|class| ClassRule {
            voting_blocks: 6,
            veto_blocks: VETO_BLOCKS,
            quorum: Quorum::ParticipationBp(1000),
            ..ClassRule::new(class)
        })
        .to_vec();
    charter
}

/// Until every stake is as old as counts: a weight is satoshis times blocks, and grows until then.
fn aged(assembly: &Assembly) -> Result<()> {
    let weights = || -> Result<Vec<u64>> {
        let members = assembly.members[4].members()?;
        Ok(members.iter().filter_map(|member| member.weight.as_deref()?.parse().ok()).collect())
    };
    let young = assembly.mine_until("everybody on the roll", WITHIN_BLOCKS, || {
        Ok(Some(weights()?).filter(|weights| weights.len() == STAKES_SAT.len()))
    })?;
    let old = STAKES_SAT.map(|sat| sat * u64::from(OLD_BLOCKS));
    ensure!(young.iter().sum::<u64>() < old.iter().sum(), "they are old at once: {young:?}");
    assembly.mine_until("old stakes", WITHIN_BLOCKS, || {
        let mut weights = weights()?;
        weights.sort_unstable_by(|one, other| other.cmp(one));
        Ok((weights == old).then_some(()))
    })
}
