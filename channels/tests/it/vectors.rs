//! Published test vectors: keys, scripts, commitment transactions, close. `docs/spec/vectors/channels.json`.

use std::path::Path;

use althing_channels::{
    Balances, Change, ChannelId, ChannelKeys, CloseScripts, CloseTx, CommitmentContext, CommitmentTx, FundingAggregate,
    HoldId, Msg, Side, ToLocal, funding_output, to_remote_script,
};
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hex::DisplayHex;
use bitcoin::secp256k1::{PublicKey, Secp256k1};
use lightning::ln::chan_utils::derive_private_revocation_key;
use lightning::ln::wire::Type;
use lightning::util::ser::Writeable;
use serde_json::{Value, json};

use crate::conversation::{channel_messages, shown_message};
use crate::pair::{Pair, close_script, funding_outpoint, keys, params};
use crate::testkit::money::lane_position;

fn keys_of(side: Side) -> Value {
    let own: ChannelKeys = keys(side);
    let public = own.public();
    json!({
        "seed": if side == Side::Member { "01".repeat(32) } else { "02".repeat(32) },
        "funding_secret": own.funding_secret().display_secret().to_string(),
        "funding": public.funding.to_string(),
        "revocation_basepoint": public.revocation_basepoint.to_string(),
        "delayed_basepoint": public.delayed_basepoint.to_string(),
        "payment": public.payment.to_string(),
        "per_commitment_secrets": (0..3u64).map(|n| own.per_commitment_secret(n).display_secret().to_string()).collect::<Vec<_>>(),
        "per_commitment_points": (0..3u64).map(|n| own.per_commitment_point(n).to_string()).collect::<Vec<_>>(),
        "close_script": close_script(side).to_hex_string(),
    })
}

fn context(balances: Balances) -> CommitmentContext {
    let mut params = params();
    (params.member_sat, params.hub_sat) = (balances.member_sat, balances.hub_sat);
    CommitmentContext::new(params, *keys(Side::Member).public(), *keys(Side::Hub).public(), funding_outpoint())
}

fn commitment(broadcaster: Side, number: u64, balances: Balances) -> Value {
    let context = context(balances);
    let own = keys(broadcaster);
    let point = own.per_commitment_point(number);
    let commitment = CommitmentTx::build(&context, broadcaster, number, &point, balances).unwrap();
    let (csv_blocks, peer) = match broadcaster {
        Side::Member => (context.params.member_csv_blocks, &context.hub),
        Side::Hub => (context.params.hub_csv_blocks, &context.member),
    };
    let to_local = ToLocal::new(&point, &own.public().delayed_basepoint, &peer.revocation_basepoint, csv_blocks);
    json!({
        "broadcaster": format!("{broadcaster:?}").to_lowercase(),
        "number": number,
        "member_sat": balances.member_sat,
        "hub_sat": balances.hub_sat,
        "to_local_internal_key": to_local.spend_info().internal_key().to_string(),
        "to_local_leaf": to_local.leaf().to_hex_string(),
        "to_local_script": to_local.script_pubkey().to_hex_string(),
        "to_remote_script": to_remote_script(&peer.payment).to_hex_string(),
        "transaction": serialize_hex(commitment.transaction()),
        "txid": commitment.txid().to_string(),
        "sighash": commitment.sighash().to_lower_hex_string(),
        "verification_nonce": FundingAggregate::new(&context.member.funding, &context.hub.funding)
            .verification_nonce(&own.funding_secret(), context.funding.txid, number, None)
            .public()
            .to_bytes()
            .to_lower_hex_string(),
    })
}

fn close(balances: Balances, fee_sat: u64) -> Value {
    let context = context(balances);
    let scripts = CloseScripts { member: close_script(Side::Member), hub: close_script(Side::Hub) };
    let close =
        CloseTx::build(context.funding, &funding_output(&context), balances, &scripts, Side::Member, fee_sat).unwrap();
    json!({
        "member_sat": balances.member_sat,
        "hub_sat": balances.hub_sat,
        "fee_sat": fee_sat,
        "transaction": serialize_hex(close.transaction()),
        "txid": close.txid().to_string(),
        "sighash": close.sighash().to_lower_hex_string(),
    })
}

/// Messages of one opening and close; the session randomness of the test is fixed, so they are the same each time.
fn message(msg: &Msg) -> Value {
    json!({ "type": msg.type_id(), "payload": msg.to_payload().unwrap().to_lower_hex_string() })
}

