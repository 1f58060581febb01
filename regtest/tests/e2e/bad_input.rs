//! Bad input through the real program: a clear error that names the rule and the value, a stable exit code, no panic.

use std::path::Path;
use std::time::Duration;

use althing_regtest::bitcoin::OutPoint;
use althing_regtest::story::{Actor, Cli, Ran};
use althing_regtest::{Look, wait_for};
use serde_json::Value;

use crate::stage::{Turn, scratch, told};

/// Exit codes of the program.
pub(crate) const INVALID: i32 = 1;
pub(crate) const NOT_NOW: i32 = 2;
const OURS: i32 = 3;

/// How long a node may take to notice that bitcoind went or came.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command that must be refused.
struct Row<'a> {
    what: &'static str,
    command: Vec<&'a str>,
    codes: &'static [i32],
    /// Each must be in the message: the rule or its words, and the value.
    names: Vec<&'a str>,
}

#[test]
fn files_that_are_not_what_they_should_be() {
    let told = told();
    let folder = scratch("bad-files");
    let charter = std::fs::read_to_string(told.report.data_dir.join("charter.toml")).unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let not_toml = file("not-toml.toml", b"version = = 1");
    let unknown_field = file("unknown-field.toml", format!("colour = \"red\"\n{charter}").as_bytes());
    let no_epoch = file("no-epoch.toml", charter.replace("epoch_blocks = 6", "epoch_blocks = 0").as_bytes());
    let minority = file("minority.toml", charter.replace("percent_bp = 6667", "percent_bp = 4000").as_bytes());
    let one_key = file("one-key.toml", charter.replace("sortedmulti(2,", "sortedmulti(1,").as_bytes());
    let dao = std::fs::read_to_string(told.assembly.hub.data_dir().join("dao.json")).unwrap();
    let cut_dao = file("cut-dao.json", &dao.as_bytes()[..dao.len() / 2]);
    let proof = std::fs::read(&told.report.proofs[0]).unwrap();
    let cut_proof = file("cut.althing", &proof[..proof.len() / 2]);
    let headers = told.report.headers.to_str().unwrap();
    let cut_headers = file("cut-headers.bin", &std::fs::read(headers).unwrap()[..799]);
    let whole_proof = told.report.proofs[0].to_str().unwrap();

    let rows = [
        Row { what: "no TOML", command: vec!["charter", "check", &not_toml], codes: &[INVALID], names: vec!["line 1"] },
        Row {
            what: "unknown field",
            command: vec!["charter", "check", &unknown_field],
            codes: &[INVALID],
            names: vec!["colour"],
        },
        Row {
            what: "epochs without blocks",
            command: vec!["charter", "check", &no_epoch],
            codes: &[INVALID],
            names: vec!["R-53", "epoch_blocks", "0"],
        },
        Row {
            what: "a minority decides",
            command: vec!["charter", "check", &minority],
            codes: &[INVALID],
            names: vec!["R-63", "4000"],
        },
        Row {
            what: "one key spends the treasury",
            command: vec!["charter", "check", &one_key],
            codes: &[INVALID],
            names: vec!["T-3", "1"],
        },
        Row {
            what: "truncated founding file",
            command: vec!["dao", "join", &cut_dao, "--name", "Nobody"],
            codes: &[INVALID, OURS],
            names: vec!["cut-dao.json"],
        },
        Row {
            what: "truncated proof",
            command: vec!["verify", &cut_proof, "--headers", headers],
            codes: &[INVALID],
            names: vec![],
        },
        Row {
            what: "truncated headers",
            command: vec!["verify", whole_proof, "--headers", &cut_headers],
            codes: &[INVALID, NOT_NOW, OURS],
            names: vec!["799"],
        },
        Row {
            what: "no such file",
            command: vec!["verify", "/nonexistent.althing", "--headers", headers],
            codes: &[INVALID, OURS],
            names: vec!["/nonexistent.althing"],
        },
    ];
    let cli = told.assembly.members[0].cli();
    for row in rows {
        check(&row, &cli);
    }
}

