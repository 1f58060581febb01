//! Fees rise for many blocks, so that no link is mined: nothing is lost, and one payment ends it.

use althing_node::api::{Choice, Link, ProposalDraft, WaitFor};
use althing_regtest::story::{Assembly, Periods, found_and_join, vote_until_acknowledged};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::stage::with_assembly;

/// Four epochs of the story's length.
const SPIKE_BLOCKS: u32 = 24;

#[test]
fn a_link_survives_a_fee_spike_of_four_epochs() {
    with_assembly("fee-spike", |assembly| {
        found_and_join(assembly, Periods { anchored_links: true, ..Periods::SHORT })?;
        let link = assembly.mine_until("a link that waits", 60, || {
            Ok(assembly.hub.links()?.into_iter().find(|link| link.confirmations == 0))
        })?;
        pressed_down(assembly, &link)?;
        let draft = ProposalDraft::question("Mend the nets", "Before the herring comes.", Vec::new());
        let proposal = assembly.members[0].propose(draft)?.id;
        for block in 0..SPIKE_BLOCKS {
            assembly.mine(1)?;
            // Whatever the hub replaces it by meanwhile is not enough either.
            if let Some(newest) = waiting(assembly, link.epoch)? {
                pressed_down(assembly, &newest)?;
            }
            if block == SPIKE_BLOCKS / 2 {
                assembly.hub.kill();
                assembly.hub.start()?;
            }
            if assembly.members[0].has_seen(WaitFor::VotingOpen(proposal.clone()))? {
                break;
            }
        }
        // The epochs behind wait their turn; ballots are taken in the meantime.
        let others: Vec<Link> = assembly.hub.links()?.into_iter().filter(|other| other.epoch > link.epoch).collect();
        ensure!(others.is_empty(), "a link was built over one that is not mined: {others:?}");
        let stuck = waiting(assembly, link.epoch)?.context("the link was mined for what nobody would take")?;
        ensure!(stuck.commitment == link.commitment, "another commitment: {stuck:?}, {link:?}");

        // A member pays for it; the miner counts what it pays itself as a little below nothing.
        let bumped: Value = assembly.members[2].cli().json(&["link", "bump", "--fee-rate", "40", "--yes"])?;
        ensure!(bumped["is_replacement"] == false, "{bumped}");
        assembly.mine_until("the link mined", 4, || Ok(waiting(assembly, link.epoch)?.is_none().then_some(())))?;
        assembly.mine_until("the vote open", 60, || {
            Ok(assembly.members[0].has_seen(WaitFor::VotingOpen(proposal.clone()))?.then_some(()))
        })?;
        for member in &assembly.members {
            vote_until_acknowledged(member, &proposal, Choice::Yes)?;
        }
        assembly.mine_until("the outcome final", 90, || {
            for actor in assembly.everybody() {
                if !actor.has_seen(WaitFor::Decided(proposal.clone()))? {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })?;
        let links = assembly.members[1].links()?;
        ensure!((1..).zip(&links).all(|(epoch, link)| link.epoch == epoch && link.verified), "{links:?}");
        let seen = assembly.members[4].proposal(&proposal)?.tally.context("a tally")?;
        ensure!(seen.ballots == 5, "{seen:?}");
        Ok(())
    });
}

/// The link of an epoch while it has no confirmation.
fn waiting(assembly: &Assembly, epoch: u32) -> Result<Option<Link>> {
    Ok(assembly.hub.links()?.into_iter().find(|link| link.epoch == epoch && link.confirmations == 0))
}

/// The miner counts what the transaction pays as 100 sat less than nothing, as if everybody else paid far more.
fn pressed_down(assembly: &Assembly, link: &Link) -> Result<()> {
    let Some(entry) = assembly.node.mempool_entry(&link.txid.parse()?)? else { return Ok(()) };
    let modified = entry["fees"]["modified"].as_f64().context("a fee")? * 1e8;
    if modified > 0.0 {
        let less = -(modified.round() as i64) - 100;
        assembly.node.call("prioritisetransaction", &[json!(link.txid), json!(0), json!(less)])?;
    }
    Ok(())
}
