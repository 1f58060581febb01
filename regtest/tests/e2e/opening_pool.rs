//! N-35: what strangers can make a hub keep for nothing, and when it lets go of it.

use std::sync::mpsc::{Receiver, channel};

use althing_channels::wire::{Hello, PROTOCOL_VERSION, PeerError};
use althing_channels::{
    Channel, ChannelKeys, ChannelParams, ChannelSeed, CheckpointRequest, DaoId, Effect, HUB_CSV_BLOCKS,
    MEMBER_CSV_BLOCKS, Msg, NetworkId, OpeningId, SessionSecret,
};
use althing_governance::codec::Canonical as _;
use althing_governance::dao::channel_id;
use althing_governance::entry::{Checkpoint, CheckpointFunding};
use althing_governance::id::{LaneHead, MemberId};
use althing_node::dao::Dao;
use althing_node::peers::{PeerAddress, PeerEvent, Peers};
use althing_regtest::story::Assembly;
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, bail, ensure};
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::{Keypair, Secp256k1, SecretKey};
use bitcoin::{BlockHash, OutPoint, Txid};

use crate::channel_ends::{PATIENCE, with_stakes};

/// Openings that all peers together may have under way.
const ALL: usize = 1024;

/// Openings that one peer may have under way.
const EACH: usize = 4;

/// Blocks for which a hub waits for a funding.
const WAIT: u32 = 2016;

#[test]
fn whoever_funds_nothing_neither_fills_the_hub_nor_stays() {
    with_stakes("opening-pool", |assembly| {
        let tip = assembly.node.tip()?.height;
        let dao = Dao::load(assembly.hub.data_dir())?;
        let members = assembly.hub.stakes()?.len();
        let mut strangers = 1..;
        let mut stranger = || Stranger::meet(&dao, strangers.next().context("endless")?);
        // So many that none fits besides, all signed by both sides, over coins that do not exist.
        for peer in 0..ALL / EACH {
            let mut stranger = stranger()?;
            for place in 0..EACH {
                let refusal = stranger.sign_for(tip - 2)?;
                ensure!(refusal.is_none(), "stranger {peer}, opening {place}: {refusal:?}");
            }
        }
        let kept = |assembly: &Assembly, wanted: usize| {
            wait_for("the hub's openings", PATIENCE, || match assembly.hub.stakes() {
                Ok(stakes) if stakes.len() == members + wanted => Look::Ready(()),
                Ok(stakes) => Look::NotYet(format!("{} channels, {members} of members", stakes.len())),
                Err(error) => Look::NotYet(format!("{error:#}")),
            })
        };
        kept(assembly, ALL)?;
        // Nobody gives way for whoever comes in the same block: the fundings may be on their way.
        let refusal = stranger()?.sign_for(tip)?.context("there was room")?;
        ensure!(refusal.rule == "N-35" && refusal.detail.contains("1024 openings of all members"), "{refusal:?}");
        assembly.mine(1)?;
        let refusal = stranger()?.sign_for(tip + 8)?.context("a height that is too far ahead to be true was signed")?;
        ensure!(refusal.detail.contains("N-35") && refusal.detail.contains("signed at height"), "{refusal:?}");
        for _ in 0..EACH {
            ensure!(stranger()?.sign_for(tip)?.is_none(), "the oldest did not give way");
        }
        kept(assembly, ALL)?;
        // What was not mined in two weeks is over; the newest four were signed at a later block.
        for member in &mut assembly.members {
            member.stop()?;
        }
        assembly.hub.stop()?;
        let now = assembly.node.tip()?.height;
        assembly.node.mine(tip - 2 + WAIT - now)?;
        assembly.hub.start()?;
        kept(assembly, EACH)?;
        assembly.node.mine(2)?;
        kept(assembly, 0)?;
        Ok(())
    });
}

/// Somebody with keys, a vote key and no coins.
struct Stranger {
    number: u64,
    opened: u8,
    params: ChannelParams,
    peers: Peers,
    heard: Receiver<PeerEvent>,
    hub: PeerAddress,
}

