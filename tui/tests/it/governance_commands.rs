//! Commands for everything that members decide: what each asks, what it refuses before asking, and what it shows.

use althing_node::api::*;
use serde_json::json;

use crate::dao::id;
use crate::stage::{Outcome, Stage, althing};

fn said() -> Reply {
    Reply::Said(Said { entry: id(80), position: Some(1_207), sentences: vec!["You did it.".to_owned()] })
}

/// Runs a command that goes through to the end, and gives what it ordered last.
fn ordered(command: &str, answer: Reply) -> Request {
    let outcome = althing(Stage::running().answer(Ok(answer)), &format!("--yes {command}"), "");
    assert_eq!(outcome.code, 0, "{command}: {outcome:?}");
    outcome.asked.last().unwrap().clone()
}

fn saying(command: &str) -> Saying {
    let Request::Say { saying } = ordered(command, said()) else { panic!("{command} says nothing") };
    saying
}

fn refused(command: &str) -> Outcome {
    let outcome = althing(Stage::running(), &format!("--json --yes {command}"), "");
    assert_eq!(outcome.code, 1, "{command}: {outcome:?}");
    outcome
}

#[test]
fn each_voting_system_has_its_ballot() {
    let table = [
        ("yes", Choice::Yes),
        ("no", Choice::No),
        ("abstain", Choice::Abstain),
        ("veto", Choice::Veto),
        ("--pick 2", Choice::Pick(2)),
        ("--pick none", Choice::Pick(NONE)),
        ("--approve 1,3", Choice::Approve(vec![1, 3])),
        ("--score 1=5,2=0", Choice::Score(vec![(1, 5), (2, 0)])),
        ("--rank 2,1,none", Choice::Rank(vec![2, 1, NONE])),
        ("--split 1=6000,2=4000", Choice::Split(vec![(1, 6000), (2, 4000)])),
        ("--credits 1=3,none=1", Choice::Credits(vec![(1, 3), (NONE, 1)])),
    ];
    for (ballot, choice) in table {
        let answer = Reply::Ballot(crate::dao::ballot(4, "Buy", Choice::Yes, BallotPath::Stored));
        let Request::Vote { choice: found, .. } = ordered(&format!("vote 949f {ballot}"), answer) else { panic!() };
        assert_eq!(found, choice, "{ballot}");
    }
}

#[test]
fn numbers_that_are_none_are_refused_by_their_rule_before_anything_is_asked() {
    for ballot in ["--pick 0", "--pick x", "--rank 1,,x", "--score 1", "--split 1=70000", "--credits 1=-1"] {
        let outcome = refused(&format!("vote 949f {ballot}"));
        assert_eq!(outcome.json()["error"]["rule"], "V-4", "{ballot}");
        assert!(outcome.asked.is_empty(), "{ballot}");
    }
    // Nothing named is no abstention that nobody asked for.
    for ballot in ["--rank=", "--rank ,", "--approve=", "--approve ,,", "--score=", "--split ,", "--credits="] {
        let outcome = refused(&format!("vote 949f {ballot}"));
        assert_eq!(outcome.json()["error"]["rule"], "V-3", "{ballot}");
        assert!(outcome.asked.is_empty(), "{ballot}");
    }
    for command in ["vote 949f", "vote 949f yes --pick 1", "delegate", "delegate ab --revoke", "delegate ab=x"] {
        assert!(althing(Stage::running(), command, "").asked.is_empty(), "{command}");
    }
}

