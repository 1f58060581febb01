//! The commands: what they ask, how they answer, what they exit with, and that nothing irreversible happens unasked.

use althing_node::api::*;
use althing_tui::backend::Verdict;
use serde_json::json;

use crate::dao::{ballot, discussion, id, snapshot};
use crate::stage::{Outcome, Stage, althing};

/// A file with that text, deleted with the value.
fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// P-161: the proof goes to the judge with its links; a file of links that is not there is told before anything is judged.
#[test]
fn a_short_proof_is_judged_with_its_links() {
    let (proof, links) = (file("proof bytes"), file("links"));
    let command = |links: &str| format!("verify {} --links {links} --headers /h", proof.path().display());
    let stage = || Stage { verdict: Some(Verdict::Valid), ..Stage::running() };
    let outcome = althing(stage(), &command(&links.path().display().to_string()), "");
    assert_eq!(done(&outcome).did, ["verify 11 bytes with links of 5 bytes against headers /h"]);
    let outcome = althing(stage(), &command("/nowhere"), "");
    assert!(outcome.code != 0 && outcome.did.is_empty() && outcome.err.contains("/nowhere"), "{outcome:?}");
}

fn done(outcome: &Outcome) -> &Outcome {
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome
}

#[test]
fn each_command_asks_one_question() {
    let spend = DraftEffect::Spend {
        outputs: vec![
            DraftOutput { address: "bcrt1qa".to_owned(), amount_sat: 7 },
            DraftOutput { address: "bcrt1qb".to_owned(), amount_sat: 8 },
        ],
        fee_cap_sat: 900,
    };
    let wait = |until| Request::Wait { until, timeout_secs: 9 };
    let proof = |statement| Request::ProofExport {
        proposal: "949f".to_owned(),
        statement,
        path: "/tmp/p".into(),
        short: false,
    };
    let table = [
        ("status", Request::Status),
        ("dao show", Request::Status),
        ("wallet address", Request::WalletAddress),
        ("wallet balance", Request::WalletBalance),
        ("stake list", Request::Stakes),
        ("proposals", Request::Proposals),
        ("proposal show 949f", Request::Proposal { id: "949f".to_owned() }),
        ("ballots", Request::Ballots),
        ("links", Request::Links),
        ("members", Request::Members),
        (
            "comment 949f Fine·by·me --parent ab",
            Request::Comment {
                proposal: "949f".to_owned(),
                parent: Some("ab".to_owned()),
                text: "Fine by me".to_owned(),
            },
        ),
        (
            "propose text --title Sing --body Daily",
            Request::Propose {
                draft: ProposalDraft {
                    class: Some(Class::Text),
                    ..ProposalDraft::question("Sing", "Daily", Vec::new())
                },
            },
        ),
        (
            "--yes propose spend --title Buy --to bcrt1qa=7 --to bcrt1qb=8 --fee-cap 900",
            Request::Propose {
                draft: ProposalDraft { class: Some(Class::Spend), ..ProposalDraft::question("Buy", "", vec![spend]) },
            },
        ),
        ("wait height 7 --timeout 9", wait(WaitFor::Height(7))),
        ("wait --timeout 9 epoch-final 2", wait(WaitFor::EpochFinal(2))),
        ("wait on-roll --timeout 9", wait(WaitFor::OnRoll)),
        ("wait log-size 8 --timeout 9", wait(WaitFor::LogSize(8))),
        ("wait voting-open 94 --timeout 9", wait(WaitFor::VotingOpen("94".to_owned()))),
        ("wait decided 94 --timeout 9", wait(WaitFor::Decided("94".to_owned()))),
        ("proof export 949f --tally --out /tmp/p", proof(ProofStatement::Tally)),
        (
            "proof export 949f --tally --short --out /tmp/p",
            Request::ProofExport {
                proposal: "949f".to_owned(),
                statement: ProofStatement::Tally,
                path: "/tmp/p".into(),
                short: true,
            },
        ),
        (
            "proof export --statement links --out /tmp/p",
            Request::Anchoring(AnchorRequest::Prove { evidence: Evidence::Links, path: "/tmp/p".into(), short: false }),
        ),
        ("proof export 949f --ballot --out /tmp/p", proof(ProofStatement::Ballot { member: None, body: None })),
        (
            "proof export 949f --ballot --member ff --out /tmp/p",
            proof(ProofStatement::Ballot { member: Some("ff".to_owned()), body: None }),
        ),
    ];
    for (command, request) in table {
        let outcome = althing(Stage::running().answer(Ok(Reply::Done)), command, "");
        // What a proposal would do is asked before it is made.
        let review = match &request {
            Request::Propose { draft } => Some(Request::ProposalReview { draft: draft.clone() }),
            _ => None,
        };
        let asked: Vec<Request> = review.into_iter().chain([request]).collect();
        assert_eq!(outcome.asked, asked, "{command}: {outcome:?}");
    }
}

