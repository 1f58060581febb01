//! Links under pressure: one that is stuck, a header whose data is withheld, a hub that signs two logs.

use std::time::Duration;

use althing_channels::Msg;
use althing_channels::wire::{Head, Hello, PROTOCOL_VERSION};
use althing_channels::{DaoId, NetworkId};
use althing_governance::codec::Canonical as _;
use althing_node::api::Link;
use althing_node::config::Config;
use althing_node::keys::Keys;
use althing_node::peers::{PeerAddress, PeerEvent, Peers, node_id};
use althing_regtest::story::{Actor, Assembly, PASSWORD, Periods, found_and_join, rogue};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::stage::with_assembly;

/// Blocks within which an epoch closes and its link becomes final, and as much again for a busy machine.
const WITHIN_BLOCKS: u32 = 60;

const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn a_stuck_link_withheld_data_and_two_heads() {
    with_assembly("anchoring", |assembly| {
        found_and_join(assembly, Periods { anchored_links: true, ..Periods::SHORT })?;
        a_member_pays_for_a_stuck_link(assembly)?;
        the_operator_replaces_a_stuck_link(assembly)?;
        withheld_data_authorises_nothing(assembly)?;
        two_heads_become_a_proof(assembly)
    });
}

fn a_member_pays_for_a_stuck_link(assembly: &Assembly) -> Result<()> {
    assembly.narrator.step("a link is stuck; a member pays for it");
    let link = stuck_link(assembly)?;
    let payer = &assembly.members[2];
    let bumped: Value = payer.cli().json(&["link", "bump", "--fee-rate", "30", "--yes"])?;
    ensure!(bumped["link"] == link.txid && bumped["is_replacement"] == false, "{bumped}");
    // Whoever pays less than before, or above the charter's cap, is told why not.
    let dear = payer.cli().run(&["link", "bump", "--fee-rate", "51", "--yes"])?;
    ensure!(dear.code == Some(1) && dear.stderr.contains("A-79"), "{dear:?}");
    // nor is anything signed in its place that pays less than link and child together.
    let less = assembly.hub.cli().run(&["link", "bump", "--fee-rate", "30", "--yes"])?;
    ensure!(less.code == Some(1) && less.stderr.contains("A-76") && less.stderr.contains("together"), "{less:?}");
    waits_still(assembly, &link)?;
    assembly.mine(1)?;
    ensure!(confirmed(assembly, link.epoch)?.txid == link.txid, "another version was mined than the one paid for");
    go_on(assembly, link.epoch)
}

fn the_operator_replaces_a_stuck_link(assembly: &Assembly) -> Result<()> {
    assembly.narrator.step("a link is stuck; the operator replaces it");
    let link = stuck_link(assembly)?;
    let low = assembly.hub.cli().run(&["link", "bump", "--fee-rate", "2", "--yes"])?;
    ensure!(low.code == Some(1) && low.stderr.contains("A-76"), "{low:?}");
    // what the network refuses is told, and is not taken for the link that waits.
    let counted_as_more =
        |sat: i64| assembly.node.call("prioritisetransaction", &[json!(link.txid), json!(0), json!(sat)]);
    counted_as_more(200_000)?;
    for _ in 0..2 {
        let refused = assembly.hub.cli().run(&["link", "bump", "--fee-rate", "20", "--yes"])?;
        let says = |words: &str| refused.stderr.contains(words);
        ensure!(refused.code == Some(2) && says("A-83") && says("insufficient fee") && says(&link.txid), "{refused:?}");
        waits_still(assembly, &link)?;
    }
    counted_as_more(-200_000)?;
    let bumped: Value = assembly.hub.cli().json(&["link", "bump", "--fee-rate", "20", "--yes"])?;
    ensure!(bumped["is_replacement"] == true && bumped["txid"] != link.txid.as_str(), "{bumped}");
    assembly.mine(1)?;
    let mined = confirmed(assembly, link.epoch)?;
    ensure!(bumped["txid"] == mined.txid.as_str(), "{mined:?} is not the replacement {bumped}");
    ensure!(mined.commitment == link.commitment, "the replacement commits to something else");
    go_on(assembly, link.epoch)
}

