//! The commands about the program itself, and the way in.

use althing_node::api::{Reply, Request};
use althing_tui::cli::MEANINGS;
use althing_tui::invite;
use althing_tui::keymap::KEYMAP;
use proptest::prelude::*;

use crate::stage::{Stage, althing};

/// Hazard: fish completes less than bash and zsh: words that stand alone, like the choice of a ballot.
#[test]
fn fish_completes_every_word_that_has_names() {
    fn words<'a>(command: &'a clap::Command, path: &mut Vec<&'a str>, found: &mut Vec<(String, String)>) {
        for word in command.get_positionals() {
            let names = word.get_possible_values();
            let names: Vec<&str> =
                names.iter().filter(|name| !name.is_hide_set()).map(|name| name.get_name()).collect();
            if !names.is_empty() {
                found.push((path.join(" "), names.join(" ")));
            }
        }
        for inner in command.get_subcommands() {
            path.push(inner.get_name());
            words(inner, path, found);
            path.pop();
        }
    }
    let (script, mut found) = (althing(Stage::default(), "completions fish", "").out, Vec::new());
    words(&<althing_tui::cli::Cli as clap::CommandFactory>::command(), &mut Vec::new(), &mut found);
    assert!(found.contains(&("vote".to_owned(), "yes no abstain veto".to_owned())), "{found:?}");
    for (command, names) in found {
        let within = command.replacen(' ', "; and __fish_seen_subcommand_from ", 1);
        let wanted = format!("__fish_althing_using_subcommand {within}\" -f -a \"{names}\"");
        assert!(script.contains(&wanted), "{command}: {wanted}");
    }
}

#[test]
fn completions_know_every_command() {
    for (shell, sign) in [("bash", "complete -F"), ("zsh", "#compdef althing"), ("fish", "complete -c althing")] {
        let done = althing(Stage::default(), &format!("completions {shell}"), "");
        assert_eq!(done.code, 0);
        // Systems and classes too: nobody should have to know them by heart.
        for word in [sign, "proposals", "delegate", "readonly", "instant_runoff", "elect_treasurers"] {
            assert!(done.out.contains(word), "{shell} lacks {word}");
        }
    }
}

