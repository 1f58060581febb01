//! A proposal of every class, and what comes of each.

use althing_node::api::ProposalState;
use althing_regtest::story::{Actor, Assembly};
use anyhow::{Context as _, Result, ensure};

use super::rules::DEPOSITS_SAT;
use super::{WHY, caught_up, five, propose as propose_one, text, until_it_says};
use crate::told::{ask, refused};

/// Somebody with a vote key and no stake: the generator of the curve.
const STRANGER: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

pub(super) struct Classes {
    spend: String,
    stopped_spend: String,
    choice: String,
    budget: String,
    stop_budget: String,
    rule_change: String,
    admit: String,
    expel: String,
    elect: String,
    replace_keys: String,
    confiscate: String,
    pause: String,
    pub(super) request: String,
    withdrawn: String,
    /// A text and its second version.
    versions: [String; 2],
}

impl Classes {
    fn with_yes(&self) -> [&String; 12] {
        [
            &self.spend,
            &self.stopped_spend,
            &self.budget,
            &self.stop_budget,
            &self.rule_change,
            &self.admit,
            &self.expel,
            &self.elect,
            &self.confiscate,
            &self.pause,
            &self.request,
            &self.versions[1],
        ]
    }

    pub(super) fn decided_first(&self) -> impl Iterator<Item = &String> {
        self.with_yes().into_iter().chain([&self.choice, &self.replace_keys])
    }
}

pub(super) fn propose(assembly: &Assembly) -> Result<Classes> {
    let [astrid, bjarni, gudrun, hallgerd, _] = five(assembly)?;
    let payee = assembly.members[4].wallet_address()?;
    let pay = |sat: u64| format!("{payee}={sat}");
    let (small, large) = (pay(20_000), pay(40_000));
    let spend = ["spend", "--title", "Mend the roof", "--to", &small, "--fee-cap", "1000"];
    let stopped = ["spend", "--title", "A tower", "--to", &large, "--fee-cap", "1000"];
    let budget = propose_one(
        bjarni,
        &[
            &["budget", "--title", "A wall", "--to", &payee, "--fee-cap", "1000"][..],
            &["--milestone", "5000@0=Stones", "--milestone", "7000@6=Mortar"],
        ]
        .concat(),
    )?;
    let stop_budget = propose_one(bjarni, &["stop-budget", "--title", "No wall", "--budget", &budget])?;
    let keys = ask(gudrun, &["keys", "show"])?;
    let key = text(&keys["treasury_key"])?;
    let second = text(&ask(bjarni, &["keys", "show"])?["treasury_key"])?;
    let descriptor = format!("wsh(multi(2,{key},{second}))");
    let treasurer = format!("Gudrun={key}");
    let withdrawn = propose_one(bjarni, &["text", "--title", "A moat"])?;
    ask(bjarni, &["withdraw", &withdrawn, "--yes"])?;
    let first = propose_one(gudrun, &["text", "--title", "Sheep", "--body", "Ten sheep."])?;
    let second = propose_one(gudrun, &["text", "--title", "Sheep", "--body", "Nine sheep.", "--version-of", &first])?;
    let diff = ask(gudrun, &["proposal", "diff", &first, &second])?;
    ensure!(diff["changes"].to_string().contains("Nine sheep."), "{diff}");
    let expel = with_deposit(hallgerd, &["expel", "--title", "The stranger", "--member", STRANGER], DEPOSITS_SAT[0])?;
    let admit = with_deposit(bjarni, &["admit", "--title", "The stranger", "--member", STRANGER], DEPOSITS_SAT[1])?;
    let confiscate = ["confiscate", "--title", "Too much", "--proposal", &expel, "--member", "Hallgerd"];
    let above = DEPOSITS_SAT[0] + 1;
    let too_much = format!("{above} sat are more than the {} sat that ", DEPOSITS_SAT[0]);
    refused_as(
        gudrun,
        &[&["propose"], &confiscate[..], &["--amount-sat", &above.to_string(), "--check"]].concat(),
        &too_much,
    )?;
    let request = ["request", "--title", "Who builds?", "--submission-blocks", "1", "--budget-cap", "30000"];
    let told = ask(astrid, &[&["propose"], &request[..], &["--check"]].concat())?.to_string();
    ensure!(told.contains("before the epoch that says so can be final") && told.contains("G-88"), "{told}");
    Ok(Classes {
        spend: propose_one(astrid, &spend)?,
        stopped_spend: propose_one(astrid, &stopped)?,
        choice: choice(assembly, astrid, &payee)?,
        budget,
        stop_budget,
        rule_change: rule_change(assembly, astrid)?,
        admit,
        elect: propose_one(
            gudrun,
            &["elect", "--title", "One treasurer", "--descriptor", &descriptor, "--treasurer", &treasurer],
        )?,
        replace_keys: propose_one(gudrun, &["replace-keys", "--title", "Another anchor", "--anchor-key", STRANGER])?,
        confiscate: propose_one(gudrun, &[&confiscate[..], &["--amount-sat", "3000"]].concat())?,
        expel,
        pause: propose_one(gudrun, &["pause", "--title", "Wait", "--blocks", "2", "--class", "elect-treasurers"])?,
        request: propose_one(astrid, &request)?,
        withdrawn,
        versions: [first, second],
    })
}