/// Whoever mistypes is told what was read, where, and what it must be.
#[test]
fn what_is_no_number_or_no_name_is_told_what_would_be() {
    let all = "a whole number of satoshis from 0 to 2100000000000000";
    let table = [
        ("propose spend --title T --to a=7 --fee-cap abc", "'abc'", "--fee-cap", all),
        ("propose spend --title T --to a=7 --fee-cap -1", "'-1'", "--fee-cap", all),
        ("propose spend --title T --to a=7 --fee-cap 99999999999999999999", "'99999999999999999999'", "--fee-cap", all),
        ("stake open 1e6", "'1e6'", "AMOUNT_SAT", all),
        ("deposit hold 949f -5", "'-5'", "AMOUNT_SAT", all),
        ("delegate Ann --until soon", "'soon'", "--until", "a whole number from 0 on"),
        ("delegate Ann --until -1", "'-1'", "--until", "0..=4294967295"),
        ("delegate Ann=99999", "99999", "MEMBER", "from 1 to 65535"),
        ("propose text --title T --system borda", "borda", "--system", "schulze"),
        ("propose text --title T --system score=0x", "score=0x", "--system", "from 1 to 65535"),
        ("propose pause --title T --blocks 5 --class pausing", "pausing", "--class", "rule_change"),
        ("link bump --fee-rate 0", "0", "--fee-rate", "1..="),
        ("vote 949f maybe", "maybe", "CHOICE", "abstain"),
    ];
    for (command, value, place, wanted) in table {
        let outcome = refused(command);
        assert!(outcome.json()["error"]["rule"].is_string(), "{command} names no rule: {outcome:?}");
        let message = outcome.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        for part in [value, place, wanted] {
            assert!(message.contains(part), "{command} does not name {part}: {message}");
        }
        assert!(!message.contains("invalid digit"), "{message}");
        assert!(outcome.asked.is_empty(), "{command}");
    }
}

/// N-64: whatever a command cannot read is refused with a rule and the value: the log's own where there is one.
#[test]
fn what_cannot_be_read_names_a_rule_and_the_value() {
    let table = [
        ("delegate Ann --until 4294967296", "N-64", "4294967296"),
        ("delegate Ann=-1", "L-2", "-1"),
        ("delegate --abstain=0", "L-2", "0"),
        ("delegate Ann --class pausing", "R-20", "pausing"),
        ("report --from -1", "N-64", "-1"),
        ("propose confiscate --title T --proposal #3 --member ab --amount-sat -5", "N-64", "-5"),
        ("propose spend --title T --to A=18446744073709551616 --fee-cap 1", "G-24", "18446744073709551616"),
        ("propose budget --title T --to A --milestone 1@4294967296=x --fee-cap 1", "G-84", "4294967296"),
        ("propose elect --title T --descriptor d --treasurer Ann", "G-24", "Ann"),
        ("propose text --title T --system borda", "V-1", "borda"),
        ("propose text --title T --system score=65536", "V-1", "score=65536"),
        ("propose text --title T --sistem score", "N-64", "--sistem"),
        ("no-such-command", "N-64", "no-such-command"),
        ("invite ab --until x", "N-64", "x"),
    ];
    for (command, rule, value) in table {
        let outcome = refused(command);
        let error = &outcome.json()["error"];
        assert_eq!(error["rule"], rule, "{command}: {error}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(value)), "{command}: {error}");
        assert!(outcome.asked.is_empty(), "{command}");
    }
}

#[test]
fn no_command_refuses_its_words_without_a_rule() {
    fn walk(command: &clap::Command, path: &str) {
        let wrong = [format!("{path} --no-such-option"), format!("{path} no such words at all")];
        for words in wrong {
            let outcome = althing(Stage::running(), &format!("--json {words}"), "");
            // Some take any words; none may refuse them without a rule.
            if outcome.code == 1 {
                assert!(outcome.json()["error"]["rule"].is_string(), "{words}: {outcome:?}");
            }
        }
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            walk(sub, format!("{path} {}", sub.get_name()).trim());
        }
    }
    walk(&<althing_tui::cli::Cli as clap::CommandFactory>::command(), "");
}

#[test]
fn a_program_that_may_only_look_refuses_before_it_shows_a_review() {
    for command in ["vote 949f yes", "delegate Ann", "propose text --title T", "guardian veto 949f"] {
        let outcome = althing(Stage::running(), &format!("--readonly {command}"), "");
        assert_eq!(outcome.code, 1, "{command}: {outcome:?}");
        assert!(outcome.err.contains("N-90") && !outcome.err.contains("Type "), "{command}: {}", outcome.err);
        assert_eq!(outcome.err.lines().count(), 1, "{command}: {}", outcome.err);
    }
}