#[test]
fn the_manual_has_every_exit_code_and_every_key() {
    let page = althing(Stage::default(), "man", "").out;
    for (code, meaning) in MEANINGS {
        assert!(page.contains(&format!("\\fB{code}\\fR\n{}", meaning.replace('-', "\\-"))), "{code}");
    }
    for binding in KEYMAP {
        assert!(page.contains(&binding.help.replace('-', "\\-")), "{}", binding.help);
        assert!(page.contains(&format!("[{}]", binding.act.name())), "{}", binding.act.name());
    }
    let folder = tempfile::tempdir().unwrap();
    let done = althing(Stage::default(), &format!("man --out {}", folder.path().display()), "");
    assert_eq!(done.code, 0, "{}", done.err);
    for page in ["althing.1", "althing-vote.1", "althing-proposal-show.1"] {
        let text = std::fs::read_to_string(folder.path().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(text.contains(".SH") && text.contains("EXIT STATUS"), "{page}");
    }
}

#[test]
fn info_says_where_things_are() {
    let done = althing(Stage::default(), "info", "");
    assert!(done.out.contains("/data") && done.out.contains("ALTHING_LOG"), "{}", done.out);
}

#[test]
fn read_only_refuses_whatever_changes_something_and_nothing_else() {
    for order in [
        "vote 4 yes --yes",
        "comment 4 text",
        "stake open 600000 --yes",
        "delegate ab --yes",
        "wallet address",
        "stop",
        "init --bitcoind http://x --network regtest",
        "hide proposal 4",
        "rotate-key --yes",
        "hub run",
        "proof export 4 --tally --out /nowhere",
        "proof receipt 4 --out /nowhere",
        "member run",
        "settings theme light",
        "settings remove-folder /nowhere",
        "man --out /nowhere",
        "report --out /nowhere",
        "audit --resume /nowhere",
        "headers export /nowhere --bitcoind http://x",
        "tiles export /nowhere",
        "ots export 1 --out /nowhere.ots",
        "backup keep /nowhere",
        "backup write /nowhere",
        "restore",
        "tower add 02aa@127.0.0.1:5",
        "tower remove 02aa",
        "tower run --listen 127.0.0.1:5",
        "link operators --add 02aa 02bb",
        "treasurer --robot",
        "treasury address --readonly",
        "treasury export --out /nowhere",
        "treasury labels export /nowhere",
        "treasury ownership open --out /nowhere",
        "treasury ownership sign /nowhere --out /nowhere",
        "treasury session show ab --out /nowhere",
        "succession propose --hub-log-key ab --anchor-key ab --node-id ab --out /nowhere",
        "succession sign /nowhere --out /nowhere",
        "succession publish /nowhere",
    ] {
        let mut stage = Stage::running();
        std::sync::Arc::get_mut(&mut stage.node).unwrap().script.echo = true;
        let done = althing(stage, &format!("--readonly {order}"), "");
        let code = if order.starts_with("audit") { 2 } else { 1 };
        assert_eq!(done.code, code, "{order}: {} {}", done.out, done.err);
        assert!(done.err.contains("N-90"), "{order}: {}", done.err);
        let changed: Vec<&Request> =
            done.asked.iter().filter(|request| !althing_tui::readonly::only_looks(request)).collect();
        assert!(changed.is_empty() && !done.stopped && done.did.is_empty(), "{order}: {changed:?} {:?}", done.did);
    }
    let stage = Stage::running().answer(Ok(Reply::Links { links: Vec::new() }));
    assert_eq!(althing(stage, "--readonly links", "").code, 0);
}

#[test]
fn where_json_is_asked_for_every_answer_is_a_value() {
    for command in ["completions bash", "man", "charter template"] {
        let done = althing(Stage::default(), &format!("{command} --json"), "");
        assert_eq!((done.code, done.json()["text"].is_string()), (0, true), "{command}: {}", done.out);
    }
}

#[test]
fn seed_words_in_the_wrong_place_are_read_by_nobody() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let words = [["abandon"; 11].join(" \n"), "about\n".to_owned()].join(" ");
    std::fs::write(file.path(), &words).unwrap();
    for command in ["succession check", "seen", "charter check", "charter explain", "treasury import", "propose file"] {
        let done = althing(Stage::running(), &format!("{command} {} --json", file.path().display()), "");
        assert_eq!(done.json()["error"]["rule"], "K-8", "{command}: {} {}", done.out, done.err);
        assert!(!done.out.contains("abandon") && !done.err.contains("abandon"), "{command}: {} {}", done.out, done.err);
    }
    // Where they belong they are read.
    let made = althing(
        Stage { is_new: true, ..Stage::default() },
        &format!("init --bitcoind http://x --network regtest --words-file {}", file.path().display()),
        "",
    );
    assert!(made.did.iter().any(|did| did.contains("abandon")), "{:?} {}", made.did, made.err);
}

#[test]
fn nobody_to_ask_is_no_fraud() {
    let stage = Stage { is_new: true, ..Stage::default() };
    assert_eq!(althing(stage, "health", "").code, 3);
}

pub(crate) fn dao_file(charter: &[u8], tx: &[u8], hub: &str, birthday: u32) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    serde_json::json!({
        "version": 1, "dao_id": "d0".repeat(32), "charter": hex(charter), "genesis_tx": hex(tx), "birthday": birthday, "hub": hub,
    })
    .to_string()
}

