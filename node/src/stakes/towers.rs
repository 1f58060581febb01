//! Giving towers what they need to punish: a blob for each commitment that the other side revokes (C-80, C-85).
//!
//! Blobs are written in the transaction that stores the revocation, and offered until a receipt is here that lasts.

use std::collections::BTreeSet;

use althing_channels::tower::{BlobError, TowerReceipt, TowerTerms, seal_justice};
use althing_channels::wire::{Hello, PROTOCOL_VERSION, PeerError, TowerStore, TowerStored};
use althing_channels::{Balances, CommitmentContext, DaoId, JusticeError, Msg, NetworkId};
use althing_governance::ChannelId;
use anyhow::{Context, Result};
use bitcoin::FeeRate;
use bitcoin::secp256k1::PublicKey;

use crate::api::TowerState;
use crate::keys::entropy;
use crate::peers::{PeerAddress, PeerEvent, Peers};
use crate::shell::Shell;
use crate::store::BlobRow;

/// The clause by which a folder is told that a later life of it is known.
const COPY: &str = "N-125";

/// Blobs offered to one tower at a time.
const WINDOW: u32 = 64;

/// A promise that ends within this many blocks is renewed. N-122.
const RENEW_BLOCKS: u32 = 2016;

/// Blobs made anew from the log at a start, for towers that were named after the commitments were revoked.
const BACKFILL_MAX: usize = 2_000;

/// Least rate at which justice is signed: less is not relayed.
const FLOOR: FeeRate = FeeRate::from_sat_per_vb_u32(1);

/// The towers of this node.
#[derive(Default)]
pub struct Towers {
    list: Vec<Tower>,
    /// Rate of justice, from the market at the last tip.
    rate: Option<FeeRate>,
    /// Receipts that wait for the next commit.
    receipts: Vec<(PublicKey, TowerReceipt)>,
}

struct Tower {
    address: PeerAddress,
    connected: bool,
    /// Offered on this connection, without a receipt yet.
    offered: BTreeSet<[u8; 32]>,
    refusal: Option<String>,
    /// What it said since the start about which life of this folder this is.
    life: KnownLife,
}

/// What a tower knows of the lives of this folder (N-260).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum KnownLife {
    /// It has not answered.
    #[default]
    Untold,
    /// It knows of no later one.
    Newest,
    /// It knows a later one, in its words.
    Later(String),
    /// It refused something else, so it will not say.
    Refused,
}

impl Towers {
    /// The towers that the settings name; connections to them are kept from now on.
    ///
    /// # Errors
    /// An address that is none.
    pub fn connect(addresses: &[String], peers: &Peers) -> Result<Self> {
        let mut list = Vec::new();
        for address in addresses {
            let address: PeerAddress = address.parse()?;
            peers.keep_connected(address.clone());
            list.push(Tower {
                address,
                connected: false,
                offered: BTreeSet::new(),
                refusal: None,
                life: KnownLife::Untold,
            });
        }
        Ok(Self { list, rate: None, receipts: Vec::new() })
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// At a new tip: what justice that is signed from now on pays, and what was never answered is offered again.
    pub fn at_tip(&mut self, economical: FeeRate) {
        self.rate = Some(economical.max(FLOOR));
        for tower in &mut self.list {
            tower.offered.clear();
        }
    }

    /// The tower that knows of a later life of this folder, and what it says.
    pub(super) fn later_life(&self) -> Option<(&PeerAddress, &str)> {
        self.list.iter().find_map(|tower| match &tower.life {
            KnownLife::Later(words) => Some((&tower.address, words.as_str())),
            KnownLife::Untold | KnownLife::Newest | KnownLife::Refused => None,
        })
    }

    /// What towers said of this folder's lives, in words; `None` without towers. Those that know a later one are not asked (C-151).
    pub(super) fn life_words(&self) -> Option<String> {
        let count = |life: &KnownLife| self.list.iter().filter(|tower| tower.life == *life).count();
        let (newest, silent, refused) =
            (count(&KnownLife::Newest), count(&KnownLife::Untold), count(&KnownLife::Refused));
        let refused = match refused {
            0 => String::new(),
            refused => format!("; that refuse to serve this folder, and say nothing of it: {refused}"),
        };
        (!self.list.is_empty()).then(|| {
            format!("Watchtowers that know of no later use of this folder: {newest}; that have not answered: {silent}{refused}.")
        })
    }

    /// Those that are connected.
    pub(crate) fn connected(&self) -> impl Iterator<Item = PublicKey> {
        self.list.iter().filter(|tower| tower.connected).map(|tower| tower.address.node_id)
    }

    fn named(&mut self, peer: &PublicKey) -> Option<&mut Tower> {
        self.list.iter_mut().find(|tower| tower.address.node_id == *peer)
    }
}

impl Shell {
    /// News of a tower; `false` when it is of somebody else.
    ///
    /// # Errors
    /// On I/O.
    pub fn on_tower_event(&mut self, event: &PeerEvent) -> Result<bool> {
        let peer = match event {
            PeerEvent::Up(peer) | PeerEvent::Down(peer) | PeerEvent::Message(peer, _) => *peer,
        };
        let Some(tower) = self.towers.named(&peer) else { return Ok(false) };
        match event {
            PeerEvent::Up(_) => {
                tower.connected = true;
                tower.offered.clear();
                // A tower serves no DAO, and need not know which this is.
                let network = NetworkId(self.dao.params.network.0);
                let hello = Hello { dao: DaoId([0; 32]), network, protocol: PROTOCOL_VERSION, vote_key: None };
                self.peers.send(peer, Msg::Hello(hello));
                self.offer_blobs()?;
            }
            PeerEvent::Down(_) => {
                tower.connected = false;
                tower.offered.clear();
            }
            PeerEvent::Message(_, message) => match &**message {
                Msg::TowerStored(stored) => self.on_tower_stored(peer, stored)?,
                Msg::LeaseGranted(_) => tower.life = KnownLife::Newest,
                Msg::PeerError(PeerError { rule, detail, .. }) => {
                    if rule == COPY {
                        tower.life = KnownLife::Later(detail.clone());
                    } else if tower.life == KnownLife::Untold {
                        tower.life = KnownLife::Refused;
                    }
                    tracing::warn!(%peer, rule, detail, "a tower refuses");
                    tower.refusal = Some(detail.clone());
                    let words = format!("The tower {} refuses: {detail}", tower.address);
                    self.alarms.insert("tower", words);
                }
                _ => {}
            },
        }
        self.revision += 1;
        Ok(true)
    }

