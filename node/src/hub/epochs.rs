//! Heads, epochs and links: what the hub does with every block.

use std::collections::BTreeMap;

use althing_anchor::{
    BlockId, ChainEvent as LinkEvent, Commitment, Effect, LinkState, LinkTracker, Seal, SealPledge, verify_link,
};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Anchored, Entry, LogHead};
use althing_governance::epoch::{EpochHeader, due_boundary};
use althing_governance::signing::Statement as _;
use anyhow::{Context, Result};
use bitcoin::consensus::encode::serialize;
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::XOnlyPublicKey;
use bitcoin::{BlockHash, OutPoint, Transaction, Txid};

use super::Hub;
use super::signing::Version;
use crate::chain::SubmitError;
use crate::facts::outpoint_bytes;
use crate::shell::Shell;
use crate::store::LinkRow;
use crate::undone::undone;

/// The hub's links, each followed for ever: even a final one is watched.
pub(super) struct Links {
    links: Vec<Link>,
}

pub(super) struct Link {
    pub(super) header: EpochHeader,
    /// Internal key of its output.
    pub(super) key: XOnlyPublicKey,
    /// What it spends at input 0.
    pub(super) spends: Seal,
    pub(super) tracker: LinkTracker,
}

impl Links {
    pub(super) fn load(shell: &Shell) -> Result<Self> {
        let mut links: Vec<Link> = Vec::new();
        let (mut key, mut spends) = next_seal(shell, None)?;
        for row in shell.store.links()? {
            let link = Link {
                header: EpochHeader::from_bytes(&row.header).context("a stored epoch header")?,
                key,
                spends,
                tracker: LinkTracker::decode(&row.tracker).context("a stored link tracker")?,
            };
            (key, spends) = next_seal(shell, Some(&link))?;
            links.push(link);
        }
        Ok(Self { links })
    }

    /// Epoch, header and transaction of every link, as members get them.
    pub(super) fn public(&self) -> impl Iterator<Item = (u32, Vec<u8>, Vec<u8>)> {
        self.links.iter().map(Link::public)
    }

    /// Takes blocks from `height` upward back, before the store forgets them.
    pub(super) fn disconnect(&mut self, shell: &mut Shell, height: u32) -> Result<()> {
        for link in &mut self.links {
            let mut effects = Vec::new();
            while link.tracker.tip().height >= height {
                let tip = link.tracker.tip();
                let Some(below) = shell.store.block(tip.height.saturating_sub(1))? else { break };
                let previous = BlockHash::from_byte_array(below.hash);
                let transition = link.tracker.apply(LinkEvent::BlockDisconnected { block: tip, previous })?;
                link.tracker = transition.next;
                effects.extend(transition.effects);
            }
            link.store(shell)?;
            link.carry_out(shell, effects)?;
        }
        Ok(())
    }

    /// Epoch of the newest link; 0 before the first.
    pub(super) fn newest_epoch(&self) -> u32 {
        self.newest().map_or(0, |link| link.header.epoch)
    }

    fn newest(&self) -> Option<&Link> {
        self.links.last()
    }

    pub(super) fn get(&self, number: usize) -> Option<&Link> {
        self.links.get(number)
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut Link> {
        self.links.get_mut(number)
    }

    /// The newest link, if it waits for its first confirmation.
    pub(super) fn waiting(&self) -> Option<(usize, &Link)> {
        let number = self.links.len().checked_sub(1)?;
        self.links.get(number).filter(|link| link.tracker.is_unconfirmed()).map(|link| (number, link))
    }
}

impl Link {
    fn store(&self, shell: &mut Shell) -> Result<()> {
        let row = LinkRow {
            epoch: self.header.epoch,
            header: self.header.to_bytes(),
            tx: serialize(self.tracker.transaction()),
            tracker: self.tracker.encode(),
        };
        // bound to it before anybody gets it.
        let pledge = SealPledge::of_transaction(self.tracker.transaction());
        shell.store.write(|writer| {
            pledge.iter().try_for_each(|pledge| writer.put_pledge(pledge))?;
            writer.put_link(&row)
        })
    }

    /// Epoch, header and transaction, as members get them.
    pub(super) fn public(&self) -> (u32, Vec<u8>, Vec<u8>) {
        (self.header.epoch, self.header.to_bytes(), serialize(self.tracker.counted()))
    }

    /// As `feed`; stored also when the state is the same.
    ///
    /// Gives why the network refused what was sent, if it did.
    pub(super) fn feed_always(&mut self, shell: &mut Shell, event: LinkEvent) -> Result<Option<String>> {
        let transition = self.tracker.apply(event)?;
        self.tracker = transition.next;
        self.store(shell)?;
        self.carry_out(shell, transition.effects)
    }

