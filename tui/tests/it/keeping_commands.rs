//! Towers, backups, restores: what the commands ask, and what they say.

use althing_node::api::*;
use serde_json::json;

use crate::dao::snapshot;
use crate::stage::{Stage, althing};

#[test]
fn towers_are_named_in_the_settings_and_need_no_node() {
    let added = althing(Stage::default(), "--json tower add 02aa@203.0.113.9:9736", "");
    assert_eq!(added.json(), json!({ "towers": ["02aa@203.0.113.9:9736"] }));
    assert_eq!(added.did, ["towers Some((\"02aa@203.0.113.9:9736\", true))"]);
    let none = althing(Stage::default(), "tower list", "");
    assert_eq!(
        (none.code, none.out.as_str()),
        (0, "No tower watches for this folder; `althing tower add` asks one to.\n")
    );
}

#[test]
fn a_tower_says_what_it_keeps_and_what_is_wrong() {
    let breach = TowerBreach { commitment: "ab".into(), height: 101, justice: vec!["cd".into()], settled_height: None };
    let status = TowerStatus {
        address: "02aa@203.0.113.9:9736".to_owned(),
        network: "regtest".to_owned(),
        tip_height: 1_200,
        clients: 3,
        blobs: 4_000,
        bytes: 1_440_000,
        breaches: vec![breach],
        balance: Balance::default(),
        alarms: vec!["W-4: no coin".to_owned()],
    };
    let told = althing(Stage::running().answer(Ok(Reply::Tower(Box::new(status)))), "tower status", "");
    assert_eq!(told.asked, [Request::Tower]);
    for part in ["✗ W-4: no coin", "02aa@203.0.113.9:9736", "4 000, 1 440 000 bytes", "ab at 101, justice waits"] {
        let plain = told.out.replace(['\u{202f}', '\u{a0}', ','], " ");
        let part = part.replace(',', " ");
        assert!(plain.contains(&part), "{part}: {}", told.out);
    }
    let alone = althing(Stage::default(), "tower status", "");
    assert_eq!(alone.code, 1);
}

#[test]
fn a_backup_is_written_by_the_node_looked_into_without_one_and_restored() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [1, 2, 255]).unwrap();
    let path = file.path().display();
    let written = althing(Stage::running(), &format!("backup write {path}"), "");
    assert_eq!(written.asked, [Request::BackupWrite { path: file.path().to_owned() }]);
    let inspected = althing(Stage::default(), &format!("backup inspect {path}"), "");
    assert_eq!(inspected.did, ["backup_inspect secret [1, 2, 255]"]);
    assert!(inspected.out.starts_with("backup 7, 3 bytes, 0 channels"), "{}", inspected.out);
    let kept = althing(Stage::default(), "backup keep --off", "");
    assert_eq!(kept.did, ["backup_keep None"]);
    let found =
        Restored { counter: Some(7), source: Some("file".into()), channels: 1, sentences: vec!["Back.".into()] };
    let info = BackupInfo { counter: 7, bytes: 3, channels: Vec::new(), path: None };
    let judged = Stage::running().answer(Ok(Reply::Backup(Box::new(info))));
    let stage = judged.answer(Ok(Reply::Restored(Box::new(found))));
    let restored = althing(stage, &format!("restore --backup {path}"), "");
    assert_eq!(
        restored.asked[0],
        Request::BackupInspect { sealed: "0102ff".to_owned() },
        "judged before the hub is waited for"
    );
    assert_eq!(restored.asked.last(), Some(&Request::Restore { sealed: Some("0102ff".to_owned()) }));
    assert_eq!(restored.out, "Back.\n");
}

#[test]
fn how_well_a_channel_is_kept_is_said() {
    let mut stake = snapshot().stakes[0].clone();
    let tower = TowerState {
        tower: "02aa@203.0.113.9:9736".to_owned(),
        connected: true,
        receipts: 4,
        until_height: Some(53_000),
        refusal: Some("N-121: \u{202e}no".to_owned()),
    };
    stake.keeping = Some(Box::new(Keeping {
        backup_held: Some(6),
        backup_newest: Some(7),
        backup_age_secs: Some(5),
        backup_file: Some("/mnt/b".into()),
        blobs: 5,
        towers: vec![tower],
    }));
    let channel = stake.channel.clone();
    let shown = althing(
        Stage::running().answer(Ok(Reply::Stakes { stakes: vec![stake] })),
        &format!("channel show {channel}"),
        "",
    );
    for part in
        ["backup 7 is not at the hub yet; it has 6", "second copy in /mnt/b", "is connected: 4 of 5 receipts", "U+202E"]
    {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
}

#[test]
fn answering_for_a_hubs_log_needs_a_word() {
    let declined = althing(Stage::running(), "hub confirm", "yes\n");
    assert!(declined.asked.is_empty() && declined.code != 0, "{declined:?}");
    let meant = althing(Stage::running().answer(Ok(Reply::Done)), "hub confirm", "newest\n");
    assert_eq!((meant.code, meant.asked.as_slice()), (0, [Request::HubConfirm].as_slice()));
}

#[test]
fn a_light_member_is_told_what_it_cannot_do_and_types_a_word() {
    let refused = althing(Stage::default(), "light on", "yes\n");
    assert!(refused.did.is_empty(), "{:?}", refused.did);
    for part in ["cannot give a hub that lost its disk", "cannot audit", "Somebody has to keep the whole log"] {
        let said = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(part), "{part}: {}", refused.err);
    }
    let on = althing(Stage::default(), "light on", "light\n");
    assert_eq!((on.code, on.did.as_slice()), (0, ["light true".to_owned()].as_slice()));
    let off = althing(Stage::default(), "--json light off", "");
    assert_eq!((off.json(), off.did.as_slice()), (json!({ "light": false }), ["light false".to_owned()].as_slice()));
}