    /// Keeps the receipts that came in, and offers what is next.
    ///
    /// # Errors
    /// On I/O.
    pub fn settle_towers(&mut self) -> Result<()> {
        if self.towers.receipts.is_empty() {
            return Ok(());
        }
        let receipts = std::mem::take(&mut self.towers.receipts);
        self.store.write(|writer| {
            receipts.iter().try_for_each(|(tower, receipt)| writer.put_tower_receipt(&tower.serialize(), receipt))
        })?;
        for (peer, receipt) in &receipts {
            if let Some(tower) = self.towers.named(peer) {
                tower.offered.remove(&receipt.blob);
            }
        }
        self.revision += 1;
        self.offer_blobs()
    }

    /// Gives every connected tower what it has no lasting receipt for, a window at a time.
    ///
    /// # Errors
    /// On I/O.
    pub fn offer_blobs(&mut self) -> Result<()> {
        let until = self.tip_height().saturating_add(RENEW_BLOCKS);
        for tower in &mut self.towers.list {
            if !tower.connected || !tower.offered.is_empty() {
                continue;
            }
            let node_id = tower.address.node_id;
            for sealed in self.store.blobs_without_receipt(&node_id.serialize(), until, WINDOW)? {
                tower.offered.insert(sealed.digest());
                self.peers.send(node_id, Msg::TowerStore(TowerStore { hint: sealed.hint.0, blob: sealed.blob }));
            }
        }
        Ok(())
    }

    /// The blobs of a commitment that the other side has just revoked; none without towers, and none for one that holds nothing to
    /// take (C-80).
    ///
    /// # Errors
    /// When there is no randomness.
    pub(super) fn seal_revoked(
        &mut self,
        number: u32,
        revoked: u64,
        over: &[CommitmentContext],
    ) -> Result<Vec<BlobRow>> {
        if self.towers.is_empty() {
            return Ok(Vec::new());
        }
        let rate = self.towers.rate.unwrap_or_else(|| self.bitcoind.fee_market().economical);
        self.towers.rate = Some(rate);
        let script = self.wallet.unused_script()?;
        let channel = self.channel(number)?;
        let watch = channel.machine.watch();
        let mut rows = Vec::new();
        for context in over {
            let balances = Balances { member_sat: context.params.member_sat, hub_sat: context.params.hub_sat };
            let seal = |rate| -> Result<Result<_, BlobError>> {
                let terms = TowerTerms { script: script.clone(), rate, aux_rand: entropy()? };
                Ok(seal_justice(&watch, context, revoked, balances, &terms, entropy()?))
            };
            let sealed = match seal(rate)? {
                Err(BlobError::Justice(JusticeError::Fee { .. })) => seal(FLOOR)?,
                sealed => sealed,
            };
            match sealed {
                Ok(sealed) => rows.push(BlobRow { channel: number, number: revoked, sealed }),
                Err(error) => tracing::debug!(number, revoked, %error, "no blob"),
            }
        }
        Ok(rows)
    }

