//! Heads, epochs and links: what the hub does with every block.

use althing_anchor::{BlockId, ChainEvent as LinkEvent, Commitment, Effect, LinkBuilder, LinkState, LinkTracker, Seal};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Anchored, Entry, LogHead};
use althing_governance::epoch::EpochHeader;
use althing_governance::signing::Statement as _;
use anyhow::{Context, Result};
use bitcoin::consensus::encode::serialize;
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::XOnlyPublicKey;
use bitcoin::{BlockHash, FeeRate, OutPoint, Transaction};

use super::Hub;
use crate::facts::outpoint_bytes;
use crate::shell::Shell;
use crate::store::LinkRow;

/// Fee rate of links while there is no estimate; the charter caps it.
const LINK_FEE_RATE: u64 = 2;

/// The hub's links, each followed for ever: even a final one is watched.
pub(super) struct Links {
    links: Vec<Link>,
}

struct Link {
    header: EpochHeader,
    /// Internal key of its output.
    key: XOnlyPublicKey,
    tracker: LinkTracker,
}

impl Links {
    pub(super) fn load(shell: &Shell) -> Result<Self> {
        let mut links: Vec<Link> = Vec::new();
        let mut key = shell.dao.params.charter.anchor_key;
        for row in shell.store.links()? {
            links.push(Link {
                header: EpochHeader::from_bytes(&row.header).context("a stored epoch header")?,
                key,
                tracker: LinkTracker::decode(&row.tracker).context("a stored link tracker")?,
            });
            key = links.last().map_or(key, |link| link.header.next_anchor_key);
        }
        Ok(Self { links })
    }

    /// Epoch, header and transaction of every link, as members get them.
    pub(super) fn public(&self) -> impl Iterator<Item = (u32, Vec<u8>, Vec<u8>)> {
        self.links.iter().map(|link| (link.header.epoch, link.header.to_bytes(), serialize(link.tracker.transaction())))
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

    fn newest(&self) -> Option<&Link> {
        self.links.last()
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
        shell.store.write(|writer| writer.put_link(&row))
    }

    fn feed(&mut self, shell: &mut Shell, event: LinkEvent) -> Result<()> {
        let transition = self.tracker.apply(event)?;
        let changed = transition.next.state() != self.tracker.state();
        self.tracker = transition.next;
        if changed {
            self.store(shell)?;
        }
        self.carry_out(shell, transition.effects)
    }

    fn carry_out(&mut self, shell: &mut Shell, effects: Vec<Effect>) -> Result<()> {
        for effect in effects {
            match effect {
                Effect::Broadcast(tx) => match shell.bitcoind.submit(&tx) {
                    Ok(txid) => {
                        tracing::info!(epoch = self.header.epoch, %txid, "link broadcast");
                        self.feed(shell, LinkEvent::SeenInMempool)?;
                    }
                    Err(error) => {
                        tracing::warn!(epoch = self.header.epoch, %error, "the link was not taken; it is sent again with the next block");
                    }
                },
                Effect::BecameFinal { block, txid } => {
                    tracing::info!(epoch = self.header.epoch, %txid, height = block.height, "link is final");
                }
                Effect::Halt(reason) => {
                    shell.alarms.insert("link", format!("Anchoring has stopped: {reason}"));
                }
            }
        }
        Ok(())
    }

    /// Brings the tracker up to the store's best block.
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

    /// The output that the next link spends.
    fn seal(&self) -> Result<Seal> {
        let tx = self.tracker.transaction();
        let output = tx.output.first().context("a link has an output")?;
        Ok(Seal {
            outpoint: OutPoint { txid: tx.compute_txid(), vout: 0 },
            value: output.value,
            anchor_key: self.key,
            commitment: Commitment::new(*self.header.hash().as_bytes()),
        })
    }
}

impl Hub {
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
            link.look_in_mempool(&mut self.shell)?;
        }
        let newest = self.links.newest();
        if newest
            .is_some_and(|link| link.tracker.is_unconfirmed() || matches!(link.tracker.state(), LinkState::Halted(_)))
        {
            return Ok(());
        }
        let previous = newest.map_or(self.shell.dao.birthday, |link| link.header.closing_height);
        let epoch = newest.map_or(1, |link| link.header.epoch + 1);
        let charter = self.shell.ledger.state().charter();
        let deep_enough = (self.shell.tip_height() + 1).saturating_sub(charter.final_depth);
        let closing_height = deep_enough / charter.epoch_blocks * charter.epoch_blocks;
        let genesis_mined = self.shell.store.fact(&outpoint_bytes(&self.shell.dao.params.first_seal))?.is_some();
        if closing_height <= previous
            || !genesis_mined
            || self.shell.ledger.state().first_head_at(closing_height).is_none()
        {
            return Ok(());
        }
        let Some(block) = self.shell.store.block(closing_height)? else { return Ok(()) };
        // What the header says must be durable before Bitcoin says it.
        self.commit_batch();
        if self.stopping {
            return Ok(());
        }
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        let hash = BlockHash::from_byte_array(block.hash);
        let header = ledger.close_epoch(epoch, closing_height, hash, &mut chain)?.header;
        let seal = match self.links.newest() {
            Some(link) => link.seal()?,
            None => self.shell.dao.genesis.first_seal,
        };
        let link = self.build_link(seal, header)?;
        link.store(&mut self.shell)?;
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

    fn build_link(&self, seal: Seal, header: EpochHeader) -> Result<Link> {
        let charter = self.shell.ledger.state().charter();
        let commitment = Commitment::new(*header.hash().as_bytes());
        let key = self.shell.ledger.link_key(header.epoch);
        let cap =
            FeeRate::from_sat_per_vb(charter.max_link_fee_rate_sat_vb).context("the charter's fee cap is too large")?;
        let rate = FeeRate::from_sat_per_vb(LINK_FEE_RATE.min(charter.max_link_fee_rate_sat_vb)).context("fee rate")?;
        // The seal is held by the key that the header before it named, which need not be the one of the next.
        let holder = self.shell.keys.anchor_for(&seal.anchor_key)?;
        let unsigned = LinkBuilder::new(seal, key, commitment).build(rate, cap)?;
        let signed = unsigned.sign(&holder, &self.shell.aux_rand()?)?;
        let (height, hash) = self.shell.tip.context("no block is known yet")?;
        let tracker = LinkTracker::new(signed.transaction().clone(), BlockId { height, hash }, charter.final_depth)?;
        Ok(Link { header, key, tracker })
    }

    /// Logs an entry of the hub's own. `false` when the ledger says that its time has not come.
    fn log_own(&mut self, entry: Entry) -> Result<bool> {
        use crate::ledger::LedgerError;
        let bytes = entry.to_bytes();
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        match ledger.append(entry, &mut chain) {
            Ok(_) => {
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
