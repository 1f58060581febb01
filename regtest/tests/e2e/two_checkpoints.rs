//! A side of a channel that signs two checkpoints of one number: the other side's node keeps both by itself, and makes the proof.

use std::sync::mpsc::Receiver;

use althing_channels::wire::{CheckpointProposal, CheckpointSign, Hello, LeaseGranted, List, PROTOCOL_VERSION};
use althing_channels::{AppPosition, ChannelId, DaoId, Msg, NetworkId};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Checkpoint, Entry};
use althing_node::api::Stake;
use althing_node::dao::Dao;
use althing_node::keys::Keys;
use althing_node::peers::{PeerAddress, PeerEvent, Peers, node_id};
use althing_node::store::Store;
use althing_regtest::story::{Actor, Assembly, PASSWORD};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, bail, ensure};
use bitcoin::secp256k1::{Keypair, Secp256k1};
use serde_json::Value;

use crate::breaches::pay;
use crate::channel_ends::{PATIENCE, only_stake, with_stakes};

const LIAR: usize = 1;
const LIED_TO: usize = 2;
const TOLD_LATER: usize = 3;

#[test]
fn whoever_signs_two_checkpoints_of_one_number_is_convicted() {
    with_stakes("two-checkpoints", |assembly| {
        let stakes = assembly.members.iter().map(only_stake).collect::<Result<Vec<Stake>>>()?;
        for member in [LIAR, LIED_TO, TOLD_LATER] {
            pay(assembly, member, &stakes[member])?;
        }
        assembly.mine(1)?;
        let logged = |member: usize| newest_checkpoint(&assembly.members[member], &stakes[member]);
        let (of_liar, of_lied_to, of_told_later) = (logged(LIAR)?, logged(LIED_TO)?, logged(TOLD_LATER)?);

        a_member_lies(assembly, &of_liar)?;
        a_hub_lies(assembly, &of_lied_to, &of_told_later)?;

        // The hub goes on with that member in another way than the one that it signed; the log shows it.
        pay(assembly, TOLD_LATER, &stakes[TOLD_LATER])?;
        assembly.mine(1)?;
        convicted(assembly, &assembly.members[TOLD_LATER], "the hub")
    });
}

/// In the member's place and by its keys: the hub is shown another checkpoint of a number that the log has.
fn a_member_lies(assembly: &mut Assembly, logged: &Checkpoint) -> Result<()> {
    assembly.members[LIAR].stop()?;
    alarmed(&assembly.hub, false)?;
    let keys = Keys::open(assembly.members[LIAR].data_dir(), PASSWORD)?;
    let dao = Dao::load(assembly.hub.data_dir())?;
    let (liar, events) = peers(&keys, None)?;
    liar.keep_connected(dao.hub.parse()?);
    let hub = await_event(&events, |event| match event {
        PeerEvent::Up(peer) => Some(peer),
        _ => None,
    })?;
    let hello = Hello {
        dao: DaoId(dao.params.dao_id.0),
        network: NetworkId(dao.params.network.0),
        protocol: PROTOCOL_VERSION,
        vote_key: Some(keys.vote().x_only_public_key().0.serialize()),
    };
    liar.send(hub, Msg::Hello(hello));
    // The same again convicts nobody, nor does what somebody else signed.
    liar.send(hub, shown(logged, &keys.vote()));
    liar.send(hub, shown(&rival(logged, logged.number, 1000), &keys.treasury()));
    liar.send(hub, shown(&rival(logged, logged.number, 1000), &keys.vote()));
    alarmed(&assembly.hub, true)?;
    drop(liar);
    convicted(assembly, &assembly.hub, "vote key")?;
    // It is remembered.
    assembly.hub.kill();
    assembly.hub.start()?;
    alarmed(&assembly.hub, true)?;
    assembly.members[LIAR].start()
}

/// In the hub's place and by its keys: one member is shown two candidates for the next number, another one of them.
fn a_hub_lies(assembly: &mut Assembly, to: &Checkpoint, to_another: &Checkpoint) -> Result<()> {
    assembly.hub.stop()?;
    let keys = Keys::open(assembly.hub.data_dir(), PASSWORD)?;
    let address: PeerAddress = Dao::load(assembly.hub.data_dir())?.hub.parse()?;
    let members = [LIED_TO, TOLD_LATER]
        .map(|member| Keys::open(assembly.members[member].data_dir(), PASSWORD).map(|keys| node_id(&keys.node_seed())));
    let [lied_to, told_later] = members;
    let (lied_to, told_later) = (lied_to?, told_later?);
    let (liar, events) = peers(&keys, Some(&address))?;
    let next = |checkpoint: &Checkpoint, sat| shown(&rival(checkpoint, checkpoint.number + 1, sat), &keys.log());
    // Both have to come and be told; what was said is known to have arrived once it is refused.
    let (mut told, mut refused) = (false, false);
    while !(told && refused) {
        let (member, message) = await_event(&events, |event| match event {
            PeerEvent::Message(peer, message) if peer == lied_to || peer == told_later => Some((peer, *message)),
            _ => None,
        })?;
        match message {
            Msg::LeaseClaim(claim) => {
                liar.send(member, Msg::LeaseGranted(LeaseGranted { counter: claim.counter, token: claim.token }));
                if member == lied_to {
                    liar.send(member, next(to, 1000));
                    liar.send(member, next(to, 2000));
                    told = true;
                } else {
                    liar.send(member, next(to_another, 3000));
                }
            }
            Msg::PeerError(_) => refused |= member == told_later,
            _ => {}
        }
    }
    alarmed(&assembly.members[LIED_TO], true)?;
    convicted(assembly, &assembly.members[LIED_TO], "the hub")?;
    alarmed(&assembly.members[TOLD_LATER], false)?;
    drop(liar);
    assembly.hub.start()?;
    assembly.settle()
}

