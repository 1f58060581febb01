//! One entry of every kind and one effect of every kind, signed; and the vectors made from them.

use althing_governance::Canonical as _;
use althing_governance::charter::{Class, Treasurer};
use althing_governance::delegation::{Delegation, Part, Scope, Tag};
use althing_governance::entry::{
    Acceptance, AuthorUpdate, Ballot, Budget, Choice, Comment, CommentVote, Confiscate, DepositHold, Effect,
    ElectTreasurers, Entry, EntryKind, Equivocation, Execution, FraudEvidence, GateRefill, GuardianAct, GuardianVoice,
    HubFraud, Invitation, KeyRotation, LaneEntry, LogHead, Milestone, Opinion, Pause, ProposalContent, ProposalOption,
    ReplaceKeys, Request, RuleChange, SeenNote, Version, Withdrawal,
};
use althing_governance::signing::{Statement as _, verify_all};
use althing_governance::voting::System;
use althing_governance::{EntryId, ProposalId, dao};
use bitcoin::hex::DisplayHex as _;
use bitcoin::{Network, OutPoint, ScriptBuf};
use serde_json::{Value, json};

use crate::world::{AUX, IntoEntry, World, block_hash, charter, hub, keypair, member_id, spend, text, txid};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec/vectors/entries.json");

/// Every effect, in the order of their numbers.
pub(crate) fn every_effect() -> Vec<Effect> {
    let mut after = charter();
    after.guards.cooldown_blocks = 12;
    let milestone =
        |description: &str, after_blocks| Milestone { description: description.into(), amount_sat: 5000, after_blocks };
    vec![
        spend("", 20_000).options[0].effects[0].clone(),
        Effect::Budget(Budget {
            payee: ScriptBuf::from_bytes(vec![0x51]),
            milestones: vec![milestone("Keel laid", 0), milestone("Launched", 144)],
            fee_cap_sat: 500,
            expiry_blocks: 60,
        }),
        Effect::StopBudget { proposal: ProposalId([0x11; 32]) },
        Effect::RuleChange(RuleChange { replaces: charter().hash(), charter: Box::new(after) }),
        Effect::Admit { member: member_id(7) },
        Effect::Expel { member: member_id(8) },
        Effect::ElectTreasurers(ElectTreasurers {
            descriptor: "tr(another)".into(),
            treasurers: vec![Treasurer { name: "Bera".into(), key: keypair(95).public_key() }],
        }),
        Effect::ReplaceKeys(ReplaceKeys {
            hub_node_key: None,
            hub_log_key: Some(keypair(94).x_only_public_key().0),
            anchor_key: None,
        }),
        Effect::Confiscate(Confiscate { thread: ProposalId([0x12; 32]), member: member_id(2), amount_sat: 900 }),
        Effect::Pause(Pause { blocks: 144, classes: vec![Class::Spend, Class::Budget] }),
        Effect::Request(Request { submission_blocks: 72, budget_cap_sat: 50_000 }),
    ]
}

/// Every kind of entry, in the order of their numbers; proposals with every effect.
pub(crate) fn every_entry(world: &World) -> Vec<Entry> {
    let p = world.state.params();
    let thread = ProposalId([0x21; 32]);
    let other = EntryId([0x22; 32]);
    let channel = dao::channel_id(p.dao_id, OutPoint { txid: txid(2), vout: 0 });
    let parts = vec![Part { to: member_id(1), share_bp: 10_000 }];
    let topic = Scope::Tag(Tag::new("boats").unwrap());
    let ballots = [Choice::Yes, Choice::No].map(|choice| world.sign(2, Ballot::new(thread, choice, None)).into_entry());
    let [yes, no] = ballots.clone();
    let head = LogHead { size: 0, ..world.log_head() };
    let rotation = KeyRotation {
        network: p.network,
        dao: p.dao_id,
        old_key: member_id(2),
        new_key: member_id(22),
        channel,
        member_funding_key: keypair(102).public_key(),
    };
    let execution = Execution {
        network: p.network,
        dao: p.dao_id,
        proposal: thread,
        milestone: 1,
        txid: txid(9),
        mined_height: 140,
        mined_hash: block_hash(140),
        amount_sat: 5400,
    };
    let mut entries = vec![world.log[0].clone(), world.log[1].clone()];
    entries.push(sign(world, version_with_options()));
    entries.extend(
        every_effect()
            .into_iter()
            .map(|effect| sign(world, ProposalContent::question(effect.class(), "One of each", "", vec![effect]))),
    );
    entries.push(sign(world, Comment { proposal: thread, parent: Some(other), text: "Aye,\nand soon.".into() }));
    entries.push(yes);
    entries.push(Entry::Head(head.sign(&world.secp, &hub(), &AUX)));
    entries.push(Entry::Anchored(world.anchored(world.headers[0], 130).sign(&world.secp, &hub(), &AUX)));
    entries.push(sign(world, Delegation { scope: topic, parts, expires_height: Some(5000) }));
    entries.push(sign(world, CommentVote { comment: other, opinion: Opinion::Down }));
    entries.push(sign(world, AuthorUpdate { proposal: thread, text: "The keel is laid.".into() }));
    entries.push(sign(world, Withdrawal { proposal: thread }));
    entries.push(Entry::KeyRotation(rotation.sign(&world.secp, &keypair(102), &keypair(22), &AUX)));
    entries.push(sign(world, Invitation { invitee: member_id(7), expires_height: 2000 }));
    entries.push(sign(world, Acceptance { invitation: other }));
    entries.push(sign(world, GuardianAct { proposal: thread, act: GuardianVoice::Veto }));
    entries.push(Entry::Equivocation(Equivocation::new(no, ballots[0].clone()).unwrap()));
    entries.push(sign(world, DepositHold { thread, channel, amount_sat: 1000 }));
    let seen = world.sign(1, Ballot::new(thread, Choice::No, None)).into_entry();
    entries.push(sign(world, SeenNote::new(seen, 120).unwrap()));
    entries.push(Entry::Execution(execution.sign(&world.secp, &hub(), &AUX)));
    let refill = GateRefill {
        network: p.network,
        dao: p.dao_id,
        txid: txid(10),
        mined_height: 140,
        mined_hash: block_hash(140),
        created: vec![0, 2],
        retired: vec![p.gates[1]],
    };
    entries.push(Entry::GateRefill(refill.sign(&world.secp, &hub(), &AUX)));
    let heads = [head, LogHead { tip_hash: block_hash(7), ..head }].map(|head| head.sign(&world.secp, &hub(), &AUX));
    let [one, other] = heads;
    let fraud = HubFraud::new(hub().x_only_public_key().0, FraudEvidence::Heads(one, other));
    entries.push(Entry::HubFraud(fraud.unwrap()));
    entries
}