    fn feed(&mut self, shell: &mut Shell, event: LinkEvent) -> Result<()> {
        let transition = self.tracker.apply(event)?;
        let changed = transition.next.state() != self.tracker.state();
        self.tracker = transition.next;
        if changed {
            self.store(shell)?;
        }
        self.carry_out(shell, transition.effects).map(drop)
    }

    /// which other version the mempool has.
    fn kept(&self, shell: &Shell) -> Option<Txid> {
        let mut earlier = self.tracker.versions().iter().rev().skip(1).map(Transaction::compute_txid);
        earlier.find(|txid| shell.bitcoind.in_mempool(txid).is_ok_and(|is_there| is_there))
    }

    fn carry_out(&mut self, shell: &mut Shell, effects: Vec<Effect>) -> Result<Option<String>> {
        let mut refusal = None;
        for effect in effects {
            match effect {
                Effect::Broadcast(tx) => match shell.bitcoind.submit(&tx) {
                    Ok(txid) => {
                        tracing::info!(epoch = self.header.epoch, %txid, "link broadcast");
                        self.feed(shell, LinkEvent::SeenInMempool)?;
                    }
                    Err(error) => {
                        tracing::warn!(epoch = self.header.epoch, %error, "the link was not taken; it is sent again with the next block");
                        if let SubmitError::Refused { message, .. } = error {
                            refusal = Some(message);
                            if let Some(txid) = self.kept(shell) {
                                tracing::warn!(epoch = self.header.epoch, %txid, "the mempool keeps an earlier version of the link");
                                self.feed_always(shell, LinkEvent::Kept(txid))?;
                            }
                        }
                    }
                },
                Effect::BecameFinal { block, txid } => {
                    tracing::info!(epoch = self.header.epoch, %txid, height = block.height, "link is final");
                }
                // hub and members are told alike of what the log notes (N-240).
                Effect::Undone { block } => {
                    tracing::error!(
                        epoch = self.header.epoch,
                        height = block.height,
                        "a final link was undone; it is sent again"
                    );
                }
                Effect::Halt(reason) => {
                    shell.alarms.insert("link", format!("Anchoring has stopped: {reason}"));
                }
            }
        }
        Ok(refusal)
    }

    /// Brings the tracker up to the store's best block: the version that was mined is the link (N-87).
    fn catch_up(&mut self, shell: &mut Shell) -> Result<()> {
        let seal = outpoint_bytes(&self.tracker.seal());
        let spent = shell.store.fact(&seal)?.and_then(|fact| fact.spent);
        let spender = match spent {
            Some((height, tx, _)) => {
                let tx: Transaction = bitcoin::consensus::deserialize(&tx).context("a stored link")?;
                Some((height, tx.compute_txid()))
            }
            None => None,
        };
        while let Some(block) = shell.store.block(self.tracker.tip().height.saturating_add(1))? {
            let id = BlockId { height: block.height, hash: BlockHash::from_byte_array(block.hash) };
            let header: bitcoin::block::Header =
                bitcoin::consensus::deserialize(&block.header).context("a stored block header")?;
            let seal_spender = spender.filter(|(height, _)| *height == block.height).map(|(_, txid)| txid);
            self.feed(shell, LinkEvent::BlockConnected { block: id, previous: header.prev_blockhash, seal_spender })?;
        }
        self.store(shell)
    }

    /// A link that is not mined is looked for in the mempool with every block, and sent again when it is not there.
    fn look_in_mempool(&mut self, shell: &mut Shell) -> Result<()> {
        if !self.tracker.is_unconfirmed() {
            return Ok(());
        }
        self.feed(shell, LinkEvent::Submit)?;
        let event = match shell.bitcoind.in_mempool(&self.tracker.transaction().compute_txid())? {
            true => LinkEvent::SeenInMempool,
            false => LinkEvent::MissingFromMempool,
        };
        self.feed(shell, event)
    }

    /// nobody can take up a link whose header names a block that is gone, so it is not sent.
    fn closes_in_chain(&self, shell: &Shell) -> Result<bool> {
        let block = shell.store.block(self.header.closing_height)?;
        Ok(block.is_some_and(|block| block.hash == *self.header.closing_hash.as_byte_array()))
    }

