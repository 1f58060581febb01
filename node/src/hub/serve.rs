//! What the hub hands out: the log, the newest head, the founding file, the links.

use althing_channels::Msg;
use althing_channels::wire::{DaoInfo, LinkInfo, LogEnd, LogSegment};
use althing_governance::codec::Canonical as _;
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use super::Hub;

/// Segments handed out for one question; the member asks again from where it then is.
const SEGMENTS_PER_FETCH: u32 = 64;

/// Bytes of one part of the founding file.
const DAO_PART: usize = 16 * 1024;

impl Hub {
    /// Tells a peer that said hello where the log and the links stand.
    pub(super) fn greet(&mut self, peer: PublicKey) {
        self.shell.peers.send(peer, Msg::LogEnd(self.log_end()));
        for (epoch, header, link) in self.links.public() {
            self.shell.peers.send(peer, Msg::LinkInfo(LinkInfo { epoch, header, link }));
        }
    }

    pub(super) fn serve_log(&mut self, peer: PublicKey, from: u64) -> Result<()> {
        for segment in self.shell.store.segments_from(from, SEGMENTS_PER_FETCH)? {
            self.shell.peers.send(peer, Msg::LogSegment(LogSegment { segment: segment.to_bytes() }));
        }
        self.shell.peers.send(peer, Msg::LogEnd(self.log_end()));
        Ok(())
    }

    pub(super) fn serve_dao(&self, peer: PublicKey) {
        let text = self.shell.dao.to_json().into_bytes();
        let parts = u32::try_from(text.chunks(DAO_PART).len()).unwrap_or(u32::MAX);
        for (part, bytes) in (0..).zip(text.chunks(DAO_PART)) {
            self.shell.peers.send(peer, Msg::DaoInfo(DaoInfo { part, parts, bytes: bytes.to_vec() }));
        }
    }

    /// Tells everybody about a link that was just broadcast.
    pub(super) fn announce_link(&self, epoch: u32, header: Vec<u8>, link: Vec<u8>) {
        for peer in self.members.keys() {
            let info = LinkInfo { epoch, header: header.clone(), link: link.clone() };
            self.shell.peers.send(*peer, Msg::LinkInfo(info));
        }
    }

    /// Size of the durable log: entries of the batch under way are not promised to anybody yet.
    fn log_end(&self) -> LogEnd {
        let size = self.shell.ledger.state().size() - self.batch.len();
        let head = self.shell.ledger.newest_head().map(|head| head.to_bytes()).unwrap_or_default();
        LogEnd { size, head }
    }
}