fn peers(keys: &Keys, listen: Option<&PeerAddress>) -> Result<(Peers, Receiver<PeerEvent>)> {
    let (said, heard) = std::sync::mpsc::channel();
    let peers = Peers::start(&keys.node_seed(), listen.map(|address| address.socket), move |event| {
        let _ = said.send(event);
    })?;
    Ok((peers, heard))
}

fn await_event<T>(events: &Receiver<PeerEvent>, wanted: impl Fn(PeerEvent) -> Option<T>) -> Result<T> {
    loop {
        let Ok(event) = events.recv_timeout(PATIENCE) else { bail!("nobody comes") };
        if let Some(found) = wanted(event) {
            return Ok(found);
        }
    }
}

/// The newest checkpoint of a channel in a node's log.
fn newest_checkpoint(actor: &Actor, stake: &Stake) -> Result<Checkpoint> {
    let mut found = None;
    Store::open_read_only(actor.data_dir())?.visit_segments(|segment| {
        for entry in &segment.entries {
            if let Entry::Checkpoint(signed) = Entry::from_bytes(entry)?
                && signed.checkpoint.channel.to_string() == stake.channel
            {
                found = Some(signed.checkpoint);
            }
        }
        Ok(())
    })?;
    let found = found.context("no checkpoint is logged")?;
    ensure!(found.number > 0, "checkpoint 0 is the newest");
    Ok(found)
}

/// Another checkpoint of that number, with so much more of the channel for the hub.
fn rival(checkpoint: &Checkpoint, number: u64, sat: u64) -> Checkpoint {
    let (member_sat, hub_sat) = (checkpoint.member_sat - sat, checkpoint.hub_sat + sat);
    Checkpoint { number, member_sat, hub_sat, ..checkpoint.clone() }
}

/// As a proposal with the signature of a key, and without any on a commitment: the channel itself does not take it up.
fn shown(checkpoint: &Checkpoint, key: &Keypair) -> Msg {
    let signature = checkpoint.sign(&Secp256k1::new(), key, &[0x11; 32]);
    let (incarnation, sequence) = (checkpoint.incarnation, checkpoint.sequence);
    let app = AppPosition { incarnation, sequence, head: checkpoint.head.0 };
    let proposal =
        CheckpointProposal { changes: List::new(Vec::new()).unwrap(), app, checkpoint: checkpoint.to_bytes() };
    Msg::CheckpointSign(CheckpointSign {
        channel: ChannelId(checkpoint.channel.0),
        number: checkpoint.number,
        signatures: List::new(Vec::new()).unwrap(),
        checkpoint_signature: *signature.as_ref(),
        proposal: Some(proposal),
    })
}

fn alarmed(actor: &Actor, is_alarmed: bool) -> Result<()> {
    let what = if is_alarmed { "the alarm" } else { "no alarm" };
    wait_for(what, PATIENCE, || match actor.status() {
        Ok(status) if status.alarms.iter().any(|alarm| alarm.starts_with("P-400")) == is_alarmed => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}")),
    })?;
    Ok(())
}

/// The node makes the proof from what it kept, and anybody can check it.
fn convicted(assembly: &Assembly, by: &Actor, whom: &str) -> Result<()> {
    alarmed(by, true)?;
    let file = by.data_dir().join("two-checkpoints.althing");
    let file = file.to_str().context("a path")?;
    let made: Value = by.cli().json(&["proof", "export", "--statement", "two-checkpoints", "--out", file])?;
    ensure!(made["statement"].to_string().contains(whom), "{made}");
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let cookie = cookie.to_str().context("a path")?;
    let judged: Value = assembly.members[4].cli().json(&["verify", file, "--bitcoind", &url, "--cookie", cookie])?;
    ensure!(judged["verdict"] == "valid" && judged["statement"].to_string().contains(whom), "{judged}");
    Ok(())
}
