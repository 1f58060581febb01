//! What the hub hands out: the log, the newest head, the founding file, the links.

use althing_channels::Msg;
use althing_channels::wire::{DaoInfo, LinkInfo, LogEnd, LogSegment};
use althing_governance::codec::Canonical as _;
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use super::Hub;
use crate::peers::PeerId;
use crate::shell::NEWEST_HEAD;

/// Segments handed out for one question; the member asks again from where it then is.
const SEGMENTS_PER_FETCH: u32 = 64;

/// Bytes of one part of the founding file.
const DAO_PART: usize = 16 * 1024;

impl Hub {
    /// Tells every peer what it asked for. Behind a commit, so that only what is durable is said: a head that was signed but lost
    /// in a crash would be a proof of fraud against an honest hub.
    pub(super) fn tell_wanted(&mut self) -> Result<()> {
        if self.stopping {
            return Ok(());
        }
        while let Some((peer, wanted)) = self.wanted.pop_first() {
            if wanted.greeting {
                self.greet(peer)?;
            }
            if wanted.dao {
                self.serve_dao(peer);
            }
            if let Some(from) = wanted.log_from {
                self.serve_log(peer, from)?;
            }
        }
        Ok(())
    }

    /// Tells a peer that said hello where the log and the links stand.
    fn greet(&mut self, peer: PublicKey) -> Result<()> {
        let end = self.log_end()?;
        self.shell.peers.send(peer, Msg::LogEnd(end));
        for (epoch, header, link) in self.links.public() {
            self.shell.peers.send(peer, Msg::LinkInfo(LinkInfo { epoch, header, link }));
        }
        Ok(())
    }

    fn serve_log(&mut self, peer: PublicKey, from: u64) -> Result<()> {
        for segment in self.shell.store.segments_from(from, SEGMENTS_PER_FETCH)? {
            self.shell.peers.send(peer, Msg::LogSegment(LogSegment { segment: segment.to_bytes() }));
        }
        let end = self.log_end()?;
        self.shell.peers.send(peer, Msg::LogEnd(end));
        Ok(())
    }

    fn serve_dao(&self, peer: PublicKey) {
        let text = self.shell.dao.to_json().into_bytes();
        let parts = u32::try_from(text.chunks(DAO_PART).len()).unwrap_or(u32::MAX);
        for (part, bytes) in (0..).zip(text.chunks(DAO_PART)) {
            self.shell.peers.send(peer, Msg::DaoInfo(DaoInfo { part, parts, bytes: bytes.to_vec() }));
        }
    }

    /// Tells everybody about a link that was just broadcast.
    pub(super) fn announce_link(&self, epoch: u32, header: Vec<u8>, link: Vec<u8>) {
        for PeerId(peer) in self.members.keys() {
            let info = LinkInfo { epoch, header: header.clone(), link: link.clone() };
            self.shell.peers.send(*peer, Msg::LinkInfo(info));
        }
    }

    /// Where the durable log ends.
    fn log_end(&self) -> Result<LogEnd> {
        let size = self.shell.store.log_size()?;
        let head = self.shell.store.meta(NEWEST_HEAD)?.unwrap_or_default();
        Ok(LogEnd { size, head })
    }
}
