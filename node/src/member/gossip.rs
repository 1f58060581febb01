//! Comparing with other members what the hub signed (A-111, N-80 to N-82): two heads that contradict each other are proof of fraud.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use althing_channels::Msg;
use althing_channels::wire::{Head, Hello};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::LogHead;
use althing_governance::signing::Signed;
use anyhow::{Context as _, Result};
use bitcoin::secp256k1::{PublicKey, Secp256k1};

use super::Member;
use crate::config::Config;
use crate::peers::PeerAddress;
use crate::proof;

/// Heads of others that wait until this node's log is as long.
const WAITING_MAX: usize = 64;

/// Name of the alarm about proven fraud.
const FRAUD: &str = "fraud";

/// Heads that others showed, and who is told of ours.
#[derive(Debug, Default)]
pub(super) struct Gossip {
    /// Peers that said hello and are no hub.
    friends: Vec<PublicKey>,
    /// Heads of others that this node's log does not reach yet, by size.
    waiting: BTreeMap<(u64, [u8; 32]), Signed<LogHead>>,
    /// Those that a connection is kept to.
    called: BTreeSet<PublicKey>,
    /// Size of the newest head that the friends were told.
    told: u64,
}

impl Gossip {
    /// Peers that said hello and are no hub.
    pub(super) fn friends(&self) -> &[PublicKey] {
        &self.friends
    }

    /// The size of the longest log of which a head waits here.
    pub(super) fn longest_shown(&self) -> u64 {
        self.waiting.keys().map(|(size, _)| *size).max().unwrap_or(0)
    }
}

/// Where this member's node listens for others, by its settings.
///
/// # Errors
/// Settings that name no address.
pub(super) fn listen_address(dir: &Path) -> Result<Option<SocketAddr>> {
    let listen = Config::load(dir)?.gossip.listen;
    listen
        .map(|text| text.parse().with_context(|| format!("N-11: gossip.listen is {text:?}, not host:port")))
        .transpose()
}