#[test]
fn a_running_node_is_used_and_left_running() {
    let outcome = althing(Stage::running().answer(Ok(Reply::Balance(Balance::default()))), "wallet balance", "");
    assert_eq!((done(&outcome).did.len(), outcome.stopped), (0, false));
}

#[test]
fn without_one_a_node_is_started_and_stopped_also_after_an_error() {
    let fine = althing(Stage::default().answer(Ok(Reply::Links { links: Vec::new() })), "links", "");
    assert_eq!((done(&fine).did.as_slice(), fine.stopped), (["start_member secret".to_owned()].as_slice(), true));
    let failed = althing(Stage::default(), "links", "");
    assert_eq!((failed.code, failed.stopped), (2, true));
}

#[test]
fn a_founder_has_a_wallet_before_there_is_a_dao() {
    let address = althing(Stage::default(), "wallet address", "");
    assert_eq!(
        (done(&address).out.as_str(), address.did.as_slice()),
        ("bcrt1qfresh\n", ["wallet_address secret".to_owned()].as_slice())
    );
    let balance = althing(Stage::default(), "--json wallet balance", "");
    assert_eq!(done(&balance).json()["confirmed_sat"], 7);
    assert_eq!((balance.asked.len(), balance.stopped), (0, false));
}

#[test]
fn the_exit_code_says_whose_fault_it_is() {
    for (error, code, kind) in [
        (ApiError::invalid("G-31", "closed"), 1, "invalid"),
        (ApiError::not_now("the hub cannot be reached"), 2, "not_now"),
        (ApiError::ours("the disk is full"), 3, "ours"),
    ] {
        let outcome = althing(Stage::running().answer(Err(error.clone())), "--json wallet balance", "");
        assert_eq!(outcome.code, code);
        assert_eq!(outcome.json(), json!({"error": {"kind": kind, "rule": error.rule, "message": error.message}}));
        let outcome = althing(Stage::running().answer(Err(error.clone())), "wallet balance", "");
        assert_eq!((outcome.code, outcome.out.as_str()), (code, ""));
        assert!(outcome.err.starts_with(&format!("error: {}", error.message)), "{}", outcome.err);
    }
}

/// N-64: of a check, 1 is a verdict, and trouble on the way to one is none.
#[test]
fn a_check_that_does_not_come_about_is_not_said_to_be_invalid() {
    for command in [
        "verify",
        "verify proof --no-such-option",
        "verify proof --headers a --bitcoind http://x",
        "audit --random many",
        "--data /nowhere audit --bogus",
    ] {
        assert_eq!(althing(Stage::running(), command, "").code, 2, "{command}");
    }
    // A word that only stands in a value makes no check of a command.
    assert_eq!(althing(Stage::running(), "vote 949f maybe --reason verify", "").code, 1);
}

