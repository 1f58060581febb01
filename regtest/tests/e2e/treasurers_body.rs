//! A class that two bodies decide: the members, and the treasurers by the keys that the charter names.

use althing_governance::charter::{Body, Charter, Class};
use althing_node::api::{Ballot, Choice, ProposalState, WaitFor};
use althing_regtest::story::{Assembly, Periods, enter, found_by, open_stakes, reach_roll};
use anyhow::{Context as _, Result, ensure};

use crate::stage::with_assembly;
use crate::told::{ask, refused_behind_review};

const LARGE_SAT: u64 = 20_000_000;

/// Blocks from the last ballot until an outcome is final, and as much again for a busy machine.
const DECIDED_WITHIN_BLOCKS: u32 = 90;

#[test]
fn a_large_payment_needs_the_treasurers_ballots_beside_the_members() {
    with_assembly("treasurers-body", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, both_bodies)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        reach_roll(assembly)?;
        let [agreed, refused_by_them] =
            [propose(assembly, "A ship", LARGE_SAT)?, propose(assembly, "A fleet", LARGE_SAT)?];
        let small = ask(&assembly.members[0], &["propose", "text", "--title", "An oar", "--yes"])?;
        let small = small["id"].as_str().context("no id")?.to_owned();
        assembly.mine_until("the votes open", 20, || {
            Ok(assembly.members[0].has_seen(WaitFor::VotingOpen(small.clone()))?.then_some(()))
        })?;
        for member in &assembly.members {
            for id in [&agreed, &refused_by_them] {
                ask(member, &["vote", id, "yes", "--yes"])?;
            }
        }
        // Hallgerd and Njal are no treasurers; nobody is one where treasurers do not decide.
        let stranger = refused_behind_review(&assembly.members[3], &["vote", &agreed, "yes", "--as-treasurer"])?;
        ensure!(stranger.contains("G-45") && stranger.contains("none of the treasurers"), "{stranger}");
        let no_body = refused_behind_review(&assembly.members[0], &["vote", &small, "yes", "--as-treasurer"])?;
        ensure!(no_body.contains("G-45") && no_body.contains("no body"), "{no_body}");
        let told = assembly.members[0].cli().run(&["vote", &agreed, "yes"])?;
        ensure!(told.stderr.contains("--as-treasurer"), "{told:?}");

        for treasurer in &mut assembly.members[..2] {
            ask(treasurer, &["vote", &agreed, "no", "--as-treasurer", "--yes"])?;
            let said = ask(treasurer, &["vote", &agreed, "yes", "--as-treasurer", "--yes"])?;
            ensure!(said["choice"] == "yes" && said["position"].is_u64(), "{said}");
            ask(treasurer, &["vote", &refused_by_them, "no", "--as-treasurer", "--yes"])?;
            // Both lanes go on after a restart, and each has its ballots.
            treasurer.kill();
            treasurer.start()?;
        }
        assembly.settle()?;
        let own = ask(&assembly.members[0], &["ballots"])?;
        let own = own["ballots"].as_array().context("no ballots")?;
        let standing = own.iter().filter(|one| one["replaced"] == false).count();
        ensure!((own.len(), standing) == (5, 4), "{own:?}");
        // Two voices in one folder: neither ballot is taken for the other.
        let seen = assembly.members[0].proposal(&refused_by_them)?;
        let choice = |ballot: Option<&Ballot>| ballot.map(|ballot| (ballot.choice.clone(), ballot.as_treasurer));
        ensure!(choice(seen.my_ballot.as_ref()) == Some((Choice::Yes, false)), "{:?}", seen.my_ballot);
        let body = seen.vote.treasurers.context("the treasurers decide on it")?;
        ensure!(choice(body.my_ballot.as_ref()) == Some((Choice::No, true)), "{body:?}");
        ensure!((body.of, body.voted, body.i_am_one) == (3, 2, true), "{body:?}");
        ask(&assembly.members[1], &["vote", &agreed, "yes", "--yes"])?;
        for id in [&agreed, &refused_by_them] {
            assembly.mine_until("the outcome in a final epoch", DECIDED_WITHIN_BLOCKS, || {
                Ok(assembly.members[4].has_seen(WaitFor::Decided(id.clone()))?.then_some(()))
            })?;
        }
        let states = [&agreed, &refused_by_them].map(|id| assembly.members[4].proposal(id).map(|p| p.state));
        let [agreed_state, refused_state] = states;
        let agreed_state = agreed_state?;
        ensure!(matches!(agreed_state, ProposalState::Passed | ProposalState::Authorised), "{agreed_state:?}");
        // A quorum is of those who agree or abstain.
        let refused_state = refused_state?;
        ensure!(
            matches!(refused_state, ProposalState::Rejected | ProposalState::NoQuorum),
            "the treasurers' no was not heard: {refused_state:?}"
        );
        Ok(())
    });
}

/// Payments need the treasurers' consent beside the members'.
fn both_bodies(mut charter: Charter) -> Charter {
    let spends = charter.classes.iter_mut().filter(|rule| rule.class == Class::Spend);
    spends.for_each(|rule| rule.bodies = vec![Body::Members, Body::Treasurers]);
    charter
}

fn propose(assembly: &Assembly, title: &str, sat: u64) -> Result<String> {
    let to = format!("{}={sat}", assembly.members[4].wallet_address()?);
    let tabled =
        ask(&assembly.members[0], &["propose", "spend", "--title", title, "--to", &to, "--fee-cap", "1000", "--yes"])?;
    tabled["id"].as_str().map(str::to_owned).context("no id")
}
