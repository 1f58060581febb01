//! Governance beyond yes and no, through the real program on a real bitcoind: delegation, a choice among options, a rule change,
//! opinions on comments, a report; and what is refused, with the rule and the value.

use althing_governance::charter::{Charter, Class};
use althing_node::api::WaitFor;
use althing_regtest::story::{Actor, Assembly, Periods, enter, found_by, open_stakes, reach_roll};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::every_command::caught_up;
use crate::stage::with_assembly;
use crate::told::ask;

/// Blocks from the last ballot until an outcome is final, and as much again for a busy machine.
const DECIDED_WITHIN_BLOCKS: u32 = 90;

#[test]
fn a_choice_with_delegation_and_a_rule_change() {
    with_assembly("governance", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, with_heavy_spenders)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        reach_roll(assembly)?;
        let choice = ask(&assembly.members[0], &propose_choice(&["Lake", "Booth", "Hill"]))?;
        let change = propose_rule_change(assembly)?;
        assembly.mine(1)?;
        let (choice, change) = (id(&choice)?, id(&change)?);
        discuss(assembly, &choice)?;
        refuse(assembly, &choice)?;
        vote(assembly, &choice, &change)?;
        for proposal in [&choice, &change] {
            assembly.mine_until("the outcome in a final epoch", DECIDED_WITHIN_BLOCKS, || {
                let seen = assembly.members[0].has_seen(WaitFor::Decided(proposal.clone()))?;
                Ok(seen.then_some(()))
            })?;
        }
        check_choice(assembly, &choice)?;
        check_rule_change(assembly, &change)?;
        check_report(assembly, &choice)?;
        check_proofs(assembly, &choice)
    });
}

/// Who proposes a payment weighs more than Njal.
fn with_heavy_spenders(mut charter: Charter) -> Charter {
    for rule in charter.classes.iter_mut().filter(|rule| rule.class == Class::Spend) {
        rule.min_proposer_weight = 200_000;
    }
    charter
}

fn propose_choice<'a>(options: &[&'a str]) -> Vec<&'a str> {
    let mut command = vec!["propose", "text", "--title", "Where to meet", "--tag", "places", "--system", "approval"];
    for option in options {
        command.extend(["--option", option]);
    }
    command
}

/// A charter with a longer name, which changes nothing else.
fn propose_rule_change(assembly: &Assembly) -> Result<Value> {
    let member = &assembly.members[1];
    let Value::String(charter) = ask(member, &["charter", "show"])?["text"].clone() else {
        anyhow::bail!("no charter is shown");
    };
    let changed = charter.replacen("comments_per_epoch = 100", "comments_per_epoch = 120", 1);
    ensure!(changed != charter, "there is nothing to change in {charter}");
    let file = assembly.data_dir.join("changed.toml");
    std::fs::write(&file, changed)?;
    let file = file.to_str().context("a path")?;
    let command = ["propose", "rule-change", "--title", "More to say", "--charter", file];
    let check = ask(member, &[command.as_slice(), &["--check"]].concat())?;
    ensure!(check["refusal"].is_null(), "{check}");
    let effects = check["effects"].to_string();
    ensure!(effects.contains("comments_per_epoch"), "the change is not told: {effects}");
    ask(member, &[command.as_slice(), &["--yes"]].concat())
}

fn discuss(assembly: &Assembly, proposal: &str) -> Result<()> {
    let comment = assembly.members[2].comment(proposal, None, "The lake is cold.")?;
    ask(&assembly.members[3], &["comment-vote", &comment.id, "up"])?;
    ask(&assembly.members[4], &["comment-vote", &comment.id, "down"])?;
    ask(&assembly.members[0], &["update", proposal, "There is a fire at the booth."])?;
    let shown = assembly.members[1].proposal(proposal)?;
    let found = shown.comments.iter().find(|other| other.id == comment.id).context("the comment is gone")?;
    ensure!((found.up, found.down) == (1, 1), "{found:?}");
    ensure!(shown.comments.iter().any(|comment| comment.is_update), "no update among {:?}", shown.comments);
    ask(&assembly.members[1], &["hide", "comment", &comment.id])?;
    let shown = assembly.members[1].proposal(proposal)?;
    ensure!(shown.comments.iter().any(|comment| comment.hidden), "nothing is hidden in {:?}", shown.comments);
    Ok(())
}