#[test]
fn what_a_light_folder_holds_is_marked_as_checked_by_proof() {
    let light = LightStatus { read: 3, at_least: 1_200, reads_anew: true };
    let own = HeldOwn { entry: "ab".repeat(32), kind: "ballot entry".into(), position: 7, anchored_by_height: 120 };
    let proof = HeldProof {
        proposal: "cd".repeat(32),
        number: 2,
        title: "A \u{202e}boat".into(),
        own_ballot: true,
        epoch: 3,
        words: "Member ab voted yes.".into(),
    };
    let view = LightView { light: Some(light), own: vec![own], others: 40, proofs: vec![proof] };
    let shown = althing(Stage::running().answer(Ok(Reply::Light(Box::new(view)))), "light show", "");
    assert_eq!(shown.asked, [Request::Light]);
    for part in [
        "checked by proof",
        "3 of at least 1",
        "ballot entry at position 7",
        "#2 A ",
        "own ballot, epoch 3",
        "voted yes",
    ] {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
    assert!(!shown.out.contains('\u{202e}'));
    for (connected, part) in [(true, "the hub is asked"), (false, "not reachable")] {
        assert!(light.words(Some(connected)).contains(part));
    }
    let status = Status { light: Some(light), ..snapshot().status };
    let told = althing(Stage::running().answer(Ok(Reply::Status(Box::new(status)))), "status", "");
    assert!(told.out.contains("read anew from the hub"), "{}", told.out);
}

/// C-150: where nobody has shown that the folder is the newest, another word is typed, and `--yes` is none.
#[test]
fn leaving_alone_from_a_folder_that_may_be_old_is_answered_for() {
    let stakes = |doubts: &[&str]| {
        let mut stakes = snapshot().stakes;
        let detail = stakes[0].detail.as_mut().expect("a channel in detail");
        detail.doubts = doubts.iter().map(|doubt| (*doubt).to_owned()).collect();
        Ok(Reply::Stakes { stakes })
    };
    let channel = snapshot().stakes[0].channel.clone();
    let command = format!("channel close {channel} --force");
    let late = || Err(ApiError::not_now("the time to wait is over"));
    let stage = |doubts: &[&str]| {
        let stage = Stage::running().answer(stakes(doubts)).answer(late()).answer(stakes(doubts));
        stage.answer(Ok(Reply::Stake(snapshot().stakes.remove(0))))
    };
    let orders = |asked: &[Request]| -> Vec<bool> {
        let newest = |request: &Request| match request {
            Request::StakeForceClose { newest, .. } => Some(*newest),
            _ => None,
        };
        asked.iter().filter_map(newest).collect()
    };
    let doubts = ["It may be an old copy."];
    let usual = althing(stage(&doubts), &command, "close alone\n");
    assert!(usual.code == 2 && orders(&usual.asked).is_empty(), "{usual:?}");
    assert!(usual.err.contains("It may be an old copy.") && usual.err.contains("Type newest"), "{}", usual.err);
    assert!(usual.asked.contains(&Request::Wait { until: WaitFor::ChannelKnown(channel.clone()), timeout_secs: 15 }));
    let meant = althing(stage(&doubts), &command, "newest\n");
    assert_eq!((meant.code, orders(&meant.asked)), (0, vec![true]), "{meant:?}");
    let unasked = althing(stage(&doubts), &format!("--yes {command}"), "");
    assert!(unasked.code == 2 && orders(&unasked.asked).is_empty() && unasked.err.contains("C-150"), "{unasked:?}");
    let given = althing(stage(&doubts), &format!("--yes {command} --newest"), "");
    assert_eq!((given.code, orders(&given.asked)), (0, vec![true]), "{given:?}");
    // Where it is known, nothing changes.
    let known = Stage::running().answer(stakes(&[])).answer(Ok(Reply::Stake(snapshot().stakes.remove(0))));
    let known = althing(known, &command, "close alone\n");
    assert_eq!((known.code, orders(&known.asked)), (0, vec![false]), "{known:?}");
}