/// What a node does not sign, with the reason (N-54).
fn refused_as(actor: &Actor, command: &[&str], words: &str) -> Result<()> {
    let said = refused(actor, command)?;
    ensure!(said.contains("N-54") && said.contains(words), "{command:?}: {said}");
    Ok(())
}

/// Holds what the class asks for, which `--check` tells with the id to hold it for, and then proposes.
fn with_deposit(author: &Actor, command: &[&str], expected_sat: u64) -> Result<String> {
    // Not possible yet, and says so by its exit code too.
    let check: serde_json::Value =
        serde_json::from_str(&refused(author, &[&["propose"], command, &["--check"]].concat())?)?;
    ensure!(check["deposit_sat"] == expected_sat && check["refusal"]["rule"] == "G-96", "{check}");
    let thread = text(&check["thread"])?;
    ask(author, &["deposit", "hold", &thread, &expected_sat.to_string(), "--yes"])?;
    let held = ask(author, &["deposits"])?;
    let mine = held["deposits"].as_array().and_then(|all| all.iter().find(|one| one["thread"] == *thread));
    ensure!(mine.is_some_and(|one| one["state"] == "held" && one["amount_sat"] == expected_sat), "{held}");
    propose_one(author, command)
}

/// Two payments to choose from, in a file.
fn choice(assembly: &Assembly, author: &Actor, payee: &str) -> Result<String> {
    let option = |label: &str, sat: u64| {
        format!(
            "[[option]]\nlabel = \"{label}\"\n[[option.effect]]\ndoes = \"spend\"\nfee_cap_sat = 1000\n\
             outputs = [{{ address = \"{payee}\", amount_sat = {sat} }}]\n"
        )
    };
    let file = assembly.data_dir.join("roof.toml");
    let head = "title = \"Which roof\"\nsystem = \"approval\"\n";
    std::fs::write(&file, format!("{head}{}{}", option("Turf", 11_000), option("Slate", 13_000)))?;
    propose_one(author, &["file", file.to_str().context("a path")?])
}

fn rule_change(assembly: &Assembly, author: &Actor) -> Result<String> {
    let charter = text(&ask(author, &["charter", "show"])?["text"])?;
    let changed = charter.replacen("comments_per_epoch = 100", "comments_per_epoch = 120", 1);
    ensure!(changed != charter, "there is nothing to change in {charter}");
    let file = assembly.data_dir.join("every_command.toml");
    std::fs::write(&file, changed)?;
    propose_one(author, &["rule-change", "--title", "More to say", "--charter", file.to_str().context("a path")?])
}

/// A submission that competes for what was asked for; it is voted on when submissions end.
pub(super) fn answer_request(assembly: &Assembly, classes: &Classes) -> Result<String> {
    let [_, bjarni, ..] = five(assembly)?;
    let to = format!("{}=25000", assembly.members[4].wallet_address()?);
    let command = ["spend", "--title", "I build", "--to", &to, "--fee-cap", "1000", "--request", &classes.request];
    let answer = propose_one(bjarni, &command)?;
    ensure!(bjarni.proposal(&answer)?.vote.request.as_ref() == Some(&classes.request), "no answer to the request");
    // The request tells of it, and until when others may come (N-433).
    let told = bjarni.proposal(&classes.request)?.vote.submissions.context("a request without submissions")?;
    let answers: Vec<&str> = told.answers.iter().map(|one| one.id.as_str()).collect();
    ensure!(told.are_taken && told.until.is_some() && answers == [answer.as_str()], "{told:?}");
    Ok(answer)
}

/// Astrid and Gudrun carry everything but other keys for the hub; two guardians stop one payment and put off another.
pub(super) fn vote(assembly: &Assembly, classes: &Classes) -> Result<()> {
    let [astrid, bjarni, gudrun, hallgerd, _] = five(assembly)?;
    ask(bjarni, &["delegate", "Astrid", "--class", "request", "--yes"])?;
    ask(hallgerd, &["delegate", "--abstain", "--class", "request", "--yes"])?;
    for proposal in classes.with_yes() {
        ask(astrid, &["vote", proposal, "yes", "--reason", WHY, "--yes"])?;
        ask(gudrun, &["vote", proposal, "yes", "--yes"])?;
    }
    for (voter, choice) in [(astrid, "no"), (gudrun, "no"), (bjarni, "yes")] {
        ask(voter, &["vote", &classes.replace_keys, choice, "--yes"])?;
    }
    for (voter, option) in [(astrid, "2"), (bjarni, "1"), (hallgerd, "2")] {
        ask(voter, &["vote", &classes.choice, "--approve", option, "--yes"])?;
    }
    for guardian in [astrid, bjarni] {
        ask(guardian, &["guardian", "veto", &classes.stopped_spend, "--yes"])?;
        ask(guardian, &["guardian", "delay", &classes.budget, "--yes"])?;
    }
    caught_up(assembly)?;
    let heard = astrid.proposal(&classes.stopped_spend)?.vote.guardians;
    ensure!(heard.len() == 2 && heard.iter().all(|one| one.contains("a veto")), "{heard:?}");
    // Who asked for a veto asked for the delay too; each is counted once.
    for (proposal, act, asked) in [
        (&classes.stopped_spend, "veto", "a veto"),
        (&classes.stopped_spend, "delay", "a veto"),
        (&classes.budget, "delay", "a delay"),
    ] {
        refused_as(bjarni, &["guardian", act, proposal, "--yes"], &format!("you asked for {asked} of proposal"))?;
    }
    let heard = astrid.proposal(&classes.budget)?.vote.guardians;
    ensure!(heard.len() == 2, "{heard:?}");
    Ok(())
}

