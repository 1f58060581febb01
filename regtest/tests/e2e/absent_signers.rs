//! Hazard: who was away when the hub spoke last has less of the log, and could take no part in replacing it.

use althing_node::keys::Keys;
use althing_node::peers::node_id;
use althing_regtest::story::{Actor, PASSWORD, Ran};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::anchoring::gossip;
use crate::channel_ends::PATIENCE;
use crate::stage::with_members_on_roll;
use crate::succession::{collect, free_port, next_hub, propose_with, sign};

const ASTRID: usize = 0;
const BJARNI: usize = 1;
const GUDRUN: usize = 2;

/// N-245: 500,000 and 400,000 of 1,500,000; neither is more than half without the other.
#[test]
fn who_was_away_when_the_hub_went_signs_as_well() {
    with_members_on_roll("absent-signers", |assembly| {
        assembly.members[BJARNI].stop()?;
        let before = log_size(&assembly.members[ASTRID])?;
        assembly.node.mine(1)?;
        // The hub signs a head for the block; it is the last that it says.
        for there in [ASTRID, GUDRUN] {
            wait_for("the head in the log", PATIENCE, || match log_size(&assembly.members[there]) {
                Ok(size) if size > before => Look::Ready(()),
                other => Look::NotYet(format!("{other:?}")),
            })?;
        }
        assembly.hub.kill();
        assembly.members[BJARNI].start()?;
        let (all, fewer) = (log_size(&assembly.members[ASTRID])?, log_size(&assembly.members[BJARNI])?);
        ensure!(fewer < all, "both have {all} entries");
        let folder = assembly.data_dir.join("succession");
        std::fs::create_dir_all(&folder)?;
        let file = |name: &str| folder.join(name).to_str().map(str::to_owned).context("a path");
        let (_next, keys) = next_hub(assembly)?;

        let whole = file("whole")?;
        propose(&assembly.members[ASTRID], &keys, &whole, None)?;
        sign(&assembly.members[ASTRID], &whole, &file("astrid-whole")?)?.succeeded()?;
        let cannot = sign(&assembly.members[BJARNI], &whole, &file("never")?)?;
        let size = format!("--size {fewer}");
        ensure!(cannot.code == Some(2) && cannot.stderr.contains("A-300"), "{cannot:?}");
        ensure!(cannot.stderr.contains(&size), "it does not say what to do: {cannot:?}");

        assembly.narrator.step("a statement about what everybody has");
        let common = file("common")?;
        let beyond = proposing(&assembly.members[ASTRID], &keys, &file("beyond")?, Some(all + 1))?;
        ensure!(beyond.code == Some(1) && beyond.stderr.contains("A-300"), "{beyond:?}");
        let nothing = proposing(&assembly.members[ASTRID], &keys, &file("nothing")?, Some(1))?;
        ensure!(nothing.code == Some(1) && nothing.stderr.contains("A-300"), "{nothing:?}");
        propose(&assembly.members[ASTRID], &keys, &common, Some(fewer))?;
        let both = [file("astrid-common")?, file("bjarni-common")?];
        for (member, out) in [ASTRID, BJARNI].into_iter().zip(&both) {
            sign(&assembly.members[member], &common, out)?.succeeded()?;
        }
        let enough = collect(assembly, &common, &both, &file("enough")?)?;
        ensure!(enough.code == Some(0) && enough.stdout.contains("more than half"), "{enough:?}");

        assembly.narrator.step("or what is missing comes from another member");
        let listen = format!("127.0.0.1:{}", free_port()?);
        let key = node_id(&Keys::open(assembly.members[GUDRUN].data_dir(), PASSWORD)?.node_seed());
        gossip(&mut assembly.members[GUDRUN], |config| config.gossip.listen = Some(listen.clone()))?;
        gossip(&mut assembly.members[BJARNI], |config| config.gossip.peers = vec![format!("{key}@{listen}")])?;
        wait_for("the log from another member", PATIENCE, || match log_size(&assembly.members[BJARNI]) {
            Ok(size) if size == all => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        sign(&assembly.members[BJARNI], &whole, &file("bjarni-whole")?)?.succeeded()
    });
}

fn log_size(member: &Actor) -> Result<u64> {
    Ok(member.status()?.log_size)
}

fn propose(author: &Actor, keys: &Value, out: &str, size: Option<u64>) -> Result<()> {
    proposing(author, keys, out, size)?.succeeded()
}

fn proposing(author: &Actor, keys: &Value, out: &str, size: Option<u64>) -> Result<Ran> {
    let size = size.map(|size| size.to_string());
    let more: Vec<&str> = size.as_deref().map(|size| ["--size", size]).into_iter().flatten().collect();
    propose_with(author, keys, out, &more)
}
