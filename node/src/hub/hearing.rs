//! What peers say beside entries: greetings, questions, channels.

use althing_channels::wire::{Hello, PROTOCOL_VERSION, PeerError};
use althing_channels::{DaoId, Msg, NetworkId};
use althing_governance::id::MemberId;
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use super::Hub;
use crate::peers::{PeerEvent, PeerId};
use crate::stakes::{Subject, subject};

impl Hub {
    pub(super) fn on_peer(&mut self, event: PeerEvent) {
        let done = self.shell.on_tower_event(&event);
        let is_of_tower = matches!(done, Ok(true));
        self.shell.settle_trouble("towers", done.map(drop));
        if is_of_tower {
            return;
        }
        match event {
            PeerEvent::Up(peer) => self.on_arrival(peer),
            PeerEvent::Down(peer) => {
                self.on_departure(&peer);
                self.copies.remove(&peer);
                self.newness.forget(&peer);
                self.shell.papers.forget(&peer);
                self.shell.forget_arriving_backup(&peer);
                self.forget_operator(&peer);
                self.members.remove(&PeerId(peer));
                self.wanted.remove(&peer);
            }
            PeerEvent::Message(peer, message) => {
                let done = self.on_message(peer, *message);
                self.shell.settle_trouble("peers", done);
            }
        }
    }

    fn on_message(&mut self, peer: PublicKey, message: Msg) -> Result<()> {
        match &message {
            Msg::LeaseClaim(claim) => return self.on_lease_claim(peer, claim),
            // A copy may read like anybody, and say nothing.
            other if self.copies.contains(&peer) && !reads(other) => return Ok(()),
            Msg::Hello(hello) => return self.on_hello(peer, hello),
            _ => {}
        }
        if !self.members.contains_key(&PeerId(peer)) {
            self.refuse_peer(peer, "N-30", "say hello first");
            return Ok(());
        }
        if self.shell.on_paper_message(peer, &message)? || self.on_operator_message(peer, &message)? {
            return Ok(());
        }
        match message {
            Msg::LogFetch(fetch) => {
                self.wanted.entry(peer).or_default().log_from = Some(fetch.from_position);
                Ok(())
            }
            Msg::DaoFetch(_) => {
                self.wanted.entry(peer).or_default().dao = true;
                Ok(())
            }
            Msg::BackupStore(store) => {
                if let Err(error) = self.shell.keep_backup(peer, &store) {
                    self.refuse_peer(peer, "C-90", &format!("{error:#}"));
                }
                Ok(())
            }
            Msg::BackupFetch(_) => self.shell.give_backup(peer),
            Msg::LogEnd(end) => self.on_log_end(peer, &end),
            Msg::LogSegment(message) => self.on_segment_back(peer, &message.segment),
            Msg::LinkInfo(info) => {
                self.newness.note_link(info);
                Ok(())
            }
            // Judged by the log, so not before that is the newest.
            other if !self.newness.is_sure() => {
                self.newness.defer(peer, other);
                Ok(())
            }
            other => self.on_stake_message(peer, &other),
        }
    }

    fn on_hello(&mut self, peer: PublicKey, hello: &Hello) -> Result<()> {
        let ours = (DaoId(self.shell.dao.params.dao_id.0), NetworkId(self.shell.dao.params.network.0));
        if (hello.dao, hello.network) != ours {
            self.refuse_peer(
                peer,
                "N-31",
                &format!(
                    "this hub serves DAO {} on network {}, you asked for DAO {} on {}",
                    ours.0, ours.1, hello.dao, hello.network
                ),
            );
            return Ok(());
        }
        if self.shut_out.contains(&peer) {
            self.refuse_peer(peer, "N-72", "too many of your entries had bad signatures");
            self.shell.peers.disconnect(peer);
            return Ok(());
        }
        if hello.protocol != PROTOCOL_VERSION {
            self.refuse_peer(
                peer,
                "N-32",
                &format!("this hub speaks protocol {PROTOCOL_VERSION}, you speak {}", hello.protocol),
            );
            return Ok(());
        }
        self.members.insert(PeerId(peer), hello.vote_key.map(MemberId));
        self.wanted.entry(peer).or_default().greeting = true;
        if self.copies.contains(&peer) {
            return Ok(());
        }
        let news = self.shell.reconnect_channels(&peer)?;
        self.on_stake_news(&news);
        Ok(())
    }

    pub(super) fn on_stake_message(&mut self, peer: PublicKey, message: &Msg) -> Result<()> {
        let known = match subject(message) {
            Some(Subject::Channel(id)) => self.shell.stakes.by_id(id),
            Some(Subject::Opening(opening)) => self.shell.stakes.by_opening(&peer, opening),
            None => return Ok(()),
        };
        let number = match known {
            Some(channel) if channel.peer == peer => channel.number,
            Some(_) => {
                self.refuse_peer(peer, "N-33", "that channel is another member's");
                return Ok(());
            }
            None => {
                let Msg::OpenStake(proposal) = message else {
                    // Named, so that the member can tell which of its channels this hub has lost.
                    let channel = match subject(message) {
                        Some(Subject::Channel(id)) => Some(id),
                        _ => None,
                    };
                    self.refuse(peer, PeerError::new("N-33", "that channel is not known here", channel));
                    return Ok(());
                };
                return self.accept_stake(peer, proposal);
            }
        };
        let news = self.shell.on_channel_message(number, message)?;
        self.on_stake_news(&news);
        // The funding may have been mined while the last message was on its way.
        let news = self.shell.update_channel_from_chain(number)?;
        self.on_stake_news(&news);
        Ok(())
    }

    pub(super) fn refuse_peer(&self, peer: PublicKey, rule: &str, detail: &str) {
        self.refuse(peer, PeerError::new(rule, detail, None));
    }

    pub(super) fn refuse(&self, peer: PublicKey, error: PeerError) {
        self.refused.borrow_mut().insert(peer);
        // Not louder: whoever wants to could fill the disk with it.
        tracing::debug!(%peer, rule = error.rule, detail = error.detail, "refused");
        self.shell.peers.send(peer, Msg::PeerError(error));
    }
}

/// Whether a message only asks for what is public.
fn reads(message: &Msg) -> bool {
    matches!(message, Msg::Hello(_) | Msg::LogFetch(_) | Msg::DaoFetch(_))
}