#[test]
fn every_class_can_be_proposed() {
    let charter = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(charter.path(), "name = 1").unwrap();
    let rule_change = format!("rule-change --title T --charter {}", charter.path().display());
    let table = [
        ("text --title T", Class::Text),
        ("spend --title T --to a=7 --fee-cap 1", Class::Spend),
        ("budget --title T --to a --milestone 5@0=First·half --milestone 6@144=Rest --fee-cap 1", Class::Budget),
        ("stop-budget --title T --budget #3", Class::Budget),
        (rule_change.as_str(), Class::RuleChange),
        ("admit --title T --member ab", Class::Admit),
        ("expel --title T --member ab --member cd", Class::Expel),
        ("elect --title T --descriptor d --treasurer Ása=02aa", Class::ElectTreasurers),
        ("replace-keys --title T --anchor-key aa", Class::ReplaceKeys),
        ("confiscate --title T --proposal #3 --member ab --amount-sat 5", Class::Confiscate),
        ("pause --title T --blocks 6 --class spend --class rule-change", Class::Pause),
        ("request --title T --submission-blocks 12 --budget-cap 500", Class::Request),
    ];
    for (command, class) in table {
        let Request::Propose { draft } = ordered(&format!("propose {command}"), Reply::Done) else { panic!() };
        assert_eq!((draft.class, draft.title.as_str()), (Some(class), "T"), "{command}");
        assert_eq!(draft.effects.is_empty(), class == Class::Text, "{command}");
    }
}

#[test]
fn a_choice_is_proposed_with_its_options_and_checked_without_sending() {
    let command = "propose text --title Where --system score=5 --option Lake --option Booth --tag place --check";
    let outcome = althing(Stage::running(), command, "");
    let [Request::ProposalReview { draft }] = outcome.asked.as_slice() else { panic!("{outcome:?}") };
    assert_eq!(draft.system, System::Score { max: 5 });
    assert_eq!(draft.options.iter().map(|o| o.label.as_str()).collect::<Vec<_>>(), ["Lake", "Booth"]);
    assert_eq!(draft.tags, ["place"]);
    assert!(outcome.out.contains("Option 1: Lake") && outcome.out.contains("nothing was sent"), "{}", outcome.out);
}

#[test]
fn what_an_author_should_think_of_is_told_before_it_is_said() {
    for (title, warned) in [("Again", true), ("New", false)] {
        let outcome = althing(Stage::running(), &format!("propose text --title {title} --check"), "");
        let words = "! think again: Proposed now it would have no effect.";
        assert_eq!(outcome.out.contains(words), warned, "{}", outcome.out);
        // Words alone need no second look, unless there is something to look at.
        let outcome = althing(Stage::running(), &format!("propose text --title {title}"), "no\n");
        let sent = outcome.asked.iter().any(|request| matches!(request, Request::Propose { .. }));
        assert_eq!(sent, !warned, "{outcome:?}");
        let words = "Think again: Proposed now it would have no effect.";
        assert_eq!(format!("{outcome:?}").contains(words), warned, "{outcome:?}");
    }
}

#[test]
fn a_ballot_that_came_too_late_is_not_shown_as_one_that_counts() {
    let path = BallotPath::Final { epoch: 2, txid: id(90), height: 30 };
    for too_late in [None, Some(24)] {
        let late = Ballot { too_late, ..crate::dao::ballot(4, "Buy", Choice::Yes, path.clone()) };
        let outcome = althing(Stage::running().answer(Ok(Reply::Ballots { ballots: vec![late] })), "ballots", "");
        let words = "Not counted: the vote had ended at height 24 when the log took it (G-42).";
        assert_eq!(outcome.out.contains(words), too_late.is_some(), "{}", outcome.out);
    }
}

