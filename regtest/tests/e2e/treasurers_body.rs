//! A class that two bodies decide: the members, and the treasurers by the keys that the charter names.

use althing_governance::charter::{Admission, Body, Charter, Class, ClassRule, Quorum, WeightRule};
use althing_node::api::{Ballot, Choice, ProposalState, WaitFor};
use althing_regtest::story::{Assembly, Periods, enter, found_by, open_stakes};
use anyhow::{Context as _, Result, ensure};

use crate::stage::with_assembly;
use crate::told::{ask, refused, refused_behind_review};

const LARGE_SAT: u64 = 20_000_000;

/// Blocks until a stake counts, and as much again for a busy machine.
const ON_ROLL_WITHIN_BLOCKS: u32 = 60;

/// Blocks from the last ballot until an outcome is final, and as much again for a busy machine.
const DECIDED_WITHIN_BLOCKS: u32 = 90;

#[test]
fn a_large_payment_needs_the_treasurers_ballots_beside_the_members() {
    with_assembly("treasurers-body", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, both_bodies)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        assembly.mine_until("every member on the roll of a final epoch", ON_ROLL_WITHIN_BLOCKS, || {
            let seen = assembly.members.iter().map(|member| member.has_seen(WaitFor::OnRoll));
            Ok(seen.collect::<Result<Vec<bool>>>()?.into_iter().all(|on_roll| on_roll).then_some(()))
        })?;
        let [agreed, refused_by_them] =
            [propose(assembly, "A ship", LARGE_SAT)?, propose(assembly, "A fleet", LARGE_SAT)?];
        let pause = ["propose", "pause", "--title", "Wait", "--blocks", "2", "--class", "spend", "--yes"];
        let pause = ask(&assembly.members[0], &pause)?["id"].as_str().context("no id")?.to_owned();
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
        ensure!(told.stderr.contains("This ballot counts among the members."), "{told:?}");
        // Of a pause the treasurers alone decide: nobody signs a ballot of the members that decides nothing.
        let nothing = refused_behind_review(&assembly.members[4], &["vote", &pause, "yes"])?;
        ensure!(nothing.contains("N-130") && nothing.contains("the treasurers decide"), "{nothing}");
        let unread =
            refused_behind_review(&assembly.members[4], &["vote", &agreed, "no", "--reason", &"x".repeat(1025)])?;
        ensure!(unread.contains("ballot reason"), "{unread}");
        before_they_are_proposed(assembly)?;

        let first = assembly.members[0].name().to_owned();
        for treasurer in &mut assembly.members[..2] {
            ask(treasurer, &["vote", &agreed, "no", "--as-treasurer", "--yes"])?;
            let said = ask(treasurer, &["vote", &agreed, "yes", "--as-treasurer", "--yes"])?;
            ensure!(said["choice"] == "yes" && said["position"].is_u64(), "{said}");
            ask(treasurer, &["vote", &refused_by_them, "no", "--as-treasurer", "--yes"])?;
            let choice = if treasurer.name() == first { "yes" } else { "no" };
            ask(treasurer, &["vote", &pause, choice, "--as-treasurer", "--yes"])?;
            // Both lanes go on after a restart, and each has its ballots.
            treasurer.kill();
            treasurer.start()?;
        }
        assembly.settle()?;
        let own = ask(&assembly.members[0], &["ballots"])?;
        let own = own["ballots"].as_array().context("no ballots")?;
        let standing = own.iter().filter(|one| one["replaced"] == false).count();
        ensure!((own.len(), standing) == (6, 5), "{own:?}");
        // Two voices in one folder: neither ballot is taken for the other.
        let seen = assembly.members[0].proposal(&refused_by_them)?;
        let choice = |ballot: Option<&Ballot>| ballot.map(|ballot| (ballot.choice.clone(), ballot.as_treasurer));
        ensure!(choice(seen.my_ballot.as_ref()) == Some((Choice::Yes, false)), "{:?}", seen.my_ballot);
        let body = seen.vote.treasurers.context("the treasurers decide on it")?;
        ensure!(choice(body.my_ballot.as_ref()) == Some((Choice::No, true)), "{body:?}");
        ensure!((body.of, body.voted, body.i_am_one) == (3, 2, true), "{body:?}");
        ask(&assembly.members[1], &["vote", &agreed, "yes", "--yes"])?;
        let open = assembly.members[4].cli().run(&["proposal", "show", &agreed])?;
        ensure!(open.stdout.contains("the members and the treasurers decide, each by itself"), "{open:?}");
        ensure!(open.stdout.contains("treasurers: yes 2, no 0, abstain 0, of 3; 2 of 3 voted"), "{open:?}");
        for id in [&agreed, &refused_by_them, &pause] {
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
        ensure!(assembly.members[4].proposal(&pause)?.state == ProposalState::Tied, "the treasurers were divided");
        shown_to_anybody(assembly, &[&agreed, &refused_by_them, &pause])?;
        each_vote_is_shown(assembly, &agreed, &pause)?;
        who_sleeps_is_left_out(assembly)
    });
}