#[test]
fn requests_that_break_a_rule_lose_nothing() {
    let mut told = told();
    start(&mut told);
    let member = &told.assembly.members[0];
    let before = member.status().unwrap();
    let closed = told.report.proposals[0].id.clone();
    let stranger = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let proof = scratch("bad-requests").join("proof.althing");
    let proof = proof.to_str().unwrap();
    let mainnet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4=10000";
    let too_long = "x".repeat(121);
    let rows = [
        Row {
            what: "payment to an address of another network",
            command: vec![
                "propose",
                "spend",
                "--title",
                "Pay",
                "--body",
                "b",
                "--to",
                mainnet,
                "--fee-cap",
                "1000",
                "--yes",
            ],
            codes: &[INVALID],
            names: vec!["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"],
        },
        Row {
            what: "stake without funds",
            command: vec!["stake", "open", "2000000000", "--yes"],
            codes: &[INVALID, NOT_NOW],
            names: vec!["2000000000"],
        },
        Row {
            what: "stake below the charter's least",
            command: vec!["stake", "open", "9999", "--yes"],
            codes: &[INVALID],
            names: vec!["9999", "10000"],
        },
        Row {
            what: "ballot for a closed proposal",
            command: vec!["vote", &closed, "yes", "--yes"],
            codes: &[INVALID],
            names: vec!["G-"],
        },
        Row {
            what: "ballot for a number beyond the log's",
            command: vec!["vote", "#99", "yes", "--yes"],
            codes: &[INVALID],
            names: vec!["N-51", "#99"],
        },
        Row {
            what: "ballot for a number beyond the log's, without the sign that shells eat",
            command: vec!["vote", "99", "yes", "--yes"],
            codes: &[INVALID],
            names: vec!["N-51", "#99"],
        },
        Row {
            what: "ballot for a number that is none",
            command: vec!["vote", "#two", "yes", "--yes"],
            codes: &[INVALID],
            names: vec!["N-50", "#two"],
        },
        Row {
            what: "ballot for no proposal",
            command: vec!["vote", stranger, "yes", "--yes"],
            codes: &[INVALID],
            names: vec![&stranger[..8]],
        },
        Row {
            what: "proof for an unknown member",
            command: vec!["proof", "export", &closed, "--ballot", "--member", stranger, "--out", proof],
            codes: &[INVALID],
            names: vec![&stranger[..8]],
        },
        // A word that can be no id is refused for good, and so is an id that the whole log does not have.
        Row {
            what: "balances of a channel that can be none",
            command: vec!["history", "channel", "zz"],
            codes: &[INVALID],
            names: vec!["N-61", "zz"],
        },
        Row {
            what: "balances of a channel that nobody has",
            command: vec!["history", "channel", stranger],
            codes: &[INVALID],
            names: vec!["N-61", &stranger[..8]],
        },
        Row {
            what: "title too long",
            command: vec!["propose", "text", "--title", &too_long, "--body", "b"],
            codes: &[INVALID],
            names: vec!["120"],
        },
        Row {
            what: "an unknown choice",
            command: vec!["vote", &closed, "maybe", "--yes"],
            codes: &[INVALID, NOT_NOW],
            names: vec!["maybe"],
        },
    ];
    let cli = member.cli();
    for row in rows {
        check(&row, &cli);
    }
    assert!(!Path::new(proof).exists());
    let after = member.status().unwrap();
    assert_eq!((after.log_size, after.balance), (before.log_size, before.balance), "a refused request left a trace");
}

