//! The test vectors of the specification: generated from a fixed story, and checked to be the committed ones.

use althing_governance::charter::Charter;
use althing_governance::entry::{Choice, Comment, Entry};
use althing_governance::receipt::{Receipt, batch_tree};
use althing_governance::signing::Statement as _;
use althing_governance::{Canonical, DaoParams};
use bitcoin::hex::DisplayHex as _;
use serde_json::{Value, json};

use crate::world::{AUX, World, block_hash, hub, member_id, spend, text};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec/vectors/governance.json");

#[test]
fn committed_vectors_are_current() {
    let generated = format!("{:#}\n", generate());
    if std::env::var_os("ALTHING_WRITE_VECTORS").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap();
    assert!(committed == generated, "docs/spec/vectors/governance.json is stale; run with ALTHING_WRITE_VECTORS=1");
}

fn generate() -> Value {
    let mut world = World::with_stakes(&[5000, 3000, 2000]);
    let boat = world.open_vote(1, text("A new boat"));
    let nets = world.open_vote(2, spend("Nets", 20_000));
    world.say(2, Comment { proposal: boat, parent: None, text: "Aye.".into() }).unwrap();
    world.vote(1, boat, Choice::No).unwrap();
    world.vote(2, boat, Choice::Yes).unwrap();
    world.vote(1, boat, Choice::Yes).unwrap();
    world.vote(1, nets, Choice::Yes).unwrap();
    let close = world.state.proposals()[&nets].schedule.unwrap().close;
    while world.height < close {
        world.finish_epoch();
    }
    json!({
        "about": "Vectors of docs/spec/governance.md. Every number is a JSON number, everything else hex.",
        "founding": founding(world.state.params()),
        "log": world.log.iter().map(entry).collect::<Vec<_>>(),
        "log_tree": log_tree(&world),
        "proposals": world.state.proposals().values().map(|p| json!({
            "id": p.id,
            "author": p.author,
            "position": p.position,
            "content": hex(&p.content),
            "sentences": p.content.sentences(bitcoin::Network::Regtest),
            "snapshot_epoch": p.snapshot_epoch,
            "rule": p.rule,
            "schedule": p.schedule.map(|s| json!({
                "logged": s.logged, "open": s.open, "close": s.close,
                "authorised_at": s.authorised_at, "expires_at": s.expires_at,
            })),
            "sums": p.live.as_ref().map(|live| live.count().sums().iter().map(u128::to_string).collect::<Vec<_>>()),
        })).collect::<Vec<_>>(),
        "funding_facts": world.facts.iter().map(|f| json!({
            "outpoint": f.outpoint.to_string(), "value_sat": f.value_sat, "height": f.height,
        })).collect::<Vec<_>>(),
        "epochs": world.closes.iter().map(|c| json!({
            "header": hex(&c.header),
            "commitment": c.header.hash(),
            "closing_height": c.header.closing_height,
            "log_size": c.header.log_size,
            "ballots_root": c.header.ballots_root.to_lower_hex_string(),
            "rolls_root": c.header.rolls_root.to_lower_hex_string(),
            "decisions_root": c.header.decisions_root.to_lower_hex_string(),
            "ballot_trees": c.ballots.iter().map(|(id, tree)| json!({
                "proposal": id,
                "commitment": tree.commitment().to_lower_hex_string(),
                "leaves": tree.leaves().map(hex).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "roll_trees": c.roll_trees.iter().map(|(epoch, tree)| json!({
                "epoch": epoch,
                "commitment": tree.commitment().to_lower_hex_string(),
                "leaves": tree.leaves().iter().map(hex).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "decisions": c.decisions.leaves().iter().map(hex).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "proofs": {
            "ballot_of_member_1_on_the_boat_under_epoch_2": hex(&world.closes[1].prove_ballot(&boat, &member_id(1)).unwrap()),
            "weight_of_member_2_in_the_roll_of_epoch_1_under_epoch_2":
                hex(&world.closes[1].prove_weight(1, &member_id(2)).unwrap()),
            "decision_on_the_nets_under_the_last_epoch":
                hex(&world.closes.last().unwrap().prove_decision(&nets).unwrap()),
            "no_decision_for_key_zero_under_the_last_epoch":
                hex(&world.closes.last().unwrap().decisions.prove_absence(&[0; 32]).unwrap()),
        },
        "receipt": receipt(&world),
    })
}

fn founding(p: &DaoParams) -> Value {
    json!({
        "charter": hex::<Charter>(&p.charter),
        "charter_hash": p.charter_hash,
        "network": p.network,
        "founding_commitment": p.charter.founding_commitment().to_lower_hex_string(),
        "first_seal": p.first_seal.to_string(),
        "dao_id": p.dao_id,
    })
}

fn entry(entry: &Entry) -> Value {
    let key = hub().x_only_public_key().0;
    json!({
        "kind": entry.kind() as u8,
        "bytes": hex(entry),
        "id": entry.id(),
        "lane_head_after": entry.lane().map(|lane| lane.head_after(entry.id())),
        "signatures": entry.signature_checks(&key).iter().map(|check| json!({
            "key": check.key.to_lower_hex_string(),
            "message": check.message.to_lower_hex_string(),
            "signature": check.signature.to_string(),
        })).collect::<Vec<_>>(),
    })
}

fn log_tree(world: &World) -> Value {
    let tree = world.state.tree();
    let size = tree.size();
    json!({
        "size": size,
        "root": tree.root(),
        "roots": (0..=size).map(|n| tree.root_at(n)).collect::<Vec<_>>(),
        "inclusion_of_5": tree.inclusion_proof(5, size),
        "consistency_from_7": tree.consistency_proof(7, size),
    })
}

fn receipt(world: &World) -> Value {
    let bytes: Vec<Vec<u8>> = world.log[2..5].iter().map(Canonical::to_bytes).collect();
    let batch = batch_tree(bytes.iter().map(Vec::as_slice));
    let p = world.state.params();
    let receipt = Receipt {
        network: p.network,
        dao: p.dao_id,
        first_position: 2,
        count: 3,
        batch_root: batch.root(),
        log_size: 5,
        log_root: world.state.tree().root_at(5).unwrap(),
        tip_height: 100,
        tip_hash: block_hash(100),
        anchored_by_height: 120,
    };
    json!({
        "signed": hex(&receipt.sign(&world.secp, &hub(), &AUX)),
        "path_of_position_3": batch.inclusion_proof(1, 3),
    })
}

fn hex<T: Canonical>(value: &T) -> String {
    value.to_bytes().to_lower_hex_string()
}