#[test]
fn a_wrong_command_line_is_invalid_and_still_json() {
    for command in ["vote 949f maybe", "stake open lots", "fly", "propose spend --title x --to a --fee-cap 1", "wait"] {
        let outcome = althing(Stage::running(), &format!("--json {command}"), "");
        assert_eq!(outcome.code, 1, "{command}");
        assert_eq!(outcome.json()["error"]["kind"], "invalid", "{command}");
        assert_eq!(outcome.asked, [], "{command}");
        let words = althing(Stage::running(), command, "");
        assert!(words.code == 1 && words.out.is_empty() && words.err.starts_with("error: "), "{words:?}");
    }
    assert!(done(&althing(Stage::running(), "--help", "")).out.contains("Usage: althing"));
}

#[test]
fn nothing_irreversible_without_the_word() {
    let charter = file("name = 1");
    let found = format!("dao found --charter {} --listen 127.0.0.1:1", charter.path().display());
    let stakes = || Ok(Reply::Stakes { stakes: snapshot().stakes });
    let status = || Ok(Reply::Status(Box::new(snapshot().status)));
    let close = format!("stake close {}", id(160));
    let table = [
        ("vote 949f yes", "vote", vec![]),
        ("stake open 600000", "stake", vec![Ok(Reply::Balance(Balance::default()))]),
        (close.as_str(), "close", vec![stakes(), status()]),
        ("propose spend --title Buy --to bcrt1qa=7 --fee-cap 900", "propose", vec![]),
        (found.as_str(), "found", vec![]),
    ];
    for (command, word, answers) in table {
        let acts = |outcome: &Outcome| {
            let acting = |r: &&Request| {
                let asking = matches!(r, Request::BallotReview { .. } | Request::ProposalReview { .. });
                !asking && !matches!(r, Request::WalletBalance | Request::Stakes | Request::Status)
            };
            outcome.asked.iter().filter(acting).count() + outcome.did.iter().filter(|d| d.starts_with("found")).count()
        };
        let stage = || answers.iter().cloned().fold(Stage::running(), Stage::answer);
        for input in ["", "\n", "yes\n", "y\n", "VOTE\n", &format!("{word}s\n")] {
            let outcome = althing(stage(), command, input);
            assert_eq!((outcome.code, acts(&outcome)), (2, 0), "{command} {input:?}: {outcome:?}");
            assert!(outcome.err.contains(&format!("the word {word} was not typed")), "{}", outcome.err);
        }
        let outcome = althing(stage().answer(Ok(Reply::Done)), command, &format!("{word}\n"));
        assert_eq!((outcome.code, acts(&outcome)), (0, 1), "{command}: {outcome:?}");
        let outcome = althing(stage().answer(Ok(Reply::Done)), &format!("--yes {command}"), "");
        assert_eq!((outcome.code, acts(&outcome)), (0, 1), "{command}: {outcome:?}");
    }
}

#[test]
fn the_review_of_a_ballot_says_what_it_does_and_the_full_id_is_voted_on() {
    let path = BallotPath::Promised { anchored_by_height: 1_230 };
    let stage = Stage::running().answer(Ok(Reply::Ballot(ballot(4, "Buy two disks", Choice::Yes, path))));
    let outcome = althing(stage, "vote 949f yes --reason cheap", "vote\n");
    for words in [
        "Proposal #4 Buy two disks for the archive",
        "If it passes: Pays 250,000 sat to bcrt1q w508",
        "Your weight is 600,000.",
        "Your public reason: cheap",
        "You can change it until height 1,236",
    ] {
        assert!(outcome.err.contains(words), "{words} in {}", outcome.err);
    }
    let order = Request::Vote { proposal: id(4), choice: Choice::Yes, reason: Some("cheap".to_owned()) };
    assert_eq!(outcome.asked.last(), Some(&order));
    assert!(outcome.out.contains("The hub's signed receipt is stored here."), "{}", outcome.out);
}

#[test]
fn closing_an_unknown_channel_is_refused_before_any_review() {
    let stage = Stage::running().answer(Ok(Reply::Stakes { stakes: snapshot().stakes }));
    let outcome = althing(stage, "stake close beef", "close\n");
    assert_eq!((outcome.code, outcome.asked), (1, vec![Request::Stakes]));
    assert!(outcome.err.contains("No stake channel has the id beef"), "{}", outcome.err);
}