impl Stranger {
    fn meet(dao: &Dao, number: u64) -> Result<Self> {
        let (say, heard) = channel();
        let peers = Peers::start(&secret(number, 0), None, move |event| {
            let _ = say.send(event);
        })?;
        let hub: PeerAddress = dao.hub.parse()?;
        peers.keep_connected(hub.clone());
        match heard.recv_timeout(PATIENCE) {
            Ok(PeerEvent::Up(_)) => {}
            other => bail!("the hub does not answer: {other:?}"),
        }
        let params = ChannelParams {
            network: NetworkId(dao.params.network.0),
            dao: DaoId(dao.params.dao_id.0),
            member_sat: 50_000,
            hub_sat: 0,
            member_csv_blocks: MEMBER_CSV_BLOCKS,
            hub_csv_blocks: HUB_CSV_BLOCKS,
        };
        let stranger = Self { number, opened: 0, params, peers, heard, hub };
        stranger.say(Msg::Hello(Hello {
            dao: stranger.params.dao,
            network: stranger.params.network,
            protocol: PROTOCOL_VERSION,
            vote_key: Some(stranger.vote_key()?.x_only_public_key().0.serialize()),
        }));
        Ok(stranger)
    }

    fn say(&self, message: Msg) {
        self.peers.send(self.hub.node_id, message);
    }

    fn vote_key(&self) -> Result<Keypair> {
        Ok(Keypair::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&secret(self.number, 1))?))
    }

    /// One opening up to both signatures, over a funding that nobody made; gives the hub's refusal.
    fn sign_for(&mut self, tip_height: u32) -> Result<Option<PeerError>> {
        self.opened += 1;
        let opening = OpeningId(secret(self.number, 10 + self.opened));
        let keys = ChannelKeys::new(ChannelSeed::new(secret(self.number, 50 + self.opened)));
        let (mut machine, mut effects) = Channel::member_open(keys, opening, self.params)?;
        let funding = OutPoint { txid: Txid::from_byte_array(opening.0), vout: 0 };
        loop {
            let mut next = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Send(message) => self.say(message),
                    Effect::BuildFunding { .. } => {
                        let checkpoint = self.checkpoint(&machine, funding, tip_height)?;
                        let signature = checkpoint.sign(&Secp256k1::new(), &self.vote_key()?, &[7; 32]);
                        next.extend(machine.fund(funding, checkpoint.to_bytes(), *signature.as_ref())?);
                    }
                    Effect::CheckCheckpoint(CheckpointRequest { .. }) => {
                        next.extend(machine.checkpoint_accepted(self.session()?)?);
                    }
                    Effect::BroadcastFunding(_) => return Ok(None),
                    _ => {}
                }
            }
            if next.is_empty() {
                match self.heard.recv_timeout(PATIENCE).context("the hub says nothing")? {
                    PeerEvent::Message(_, message) => match *message {
                        Msg::PeerError(error) => return Ok(Some(error)),
                        message @ (Msg::AcceptStake(_) | Msg::FundingSigned(_)) => {
                            next = machine.handle(&message, self.session()?);
                        }
                        _ => {}
                    },
                    PeerEvent::Down(_) => bail!("stranger {} was disconnected", self.number),
                    PeerEvent::Up(_) => {}
                }
            }
            effects = next;
        }
    }

    fn session(&self) -> Result<SessionSecret> {
        Ok(SessionSecret::new(secret(self.number, 100 + self.opened))?)
    }

    fn checkpoint(&self, machine: &Channel, funding: OutPoint, tip_height: u32) -> Result<Checkpoint> {
        let commitments = machine.first_commitments(funding)?;
        let dao = althing_governance::id::DaoId(self.params.dao.0);
        Ok(Checkpoint {
            network: althing_governance::id::NetworkId(self.params.network.0),
            dao,
            channel: channel_id(dao, funding),
            member: MemberId::of(&self.vote_key()?.x_only_public_key().0),
            number: 0,
            fundings: vec![CheckpointFunding {
                outpoint: funding,
                member_commitment: commitments.member,
                hub_commitment: commitments.hub,
            }],
            tip_height,
            tip_hash: BlockHash::all_zeros(),
            member_sat: self.params.member_sat,
            hub_sat: 0,
            forfeited_sat: 0,
            incarnation: 0,
            sequence: 0,
            head: LaneHead([0; 32]),
        })
    }
}

/// Different for each stranger and use.
fn secret(number: u64, what: u8) -> [u8; 32] {
    let mut secret = [what; 32];
    secret[..8].copy_from_slice(&number.to_be_bytes());
    secret[31] = 1;
    secret
}