/// Two checkpoints of a real channel: what was proposed, and what both sides can broadcast after it.
fn checkpoints() -> Vec<Value> {
    let mut pair = Pair::in_use();
    pair.observed.lane = 3;
    let hold = pair.channel(Side::Member).order_hold(1, HoldId([5; 32]), 20_000, [0; 32]).unwrap();
    let voucher = {
        let effects = pair.channel(Side::Member).give_voucher(1_500, [0; 32]).unwrap();
        pair.carry_out(Side::Member, effects);
        pair.channel(Side::Member).voucher(Side::Member).unwrap()
    };
    let first = vec![Change::Dues { amount_sat: 40_000 }, Change::Hold(hold)];
    let forfeit = Change::HoldForfeit { id: hold.id, amount_sat: 15_000 };
    let second = vec![Change::Voucher(voucher), Change::Reward { amount_sat: 7_000 }, forfeit];
    let mut rounds = Vec::new();
    for (side, changes) in [(Side::Member, first), (Side::Hub, second)] {
        pair.settle();
        let facts = pair.channel(side).next_checkpoint(&changes, lane_position(3)).unwrap();
        pair.propose(side, changes.clone(), lane_position(3)).unwrap();
        pair.settle();
        let balances = facts.ledger.balances();
        rounds.push(json!({
            "number": facts.number,
            "proposer": format!("{side:?}").to_lowercase(),
            "changes": changes.iter().map(|change| change.encode().to_lower_hex_string()).collect::<Vec<_>>(),
            "member_sat": balances.member_sat,
            "hub_sat": balances.hub_sat,
            "held_sat": facts.ledger.held_sat(),
            "fundings": facts.fundings.iter().map(|(outpoint, commitments)| json!({
                "outpoint": outpoint.to_string(),
                "member_commitment": commitments.member.to_string(),
                "hub_commitment": commitments.hub.to_string(),
            })).collect::<Vec<_>>(),
        }));
    }
    rounds
}

/// Revocation keys of a broadcaster's commitments, and the secret that the other side has once they are revoked (BOLT 3).
fn revocations() -> Vec<Value> {
    let secp = Secp256k1::new();
    let mut rows = Vec::new();
    for side in [Side::Member, Side::Hub] {
        let (own, other) = (keys(side), keys(side.other()));
        for number in 0..3u64 {
            let secret = own.per_commitment_secret(number);
            let revocation = derive_private_revocation_key(&secp, &secret, &other.revocation_secret());
            rows.push(json!({
                "broadcaster": format!("{side:?}").to_lowercase(),
                "number": number,
                "revocation_secret": revocation.display_secret().to_string(),
                "revocation_key": PublicKey::from_secret_key(&secp, &revocation).to_string(),
            }));
        }
    }
    rows
}

fn vectors() -> Value {
    let alone = Balances { member_sat: 1_000_000, hub_sat: 0 };
    let shared = Balances { member_sat: 600_000, hub_sat: 400_000 };
    let trimmed = Balances { member_sat: 999_800, hub_sat: 200 };
    let mut commitments = Vec::new();
    for balances in [alone, shared, trimmed] {
        for side in [Side::Member, Side::Hub] {
            for number in [0, 1, (1 << 48) - 1] {
                commitments.push(commitment(side, number, balances));
            }
        }
    }
    let aggregate = FundingAggregate::new(&keys(Side::Member).public().funding, &keys(Side::Hub).public().funding);
    json!({
        "params": {
            "network": params().network.to_string(),
            "dao": params().dao.to_string(),
            "member_csv_blocks": params().member_csv_blocks,
            "hub_csv_blocks": params().hub_csv_blocks,
        },
        "member": keys_of(Side::Member),
        "hub": keys_of(Side::Hub),
        "funding": {
            "outpoint": funding_outpoint().to_string(),
            "channel_id": ChannelId::new(params().dao, funding_outpoint()).to_string(),
            "internal_key": aggregate.internal_key().to_string(),
            "output_key": aggregate.output_key().to_string(),
            "script": funding_output(&context(alone)).script_pubkey.to_hex_string(),
        },
        "commitments": commitments,
        "revocations": revocations(),
        "checkpoints": checkpoints(),
        "messages": channel_messages().iter().chain([&shown_message().0]).map(message).collect::<Vec<_>>(),
        "closes": [close(alone, 200), close(shared, 154), close(trimmed, 154)],
    })
}

#[test]
fn published_vectors_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/spec/vectors/channels.json");
    let text = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    #[allow(clippy::disallowed_methods, reason = "the switch of this one test")]
    if std::env::var("ALTHING_WRITE_VECTORS").is_ok() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap();
    assert!(published == text, "docs/spec/vectors/channels.json is not what the code computes");
}