#[test]
fn json_answers_are_the_structures_of_the_interface() {
    let seen = snapshot();
    let replies = [
        ("status", Reply::Status(Box::new(seen.status))),
        ("proposals", Reply::Proposals { proposals: seen.proposals }),
        ("ballots", Reply::Ballots { ballots: seen.ballots }),
        ("links", Reply::Links { links: seen.links }),
        ("members", Reply::Members { members: seen.members }),
        ("stake list", Reply::Stakes { stakes: seen.stakes }),
    ];
    for (command, reply) in replies {
        let outcome = althing(Stage::running().answer(Ok(reply.clone())), &format!("--json {command}"), "");
        let back: Reply = serde_json::from_value(done(&outcome).json()).unwrap();
        assert_eq!(back, reply, "{command}");
    }
}

/// Whoever has no stake yet hears what to do.
#[test]
fn a_status_without_a_stake_says_what_comes_next() {
    let mut seen = snapshot();
    seen.status.member = None;
    let outcome = althing(Stage::running().answer(Ok(Reply::Status(Box::new(seen.status)))), "status", "");
    let text = &done(&outcome).out;
    assert!(text.contains("no stake in the log yet") && text.contains("`althing stake open SATOSHIS`"), "{text}");
}

#[test]
fn answers_in_words() {
    let seen = snapshot();
    let mut all = String::new();
    for (command, reply) in [
        ("status", Reply::Status(Box::new(seen.status))),
        ("proposals", Reply::Proposals { proposals: seen.proposals }),
        ("ballots", Reply::Ballots { ballots: seen.ballots }),
        ("links", Reply::Links { links: seen.links }),
        ("members", Reply::Members { members: seen.members }),
        ("stake list", Reply::Stakes { stakes: seen.stakes }),
        ("wallet balance", Reply::Balance(Balance { confirmed_sat: 1_234_567, pending_sat: 1 })),
    ] {
        let outcome = althing(Stage::running().answer(Ok(reply)), command, "");
        all.push_str(&format!("$ althing {command}\n{}\n", done(&outcome).out));
    }
    let outcome = althing(Stage::running(), "proposal show 949f", "");
    all.push_str(&format!("$ althing proposal show 949f\n{}\n", done(&outcome).out));
    insta::assert_snapshot!(all);
}

#[test]
fn plain_answers_are_one_value_a_line() {
    let stage = Stage::running().answer(Ok(Reply::Members { members: snapshot().members }));
    let outcome = althing(stage, "--plain members", "");
    let lines: Vec<&str> = done(&outcome).out.lines().collect();
    assert!(lines.contains(&"members.1.name: Ásdís"), "{lines:?}");
    assert!(lines.contains(&"members.2.stake_sat: 600000"), "{lines:?}");
}

#[test]
fn text_of_others_is_sanitised_in_every_format() {
    let mut evil = discussion();
    let trick = "\u{1b}[2J\u{202e}\u{200b}\u{9b}";
    for text in [&mut evil.title, &mut evil.body, &mut evil.author_name, &mut evil.comments[0].text, &mut evil.quorum] {
        text.push_str(trick);
    }
    for format in ["", "--json ", "--plain "] {
        let stage = Stage::running().answer(Ok(Reply::Proposals { proposals: vec![evil.clone()] }));
        let outcome = althing(stage, &format!("{format}proposals"), "");
        let is_safe = |c: char| c == '\n' || c == '⟦' || althing_tui::untrusted::is_showable(c);
        assert!(done(&outcome).out.chars().all(is_safe), "{:?}", outcome.out);
    }
    let failed = althing(Stage::running().answer(Err(ApiError::invalid("G-1", trick))), "links", "");
    assert!(failed.err.contains("⟦U+001B⟧[2J⟦U+202E⟧"), "{}", failed.err);
    let joined = althing(Stage::running(), "dao join /x --name me", "");
    assert!(done(&joined).out.contains("Joined Þing⟦U+202E⟧"), "{}", joined.out);
}