proptest! {
    #[test]
    fn an_invitation_is_the_dao_file_again(
        charter in prop::collection::vec(any::<u8>(), 0..400), tx in prop::collection::vec(any::<u8>(), 0..300),
        hub in "[a-z0-9@:.]{0,60}", birthday in any::<u32>(),
    ) {
        let file = dao_file(&charter, &tx, &hub, birthday);
        let invitation = invite::encode(&file).unwrap();
        prop_assert!(invitation.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        prop_assert_eq!(value(&invite::decode(&invitation).unwrap()), value(&file));
        // As a QR code and as a chat would send it.
        prop_assert_eq!(value(&invite::decode(&invitation.to_uppercase()).unwrap()), value(&file));
        prop_assert_eq!(value(&invite::decode(&format!(" {invitation}\n")).unwrap()), value(&file));
    }

    #[test]
    fn no_invitation_panics(text in "althing1[a-z0-9]{0,200}|\\PC{0,60}") {
        let _ = invite::decode(&text);
    }

    #[test]
    fn a_wrong_letter_gives_another_file_or_none(place in 8usize..500, letter in "[a-z2-7]") {
        let file = dao_file(&[7; 200], &[9; 100], "02aa@127.0.0.1:9735", 100);
        let mut invitation: Vec<char> = invite::encode(&file).unwrap().chars().collect();
        let place = place.min(invitation.len() - 1);
        let letter = letter.chars().next().unwrap();
        prop_assume!(invitation[place] != letter);
        invitation[place] = letter;
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        if let Ok(other) = invite::decode(&invitation.into_iter().collect::<String>()) {
            prop_assert_ne!(value(&other), value(&file));
        }
    }
}

/// A mistyped invitation is told before anything is asked, and is no trouble of this machine.
#[test]
fn what_is_no_invitation_is_named_before_any_question() {
    let folder = tempfile::tempdir().unwrap();
    let good = invite::encode(&dao_file(&[1, 2], &[3], "02aa@127.0.0.1:9735", 5)).unwrap();
    for (given, words) in [
        ("nonsense", "N-91: \"nonsense\" is neither an invitation, which begins with althing1, nor a file"),
        ("althing1zz", "N-91: "),
        (&good[..good.len() - 9], "ask for it again"),
    ] {
        let command = format!("--data {} join {given}", folder.path().display());
        let outcome = althing(Stage::default(), &command, "");
        assert_eq!((outcome.code, outcome.did.len()), (1, 0), "{given}: {outcome:?}");
        assert!(outcome.err.contains(words), "{given}: {}", outcome.err);
    }
    // As a QR code may have it.
    assert!(invite::is_one(&good.to_uppercase()) && !invite::is_one("althing"), "{good}");
    assert_eq!(invite::decode(&good.to_uppercase()).unwrap(), invite::decode(&good).unwrap());
}

#[test]
fn joining_asks_plain_questions_and_checks_the_words() {
    let invitation = invite::encode(&dao_file(&[1, 2], &[3], "02aa@127.0.0.1:9735", 5)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &str| {
        let data = folder.path().join(words);
        std::fs::create_dir_all(&data).unwrap();
        crate::stage::with_passwords(&["secret", "secret", words, words, words].repeat(3), || {
            let command = format!("--data {} join {invitation}", data.display());
            // Network, address and cookie of Bitcoin Core, words are on paper, name, stake.
            althing(Stage::default(), &command, "regtest\n\n/cookie\n\nUnnur\n0\n")
        })
    };
    let done = run("abandon");
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.did.iter().any(|did| did.starts_with("init regtest http://127.0.0.1:18443")), "{:?}", done.did);
    assert!(done.did.iter().any(|did| did.ends_with("Unnur")), "{:?}", done.did);
    assert!(!done.out.contains("abandon"), "the words are no answer");
    let done = run("wrong");
    assert_eq!(done.code, 1);
    assert!(done.err.contains("were not typed back"), "{}", done.err);
    assert!(!done.did.iter().any(|did| did.starts_with("join")), "{:?}", done.did);
    // Whoever comes back sees the words again: keys without a backup are no keys.
    let again = || {
        let command = format!("--data {} join {invitation} --name Unnur", folder.path().join("wrong").display());
        crate::stage::with_passwords(&["secret", "abandon", "abandon", "abandon"], || {
            althing(Stage::default(), &command, "\n0\n")
        })
    };
    let done = again();
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("Write these words on paper"), "{}", done.err);
    assert!(!done.did.iter().any(|did| did.starts_with("init")), "{:?}", done.did);
    assert!(!again().err.contains("Write these words on paper"), "they are checked once");
}

