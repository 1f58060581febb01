//! Hazard: an entry comes to the hub before the hello that was sent ahead of it, and its author waits for ever.

use std::sync::mpsc::channel;

use althing_channels::Msg;
use althing_channels::wire::AppEntry;
use althing_governance::entry::entry_id;
use althing_node::dao::Dao;
use althing_node::peers::{PeerAddress, PeerEvent, Peers};
use anyhow::{Context as _, ensure};

use crate::channel_ends::{PATIENCE, with_stakes};

/// N-30: entries have a way of their own (N-70), on which they can overtake a hello that waits in its line (N-98).
#[test]
fn an_entry_that_overtakes_its_hello_is_asked_for_again() {
    with_stakes("overtaken", |assembly| {
        let dao = Dao::load(assembly.hub.data_dir())?;
        let (heard, hears) = channel();
        let early = Peers::start(&[0x77; 32], None, move |event| drop(heard.send(event)))?;
        early.keep_connected(dao.hub.parse::<PeerAddress>()?);
        let hub = loop {
            if let PeerEvent::Up(hub) = hears.recv_timeout(PATIENCE)? {
                break hub;
            }
        };
        let entry = b"before hello".to_vec();
        let id = entry_id(&entry);
        early.send(hub, Msg::AppEntry(AppEntry { sequence: 7, entry }));
        let nack = loop {
            if let PeerEvent::Message(_, message) = hears.recv_timeout(PATIENCE).context("no answer came")?
                && let Msg::AppNack(nack) = *message
            {
                break nack;
            }
        };
        ensure!((nack.sequence, nack.entry, nack.rule.as_str()) == (7, id.0, "N-30"), "{nack:?}");
        ensure!(nack.transient, "what is refused for good ends an incarnation: {nack:?}");
        Ok(())
    });
}