#[test]
fn a_check_exits_with_its_verdict() {
    let proof = file("proof bytes");
    let command = format!("verify {} --headers /h", proof.path().display());
    for (verdict, code, word) in
        [(Verdict::Valid, 0, "✓ VALID"), (Verdict::Invalid, 1, "✗ INVALID"), (Verdict::CannotTell, 2, "? CANNOT TELL")]
    {
        let stage = || Stage { verdict: Some(verdict), ..Stage::running() };
        let outcome = althing(stage(), &command, "");
        assert_eq!(outcome.code, code);
        assert!(outcome.out.starts_with(word), "{}", outcome.out);
        assert_eq!(outcome.did, ["verify 11 bytes against headers /h"]);
        assert_eq!(outcome.out.contains("because: the sum of yes⟦U+001B⟧[2J is 3, not 4"), code != 0);
        let json = althing(stage(), &format!("--json {command}"), "");
        assert_eq!((json.code, json.json()["depth"].clone()), (code, json!(7)));
        let audit = althing(stage(), "audit --bitcoind http://127.0.0.1:1", "");
        assert_eq!(audit.code, code);
        assert!(audit.err.contains("100 %: 40 of 40 entries"), "{}", audit.err);
        assert_eq!(audit.out.contains("first difference: entry 17"), code == 1);
    }
}

#[test]
fn a_missing_file_is_this_machines_trouble_and_named() {
    let outcome = althing(Stage::running(), "--json verify /nowhere/proof.althing", "");
    assert_eq!(outcome.code, 3);
    let message = outcome.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("/nowhere/proof.althing cannot be opened"), "{message}");
}

#[test]
fn a_charter_with_a_problem_is_invalid_and_the_problem_named() {
    let charter = file("name = 1");
    let command = format!("charter check {}", charter.path().display());
    let sound = althing(Stage::running(), &command, "");
    assert!(done(&sound).out.contains("its hash is abab"));
    // What is allowed but unwise is told and refuses nothing.
    assert!(sound.out.contains("! think again: guards.cooldown_blocks (R-82): is 0"), "{}", sound.out);
    let stage = Stage { charter_problem: Some("epoch_blocks is 0, at least 1 (G-3)".to_owned()), ..Stage::running() };
    let outcome = althing(stage, &command, "");
    assert_eq!(outcome.code, 1);
    assert!(outcome.out.starts_with("✗ epoch_blocks is 0, at least 1 (G-3)\n"), "{}", outcome.out);
    let print = format!("charter print {}", charter.path().display());
    assert_eq!(done(&althing(Stage::running(), &print, "")).out, "The charter has 8 bytes.\n");
    assert_eq!(done(&althing(Stage::running(), "charter template", "")).out, "name = \"Þing\"\n");
}

#[test]
fn keys_are_made_restored_and_shown() {
    let password = file("from file\nnot this\n");
    let words = file("zoo zoo zoo\n");
    let command = format!(
        "--password-file {} init --network regtest --bitcoind http://127.0.0.1:1 --cookie /c --words-file {}",
        password.path().display(),
        words.path().display()
    );
    let new = || Stage { is_new: true, ..Stage::default() };
    let outcome = althing(new(), &command, "");
    assert_eq!(
        done(&outcome).did,
        ["init regtest http://127.0.0.1:1 Some(\"/c\") None Some(\"zoo zoo zoo\\n\") from file"]
    );
    assert!(!outcome.out.contains("abandon"), "restored words need not be shown again");
    let fresh = althing(new(), "init --network regtest --bitcoind http://127.0.0.1:1", "");
    assert_eq!(done(&fresh).out.matches("abandon").count(), 24);
    let json = althing(Stage::default(), "--json keys show", "");
    assert_eq!(done(&json).json()["vote_key"], "bb");
    assert!(!done(&json).json().as_object().unwrap().contains_key("vote_key_in_force"));
    // Who replaced it is told both (N-432).
    let replaced = || Stage { vote_key_in_force: Some("b2".to_owned()), ..Stage::default() };
    let shown = althing(replaced(), "keys show", "");
    let words = &done(&shown).out;
    assert!(words.contains("vote key     bb\n  in force   b2\n") && words.contains("was replaced (G-90)"), "{words}");
    assert_eq!(done(&althing(replaced(), "--json keys show", "")).json()["vote_key_in_force"], "b2");
}