/// Bad input: each is refused, names its rule, and leaves nothing in the log.
fn refuse(assembly: &Assembly, proposal: &str) -> Result<()> {
    let member = &assembly.members[4];
    let before = member.status()?.log_size;
    let stranger = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let treasurer = format!("A=02{stranger}");
    let long = "x".repeat(121);
    let address = ask(member, &["wallet", "address"])?["address"].as_str().context("no address")?.to_owned();
    let (dust, pay) = (format!("{address}=100"), format!("{address}=5000"));
    let heavier =
        ask(&assembly.members[2], &["propose", "spend", "--title", "T", "--to", &pay, "--fee-cap", "1000", "--check"])?;
    ensure!(heavier["refusal"].is_null(), "{heavier}");
    let labels: Vec<String> = (0..63).map(|number| format!("Option {number}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let too_many = propose_choice(&labels);
    let system = |system| vec!["propose", "text", "--title", "T", "--system", system, "--option", "A", "--option", "B"];
    let rows: Vec<(Vec<&str>, &str, &str)> = vec![
        (vec!["vote", proposal, "--approve", "9", "--yes"], "V-4", "9"),
        (vec!["vote", proposal, "--approve", "1,1", "--yes"], "V-5", "1"),
        (vec!["vote", proposal, "yes", "--yes"], "V-3", "approval"),
        (vec!["vote", proposal, "--rank", "1,2", "--yes"], "V-3", "approval"),
        (vec!["vote", proposal, "--approve", "0", "--yes"], "V-4", "0"),
        (vec!["delegate", "Njal", "--yes"], "L-5", "themselves"),
        (vec!["delegate", "Nobody", "--yes"], "N-53", "Nobody"),
        (vec!["delegate", "Astrid=0", "--yes"], "L-2", "0"),
        (vec!["delegate", "Astrid", "--until", "0", "--yes"], "L-3", "0"),
        (vec!["delegate", "Astrid", "--until", "1", "--yes"], "L-8", "height 1 "),
        (vec!["delegate", "Astrid", "Astrid", "--yes"], "L-2", "comes twice"),
        (vec!["delegate", "--abstain", "--until", "1", "--yes"], "L-8", "height 1 "),
        (vec!["delegate", "--revoke", "--class", "pause", "--yes"], "N-54", "nothing on class pause"),
        (vec!["delegate", "Astrid", "--tag", "No Such", "--yes"], "L-4", " "),
        (vec!["propose", "elect", "--title", "T", "--descriptor", "bogus", "--treasurer", &treasurer], "T-1", "bogus"),
        (
            vec![
                "propose",
                "elect",
                "--title",
                "T",
                "--descriptor",
                "bogus",
                "--treasurer",
                &treasurer,
                "--treasurer",
                &treasurer,
            ],
            "R-52",
            "two treasurers'",
        ),
        (vec!["propose", "admit", "--title", "T", "--member", stranger, "--member", stranger], "G-83", "named twice"),
        (vec!["propose", "text", "--title", "right\u{202e}left"], "G-82", "202E"),
        (vec!["propose", "text", "--title", "bell\u{7}"], "G-82", "0007"),
        (vec!["propose", "text", "--title", &long], "E-", "120"),
        (too_many, "V-2", "62"),
        (system("quadratic=100"), "R-21", "quadratic"),
        (system("score=6"), "R-21", "score of 0 to 6"),
        (vec!["comment", proposal, "To nobody.", "--parent", "ffff"], "N-52", "ffff"),
        (vec!["propose", "text", "--title", "T", "--system", "approval", "--option", "A"], "V-2", "1"),
        (
            vec!["propose", "text", "--title", "T", "--system", "approval", "--option", "A", "--option", "A"],
            "G-24",
            "A",
        ),
        (vec!["propose", "text", "--title", "T", "--tag", "b\u{200f}"], "L-4", "200f"),
        (vec!["propose", "admit", "--title", "T", "--member", stranger, "--yes"], "G-16", "admit"),
        (vec!["propose", "spend", "--title", "T", "--to", &dust, "--fee-cap", "1000"], "N-54", "100 sat"),
        (vec!["propose", "spend", "--title", "T", "--to", &pay, "--fee-cap", "0"], "N-54", "fee cap of 0"),
        (
            vec!["propose", "spend", "--title", "T", "--to", &pay, "--fee-cap", "1000", "--yes"],
            "R-23",
            "weighs 100000 ",
        ),
        (vec!["propose", "pause", "--title", "T", "--blocks", "0", "--class", "spend", "--yes"], "G-87", "0"),
        (vec!["guardian", "veto", proposal, "--yes"], "G-95", "guardian"),
        (vec!["withdraw", proposal, "--yes"], "G-93", proposal),
        (vec!["invite", stranger, "--until", "1", "--yes"], "G-94", "invit"),
        (vec!["accept", stranger], "G-94", "invitation"),
        (vec!["comment-vote", stranger, "up"], "N-52", &stranger[..8]),
        (vec!["deposit", "hold", stranger, "0", "--yes"], "G-96", "0"),
        (vec!["report", "--from", "9", "--to", "2"], "F-5", "9"),
    ];
    for (command, rule, value) in rows {
        let ran = member.cli().run(&[command.as_slice(), &["--json"]].concat())?;
        let answer: Value = serde_json::from_str(&ran.stdout).with_context(|| format!("{ran:?}"))?;
        let error = &answer["error"];
        let (found, message) = (error["rule"].as_str().unwrap_or(""), error["message"].as_str().unwrap_or(""));
        ensure!(ran.code.is_some_and(|code| code == 1 || code == 2), "{ran:?}");
        ensure!(found.starts_with(rule), "{command:?} names {found:?}, must name {rule}: {message}");
        ensure!(message.contains(value), "{command:?} does not name {value}: {message}");
    }
    ensure!(member.status()?.log_size == before, "something refused is in the log");
    Ok(())
}

/// Njal (100,000) delegates to Hallgerd by topic, Gudrun (300,000) to Bjarni for everything, and then votes herself on the rules.
fn vote(assembly: &Assembly, choice: &str, change: &str) -> Result<()> {
    let [astrid, bjarni, gudrun, hallgerd, njal] = &assembly.members[..] else { anyhow::bail!("five members") };
    ask(njal, &["delegate", "Hallgerd", "--tag", "places", "--yes"])?;
    ask(gudrun, &["delegate", "Bjarni", "--yes"])?;
    caught_up(assembly)?;
    // Nothing is said: the word is not typed.
    let circle = bjarni.cli().run(&["delegate", "Gudrun", "--class", "text"])?;
    ensure!(circle.stderr.contains("hands weight on to you"), "{circle:?}");
    ask(astrid, &["vote", choice, "--approve", "1", "--yes"])?;
    ask(bjarni, &["vote", choice, "--approve", "2,3", "--yes"])?;
    ask(hallgerd, &["vote", choice, "--approve", "2", "--yes"])?;
    assembly.mine(1)?;
    let found = ask(gudrun, &["delegations", "--proposal", choice])?;
    ensure!(found["mine"].as_array().is_some_and(|mine| mine.len() == 1), "{found}");
    ensure!(found["routes"][0]["name"] == "Bjarni" && found["routes"][0]["weight"] == "300000", "{found}");
    for member in [astrid, bjarni, gudrun] {
        ask(member, &["vote", change, "yes", "--yes"])?;
    }
    assembly.mine(1)
}

/// Booth: Bjarni's 400,000, Gudrun's 300,000 and Hallgerd's 200,000 with Njal's 100,000; Lake: 500,000; Hill: 700,000.
fn check_choice(assembly: &Assembly, choice: &str) -> Result<()> {
    for actor in assembly.everybody() {
        let found = actor.proposal(choice)?;
        let options: Vec<(&str, Option<&str>, bool)> =
            found.vote.options.iter().map(|o| (o.label.as_str(), o.sum.as_deref(), o.won)).collect();
        let expected = [
            ("Lake", Some("500000"), false),
            ("Booth", Some("1000000"), true),
            ("Hill", Some("700000"), false),
            ("none of these", Some("0"), false),
        ];
        ensure!(options == expected, "{} found {options:?} in {found:?}", actor.name());
    }
    Ok(())
}

fn check_rule_change(assembly: &Assembly, change: &str) -> Result<()> {
    let executed = || {
        let found = assembly.members[0].proposal(change)?;
        Ok((found.state == althing_node::api::ProposalState::Executed).then_some(()))
    };
    assembly.mine_until("the rule change in force", DECIDED_WITHIN_BLOCKS, executed)?;
    let charter = ask(&assembly.members[3], &["charter", "show"])?["text"].to_string();
    ensure!(charter.contains("comments_per_epoch = 120"), "in force is {charter}");
    Ok(())
}

fn check_report(assembly: &Assembly, choice: &str) -> Result<()> {
    let member = &assembly.members[2];
    for format in ["md", "html", "json", "csv"] {
        let file = assembly.data_dir.join(format!("report.{format}"));
        let path = file.to_str().context("a path")?;
        ask(member, &["report", "--format", format, "--out", path])?;
        let text = std::fs::read_to_string(&file)?;
        ensure!(text.contains(choice) && text.contains("Where to meet"), "{format}: {text}");
    }
    // Everybody who asks gets the same, whoever they are.
    let of = |actor: &Actor| actor.cli().run(&["report", "--to", "2", "--format", "csv"]).map(|ran| ran.stdout);
    ensure!(of(&assembly.members[0])? == of(&assembly.members[4])?, "two members tell two reports");
    Ok(())
}

/// The tally and a ballot that carries delegated weight are proven offline, also once the charter has changed.
fn check_proofs(assembly: &Assembly, choice: &str) -> Result<()> {
    let bjarni = &assembly.members[1];
    let headers = assembly.data_dir.join("headers.bin");
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let (headers, cookie) = (headers.to_str().context("a path")?, cookie.to_str().context("a path")?);
    ask(bjarni, &["headers", "export", headers, "--bitcoind", &url, "--cookie", cookie])?;
    for (kind, words) in [("--tally", "option 2"), ("--ballot", "with weight 700000")] {
        let file = assembly.data_dir.join(format!("proof{kind}"));
        let file = file.to_str().context("a path")?;
        ask(bjarni, &["proof", "export", choice, kind, "--out", file])?;
        let report = ask(bjarni, &["verify", file, "--headers", headers])?;
        let statement = report["statement"].to_string();
        ensure!(report["verdict"] == "valid" && statement.contains(words), "{report}");
    }
    Ok(())
}

/// Runs a command that must succeed, and gives its answer.
fn id(proposal: &Value) -> Result<String> {
    proposal["id"].as_str().map(str::to_owned).with_context(|| format!("no id in {proposal}"))
}
