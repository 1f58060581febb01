//! Three operators hold the anchor key together: links are made by all of them or not at all, also when the hub is killed in the
//! middle, and a better paid version is signed again.

use std::cell::OnceCell;

use althing_node::api::Link;
use althing_regtest::story::{Actor, Assembly, Periods, enter, found_under, own_treasury};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use bitcoin::XOnlyPublicKey;
use serde_json::Value;

use crate::channel_ends::PATIENCE;
use crate::stage::with_assembly;

/// Blocks until a link is there: final depth, up to an epoch, and as much again for a busy machine.
const LINK_WITHIN_BLOCKS: u32 = 30;

#[test]
fn links_are_made_by_all_operators_or_not_at_all() {
    with_assembly("operators", |assembly| {
        let anchor_key = OnceCell::new();
        let treasury = |assembly: &Assembly, keys: &[_]| {
            let _ = anchor_key.set(name_operators(assembly)?);
            own_treasury(assembly, keys)
        };
        let founded = found_under(assembly, Periods::SHORT, treasury, |mut charter| {
            if let Some(key) = anchor_key.get() {
                charter.anchor_key = *key;
            }
            charter
        })?;
        enter(assembly, &founded)?;
        assembly.mine_until("a first link", LINK_WITHIN_BLOCKS, || newest(&assembly.hub))?;
        let first = settled_link(assembly, 1)?;
        ensure!(first.vsize == 111, "{first:?}");

        // Another version, which all of them sign again.
        ensure!(assembly.hub.cli().run(&["link", "bump", "--fee-rate", "9", "--yes"])?.code == Some(0), "no bump");
        let replaced = link_when(assembly, "the replacement", |link| link.epoch == 1 && link.txid != first.txid)?;
        ensure!((replaced.epoch, &replaced.commitment) == (1, &first.commitment), "{replaced:?}");
        assembly.mine(1)?;
        ensure!(settled_link(assembly, 1)?.height.is_some(), "the replacement is not mined");

        // Without one of them there is no link, whatever the hub goes through.
        assembly.members[1].stop()?;
        let missing = operator_key(&assembly.members[1])?;
        let waits = |assembly: &Assembly| -> Result<String> {
            let view: Value = assembly.hub.cli().json(&["link", "operators"])?;
            Ok(view["waits"].as_str().unwrap_or_default().to_owned())
        };
        let mut blocks = 0;
        while !waits(assembly)?.contains(&missing) {
            ensure!(
                blocks < LINK_WITHIN_BLOCKS,
                "the hub does not say that it waits for {missing}: {:?}",
                waits(assembly)?
            );
            mine_for(assembly, 1)?;
            blocks += 1;
        }
        let begun = newest_head(&assembly.hub)?;
        assembly.hub.kill();
        assembly.hub.start()?;
        mine_for(assembly, 3 * Periods::SHORT.epoch_blocks)?;
        let links = assembly.hub.links()?;
        ensure!(links.len() == 1, "a link without one of its operators: {links:?}");

        // With all of them the link that was begun is made, not another one.
        assembly.members[1].start()?;
        let second = link_when(assembly, "the link that waited", |link| link.epoch == 2)?;
        ensure!(second.closing_height < begun, "closed at {}, begun at {begun}", second.closing_height);
        assembly.mine(1)?;
        settled_link(assembly, 2)?;
        let view: Value = assembly.hub.cli().json(&["link", "operators"])?;
        let set = &view["sets"][0];
        ensure!(set["in_force"] == true, "{view}");
        let connected = set["operators"].as_array().context("operators")?.iter().all(|one| one["is_connected"] == true);
        ensure!(connected, "{view}");
        Ok(())
    });
}

/// The hub and two members become operators; gives the key that they make together.
fn name_operators(assembly: &Assembly) -> Result<XOnlyPublicKey> {
    let nodes = [&assembly.hub, &assembly.members[0], &assembly.members[1]];
    let keys = nodes.into_iter().map(operator_key).collect::<Result<Vec<_>>>()?;
    let mut anchor_key = None;
    for node in nodes {
        let command: Vec<&str> =
            ["link", "operators", "--add"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        let said: Value = node.cli().json(&command)?;
        let words = said["operators"].to_string();
        let found = words
            .split(|c: char| !c.is_ascii_hexdigit())
            .find_map(|word| (word.len() == 64).then(|| word.parse::<XOnlyPublicKey>().ok())?);
        let found = found.with_context(|| format!("no anchor key in {words}"))?;
        ensure!(anchor_key.is_none_or(|before| before == found), "two anchor keys");
        anchor_key = Some(found);
    }
    let stranger = &assembly.members[2];
    let refused = stranger.cli().run(&["link", "operators", "--add", &keys[0], &keys[1]])?;
    ensure!(refused.code == Some(1), "a set without a key of one's own: {refused:?}");
    anchor_key.context("an anchor key")
}

fn operator_key(actor: &Actor) -> Result<String> {
    let keys: Value = actor.cli().json(&["keys", "show"])?;
    keys["operator_key"].as_str().map(str::to_owned).context("an operator key")
}

fn newest(actor: &Actor) -> Result<Option<Link>> {
    Ok(actor.links()?.pop())
}

fn newest_head(actor: &Actor) -> Result<u32> {
    Ok(actor.status()?.tip_height)
}

/// A link of the hub that fits.
fn link_when(assembly: &Assembly, what: &str, fits: impl Fn(&Link) -> bool) -> Result<Link> {
    let link = wait_for(what, PATIENCE, || match assembly.hub.links() {
        Ok(links) => links.into_iter().find(|link| fits(link)).map_or(Look::NotYet("none".to_owned()), Look::Ready),
        Err(error) => Look::NotYet(format!("{error:#}")),
    })?;
    Ok(link)
}

/// The link of an epoch, which everybody has recomputed.
fn settled_link(assembly: &Assembly, epoch: u32) -> Result<Link> {
    let link = link_when(assembly, "the link", |link| link.epoch == epoch)?;
    for member in &assembly.members {
        wait_for("the link with a member", PATIENCE, || match member.links() {
            Ok(links) if links.iter().any(|seen| seen.verified && seen.txid == link.txid) => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
    }
    Ok(link)
}

/// Mines while one node is stopped; the hub follows.
fn mine_for(assembly: &Assembly, blocks: u32) -> Result<()> {
    for _ in 0..blocks {
        assembly.node.mine(1)?;
        let height = assembly.node.tip()?.height;
        for actor in [&assembly.hub, &assembly.members[0]] {
            wait_for("a block", PATIENCE, || match actor.status() {
                Ok(status) if status.tip_height >= height => Look::Ready(()),
                other => Look::NotYet(format!("{other:?}")),
            })?;
        }
    }
    Ok(())
}