/// What is shown beside an answer would stay in a log to which the standard error goes (N-202).
#[test]
fn nothing_that_opens_keys_or_names_the_dao_gets_into_a_log() {
    let text = dao_file(&[1, 2], &[3], "02aa@127.0.0.1:9735", 5);
    let invitation = invite::encode(&text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let join = |more: &str| {
        let stage = Stage { err_is_kept: true, is_new: true, ..Stage::default() };
        let command = format!("--data {}/new join {invitation}{more}", folder.path().display());
        althing(stage, &command, "regtest\n\n/cookie\n\nUnnur\n0\n")
    };
    let refused = join("");
    assert_eq!((refused.code, refused.did.len()), (1, 0), "{refused:?}");
    assert!(refused.err.contains("N-202") && !refused.err.contains("abandon"), "{}", refused.err);
    // With words of one's own, none are shown.
    let words = folder.path().join("words");
    std::fs::write(&words, "abandon").unwrap();
    assert!(!join(&format!(" --words-file {}", words.display())).err.contains("N-202"));
    // The answer is the invitation; a code of it is for a camera before a terminal.
    let data = folder.path().join("dao");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("dao.json"), &text).unwrap();
    let told = althing(Stage::default(), &format!("--data {} dao invitation", data.display()), "");
    assert_eq!((told.code, told.out.trim_end(), told.err.as_str()), (0, invitation.as_str(), ""));
}

/// N-428: whoever has a name that is another's too is told before coins are sent for, while it can still be changed.
#[test]
fn joining_under_a_name_in_use_is_told_before_the_coins() {
    let invitation = invite::encode(&dao_file(&[1, 2], &[3], "02aa@127.0.0.1:9735", 5)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::default();
    let mut status = crate::dao::snapshot().status;
    status.name_taken = Some("Another member is called \"astrid\" already.".to_owned());
    stage.node.script.answers.lock().unwrap().push_back(Ok(althing_node::api::Reply::Status(Box::new(status))));
    let command = format!("--data {} join {invitation} --name astrid --stake 250000", folder.path().display());
    let joined = crate::stage::with_passwords(&["secret", "secret", "abandon", "abandon", "abandon"], || {
        althing(stage, &command, "regtest\n\n/cookie\n\n")
    });
    assert!(joined.err.contains("Another member is called \"astrid\" already."), "{}", joined.err);
    assert!(joined.err.contains("same command with --name"), "{}", joined.err);
}

/// The founding file says where the DAO lives and what it asks for: a newcomer is not asked what they cannot know, and no keys
/// are made for another network.
#[test]
fn joining_takes_network_and_least_stake_from_the_charter() {
    let vectors = include_str!("../../../docs/spec/vectors/charter.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let charter = vectors["charters"][0]["charter"].as_str().unwrap();
    let file = dao_file(&[], &[3], "02aa@127.0.0.1:9735", 5)
        .replace("\"charter\":\"\"", &format!("\"charter\":\"{charter}\""));
    let invitation = invite::encode(&file).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let join = |more: &str, input: &str| {
        let command = format!("--data {} join {invitation} --name Unnur {more}", folder.path().display());
        crate::stage::with_passwords(&["secret", "secret", "abandon", "abandon", "abandon"], || {
            althing(Stage::default(), &command, input)
        })
    };
    for (more, rule) in [
        ("--network bitcoin", "D-7: the DAO is on regtest, not on bitcoin"),
        ("--stake 5", "G-32: a stake of 5 sat is below"),
    ] {
        let refused = join(more, "");
        assert_eq!((refused.code, refused.did.len()), (1, 0), "{refused:?}");
        assert!(refused.err.contains(rule), "{}", refused.err);
    }
    // Address and cookie of Bitcoin Core, words are on paper, and a stake that is too little before one that is none.
    let done = join("", "\n/cookie\n\n5\n0\n");
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("✗ G-32: a stake of 5 sat is below"), "{}", done.err);
    assert!(done.did.iter().any(|did| did.starts_with("init regtest http://127.0.0.1:18443")), "{:?}", done.did);
}
