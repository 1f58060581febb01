//! What is too late, barred, or without sense is told before it is said: through the real program on a real bitcoind.

use althing_governance::charter::{Admission, Charter, Class, ClassRule};
use althing_node::api::{ProposalState, WaitFor};
use althing_regtest::story::{Actor, Assembly, Periods, enter, found_by, open_stakes, reach_roll};
use anyhow::{Context as _, Result, ensure};

use crate::stage::with_assembly;
use crate::told::{ask, refused_behind_review};

/// Blocks from the last ballot until an outcome is final, and as much again for a busy machine.
const DECIDED_WITHIN_BLOCKS: u32 = 90;

#[test]
fn what_would_not_count_is_refused_before_it_is_said() {
    with_assembly("refused-late", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, with_surges)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        reach_roll(assembly)?;
        let [carried, silent] = ["A harbour", "A lighthouse"].map(|title| table(&assembly.members[0], title));
        let (carried, silent) = (carried?, silent?);
        assembly.mine_until("the votes open", 20, || {
            Ok(assembly.members[0].has_seen(WaitFor::VotingOpen(silent.clone()))?.then_some(()))
        })?;
        for member in &assembly.members[..4] {
            ask(member, &["vote", &carried, "yes", "--yes"])?;
        }
        let ends = ask(&assembly.members[0], &["proposal", "show", &carried])?["vote"]["ends_at"]
            .as_u64()
            .context("no end")?;
        late(assembly, &carried, ends)?;
        for id in [&carried, &silent] {
            assembly.mine_until("the outcome in a final epoch", DECIDED_WITHIN_BLOCKS, || {
                Ok(assembly.members[0].has_seen(WaitFor::Decided(id.clone()))?.then_some(()))
            })?;
        }
        // It stood beside the failed one of the same author, and is about something else.
        let seen = assembly.members[1].proposal(&carried)?;
        ensure!(seen.state == ProposalState::Passed, "{:?}: {:?}", seen.state, seen.vote.decision);
        barred(assembly)?;
        senseless(assembly)
    });
}

/// Words may be extended, and come back only after a while; and there is more to decide than words.
fn with_surges(mut charter: Charter) -> Charter {
    charter.guards.cooldown_blocks = 1000;
    charter.admission = Admission::Invite { min_stake_sat: 10_000, max_open_per_member: 3 };
    charter.classes.iter_mut().filter(|rule| rule.class == Class::Text).for_each(|rule| rule.late_surge = true);
    let further = [Class::Admit, Class::ElectTreasurers, Class::Pause];
    charter.classes.extend(further.map(|class| ClassRule { voting_blocks: 6, ..ClassRule::new(class) }));
    charter
}

/// A ballot behind the end of a vote that could have gone on: the log would still take it.
fn late(assembly: &Assembly, proposal: &str, ends: u64) -> Result<()> {
    let (voter, latecomer) = (&assembly.members[0], &assembly.members[4]);
    assembly.mine_until("the end of the vote", 40, || {
        Ok((voter.proposal(proposal)?.state == ProposalState::Closed).then_some(()))
    })?;
    let refused = refused_behind_review(latecomer, &["vote", proposal, "no"])?;
    ensure!(refused.contains("\"G-35\"") && refused.contains(&format!("the vote ended at height {ends}")), "{refused}");
    ensure!(refused.contains("another late surge"), "{refused}");
    let own = ask(latecomer, &["ballots"])?;
    ensure!(own["ballots"].as_array().is_some_and(Vec::is_empty), "{own}");
    let own = ask(voter, &["ballots"])?;
    ensure!(own["ballots"][0]["too_late"].is_null(), "{own}");
    Ok(())
}

/// The cool-down is told to whoever would fall under it, and to nobody else.
fn barred(assembly: &Assembly) -> Result<()> {
    let again = ask(&assembly.members[0], &["propose", "text", "--title", "A lighthouse after all", "--check"])?;
    let words = again["warnings"].to_string();
    ensure!(words.contains("G-100") && words.contains("nothing but words tells them apart"), "{again}");
    let other = ask(&assembly.members[1], &["propose", "text", "--title", "A lighthouse after all", "--check"])?;
    ensure!(other["warnings"].as_array().is_some_and(Vec::is_empty), "{other}");
    let file = assembly.data_dir.join("charter.toml");
    let rules = ask(&assembly.members[0], &["charter", "explain", file.to_str().context("a path")?])?.to_string();
    ensure!(rules.contains("within 1000 blocks after a vote failed"), "{rules}");
    Ok(())
}

/// What could do nothing, or not what it says.
fn senseless(assembly: &Assembly) -> Result<()> {
    let [author, other] = [&assembly.members[0], &assembly.members[1]];
    let (key, second) = (treasury_key(author)?, treasury_key(other)?);
    let me = ask(author, &["keys", "show"])?["vote_key"].as_str().context("no vote key")?.to_owned();
    let to = format!("{}=20000", other.wallet_address()?);
    let (named, again) = (format!("Astrid={key}"), format!("astrid={second}"));
    let descriptor = format!("wsh(multi(2,{key},{second}))");
    for (command, rule, hint) in [
        (vec!["admit", "--member", &me], "N-54", "is admitted already"),
        (vec!["pause", "--blocks", "4294967295", "--class", "spend"], "G-87", "must be 1 to 4320"),
        (vec!["pause", "--blocks", "4000", "--class", "spend"], "N-54", "at most (G-87)"),
        (vec!["spend", "--to", &to, "--fee-cap", "100000000000"], "G-24", "must be at most 100000000"),
        (
            vec!["elect", "--descriptor", &descriptor, "--treasurer", &named, "--treasurer", &again],
            "R-52",
            "is two treasurers'",
        ),
    ] {
        let line = [&["propose"], &command[..], &["--title", "Odd"]].concat();
        let refused = refused_behind_review(author, &line)?;
        ensure!(refused.contains(&format!("\"{rule}\"")) && refused.contains(hint), "{line:?}: {refused}");
    }
    let invited = refused_behind_review(author, &["invite", &me, "--until", "100000"])?;
    ensure!(invited.contains("\"N-54\"") && invited.contains("is a member already"), "{invited}");
    let template = refused_behind_review(author, &["charter", "template", "foo"])?;
    ensure!(template.contains("\"N-64\"") && template.contains("foo"), "{template}");
    let elect = ["propose", "elect", "--title", "One", "--descriptor", &descriptor, "--treasurer", &named, "--check"];
    let elect = ask(author, &elect)?;
    let words = elect["warnings"].to_string();
    ensure!(words.contains(&second) && words.contains("is none of the treasurers named"), "{elect}");
    let costly = ask(author, &["propose", "spend", "--title", "Dear", "--to", &to, "--fee-cap", "20001", "--check"])?;
    ensure!(costly["warnings"].to_string().contains("more than the 20000 sat"), "{costly}");
    Ok(())
}

fn treasury_key(actor: &Actor) -> Result<String> {
    ask(actor, &["keys", "show"])?["treasury_key"].as_str().map(str::to_owned).context("no treasury key")
}

fn table(author: &Actor, title: &str) -> Result<String> {
    ask(author, &["propose", "text", "--title", title, "--yes"])?["id"].as_str().map(str::to_owned).context("no id")
}
