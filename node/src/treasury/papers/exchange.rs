//! Lists, questions and parts: how papers get from one node to the other (T-306 to T-309).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use althing_anchor::{MAX_PAPER_BYTES, SignedPaper, is_treasurer_hello, sign_treasurer_hello};
use althing_channels::Msg;
use althing_channels::wire::{
    List, MAX_PAPER_IDS, MAX_PAPER_PART, PaperFetch, PaperList, PaperPart, PeerError, TreasurerHello,
};
use anyhow::Result;
use bitcoin::BlockHash;
use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey, schnorr};

use super::{AHEAD_BLOCKS, PAPER_BYTES_MAX, PAPER_LIFE_BLOCKS, PAPERS_MAX, office, own_office, row_of, taking};
use crate::keys::{entropy, hex};
use crate::shell::Shell;
use crate::treasury::sessions::has_news_of;

/// Parts handed out for one question.
const WINDOW: u16 = 32;

/// Papers that are asked for from one peer at most, one after the other.
const WANTED_MAX: usize = 2048;

/// Name of the alarm about a hub that hands over what no treasurer signed.
const RELAY: &str = "papers";

/// Exchanges under way.
#[derive(Debug, Default)]
pub(crate) struct Papers {
    partners: BTreeMap<PublicKey, Exchange>,
    /// Where chain and log ended when those that wait were looked at last.
    pub(super) looked: Option<Ends>,
}

/// The best block, and the height of the newest head of the log.
pub(super) type Ends = (Option<(u32, BlockHash)>, Option<u32>);

/// With one peer.
#[derive(Debug, Default)]
struct Exchange {
    wanted: VecDeque<[u8; 32]>,
    coming: Option<Coming>,
    /// Papers that came and were no good; not asked for again on this connection.
    bad: BTreeSet<[u8; 32]>,
}

/// Why a paper is not taken.
struct NotTaken {
    reason: String,
    /// It may be taken when this node's chain and log have gone on: it is asked for again when it is listed again (T-102).
    may_pass: bool,
}

impl NotTaken {
    fn ever(reason: String) -> Self {
        Self { reason, may_pass: false }
    }
}

/// A paper of which some parts are here.
#[derive(Debug)]
struct Coming {
    id: [u8; 32],
    parts: Option<u16>,
    next: u16,
    bytes: Vec<u8>,
}

impl Papers {
    /// Peers with whom papers are exchanged.
    pub(super) fn partners(&self) -> Vec<PublicKey> {
        self.partners.keys().copied().collect()
    }

    /// Whether some are still coming.
    pub(super) fn are_coming(&self) -> bool {
        self.partners.values().any(|exchange| exchange.coming.is_some())
    }

    /// A peer is gone.
    pub(crate) fn forget(&mut self, peer: &PublicKey) {
        self.partners.remove(peer);
    }
}

impl Shell {
    /// As [`Self::join_treasurers`], once; a treasurer may be elected while the hub is connected.
    pub(crate) fn keep_joined(&mut self, hub: PublicKey) -> Result<()> {
        if self.papers.partners.contains_key(&hub) { Ok(()) } else { self.join_treasurers(hub) }
    }

    /// A treasurer's node has the hub: it says who it is and what it holds. Others have nothing to say here.
    fn join_treasurers(&mut self, hub: PublicKey) -> Result<()> {
        let Some(office) = own_office(self) else { return Ok(()) };
        let own_node = crate::peers::node_id(&self.keys.node_seed());
        let nodes = (own_node.serialize(), hub.serialize());
        let signature = sign_treasurer_hello(&office.keypair, self.paper_dao(), nodes, &entropy()?);
        let hello = TreasurerHello { key: office.key(), signature: signature.serialize() };
        self.peers.send(hub, Msg::TreasurerHello(hello));
        self.papers.partners.insert(hub, Exchange::default());
        self.offer_papers(hub)
    }