    /// The output that the next link spends.
    fn seal(&self) -> Result<Seal> {
        let tx = self.tracker.counted();
        let output = tx.output.first().context("a link has an output")?;
        Ok(Seal {
            outpoint: OutPoint { txid: tx.compute_txid(), vout: 0 },
            value: output.value,
            anchor_key: self.key,
            commitment: Commitment::new(*self.header.hash().as_bytes()),
        })
    }
}

/// Key and seal of the link behind this one: what it names and made itself, or a succession behind it.
fn next_seal(shell: &Shell, link: Option<&Link>) -> Result<(XOnlyPublicKey, Seal)> {
    let Some(link) = link else { return Ok((shell.dao.params.charter.anchor_key, shell.dao.genesis.first_seal)) };
    match crate::succession::seal_behind(shell, link.header.epoch)? {
        Some(seal) => Ok((seal.anchor_key, seal)),
        None => Ok((link.header.next_anchor_key, link.seal()?)),
    }
}

impl Hub {
    /// After the log came back from the members: follows again every link that the log or a member tells of. `false` while one is
    /// missing that Bitcoin shows: a second link over its seal must never be built.
    pub(super) fn restore_links(&mut self) -> Result<bool> {
        let given: BTreeMap<u32, (EpochHeader, Transaction)> = self
            .newness
            .links
            .iter()
            .filter_map(|info| {
                let header = EpochHeader::from_bytes(&info.header).ok()?;
                Some((header.epoch, (header, bitcoin::consensus::deserialize(&info.link).ok()?)))
            })
            .collect();
        loop {
            let known = self.links.links.len();
            let epoch = u32::try_from(known).unwrap_or(u32::MAX).saturating_add(1);
            let (_, spends) = next_seal(&self.shell, self.links.newest())?;
            let seal = spends.outpoint;
            let logged = self.shell.ledger.state().anchored().get(known).map(|record| record.header);
            let told = given.get(&epoch).cloned();
            let spent = self.shell.store.fact(&outpoint_bytes(&seal))?.and_then(|fact| fact.spent);
            let (header, tx) = match (logged, told, &spent) {
                // With its witness where somebody has it, so that it can be sent again.
                (Some(header), Some((told, tx)), _) if told == header => (header, tx),
                (Some(header), _, Some((_, tx, _))) => {
                    (header, bitcoin::consensus::deserialize(tx).context("a stored link")?)
                }
                (Some(_), ..) => return Ok(false),
                (None, Some(told), _) => told,
                (None, None, spent) => return Ok(spent.is_none()),
            };
            let position = self.shell.ledger.state().size();
            let (mut chain, ledger) = self.shell.chain_and_ledger();
            if logged.is_none()
                && let Err(error) = ledger.check_header(position, &header, &mut chain)
            {
                tracing::warn!(epoch, %error, "a link that a member tells of is left aside");
                return Ok(spent.is_none());
            }
            let key = self.shell.ledger.link_key(epoch);
            verify_link(&tx, seal, key, Commitment::new(*header.hash().as_bytes()))?;
            let Some(below) = self.shell.store.block(header.closing_height)? else { return Ok(false) };
            let tip = BlockId { height: below.height, hash: BlockHash::from_byte_array(below.hash) };
            let final_depth = self.shell.ledger.state().charter().final_depth;
            let mut link = Link { header, key, spends, tracker: LinkTracker::new(tx, tip, final_depth)? };
            link.catch_up(&mut self.shell)?;
            tracing::warn!(epoch, "a link was taken back");
            self.links.links.push(link);
        }
    }

    pub(super) fn advance_links(&mut self) -> Result<()> {
        for link in &mut self.links.links {
            link.catch_up(&mut self.shell)?;
        }
        Ok(())
    }

    /// Logs the epochs whose links are final: from then on their rolls can be snapshots.
    pub(super) fn log_final_epochs(&mut self) -> Result<()> {
        loop {
            let logged = self.shell.ledger.state().anchored().len();
            let Some(link) = self.links.links.get(logged) else { return Ok(()) };
            let LinkState::Final { block, txid } = link.tracker.state() else { return Ok(()) };
            let params = &self.shell.dao.params;
            let anchored = Anchored {
                network: params.network,
                dao: params.dao_id,
                header: link.header,
                link: txid,
                mined_height: block.height,
                mined_hash: block.hash,
            };
            let signed = anchored.sign(&self.shell.secp, &self.shell.log_key()?, &self.shell.aux_rand()?);
            if !self.log_own(Entry::Anchored(signed))? {
                return Ok(());
            }
        }
    }

    /// One signed head per block; logged itself, as the entry behind those it covers (docs/adr/0002).
    pub(super) fn sign_head(&mut self) -> Result<()> {
        let Some((tip_height, tip_hash)) = self.shell.tip else { return Ok(()) };
        let state = self.shell.ledger.state();
        // After a reorganisation the next head waits until the new branch is longer: heads never go back.
        if state.tip_height().is_some_and(|newest| newest >= tip_height) || tip_height <= self.shell.dao.birthday {
            return Ok(());
        }
        let params = state.params();
        let head = LogHead {
            network: params.network,
            dao: params.dao_id,
            size: state.size(),
            root: state.root(),
            tip_height,
            tip_hash,
        };
        let signed = head.sign(&self.shell.secp, &self.shell.log_key()?, &self.shell.aux_rand()?);
        self.log_own(Entry::Head(signed)).map(drop)
    }