pub(super) fn check(assembly: &Assembly, classes: &Classes) -> Result<()> {
    for (proposal, words) in [
        (&classes.spend, "it took effect"),
        (&classes.stopped_spend, "the guardians stopped it"),
        (&classes.choice, "it took effect"),
        (&classes.stop_budget, "it took effect"),
        (&classes.budget, "something else came first"),
        (&classes.rule_change, "it took effect"),
        (&classes.admit, "it took effect"),
        (&classes.confiscate, "3000 sat of Hallgerd were taken"),
        (&classes.pause, "it took effect"),
        (&classes.replace_keys, "says rejected"),
        (&classes.request, "it took effect"),
        (&classes.versions[1], "it took effect"),
    ] {
        until_it_says(assembly, proposal, words)?;
    }
    let [astrid, ..] = five(assembly)?;
    let state = |id: &str| anyhow::Ok(astrid.proposal(id)?.state);
    ensure!(state(&classes.withdrawn)? == ProposalState::Withdrawn, "{:?}", state(&classes.withdrawn));
    ensure!(state(&classes.versions[0])? == ProposalState::Superseded, "{:?}", state(&classes.versions[0]));
    let paid = astrid.proposal(&classes.choice)?;
    ensure!(paid.gate.is_some() && paid.vote.payments[0].contains("at most 14000 sat"), "{paid:?}");
    // Astrid's, Gudrun's, and Bjarni's by delegation.
    let request = astrid.proposal(&classes.request)?.tally.context("no sums")?;
    ensure!((request.yes.as_str(), request.ballots) == ("1200000", 2), "{request:?}");
    let charter = ask(astrid, &["charter", "show"])?["text"].to_string();
    ensure!(charter.contains("comments_per_epoch = 120"), "in force is {charter}");
    Ok(())
}

/// One key, one ballot, two bodies: it weighs a stake among the members, and is one of the founders' votes (P-6, P-140).
fn founders_ballot(assembly: &Assembly, founder: &Actor, proposal: &str) -> Result<()> {
    for (body, words) in [("members", "with weight 500000"), ("founders", "yes, one of 5 votes of the founders")] {
        let file = assembly.data_dir.join(format!("{body}.althing"));
        let file = file.to_str().context("a path")?;
        let shown = ask(founder, &["proof", "export", proposal, "--ballot", "--body", body, "--out", file])?;
        ensure!(shown["statement"].to_string().contains(words), "{shown}\n{words}");
    }
    Ok(())
}

/// Submissions have ended: the answer is voted on like any other payment.
pub(super) fn vote_on_answer(assembly: &Assembly, answer: &str) -> Result<()> {
    let [astrid, _, gudrun, ..] = five(assembly)?;
    assembly.mine_until("the vote on the answer", super::WITHIN_BLOCKS, || {
        Ok((astrid.proposal(answer)?.state == ProposalState::Voting).then_some(()))
    })?;
    for voter in [astrid, gudrun] {
        ask(voter, &["vote", answer, "yes", "--yes"])?;
    }
    Ok(())
}

/// What waited for its veto window, and what became of the deposits.
pub(super) fn check_later(assembly: &Assembly, classes: &Classes, answer: &str) -> Result<()> {
    for proposal in [answer, &classes.expel, &classes.elect] {
        until_it_says(assembly, proposal, "it took effect")?;
    }
    let [astrid, ..] = five(assembly)?;
    founders_ballot(assembly, astrid, &classes.elect)?;
    // The header after the one that says so puts it in force.
    assembly.mine_until("the elected treasury in force", super::WITHIN_BLOCKS, || {
        let charter = ask(astrid, &["charter", "show"])?["text"].to_string();
        Ok(charter.contains("wsh(multi(2,").then_some(()))
    })?;
    let found = ask(astrid, &["deposits"])?;
    let settled: Vec<(&str, &str)> = found["deposits"]
        .as_array()
        .context("no deposits")?
        .iter()
        .map(|one| (one["member_name"].as_str().unwrap_or(""), one["state"].as_str().unwrap_or("")))
        .collect();
    ensure!(settled == [("Hallgerd", "forfeited in part"), ("Bjarni", "returned")], "{settled:?}");
    let again = ["propose", "confiscate", "--title", "The rest", "--proposal", &classes.expel, "--member", "Hallgerd"];
    refused_as(astrid, &[&again[..], &["--amount-sat", "1", "--check"]].concat(), "nothing of it is held")?;
    Ok(())
}