#[test]
fn founding_names_the_cost_and_what_was_made() {
    let charter = file("name = 1");
    let command = format!("dao found --charter {} --listen 127.0.0.1:9735", charter.path().display());
    let outcome = althing(Stage::default(), &command, "found\n");
    assert!(
        outcome.err.contains("needs 10,300 sat, fee of 300 sat included; the wallet has 50,000 sat"),
        "{}",
        outcome.err
    );
    assert_eq!(done(&outcome).did, ["found 127.0.0.1:9735"]);
    let json = althing(Stage::default(), &format!("--json --yes {command}"), "");
    assert_eq!(done(&json).json()["dao_file"], "/data/dao.json");
    assert_eq!(json.err, "", "JSON with --yes is for programs");
}

#[test]
fn an_empty_wallet_founds_nothing_and_asks_for_no_word() {
    let charter = file("name = 1");
    let command = format!("dao found --charter {} --listen 127.0.0.1:9735", charter.path().display());
    for command in [command.clone(), format!("--yes {command}")] {
        let outcome = althing(Stage { is_poor: true, ..Stage::default() }, &command, "");
        assert_eq!((outcome.code, outcome.did.as_slice()), (2, [].as_slice()), "{outcome:?}");
        for part in ["needs 10,300 sat", "the wallet has 200 sat", "Send 10,100 sat more", "althing wallet address"] {
            assert!(outcome.err.contains(part), "{part}: {}", outcome.err);
        }
        assert!(!outcome.err.contains("found to"), "no word is asked for: {}", outcome.err);
    }
}

#[test]
fn a_node_runs_until_it_stops_and_says_so() {
    let stage = Stage::default().answer(Ok(Reply::Status(Box::new(snapshot().status))));
    let outcome = althing(stage, "--json hub run --listen 127.0.0.1:2", "");
    assert_eq!(done(&outcome).did, ["start_hub secret Some(\"127.0.0.1:2\")"]);
    assert_eq!(outcome.json(), json!({"running": "hub", "dao_id": id(9)}));
    assert_eq!(althing(Stage::default(), "stop", "").code, 2);
    assert!(done(&althing(Stage::running(), "stop", "")).stopped);
}

#[test]
fn a_long_comment_comes_from_the_standard_input() {
    let outcome = althing(Stage::running(), "comment 949f -", "first line\nsecond\n");
    let Some(Request::Comment { text, .. }) = outcome.asked.first() else { panic!("{outcome:?}") };
    assert_eq!(text, "first line\nsecond");
}

/// Hazard: a mistyped `--data`, and a password typed for nothing.
#[test]
fn nobody_is_asked_for_the_password_of_keys_that_are_not_there() {
    let commands =
        ["status", "keys show", "wallet address", "wallet balance", "hub run", "member run", "tui", "vote 99a4 yes"];
    for command in commands {
        let outcome = althing(Stage { is_new: true, ..Stage::default() }, &format!("--json {command}"), "");
        let error = outcome.json()["error"].clone();
        assert_eq!((outcome.code, &error["rule"]), (1, &json!("N-10")), "{command}: {outcome:?}");
        assert!(error["message"].as_str().unwrap().contains("/data has no keys"), "{error}");
        assert_eq!(outcome.did, [""; 0], "{command}: nothing is opened with a password");
    }
}

/// Hazard: a script takes a file that is not there for a proof that does not hold.
#[test]
fn a_file_that_is_not_there_is_trouble_of_this_machine() {
    for command in
        ["verify /nowhere/x", "charter check /nowhere/x", "backup inspect /nowhere/x", "restore --backup /nowhere/x"]
    {
        let said = althing(Stage::running(), command, "");
        assert_eq!(said.code, 3, "{command}: {}", said.err);
        assert!(said.err.contains("/nowhere/x cannot be"), "{command}: {}", said.err);
    }
}