    /// Messages about papers; `false` for others.
    pub(crate) fn on_paper_message(&mut self, peer: PublicKey, message: &Msg) -> Result<bool> {
        match message {
            Msg::TreasurerHello(hello) => self.on_treasurer_hello(peer, hello)?,
            Msg::PaperList(list) => self.on_paper_list(peer, list)?,
            Msg::PaperFetch(fetch) => self.on_paper_fetch(peer, *fetch)?,
            Msg::PaperPart(part) => self.on_paper_part(peer, part)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Lists every paper that is here.
    pub(super) fn offer_papers(&mut self, peer: PublicKey) -> Result<()> {
        let ids: Vec<[u8; 32]> = self.store.papers()?.into_iter().map(|row| row.id).collect();
        self.list_papers(peer, &ids);
        Ok(())
    }

    pub(super) fn list_papers(&mut self, peer: PublicKey, ids: &[[u8; 32]]) {
        for ids in ids.chunks(MAX_PAPER_IDS) {
            if let Some(ids) = List::new(ids.to_vec()) {
                self.peers.send(peer, Msg::PaperList(PaperList { ids }));
            }
        }
    }

    /// T-306: papers are for treasurers. The signature is for the two ends of this connection, whose keys BOLT 8 has shown.
    fn on_treasurer_hello(&mut self, peer: PublicKey, hello: &TreasurerHello) -> Result<()> {
        let own_node = crate::peers::node_id(&self.keys.node_seed());
        let nodes = (peer.serialize(), own_node.serialize());
        let key = XOnlyPublicKey::from_slice(&hello.key).ok();
        let signature = schnorr::Signature::from_slice(&hello.signature).ok();
        let name = key.zip(signature).and_then(|(key, signature)| {
            is_treasurer_hello(&key, self.paper_dao(), nodes, &signature).then(|| office::name_of(self, &key))?
        });
        if name.is_none() {
            let detail = format!("T-306: {} is no treasurer, or did not sign this hello", hex(&hello.key));
            self.peers.send(peer, Msg::PeerError(PeerError::new("T-306", &detail, None)));
            return Ok(());
        }
        self.papers.partners.insert(peer, Exchange::default());
        self.offer_papers(peer)
    }

    fn on_paper_list(&mut self, peer: PublicKey, list: &PaperList) -> Result<()> {
        let Some(exchange) = self.papers.partners.get_mut(&peer) else { return Ok(()) };
        for id in list.ids.items() {
            let is_new = !exchange.bad.contains(id) && !exchange.wanted.contains(id);
            if is_new && exchange.wanted.len() < WANTED_MAX && !self.store.has_paper(id)? {
                exchange.wanted.push_back(*id);
            }
        }
        // A paper that is on its way and listed again may have got lost: it is asked for anew.
        exchange.coming.take_if(|coming| list.ids.items().contains(&coming.id));
        self.ask_for_paper(peer)
    }

    fn ask_for_paper(&mut self, peer: PublicKey) -> Result<()> {
        let Some(exchange) = self.papers.partners.get_mut(&peer) else { return Ok(()) };
        while exchange.coming.is_none() {
            let Some(id) = exchange.wanted.front().copied() else { return Ok(()) };
            if self.store.has_paper(&id)? {
                exchange.wanted.pop_front();
                continue;
            }
            exchange.coming = Some(Coming { id, parts: None, next: 0, bytes: Vec::new() });
            self.peers.send(peer, Msg::PaperFetch(PaperFetch { id, from: 0 }));
        }
        Ok(())
    }

    fn on_paper_fetch(&mut self, peer: PublicKey, fetch: PaperFetch) -> Result<()> {
        if !self.papers.partners.contains_key(&peer) {
            return Ok(());
        }
        let Some(bytes) = self.store.paper(&fetch.id)? else { return Ok(()) };
        let parts = u16::try_from(bytes.chunks(MAX_PAPER_PART).len()).unwrap_or(u16::MAX);
        let window = (0u16..).zip(bytes.chunks(MAX_PAPER_PART)).skip(usize::from(fetch.from)).take(usize::from(WINDOW));
        for (part, bytes) in window {
            self.peers.send(peer, Msg::PaperPart(PaperPart { id: fetch.id, part, parts, bytes: bytes.to_vec() }));
        }
        Ok(())
    }

    fn on_paper_part(&mut self, peer: PublicKey, part: &PaperPart) -> Result<()> {
        let Some(exchange) = self.papers.partners.get_mut(&peer) else { return Ok(()) };
        // Not asked for, or asked for again in the meantime.
        let Some(coming) = exchange.coming.as_mut().filter(|c| (c.id, c.next) == (part.id, part.part)) else {
            return Ok(());
        };
        let fits = coming.bytes.len() + part.bytes.len() <= MAX_PAPER_BYTES && part.bytes.len() <= MAX_PAPER_PART;
        if !fits || coming.parts.is_some_and(|parts| parts != part.parts) || part.part >= part.parts {
            let reason = "T-307: its parts do not make a paper".to_owned();
            return self.end_paper(peer, &part.id, Some(NotTaken::ever(reason)));
        }
        coming.bytes.extend_from_slice(&part.bytes);
        coming.parts = Some(part.parts);
        coming.next = part.part + 1;
        if coming.next == part.parts {
            let bytes = std::mem::take(&mut coming.bytes);
            let taken = self.take_paper(peer, &part.id, bytes)?;
            return self.end_paper(peer, &part.id, taken.err());
        }
        if coming.next % WINDOW == 0 {
            let fetch = PaperFetch { id: part.id, from: coming.next };
            self.peers.send(peer, Msg::PaperFetch(fetch));
        }
        Ok(())
    }

    /// A paper is here, or is not wanted any more for this reason; on with the next.
    fn end_paper(&mut self, peer: PublicKey, id: &[u8; 32], refused: Option<NotTaken>) -> Result<()> {
        if let Some(exchange) = self.papers.partners.get_mut(&peer) {
            exchange.coming = None;
            exchange.wanted.retain(|wanted| wanted != id);
            if let Some(NotTaken { reason, may_pass }) = refused {
                tracing::warn!(%peer, paper = hex(id), reason, may_pass, "a paper is not taken");
                if !may_pass {
                    exchange.bad.insert(*id);
                }
            }
        }
        self.ask_for_paper(peer)?;
        // Old words come first; the newest may be on their way.
        if self.papers.are_coming() { Ok(()) } else { office::watch_silence(self) }
    }

    /// T-305: believed is what a treasurer signed, whoever carried it.
    fn take_paper(&mut self, peer: PublicKey, id: &[u8; 32], bytes: Vec<u8>) -> Result<Result<(), NotTaken>> {
        let decoded = SignedPaper::decode(&bytes).map_err(|error| error.to_string());
        let decoded = decoded.and_then(|signed| match signed.id() == *id {
            true => Ok(signed),
            false => Err(format!("T-303: it has the id {}, not {}", hex(&signed.id()), hex(id))),
        });
        let signed = match decoded {
            Ok(signed) => signed,
            Err(reason) => {
                self.blame_relay(peer, &reason);
                return Ok(Err(NotTaken::ever(reason)));
            }
        };
        let paper = &signed.paper;
        if (paper.network, paper.dao) != self.paper_dao() {
            return Ok(Err(NotTaken::ever("T-303: it is of another DAO".to_owned())));
        }
        let Some(author) = office::name_of(self, &paper.author) else {
            let reason = format!("T-305: {} is a treasurer of no charter in this log", paper.author);
            return Ok(Err(NotTaken { reason, may_pass: !has_news_of(self, paper.height) }));
        };
        let tip = self.tip_height();
        if paper.height > tip.saturating_add(AHEAD_BLOCKS) || paper.height < tip.saturating_sub(PAPER_LIFE_BLOCKS) {
            let reason = format!("T-309: it was written at height {}, the tip is {tip}", paper.height);
            return Ok(Err(NotTaken { reason, may_pass: paper.height > tip }));
        }
        let (count, size) = self.store.papers_of(&paper.author.serialize())?;
        if count >= PAPERS_MAX || size.saturating_add(bytes.len() as u64) > PAPER_BYTES_MAX {
            let reason = format!("T-309: {count} papers of {author} with {size} bytes are here already");
            return Ok(Err(NotTaken::ever(reason)));
        }
        if own_office(self).is_some() {
            taking::take(self, &signed, &author)?;
        } else {
            let row = row_of(&signed, "held", "");
            self.store.write(|writer| writer.put_paper(&row, &bytes))?;
        }
        for other in self.papers.partners().into_iter().filter(|other| *other != peer) {
            self.list_papers(other, &[*id]);
        }
        Ok(Ok(()))
    }

    /// What was handed over is not what a treasurer signed: only the carrier can have changed it.
    fn blame_relay(&mut self, peer: PublicKey, reason: &str) {
        tracing::error!(%peer, reason, "a carrier changed a paper");
        if own_office(self).is_some() {
            let text = format!(
                "The hub handed over something about the treasury that no treasurer signed ({reason}). Nothing of it was taken."
            );
            self.alarms.insert(RELAY, text);
            self.revision += 1;
        }
    }

    fn paper_dao(&self) -> ([u8; 32], [u8; 32]) {
        (self.dao.params.network.0, self.dao.params.dao_id.0)
    }
}
