//! "Why is this true?" of a ballot that is far from final, and of one that a later ballot replaced (N-92).

use althing_regtest::story::{Periods, enter, found, open_stakes, reach_roll};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::every_command::{caught_up, five, propose};
use crate::stage::with_assembly;
use crate::told::{ask, refused};

#[test]
fn each_ballot_is_walked_with_what_it_says() {
    with_assembly("why", |assembly| {
        let founded = found(assembly, Periods::SHORT)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        reach_roll(assembly)?;
        let [astrid, bjarni, ..] = five(assembly)?;
        let motion = propose(astrid, &["text", "--title", "A longer feast"])?;
        assembly.mine_until("the vote opens", 20, || {
            Ok(astrid.has_seen(althing_node::api::WaitFor::VotingOpen(motion.clone()))?.then_some(()))
        })?;
        let cast = |choice: &str| {
            ask(astrid, &["vote", &motion, choice, "--yes"])?["position"].as_u64().context("no position")
        };
        let first = cast("yes")?;
        let second = cast("no")?;
        caught_up(assembly)?;

        let counted = ask(astrid, &["why", &motion])?;
        let leaf = step(&counted, "leaf")?;
        ensure!(told(&counted["statement"]).contains(": no."), "{counted}");
        ensure!(told(&leaf["sentence"]).contains("says: no, of weight 500000 on the roll of epoch"), "{leaf}");
        ensure!(value(leaf, "position")? == second.to_string() && value(leaf, "choice")? == "no", "{leaf}");

        // Until an epoch covers it the root is not there; then each hash beside the way up is.
        assembly.mine_until("an epoch over the ballots", 40, || {
            Ok((step(&ask(astrid, &["why", &motion])?, "root")?["state"] == "holds").then_some(()))
        })?;
        let entry = first.to_string();
        let replaced = ask(astrid, &["why", &motion, "--entry", &entry])?;
        ensure!(told(&replaced["statement"]).contains(": yes. This ballot was replaced"), "{replaced}");
        let leaf = step(&replaced, "leaf")?;
        ensure!(value(leaf, "position")? == entry && value(leaf, "choice")? == "yes", "{leaf}");
        ensure!(value(step(&replaced, "receipt")?, "position")? == entry, "its own receipt: {replaced}");
        let count = step(&replaced, "count")?;
        ensure!(value(count, "entry that counts")? == second.to_string(), "{count}");
        let root = step(&replaced, "root")?;
        let beside = values(root).filter(|(name, _)| name.starts_with("hash beside ")).count();
        ensure!(beside > 0 && told(&root["sentence"]).contains(&format!("The leaf and {beside} hashes")), "{root}");
        ensure!(values(root).all(|(name, hash)| !name.starts_with("hash") || hash.len() == 64), "{root}");
        for broken in [&counted, &replaced] {
            ensure!(!broken.to_string().contains("broken"), "{broken}");
        }
        // Whose ballot is not this one.
        let said = refused(bjarni, &["why", &motion, "--entry", &entry])?;
        ensure!(said.contains(&format!("P-8: entry {first} of the log is no ballot of member")), "{said}");
        Ok(())
    });
}

fn told(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn step<'a>(why: &'a Value, name: &str) -> Result<&'a Value> {
    let steps = why["steps"].as_array().context("no steps")?;
    steps.iter().find(|step| step["name"] == name).with_context(|| format!("no step {name} in {why}"))
}

fn values(step: &Value) -> impl Iterator<Item = (&str, &str)> {
    step["values"].as_array().into_iter().flatten().map(|pair| (told(&pair[0]), told(&pair[1])))
}

fn value<'a>(step: &'a Value, name: &str) -> Result<&'a str> {
    values(step)
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
        .with_context(|| format!("no {name} in {step}"))
}