fn sign<B: althing_governance::entry::LaneBody>(world: &World, body: B) -> Entry
where
    LaneEntry<B>: IntoEntry,
{
    world.sign(2, body).into_entry()
}

fn version_with_options() -> ProposalContent {
    let option = |label: &str, effects| ProposalOption { label: label.into(), effects };
    let previous = ProposalId([0x32; 32]);
    ProposalContent {
        system: System::Score { max: 5 },
        tags: ["boats", "money"].map(|tag| Tag::new(tag).unwrap()).to_vec(),
        options: vec![option("boat", vec![every_effect()[0].clone()]), option("nothing", Vec::new())],
        version_of: Some(Version { thread: ProposalId([0x31; 32]), previous }),
        request: Some(ProposalId([0x33; 32])),
        ..spend("What to buy", 1)
    }
}

#[test]
fn every_kind_and_effect_is_among_them_and_signed() {
    let world = World::with_stakes(&[5000, 3000]);
    let entries = every_entry(&world);
    let mut kinds: Vec<EntryKind> = entries.iter().map(Entry::kind).collect();
    kinds.dedup();
    assert_eq!(kinds, EntryKind::ALL);
    for entry in &entries {
        verify_all(&world.secp, &entry.signature_checks(&hub().x_only_public_key().0)).unwrap();
        assert_eq!(Entry::from_bytes(&entry.to_bytes()).as_ref(), Ok(entry));
    }
}

#[test]
fn every_effect_is_told_in_sentences() {
    let expected = [
        "pays 20000 sat to address bcrt1",
        "Milestone 2, \"Launched\": the treasury pays 5000 sat to the script 51 (no address), 144 blocks after",
        "The budget of proposal 1111",
        "guards.cooldown_blocks: 0 -> 12",
        "becomes a member",
        "loses its vote",
        "The treasury becomes tr(another)",
        "The hub signs the log with key",
        "Up to 900 sat of the deposit",
        "For 144 blocks no proposal of class spend, budget is authorised. Nothing is paid by this.",
        "at most one of them passes, and it moves at most 50000 sat",
    ];
    for (effect, expected) in every_effect().into_iter().zip(expected) {
        let content = ProposalContent::question(effect.class(), "Trust me", "Harmless.", vec![effect]);
        let told = content.sentences_against(&charter(), Network::Regtest).join("\n");
        assert!(told.contains(expected), "{expected:?} in {told}");
        assert!(!told.contains("Harmless"));
    }
    // G-87: what the charter does not let count is not promised.
    let longest = charter().guards.pause_max_blocks;
    for (blocks, ends) in [(longest, false), (longest + 1, true), (u32::MAX, true)] {
        let pause = Effect::Pause(Pause { blocks, classes: vec![Class::Spend] });
        let told = pause.sentences_against(&charter(), Network::Regtest);
        assert_eq!(told.contains(&format!("The charter ends it after {longest} blocks.")), ends, "{told:?}");
    }
    assert_eq!(text("A boat").sentences(Network::Regtest), ["Nothing outside the log changes."]);
}

#[test]
fn committed_vectors_are_current() {
    let generated = format!("{:#}\n", vectors());
    if std::env::var_os("ALTHING_WRITE_VECTORS").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap();
    assert!(committed == generated, "docs/spec/vectors/entries.json is stale; run with ALTHING_WRITE_VECTORS=1");
}

fn vectors() -> Value {
    let world = World::with_stakes(&[5000, 3000]);
    let key = hub().x_only_public_key().0;
    json!({
        "about": "One signed entry of every kind of docs/spec/governance.md, proposals with every effect. Every number is a JSON number, everything else hex.",
        "entries": every_entry(&world).iter().map(|entry| json!({
            "kind": entry.kind() as u8,
            "bytes": entry.to_bytes().to_lower_hex_string(),
            "id": entry.id(),
            "proposal": match entry {
                Entry::Proposal(e) => Some(e.body.id(e.lane.network, e.lane.dao, e.lane.member)),
                _ => None,
            },
            "signatures": entry.signature_checks(&key).iter().map(|check| json!({
                "key": check.key.to_lower_hex_string(),
                "message": check.message.to_lower_hex_string(),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}