    /// Closes the newest epoch that is deep enough and builds its link, one unconfirmed link at a time.
    pub(super) fn close_epoch_if_due(&mut self) -> Result<()> {
        for link in &mut self.links.links {
            if link.closes_in_chain(&self.shell)? {
                link.look_in_mempool(&mut self.shell)?;
            }
        }
        // N-241: behind what is undone nothing is built.
        if undone(&self.shell)?.is_some() {
            return Ok(());
        }
        self.drop_stale_signing();
        self.replace_if_stuck()?;
        let newest = self.links.newest();
        if let Some(LinkState::Halted(reason)) = newest.map(|link| link.tracker.state()) {
            self.shell.alarms.insert("link", format!("Anchoring has stopped: {reason}"));
            return Ok(());
        }
        if newest.is_some_and(|link| link.tracker.is_unconfirmed()) {
            return Ok(());
        }
        let previous = newest.map_or(self.shell.dao.birthday, |link| link.header.closing_height);
        let epoch = newest.map_or(1, |link| link.header.epoch + 1);
        let due = due_boundary(self.shell.ledger.state().charter(), previous, self.shell.tip_height());
        // operators are bound to one that was begun.
        let begun = self.begun_header(epoch)?.map(|begun| begun.closing_height);
        let Some(closing_height) = begun.or(due) else { return Ok(()) };
        let genesis_mined = self.shell.store.fact(&outpoint_bytes(&self.shell.dao.params.first_seal))?.is_some();
        if closing_height <= previous
            || !genesis_mined
            || self.shell.ledger.state().first_head_at(closing_height).is_none()
        {
            return Ok(());
        }
        let Some(block) = self.shell.store.block(closing_height)? else { return Ok(()) };
        let Some(terms) = self.link_terms()? else { return Ok(()) };
        // What the header says must be durable before Bitcoin says it.
        self.commit_batch();
        if self.stopping {
            return Ok(());
        }
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        let hash = BlockHash::from_byte_array(block.hash);
        let header = ledger.close_epoch(epoch, closing_height, hash, &mut chain)?.header;
        let (_, seal) = next_seal(&self.shell, self.links.newest())?;
        let commitment = Commitment::new(*header.hash().as_bytes());
        let link = self.first_version(&terms, seal, self.shell.ledger.link_key(epoch), commitment)?;
        match self.sign_version(link, Version::First, header)? {
            Some(version) => self.adopt_link(header, version),
            None => Ok(()),
        }
    }

    /// Takes up, stores and sends the signed first version of a link.
    pub(super) fn adopt_link(&mut self, header: EpochHeader, version: Transaction) -> Result<()> {
        if header.epoch != self.links.newest_epoch() + 1 {
            return Ok(());
        }
        let (key, spends) = (self.shell.ledger.link_key(header.epoch), next_seal(&self.shell, self.links.newest())?.1);
        self.note_own_coins(&version)?;
        let (height, hash) = self.shell.tip.context("no block is known yet")?;
        let final_depth = self.shell.ledger.state().charter().final_depth;
        let tracker = LinkTracker::new(version, BlockId { height, hash }, final_depth)?;
        let link = Link { header, key, spends, tracker };
        link.store(&mut self.shell)?;
        let epoch = header.epoch;
        let (header, tx) = (link.header.to_bytes(), serialize(link.tracker.transaction()));
        // Remembered before it is sent: a second link over the same seal must never be built.
        self.links.links.push(link);
        self.announce_link(epoch, header, tx);
        self.shell.revision += 1;
        match self.links.links.last_mut() {
            Some(link) => link.feed(&mut self.shell, LinkEvent::Submit),
            None => Ok(()),
        }
    }

    /// Logs an entry of the hub's own. `false` when the ledger says that its time has not come.
    pub(super) fn log_own(&mut self, entry: Entry) -> Result<bool> {
        use crate::ledger::LedgerError;
        let bytes = entry.to_bytes();
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        match ledger.append(entry, &mut chain) {
            Ok(_) => {
                self.shell.workload.came();
                self.batch.push(bytes, None);
                self.follow_charter();
                Ok(true)
            }
            Err(LedgerError::NotYet { reason, .. }) => {
                tracing::debug!(reason, "own entry not yet");
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}