/// What was decided by several bodies, or by the treasurers alone, is shown by a file that any machine can check; and the report
/// tells the same sums.
fn shown_to_anybody(assembly: &Assembly, decided: &[&String]) -> Result<()> {
    let member = &assembly.members[3];
    let path = |name: &str| assembly.data_dir.join(name).into_os_string().into_string();
    let headers = path("headers").map_err(|path| anyhow::anyhow!("{path:?}"))?;
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let cookie = cookie.to_str().context("a path")?;
    ask(member, &["headers", "export", &headers, "--bitcoind", &url, "--cookie", cookie])?;
    let words = ["treasurers: yes 2, no 0", "treasurers: yes 0, no 2", "tied; treasurers: yes 1, no 1"];
    for (number, (id, words)) in decided.iter().zip(words).enumerate() {
        let file = path(&format!("bodies-{number}.althing")).map_err(|path| anyhow::anyhow!("{path:?}"))?;
        ask(member, &["proof", "export", id, "--statement", "tally", "--out", &file])?;
        let verdict = member.cli().run(&["verify", &file, "--headers", &headers])?;
        ensure!(verdict.code == Some(0) && verdict.stdout.contains(words), "{verdict:?}");
        let shown = ask(member, &["proposal", "show", id])?;
        let bodies = shown["vote"]["bodies"].as_array().context("no bodies")?;
        let treasurers = bodies.iter().find(|body| body["body"] == "treasurers").context("no treasurers")?;
        ensure!(treasurers["voters"] == 3 && treasurers["tally"]["total_weight"] == "3", "{treasurers}");
    }
    let report = member.cli().run(&["report", "--format", "csv"])?;
    // The fifth row is the pause, which the treasurers alone decided.
    for cell in ["body,treasurers", "yes,1", "no,1", "says,tied"] {
        let row = format!("Decisions,Questions,5,{cell},");
        ensure!(report.stdout.contains(&row), "no {row} in the report");
    }
    Ok(())
}

/// P-140: a treasurer's own ballot is counted as cast among the treasurers, and who cast none is told; anybody can show both.
fn each_vote_is_shown(assembly: &Assembly, beside: &str, alone: &str) -> Result<()> {
    let [treasurer, other] = [&assembly.members[0], &assembly.members[3]];
    // The treasurers are the first three members.
    let [first, second, third, ..] = &assembly.members[..] else { anyhow::bail!("five members") };
    let [first, second, third] = [first, second, third].map(|actor| actor.name());
    let cast = |choice: &str| format!("{choice}, one of 3 votes of the treasurers, counted as cast in the final tally");
    let (yes, no, silent) = (cast("yes"), cast("no"), "did not vote".to_owned());
    let (yes, no, silent) = (yes.as_str(), no.as_str(), silent.as_str());
    let by_name = |name| vec!["--member", name];
    for (number, (actor, proposal, statement, more, whose, words)) in [
        // Beside the members the same folder has two ballots, and of a pause only the treasurer's is one.
        (treasurer, beside, "ballot", vec![], "member ", "counted as cast in the final tally"),
        (treasurer, beside, "ballot", vec!["--body", "treasurers"], first, yes),
        (treasurer, alone, "ballot", vec![], first, yes),
        (other, alone, "ballot", by_name(second), second, no),
        (other, alone, "did-not-vote", by_name(third), third, silent),
        (other, beside, "did-not-vote", [by_name(third), vec!["--body", "treasurers"]].concat(), third, silent),
    ]
    .into_iter()
    .enumerate()
    {
        let file = assembly.data_dir.join(format!("vote-{number}.althing"));
        let (file, headers) = (file.to_str().context("a path")?, assembly.data_dir.join("headers"));
        let command = ["proof", "export", proposal, "--statement", statement, "--out", file];
        ask(actor, &[&command[..], &more].concat())?;
        let verdict = other.cli().run(&["verify", file, "--headers", headers.to_str().context("a path")?])?;
        ensure!(verdict.code == Some(0) && verdict.stdout.contains(words), "{verdict:?}\n{words}");
        ensure!(verdict.stdout.contains(whose), "{verdict:?}\n{whose}");
    }
    let why = treasurer.cli().run(&["why", alone])?;
    ensure!(why.code == Some(0) && why.stdout.contains(yes) && !why.stdout.contains("BROKEN"), "{why:?}");
    // Who has no vote in the body is told so, and is not called silent.
    let export = ["proof", "export", alone, "--out", "/nowhere", "--statement"];
    for (more, words) in [
        (vec!["did-not-vote", "--member", other.name()], "the treasurers decide, and "),
        (vec!["did-not-vote"], "is none of them"),
        (vec!["did-not-vote", "--member", first], "voted, with entry"),
        (vec!["ballot", "--member", third], "cast no ballot"),
        (vec!["ballot", "--body", "founders"], "the founders are no body"),
        (vec!["ballot", "--member", "Nobody"], "N-53"),
    ] {
        let said = refused(other, &[&export[..], &more].concat())?;
        ensure!(said.contains(words), "{more:?}: {said}\n{words}");
    }
    Ok(())
}