impl Member {
    /// Connects to the peers that settings and charter name, and remembers what was proven before.
    pub(super) fn begin_gossip(&mut self) -> Result<()> {
        let settings = Config::load(&self.shell.dir)?.gossip;
        let charter = self.shell.ledger.state().charter();
        let own = crate::peers::node_id(&self.shell.keys.node_seed());
        for text in charter.gossip_peers.iter().chain(&settings.peers) {
            // The charter may also name a host alone, which has no key to be met by.
            match text.parse::<PeerAddress>() {
                Ok(address) if address.node_id != self.hub && address.node_id != own => {
                    if self.gossip.called.insert(address.node_id) {
                        self.shell.peers.keep_connected(address);
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(peer = text, %error, "a gossip peer without a key"),
            }
        }
        if let Some(file) = fraud_proofs(&self.shell.dir)?.first() {
            self.shell.alarms.insert(FRAUD, fraud_words(file));
        }
        Ok(())
    }

    /// A peer that is not the hub came.
    pub(super) fn on_friend(&mut self, peer: PublicKey) {
        self.say_hello_to(peer);
        self.tell_head(peer);
    }

    /// A peer that is not the hub said something.
    pub(super) fn on_friend_message(&mut self, peer: PublicKey, message: Msg) -> Result<()> {
        match message {
            Msg::Hello(hello) if self.is_ours(&hello) => {
                if !self.gossip.friends.contains(&peer) {
                    self.gossip.friends.push(peer);
                    self.tell_head(peer);
                }
                Ok(())
            }
            Msg::Head(head) if self.gossip.friends.contains(&peer) => self.on_head(&head.head),
            Msg::LogFetch(fetch) if self.gossip.friends.contains(&peer) => self.serve_friend(peer, &fetch),
            Msg::LogSegment(message) if self.gossip.friends.contains(&peer) => {
                self.on_friends_segment(peer, &message.segment)
            }
            other => {
                tracing::debug!(%peer, ?other, "from a peer that is not the hub");
                Ok(())
            }
        }
    }

    /// Another hub took over: what the former one signed is compared no more.
    pub(super) fn forget_waiting_heads(&mut self) {
        self.gossip.waiting.clear();
    }

    /// A peer that is not the hub is gone.
    pub(super) fn forget_friend(&mut self, peer: PublicKey) {
        self.gossip.friends.retain(|friend| *friend != peer);
        self.replication.forget(&peer);
    }

    /// Compares a head that somebody showed with this node's log; from the hub itself it is compared as well.
    pub(super) fn on_head(&mut self, bytes: &[u8]) -> Result<()> {
        let Ok(head) = Signed::<LogHead>::from_bytes(bytes) else { return Ok(()) };
        let params = self.shell.ledger.state().params();
        if (head.network, head.dao) != (params.network, params.dao_id) || !self.is_hubs(&head) {
            return Ok(());
        }
        self.compare(head)
    }

    /// What waited for the log, and what the friends do not know yet.
    pub(super) fn gossip_on(&mut self) -> Result<()> {
        let size = self.shell.ledger.newest_head().map_or(0, |head| head.size);
        for (_, head) in std::mem::take(&mut self.gossip.waiting) {
            self.compare(head)?;
        }
        if size > self.gossip.told {
            self.gossip.told = size;
            for friend in self.gossip.friends.clone() {
                self.tell_head(friend);
            }
        }
        Ok(())
    }

    fn compare(&mut self, head: Signed<LogHead>) -> Result<()> {
        self.shell.newest.heard_of(head.size);
        let state = self.shell.ledger.state();
        let newest = state.heads().last().map(|record| record.head);
        let contradicted = state.heads().iter().any(|record| record.head.contradicts(&head));
        if contradicted {
            return self.prove_fraud(&head);
        }
        let agrees = state.tree().root_at(head.size) == Some(head.root);
        // Not as far yet; or another log, and no head of ours at the same place: one of the next ones will be.
        let behind = newest.is_none_or(|newest| newest.size < head.size || newest.tip_height < head.tip_height);
        if !agrees && behind && self.gossip.waiting.len() < WAITING_MAX {
            self.gossip.waiting.insert((head.size, head.root.0), head);
        } else if !agrees && !behind {
            let text = format!(
                "The hub signed a head of {} entries at height {} that this log does not have; no head here is of that place, so it is no proof yet.",
                head.size, head.tip_height
            );
            self.shell.alarms.insert("head", text);
            self.shell.revision += 1;
        }
        Ok(())
    }

    /// Writes the proof down, tells the person, and hands the head on, so that every honest member has both within a round.
    fn prove_fraud(&mut self, head: &Signed<LogHead>) -> Result<()> {
        let path = self.shell.dir.join(format!("fraud-head-{}.althing", head.tip_height));
        if path.exists() {
            return Ok(());
        }
        let Some(statement) = proof::prove_conflict(&self.shell, head, &path)? else { return Ok(()) };
        tracing::error!(statement, path = %path.display(), "fraud is proven");
        self.shell.alarms.insert(FRAUD, fraud_words(&path));
        self.shell.revision += 1;
        for friend in self.gossip.friends.clone() {
            self.shell.peers.send(friend, Msg::Head(Head { head: head.to_bytes() }));
        }
        Ok(())
    }

    fn tell_head(&self, peer: PublicKey) {
        if let Some(head) = self.shell.ledger.newest_head() {
            self.shell.peers.send(peer, Msg::Head(Head { head: head.to_bytes() }));
        }
    }

    fn is_ours(&self, hello: &Hello) -> bool {
        let params = self.shell.ledger.state().params();
        (hello.dao.0, hello.network.0) == (params.dao_id.0, params.network.0)
    }

    /// Signed by the hub of that time, also with a key that was replaced since.
    fn is_hubs(&self, head: &Signed<LogHead>) -> bool {
        let secp = Secp256k1::verification_only();
        let state = self.shell.ledger.state();
        // P-332: what a former hub signs behind the log that it left is nobody's word.
        let took_over = state.successors().iter().rfind(|record| record.position <= head.size);
        let since = took_over.map_or(0, |record| record.position.saturating_sub(1));
        let versions = state.charters().iter().filter(|version| version.position >= since);
        let mut keys = versions.map(|version| version.charter.hub_log_key);
        keys.any(|key| head.signature_check(&key, "head").verify(&secp).is_ok())
    }
}

/// The proofs of the hub's fraud that this node has written.
///
/// # Errors
/// On I/O.
pub(crate) fn fraud_proofs(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        if text.starts_with("fraud-") && text.ends_with(".althing") {
            found.push(dir.join(&name));
        }
    }
    found.sort();
    Ok(found)
}

fn fraud_words(path: &Path) -> String {
    format!("The hub has signed two different logs. The proof is in {}; give it to every member.", path.display())
}