#[test]
fn what_the_rules_refuse_exits_by_whether_it_may_do_better_later() {
    for (transient, code) in [(true, 2), (false, 1)] {
        for command in ["vote #3 yes", "propose text --title T --check", "propose text --title T"] {
            let message = "G-41: it is logged".to_owned();
            let refusal = Some(Refused { rule: "G-41".to_owned(), message, transient });
            let outcome = althing(Stage::running().refusing(refusal), &format!("--json --yes {command}"), "");
            assert_eq!(outcome.code, code, "{command}: {outcome:?}");
            assert!(outcome.out.contains("G-41: it is logged"), "{command}: {outcome:?}");
            assert_eq!(outcome.asked.len(), 1, "{command}: nothing is sent");
        }
    }
}

#[test]
fn a_number_that_a_system_needs_is_named_with_its_limits() {
    for (system, limit) in
        [("score", "65535"), ("score=70000", "65535"), ("score=-1", "65535"), ("quadratic=x", "4294967295")]
    {
        let outcome = refused(&format!("propose text --title T --system {system} --option A --option B"));
        let message = outcome.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("V-1") && message.contains(limit), "{system}: {message}");
    }
}

#[test]
fn a_line_of_a_csv_file_that_is_no_payment_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "# to whom\nbcrt1qa,5\nbcrt1qb;6\n").unwrap();
    let outcome = refused(&format!("propose spend --title T --fee-cap 1 --csv {}", file.path().display()));
    assert_eq!(outcome.json()["error"]["rule"], "G-24");
    assert!(outcome.json()["error"]["message"].as_str().unwrap().contains("line 3"), "{outcome:?}");
}

#[test]
fn a_file_proposes_anything() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "title = 'Roof'\nsystem = 'approval'\nclass = 'spend'\n[[option]]\nlabel = 'Turf'\n[[option.effect]]\n\
                does = 'spend'\noutputs = [{ address = 'a', amount_sat = 5 }]\nfee_cap_sat = 1\n[[option]]\nlabel = 'Tiles'\n";
    std::fs::write(file.path(), text).unwrap();
    let command = format!("propose file {}", file.path().display());
    let Request::Propose { draft } = ordered(&command, Reply::Done) else { panic!() };
    assert_eq!((draft.options.len(), draft.options[0].effects.len()), (2, 1));
    // What a file says beside that is not passed over.
    std::fs::write(file.path(), format!("colour = 'red'\n{text}")).unwrap();
    let outcome = refused(&command);
    assert!(outcome.json()["error"]["message"].as_str().unwrap().contains("colour"));
    assert_eq!(outcome.json()["error"]["rule"], "G-24");
}

#[test]
fn everything_else_is_said_as_it_was_typed() {
    let part = |member: &str, parts| DelegatePart { member: member.to_owned(), parts };
    let proposal = || "#3".to_owned();
    let accepts = format!("accept {}", id(9));
    let table = [
        (
            "delegate Ása=2 ab=1 --tag roads --until 900",
            Saying::Delegate {
                to: vec![part("Ása", 2), part("ab", 1)],
                abstain: 0,
                scope: DelegateScope::Tag("roads".to_owned()),
                until: Some(900),
            },
        ),
        (
            "delegate --revoke --class spend",
            Saying::Delegate { to: Vec::new(), abstain: 0, scope: DelegateScope::Class(Class::Spend), until: None },
        ),
        (
            "delegate --abstain --tag roads",
            Saying::Delegate { to: Vec::new(), abstain: 1, scope: DelegateScope::Tag("roads".to_owned()), until: None },
        ),
        (
            "delegate Ása=3 --abstain=2 --until 900",
            Saying::Delegate { to: vec![part("Ása", 3)], abstain: 2, scope: DelegateScope::All, until: Some(900) },
        ),
        ("comment-vote ab12 down", Saying::CommentVote { comment: "ab12".to_owned(), opinion: CommentOpinion::Down }),
        ("update #3 Done.", Saying::Update { proposal: proposal(), text: "Done.".to_owned() }),
        ("withdraw #3", Saying::Withdraw { proposal: proposal() }),
        ("guardian delay #3", Saying::Guard { proposal: proposal(), veto: false }),
        ("guardian veto #3", Saying::Guard { proposal: proposal(), veto: true }),
        ("deposit hold ab12 500", Saying::HoldDeposit { thread: "ab12".to_owned(), amount_sat: 500 }),
        ("invite ab --until 900", Saying::Invite { member: "ab".to_owned(), until: 900 }),
        ("accept", Saying::Accept { invitation: String::new() }),
        (accepts.as_str(), Saying::Accept { invitation: id(9) }),
    ];
    for (command, expected) in table {
        assert_eq!(saying(command), expected, "{command}");
    }
    let entry = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(entry.path(), "ab12\n").unwrap();
    assert_eq!(saying(&format!("seen {}", entry.path().display())), Saying::Seen { entry: "ab12".to_owned() });
    assert_eq!(ordered("rotate-key", said()), Request::RotateKey);
    let hide = |hidden| Request::Hide { what: Hideable::Comment, id: "ab12".to_owned(), hidden };
    assert_eq!(ordered("hide comment ab12", Reply::Done), hide(true));
    assert_eq!(ordered("unhide comment ab12", Reply::Done), hide(false));
}