fn withheld_data_authorises_nothing(assembly: &mut Assembly) -> Result<()> {
    assembly.narrator.step("a header is anchored while nobody gets its data");
    for member in &mut assembly.members {
        member.stop()?;
    }
    let epochs = assembly.hub.links()?.len();
    // Nobody but the hub knows of the next link and of the entries under it.
    for _ in 0..WITHIN_BLOCKS {
        if assembly.hub.links()?.iter().filter(|link| link.confirmations >= 6).count() > epochs {
            break;
        }
        assembly.node.mine(1)?;
        let tip = assembly.node.tip()?.height;
        assembly.hub.wait(althing_node::api::WaitFor::Height(tip), 60)?;
    }
    assembly.hub.kill();
    let tip = assembly.node.tip()?.height;
    let member = &mut assembly.members[0];
    member.start()?;
    wait_for("the member to see the chain", PATIENCE, || match member.status() {
        Ok(status) if status.tip_height == tip => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}")),
    })?;
    let found = member.links()?;
    let withheld: Vec<&Link> = found.iter().filter(|link| link.state == "unavailable").collect();
    ensure!(!withheld.is_empty(), "no link is unavailable among {found:?}");
    let info = member.cli().run(&["health"])?;
    ensure!(info.code == Some(2) && info.stdout.contains("withheld"), "{info:?}");
    wait_for("the alarm that names the remedy", PATIENCE, || match member.status() {
        Ok(status) if status.alarms.iter().any(|alarm| alarm.contains("spare seal")) => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}")),
    })?;

    assembly.narrator.step("the data comes after all");
    assembly.hub.start()?;
    for member in assembly.members.iter_mut().skip(1) {
        member.start()?;
    }
    assembly.mine(1)?;
    let info = assembly.members[0].cli().run(&["health"])?;
    ensure!(info.code == Some(0), "{info:?}");
    Ok(())
}

