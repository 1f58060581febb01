//! Proofs against others: a key that signed twice for one place, and an entry that the log lacks.

use std::path::Path;

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Ballot, Choice, Comment, Entry, LaneBody, LaneEntry, LaneHeader, lane_start};
use althing_governance::id::{MemberId, NetworkId};
use althing_node::keys::{Keys, hex};
use althing_regtest::story::{Actor, Assembly, PASSWORD};
use anyhow::{Context as _, Result, ensure};
use bitcoin::Network;
use bitcoin::secp256k1::{Keypair, Secp256k1};

use super::{caught_up, five};
use crate::told::ask;

/// A member's lane, as whoever has the keys can write in it.
struct Lane {
    key: Keypair,
    header: LaneHeader,
}

impl Lane {
    /// At one place of the member's lane, with the head that a lane of that incarnation begins with.
    fn at(actor: &Actor, incarnation: u32, sequence: u64) -> Result<Self> {
        let key = Keys::open(actor.data_dir(), PASSWORD)?.vote();
        let member = MemberId::of(&key.x_only_public_key().0);
        let (network, dao) = (NetworkId::of(Network::Regtest), actor.status()?.dao_id.parse()?);
        let prev_head = lane_start(network, dao, member, incarnation);
        Ok(Self { key, header: LaneHeader { network, dao, member, incarnation, sequence, prev_head } })
    }

    fn sign<B: LaneBody>(&self, body: B) -> LaneEntry<B> {
        LaneEntry::sign(&Secp256k1::new(), self.header, body, &self.key, &[7; 32])
    }
}

/// Njal's key signs two other ballots for the place of the one that he cast: it is void, and he has to be silent.
pub(super) fn prove(assembly: &Assembly, proposal: &str) -> Result<()> {
    let [astrid, _, _, _, njal] = five(assembly)?;
    caught_up(assembly)?;
    let ballots = njal.ballots()?;
    let [ballot] = &ballots[..] else { anyhow::bail!("Njal cast {ballots:?}") };
    let before = astrid.proposal(proposal)?.tally.context("no sums")?;
    let lane = Lane::at(njal, 0, ballot.sequence)?;
    let id = proposal.parse()?;
    let entries = [Choice::Yes, Choice::Abstain].map(|choice| lane.sign(Ballot::new(id, choice, None)));
    let lines = entries.map(|entry| hex(&Entry::Ballot(entry).to_bytes())).join("\n");
    let file = write(assembly, "equivocation.hex", &lines)?;
    let said = ask(astrid, &["equivocation", &file])?;
    ensure!(said["position"].is_u64(), "{said}");
    assembly.mine(1)?;
    let after = astrid.proposal(proposal)?.tally.context("no sums")?;
    let ballots = (before.ballots, after.ballots);
    ensure!(ballots.0 == ballots.1 + 1, "{before:?} became {after:?}");
    let refused = njal.cli().run(&["vote", proposal, "yes", "--yes", "--json"])?;
    ensure!(refused.code == Some(2) && refused.stdout.contains("G-98"), "{refused:?}");
    // Once is enough.
    let again = astrid.cli().run(&["equivocation", &file, "--json"])?;
    ensure!(again.code == Some(1) && again.stdout.contains("G-98"), "{again:?}");
    Ok(())
}

/// Gudrun's other device has a comment that the hub never got; Astrid, who was given it, brings it into the log.
pub(super) fn note(assembly: &Assembly, proposal: &str) -> Result<()> {
    let [astrid, _, gudrun, ..] = five(assembly)?;
    let comment = Comment { proposal: proposal.parse()?, parent: None, text: "Said elsewhere.".to_owned() };
    let entry = Entry::Comment(Lane::at(gudrun, 1, 1)?.sign(comment));
    let file = write(assembly, "seen.hex", &hex(&entry.to_bytes()))?;
    let said = ask(astrid, &["seen", &file])?;
    ensure!(said["entry"] == entry.id().to_string() && said["position"].is_u64(), "{said}");
    let shown = astrid.proposal(proposal)?;
    let found = shown.comments.iter().find(|one| one.id == entry.id().to_string());
    ensure!(found.is_some_and(|one| one.text == "Said elsewhere."), "{:?}", shown.comments);
    caught_up(assembly)?;
    // Gudrun's own device goes on behind it.
    ask(gudrun, &["comment", proposal, "And here."])?;
    // And so does Astrid's, whose place in the lane was not taken.
    ask(astrid, &["comment", proposal, "Heard."])?;
    let again = astrid.cli().run(&["seen", &file, "--json"])?;
    ensure!(again.code == Some(1) && again.stdout.contains("G-97"), "{again:?}");
    Ok(())
}

fn write(assembly: &Assembly, name: &str, text: &str) -> Result<String> {
    let file: &Path = &assembly.data_dir.join(name);
    std::fs::write(file, format!("{text}\n"))?;
    file.to_str().map(str::to_owned).context("a path")
}
