//! Openings of stake channels at the hub: what strangers can make it sign for and remember before anything of theirs is in a block (N-35).

use std::collections::BTreeMap;

use althing_channels::wire::{OpenStake, PeerError};
use althing_channels::{Channel, DaoId, HUB_CSV_BLOCKS, HubTerms, MAX_MONEY_SAT, MEMBER_CSV_BLOCKS, NetworkId};
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use super::Hub;
use crate::peers::PeerId;
use crate::stakes::{OPENING_BLOCKS, StakeChannel, channel_keys};

/// Openings that one peer may have under way.
const UNFUNDED_MAX: usize = 4;

/// Openings that all peers together may have under way.
const UNFUNDED_ALL_MAX: usize = 1024;

/// Openings that one peer may begin between two blocks. Each is signed for and stored, and one that is funded takes a block.
const OPENINGS_A_BLOCK: usize = 16;

/// Fundings that are looked for in the source's mempool to make room for one opening.
const LOOKS: usize = 8;

/// What is known of openings, in memory.
#[derive(Debug, Default)]
pub(super) struct Openings {
    /// How many each peer began since the newest block.
    begun: BTreeMap<PeerId, usize>,
    /// Whether fundings of openings that ended are still looked for in blocks.
    stale_watch: bool,
}

impl Hub {
    /// A peer proposes a channel that is not known here.
    pub(super) fn accept_stake(&mut self, peer: PublicKey, proposal: &OpenStake) -> Result<()> {
        if let Err(refusal) = self.expect_newest() {
            self.refuse_peer(peer, "N-128", &refusal.message);
            return Ok(());
        }
        // A hub that the DAO has not put in could sign nothing of the channel: the stake would be on its way to nowhere.
        if let Err(error) = self.shell.log_key() {
            self.refuse_opening(peer, proposal, "N-78", &format!("{error:#}"));
            return Ok(());
        }
        let Some(Some(member)) = self.members.get(&PeerId(peer)).copied() else {
            self.refuse_peer(peer, "N-34", "name a vote key in hello before opening a stake channel");
            return Ok(());
        };
        if let Err(why) = self.make_room(peer)? {
            self.refuse_opening(peer, proposal, "N-35", &why);
            return Ok(());
        }
        let params = &self.shell.dao.params;
        let min_stake_sat = self.shell.ledger.state().charter().admission.min_stake_sat().max(1);
        let terms = HubTerms {
            network: NetworkId(params.network.0),
            dao: DaoId(params.dao_id.0),
            min_stake_sat,
            max_stake_sat: MAX_MONEY_SAT,
            member_csv_blocks: MEMBER_CSV_BLOCKS,
            hub_csv_blocks: HUB_CSV_BLOCKS,
        };
        let number = self.shell.fresh_number()?;
        match Channel::hub_accept(channel_keys(&self.shell.keys, number), proposal, &terms) {
            Ok((machine, effects)) => {
                self.shell.stakes.insert(StakeChannel::new(number, peer, member, machine));
                let news = self.shell.carry_out(number, effects)?;
                self.on_stake_news(&news);
            }
            Err(violation) => self.refuse_opening(peer, proposal, violation.rule(), &violation.to_string()),
        }
        Ok(())
    }

    /// A block is here: peers may begin again, and what was not mined for [`OPENING_BLOCKS`] ends.
    pub(super) fn end_old_openings(&mut self) -> Result<()> {
        self.openings.begun.clear();
        let tip = self.shell.tip_height();
        let is_old = |channel: &&StakeChannel| channel.opening_ends().is_some_and(|end| tip >= end);
        let old: Vec<u32> = self.shell.stakes.iter().filter(is_old).map(|channel| channel.number).collect();
        for number in old {
            self.let_go(number, &format!("N-35: its funding was not mined within {OPENING_BLOCKS} blocks"))?;
        }
        if std::mem::take(&mut self.openings.stale_watch) {
            self.shell.rebuild_watch()?;
        }
        Ok(())
    }

    /// Room for one more opening of a peer, or why there is none.
    fn make_room(&mut self, peer: PublicKey) -> Result<Result<(), String>> {
        let begun = self.openings.begun.entry(PeerId(peer)).or_default();
        if *begun >= OPENINGS_A_BLOCK {
            return Ok(Err(format!(
                "{OPENINGS_A_BLOCK} openings of yours began since the newest block; try after the next"
            )));
        }
        *begun += 1;
        // However many openings a peer begins, it leaves no more behind than it may have under way.
        if self.shell.stakes.unfunded_of(Some(&peer)) >= UNFUNDED_MAX {
            let Some(number) = self.shell.stakes.oldest_without_funding(Some(&peer)) else {
                return Ok(Err(format!(
                    "{UNFUNDED_MAX} openings of yours are not funded yet; try when one is in a block"
                )));
            };
            self.let_go(number, "N-35: a newer opening of this peer takes its place")?;
        }
        if self.shell.stakes.unfunded_of(None) >= UNFUNDED_ALL_MAX {
            let Some(number) = self.opening_to_give_way() else {
                return Ok(Err(format!("{UNFUNDED_ALL_MAX} openings of all members are not funded yet; try later")));
            };
            self.let_go(number, "N-35: its funding is nowhere to be seen, and a newer opening takes its place")?;
        }
        Ok(Ok(()))
    }

    /// The oldest opening that costs nobody anything: one that named no funding, or else one of a peer that began none since the newest
    /// block, whose funding is not in the mempool either. To fill the hub, somebody has to broadcast as many fundings.
    fn opening_to_give_way(&mut self) -> Option<u32> {
        if let Some(number) = self.shell.stakes.oldest_without_funding(None) {
            return Some(number);
        }
        let begun = &self.openings.begun;
        let may_be_unseen = |channel: &&StakeChannel| {
            channel.opening_ends().is_some() && !channel.funding_taken && !begun.contains_key(&PeerId(channel.peer))
        };
        let oldest: Vec<u32> =
            self.shell.stakes.iter().filter(may_be_unseen).map(|channel| channel.number).take(LOOKS).collect();
        for number in oldest {
            let funding = self.shell.stakes.channel(number)?.machine.funding()?;
            match self.shell.bitcoind.in_mempool(&funding.txid) {
                Ok(false) => return Some(number),
                Ok(true) => self.shell.stakes.channel_mut(number)?.funding_taken = true,
                // Nobody gives way for a source that does not answer.
                Err(error) => {
                    tracing::warn!(%error, "the mempool was not looked at");
                    return None;
                }
            }
        }
        None
    }

    fn let_go(&mut self, number: u32, why: &str) -> Result<()> {
        self.openings.stale_watch = true;
        let effects = self.shell.machine(number)?.let_go(why)?;
        let news = self.shell.carry_out(number, effects)?;
        self.on_stake_news(&news);
        Ok(())
    }

    /// Ends an opening at the member's too (C-11): else it would be begun again with the next connection, unasked.
    fn refuse_opening(&self, peer: PublicKey, proposal: &OpenStake, rule: &str, detail: &str) {
        self.refuse(peer, PeerError::new(rule, detail, Some(proposal.opening.provisional_channel())));
    }
}