/// Two members compare heads; a stranger shows one of them a head that the hub signed for another log.
fn two_heads_become_a_proof(assembly: &mut Assembly) -> Result<()> {
    assembly.narrator.step("the hub signs two heads, and one member is shown the other one");
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let listen = format!("127.0.0.1:{port}");
    let key = node_id(&Keys::open(assembly.members[0].data_dir(), PASSWORD)?.node_seed());
    let address: PeerAddress = format!("{key}@{listen}").parse()?;
    gossip(&mut assembly.members[0], |config| config.gossip.listen = Some(listen.clone()))?;
    gossip(&mut assembly.members[1], |config| config.gossip.peers = vec![address.to_string()])?;
    assembly.mine(1)?;
    let [_, other] = rogue::two_heads(assembly)?;
    let stranger = show_head(assembly, &address, other.to_bytes())?;
    for member in &assembly.members[..2] {
        let file = wait_for("a proof of fraud", PATIENCE, || match fraud_file(member) {
            Ok(Some(file)) => Look::Ready(file),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        let info = member.cli().run(&["health"])?;
        ensure!(info.code == Some(1) && info.stdout.contains("fraud"), "{info:?}");
        let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
        let cookie = cookie.to_str().context("a path")?;
        // Anybody can check it, with nothing but Bitcoin.
        let judged: Value =
            assembly.members[3].cli().json(&["verify", &file, "--bitcoind", &url, "--cookie", cookie])?;
        ensure!(
            judged["verdict"] == "valid" && judged["statement"].to_string().contains("Fraud by the hub"),
            "{judged}"
        );
    }
    drop(stranger);
    Ok(())
}

/// Mines until a link waits, and takes care that no block takes it for what it pays itself.
fn stuck_link(assembly: &Assembly) -> Result<Link> {
    let waiting = || Ok(assembly.hub.links()?.into_iter().find(|link| link.confirmations == 0));
    let link = assembly.mine_until("a link that waits", WITHIN_BLOCKS, waiting)?;
    let txid = link.txid.parse()?;
    let entry = assembly.node.mempool_entry(&txid)?.with_context(|| format!("link {txid} is not in the mempool"))?;
    let fee = entry["fees"]["base"].as_f64().context("a fee")? * 1e8;
    // What the miner counts is then 100 sat below nothing.
    assembly.node.call("prioritisetransaction", &[json!(link.txid), json!(0), json!(-(fee.round() as i64) - 100)])?;
    assembly.mine(2)?;
    let still = assembly.hub.links()?.into_iter().find(|other| other.epoch == link.epoch).context("the link")?;
    ensure!(still.confirmations == 0 && still.txid == link.txid, "the link is not stuck: {still:?}");
    Ok(link)
}

/// Everybody is shown the version that is in the mempool.
fn waits_still(assembly: &Assembly, link: &Link) -> Result<()> {
    for actor in assembly.everybody() {
        let shown = actor.links()?.into_iter().find(|other| other.epoch == link.epoch).context("the link")?;
        ensure!(shown.txid == link.txid, "{} is shown {shown:?}", actor.name());
    }
    assembly.node.mempool_entry(&link.txid.parse()?)?.context("the link is in no mempool")?;
    Ok(())
}

/// The link of an epoch as everybody sees it: mined, and the same for all.
fn confirmed(assembly: &Assembly, epoch: u32) -> Result<Link> {
    let mut found: Option<Link> = None;
    for actor in assembly.everybody() {
        let link = actor.links()?.into_iter().find(|link| link.epoch == epoch).context("the link")?;
        ensure!(link.confirmations == 1 && link.verified, "{} sees {link:?}", actor.name());
        if let Some(other) = &found {
            ensure!(other.txid == link.txid && other.vsize == link.vsize, "{link:?} is not {other:?}");
        }
        found = Some(link);
    }
    found.context("nobody is there")
}

/// The chain of headers continues: the epoch and the one after it become final for everybody.
fn go_on(assembly: &Assembly, epoch: u32) -> Result<()> {
    assembly.mine_until("the next epoch final", WITHIN_BLOCKS, || {
        for actor in assembly.everybody() {
            if actor.status()?.final_epoch < Some(epoch) {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

pub(crate) fn gossip(member: &mut Actor, change: impl FnOnce(&mut Config)) -> Result<()> {
    member.stop()?;
    let mut config = Config::load(member.data_dir())?;
    change(&mut config);
    config.save(member.data_dir())?;
    member.start()
}

/// A stranger who says hello to a member and shows a head.
fn show_head(assembly: &Assembly, to: &PeerAddress, head: Vec<u8>) -> Result<Peers> {
    let dao = althing_node::dao::Dao::load(assembly.members[0].data_dir())?;
    let hello = Hello {
        dao: DaoId(dao.params.dao_id.0),
        network: NetworkId(dao.params.network.0),
        protocol: PROTOCOL_VERSION,
        vote_key: None,
    };
    let (up, is_up) = std::sync::mpsc::channel();
    let peers = Peers::start(&[0x5e; 32], None, move |event| {
        if let PeerEvent::Up(peer) = event {
            let _ = up.send(peer);
        }
    })?;
    peers.keep_connected(to.clone());
    let Ok(peer) = is_up.recv_timeout(PATIENCE) else { bail!("the member does not answer at {to}") };
    peers.send(peer, Msg::Hello(hello));
    peers.send(peer, Msg::Head(Head { head }));
    Ok(peers)
}

fn fraud_file(member: &Actor) -> Result<Option<String>> {
    for entry in std::fs::read_dir(member.data_dir())? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "althing") {
            return Ok(path.to_str().map(str::to_owned));
        }
    }
    Ok(None)
}