    /// Makes the blobs that are missing because a tower was named later: the log has the balances of every checkpoint.
    ///
    /// # Errors
    /// On I/O.
    pub fn backfill_blobs(&mut self) -> Result<()> {
        if self.towers.is_empty() {
            return Ok(());
        }
        let mut missing: Vec<(u32, u64, CommitmentContext)> = Vec::new();
        for channel in self.stakes.iter() {
            let (Some(context), Some(id)) = (channel.machine.context(), channel.machine.id()) else { continue };
            let Some(record) = self.ledger.state().channels().get(&ChannelId(id.0)) else { continue };
            let revoked = channel.machine.peer_numbers().0;
            for (_, checkpoint) in record.checkpoints.iter().rev().filter(|(_, c)| c.number < revoked) {
                // Where several fundings were in force the checkpoint does not say what stood over each.
                let [funding] = checkpoint.fundings.as_slice() else { continue };
                if missing.len() < BACKFILL_MAX && !self.store.has_blob(channel.number, checkpoint.number)? {
                    let mut context = context.over(funding.outpoint);
                    context.params.member_sat = checkpoint.member_sat;
                    context.params.hub_sat = checkpoint.hub_sat;
                    missing.push((channel.number, checkpoint.number, context));
                }
            }
        }
        let mut rows = Vec::new();
        for (channel, number, context) in missing {
            rows.extend(self.seal_revoked(channel, number, &[context])?);
        }
        if rows.is_empty() { Ok(()) } else { self.store.write(|writer| writer.put_blobs(&rows)) }
    }

    /// How far each tower is with a channel.
    pub fn tower_states(&self, channel: u32) -> Vec<TowerState> {
        let state = |tower: &Tower| {
            let node_id = tower.address.node_id.serialize();
            let (receipts, until_height) = self.store.receipts_of(&node_id, channel).unwrap_or_default();
            TowerState {
                tower: tower.address.to_string(),
                connected: tower.connected,
                receipts,
                until_height,
                refusal: tower.refusal.clone(),
            }
        };
        self.towers.list.iter().map(state).collect()
    }

    fn on_tower_stored(&mut self, peer: PublicKey, stored: &TowerStored) -> Result<()> {
        let network = NetworkId(self.dao.params.network.0);
        let TowerStored { blob, from_height, until_height, signature } = *stored;
        let receipt = TowerReceipt { network, blob, from_height, until_height, signature };
        let sealed = self.store.blob(&blob)?;
        // A channel that ended meanwhile has no blobs any more.
        let Some(sealed) = sealed else { return Ok(()) };
        let judged = receipt.verify(&peer.x_only_public_key().0, network, &sealed);
        let long_enough = until_height >= from_height.max(self.tip_height()).saturating_add(RENEW_BLOCKS);
        let tower = self.towers.named(&peer).context("the tower is named")?;
        let refusal = match judged {
            Err(error) => Some(error.to_string()),
            Ok(()) if !long_enough => {
                Some(format!("its promise ends at height {until_height}, too soon to be renewed"))
            }
            Ok(()) => None,
        };
        tower.refusal.clone_from(&refusal);
        match refusal {
            None => {
                self.alarms.remove("tower");
                self.towers.receipts.push((peer, receipt));
            }
            Some(why) => {
                let words = format!("The tower {} gave a receipt that is no good: {why}", tower.address);
                self.alarms.insert("tower", words);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-150: who refused has answered, and is not counted among those who may still say something.
    #[test]
    fn a_tower_that_refused_is_not_counted_as_silent() {
        assert_eq!(Towers::default().life_words(), None);
        let node_id = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        let lives = [KnownLife::Newest, KnownLife::Untold, KnownLife::Refused, KnownLife::Refused];
        let towers = lives.map(|life| Tower {
            address: format!("{node_id}@127.0.0.1:9").parse().unwrap(),
            connected: false,
            offered: BTreeSet::new(),
            refusal: None,
            life,
        });
        let words = Towers { list: towers.into(), ..Towers::default() }.life_words().unwrap();
        assert!(
            words.contains("folder: 1; that have not answered: 1; that refuse") && words.ends_with("it: 2."),
            "{words}"
        );
    }
}