/// What would come to nothing is told before it is proposed.
fn before_they_are_proposed(assembly: &Assembly) -> Result<()> {
    let (member, name) = (&assembly.members[0], assembly.members[4].name());
    let told = member.cli().run(&["propose", "expel", "--title", "Out", "--member", name, "--check"])?;
    ensure!(told.stdout.contains("G-102"), "{told:?}");
    Ok(())
}

/// G-46: who said nothing for long is taken from what a quorum is measured by, and the program says so.
fn who_sleeps_is_left_out(assembly: &Assembly) -> Result<()> {
    let motion = ask(&assembly.members[0], &["propose", "text", "--title", "Who is awake", "--yes"])?;
    let motion = motion["id"].as_str().context("no id")?.to_owned();
    assembly.mine_until("the vote opens", 20, || {
        Ok(assembly.members[0].has_seen(WaitFor::VotingOpen(motion.clone()))?.then_some(()))
    })?;
    for member in &assembly.members[..2] {
        ask(member, &["vote", &motion, "yes", "--yes"])?;
    }
    assembly.mine_until("the outcome in a final epoch", DECIDED_WITHIN_BLOCKS, || {
        Ok(assembly.members[3].has_seen(WaitFor::Decided(motion.clone()))?.then_some(()))
    })?;
    let shown = assembly.members[3].proposal(&motion)?;
    let decision = shown.vote.decision.clone().context("no decision")?;
    ensure!(decision.contains("members who were silent for long (G-46)"), "{decision}");
    ensure!(shown.state == ProposalState::Passed, "two of five are enough when three sleep: {:?}", shown.state);
    // Weights are roots of stakes here.
    for member in assembly.members[3].members()? {
        let weight = member.weight.context("on the roll")?;
        ensure!(weight == member.stake_sat.isqrt().to_string(), "{} sat weigh {weight}", member.stake_sat);
    }
    Ok(())
}

/// Payments need the treasurers' consent beside the members', a pause theirs alone; weights are roots of stakes, and who is silent for
/// two epochs sleeps.
fn both_bodies(mut charter: Charter) -> Charter {
    let spends = charter.classes.iter_mut().filter(|rule| rule.class == Class::Spend);
    spends.for_each(|rule| rule.bodies = vec![Body::Members, Body::Treasurers]);
    charter.admission = Admission::Invite { min_stake_sat: 10_000, max_open_per_member: 3 };
    charter.weight_rule = WeightRule::SqrtStake;
    charter.dormant_after_epochs = 2;
    // The first two have half of the weight, which is enough only if the others sleep.
    let texts = charter.classes.iter_mut().filter(|rule| rule.class == Class::Text);
    texts.for_each(|rule| rule.quorum = Quorum::YesOfTotalBp(6000));
    let pause = ClassRule { voting_blocks: 6, bodies: vec![Body::Treasurers], ..ClassRule::new(Class::Pause) };
    charter.classes.extend([ClassRule { voting_blocks: 6, ..ClassRule::new(Class::Expel) }, pause]);
    charter
}

fn propose(assembly: &Assembly, title: &str, sat: u64) -> Result<String> {
    let to = format!("{}={sat}", assembly.members[4].wallet_address()?);
    let tabled =
        ask(&assembly.members[0], &["propose", "spend", "--title", title, "--to", &to, "--fee-cap", "1000", "--yes"])?;
    tabled["id"].as_str().map(str::to_owned).context("no id")
}