#[test]
fn a_delegation_waits_for_its_word() {
    let outcome = althing(Stage::running().answer(Ok(said())), "delegate ab", "no\n");
    assert_eq!(outcome.code, 2);
    assert!(outcome.asked.iter().all(|request| !matches!(request, Request::Say { .. })));
    assert!(outcome.err.contains("You hand 100.00 % of your weight on."), "{}", outcome.err);
}

#[test]
fn a_report_goes_to_a_file_or_is_printed() {
    let report = || Reply::Text { text: "# Report\n".to_owned() };
    let request = Request::Report { from: Some(2), to: None, format: ReportFormat::Csv };
    assert_eq!(ordered("report --from 2 --format csv", report()), request);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.md");
    ordered(&format!("report --out {}", file.display()), report());
    assert_eq!(std::fs::read_to_string(file).unwrap(), "# Report\n");
    // For a program it is data, as a value or by lines.
    let request = Request::Report { from: None, to: None, format: ReportFormat::Json };
    let data = || Reply::Text { text: "{ \"epochs\": [1] }".to_owned() };
    assert_eq!(ordered("report --json", data()), request);
    let plain = althing(Stage::running().answer(Ok(data())), "report --plain", "");
    assert_eq!((plain.asked.last(), plain.out.as_str()), (Some(&request), "epochs.1: 1\n"));
}

#[test]
fn an_equivocation_is_two_entries_of_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let command = format!("equivocation {}", file.path().display());
    std::fs::write(file.path(), "aa\n\nbb\n").unwrap();
    let expected = Request::Equivocation { entries: ["aa".to_owned(), "bb".to_owned()] };
    assert_eq!(ordered(&command, said()), expected);
    std::fs::write(file.path(), "aa\n").unwrap();
    assert_eq!(refused(&command).json()["error"]["rule"], "G-98");
}

#[test]
fn two_charters_are_compared() {
    let (old, new) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(new.path(), "name = 2").unwrap();
    let command = format!("--json charter diff {} {}", old.path().display(), new.path().display());
    let outcome = althing(Stage::running(), &command, "");
    assert_eq!(outcome.json()["changes"], json!(["name: \"Þing\" becomes \"Alþing\""]));
    assert_eq!(outcome.code, 0);
}

/// A command that was only begun is told what goes on from there, and no description of itself as an error.
#[test]
fn a_command_that_was_only_begun_is_told_what_is_missing() {
    for command in ["dao", "history", "charter", "treasury session"] {
        let outcome = althing(Stage::running(), command, "");
        assert_eq!(outcome.code, 1, "{command}: {outcome:?}");
        let first = outcome.err.lines().next().unwrap_or_default();
        assert_eq!(first, "error: N-64: a word is missing: one of the commands below says what to do.", "{command}");
        assert!(outcome.err.contains("Commands:") && !outcome.err.contains("(N-64)"), "{outcome:?}");
    }
}