#[test]
fn a_stopped_bitcoind_is_said_and_nothing_is_lost() {
    let mut told = told();
    start(&mut told);
    told.assembly.node.stop().unwrap();
    let member = &told.assembly.members[0];
    let alarm = wait_for("an alarm", PATIENCE, || {
        let alarms = member.status().unwrap().alarms;
        match alarms.iter().find(|alarm| alarm.to_lowercase().contains("bitcoin")) {
            Some(alarm) => Look::Ready(alarm.clone()),
            None => Look::NotYet(format!("{alarms:?}")),
        }
    });
    let stake = member.cli().run(&["stake", "open", "20000", "--yes", "--json"]).unwrap();
    // A monitor looks at nothing but the exit code.
    let health = told.assembly.hub.cli().run(&["health"]).unwrap();
    assert!(health.code == Some(NOT_NOW) && health.stdout.contains("B-1"), "{health:?}");
    // The cookie and the chain are there again, and so is everybody.
    told.assembly.node.restart().unwrap();
    alarm.unwrap();
    told.assembly.mine(1).unwrap();
    let member = &told.assembly.members[0];
    wait_for("the alarm to end", PATIENCE, || match alarms(member) {
        alarms if alarms.is_empty() => Look::Ready(()),
        alarms => Look::NotYet(format!("{alarms:?}")),
    })
    .unwrap();
    match stake.code {
        Some(NOT_NOW | OURS) => {}
        // A node may also promise to broadcast later; then it does.
        Some(0) => {
            let answer: Value = serde_json::from_str(&stake.stdout).unwrap();
            let outpoint: OutPoint = answer["funding_outpoint"].as_str().unwrap().parse().unwrap();
            let node = &told.assembly.node;
            if node.inclusion(&outpoint.txid).unwrap().is_none() {
                node.wait_mempool(&outpoint.txid, PATIENCE).unwrap();
            }
        }
        _ => panic!("{stake:?}"),
    }
}

/// What is stored while the hub is away is signed for good, so it must be readable: else the member's node could never start again.
#[test]
fn what_nobody_could_read_is_not_signed_while_the_hub_is_away() {
    let mut told = told();
    let proposal = told.report.proposals[0].id.clone();
    told.assembly.members[1].start().unwrap();
    let too_long = "x".repeat(4097);
    // Named by its id and by its number.
    for (proposal, text, rule) in [(proposal.as_str(), too_long.as_str(), "4096"), ("#1", "", "at least 1")] {
        let ran = told.assembly.members[1].cli().run(&["comment", proposal, text, "--yes", "--json"]).unwrap();
        assert_eq!(ran.code, Some(INVALID), "{ran:?}");
        assert!(ran.stdout.contains(rule), "{ran:?}");
    }
    told.assembly.members[1].stop().unwrap();
    told.assembly.members[1].start().unwrap();
    assert_eq!(alarms(&told.assembly.members[1]), Vec::<String>::new());
}

/// Alarms about anything but the spend that nobody decided, with which the story ends.
fn alarms(member: &Actor) -> Vec<String> {
    let alarms = member.status().unwrap().alarms;
    alarms.into_iter().filter(|alarm| !alarm.starts_with("UNAUTHORISED SPEND")).collect()
}

fn start(told: &mut Turn) {
    told.assembly.hub.start().unwrap();
    for member in &mut told.assembly.members {
        member.start().unwrap();
    }
    told.assembly.settle().unwrap();
}

/// Runs the command for people and for programs; both must refuse it in the same way.
fn check(row: &Row<'_>, cli: &Cli) {
    let plain = cli.run(&row.command).unwrap();
    refused(row, &plain);
    let json = cli.run(&[row.command.as_slice(), &["--json"]].concat()).unwrap();
    refused(row, &json);
    assert_eq!(plain.code, json.code, "{}", row.what);
    // Arguments that the command line itself refuses are answered by its parser.
    if json.stdout.trim().is_empty() {
        return;
    }
    let answer: Value = serde_json::from_str(&json.stdout).unwrap_or_else(|_| panic!("{}: {json:?}", row.what));
    assert!(answer.is_object(), "{}: {answer}", row.what);
}

fn refused(row: &Row<'_>, ran: &Ran) {
    // People read amounts in thousands, programs as they are.
    let said = format!("{}{}", ran.stdout, ran.stderr).replace(',', "");
    assert!(ran.code.is_some_and(|code| row.codes.contains(&code)), "{}: {ran:?}", row.what);
    for name in &row.names {
        assert!(said.contains(name), "{} does not name {name}: {said}", row.what);
    }
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{}: {said}", row.what);
}
