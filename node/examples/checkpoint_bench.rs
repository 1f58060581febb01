//! Checkpoints a second on one channel, and over 200 channels of one hub that commits them in groups; bytes stored for a channel.
//!
//! Both sides' machines run in this one thread, with the store of a node (SQLite, WAL, `synchronous = FULL`): on one channel each side
//! stores every step by itself; of the 200 the hub stores each phase of all in one transaction, as its engine does with a batch, and
//! the members' disks are elsewhere. Their processors are too: the rate of the hub counts the time that the hub's side takes, the
//! other rate that of both. Signatures on checkpoints are made and checked. Prints one JSON object a line.
//!
//! `cargo run --release -p althing-node --example checkpoint_bench [seconds]`

#![allow(clippy::print_stdout, reason = "the output is the result")]
#![allow(clippy::unwrap_used, reason = "a benchmark that fails may panic")]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use althing_channels::{
    AppPosition, Change, Channel, ChannelKeys, ChannelParams, ChannelSeed, DaoId, Effect, HubTerms, Msg, NetworkId,
    OpeningId, SessionSecret, Side, tagged_hash,
};
use althing_node::store::{ChannelRow, Store};
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::{All, Keypair, Message, Secp256k1, SecretKey, schnorr};
use bitcoin::{OutPoint, Txid};

const STAKE_SAT: u64 = 10_000_000;
const CHANNELS: u32 = 200;

struct Peer {
    machine: Channel,
    outbox: VecDeque<Msg>,
    /// Encoded state that has to be stored before the outbox goes out.
    unstored: Option<Vec<u8>>,
    stores: u64,
}

struct Pair {
    number: u32,
    member: Peer,
    hub: Peer,
    entropy: u64,
    done: u64,
}

impl Pair {
    fn open(number: u32) -> Self {
        let seed =
            |role: u8| ChannelKeys::new(ChannelSeed::new(tagged_hash("bench/seed", &[&[role], &number.to_be_bytes()])));
        let params = ChannelParams {
            network: NetworkId([7; 32]),
            dao: DaoId([8; 32]),
            member_sat: STAKE_SAT,
            hub_sat: 0,
            member_csv_blocks: 144,
            hub_csv_blocks: 1008,
        };
        let terms = HubTerms {
            network: params.network,
            dao: params.dao,
            min_stake_sat: 1,
            max_stake_sat: STAKE_SAT,
            member_csv_blocks: 144,
            hub_csv_blocks: 1008,
        };
        let opening = OpeningId(tagged_hash("bench/opening", &[&number.to_be_bytes()]));
        let (member, effects) = Channel::member_open(seed(1), opening, params).unwrap();
        let Some(Msg::OpenStake(proposal)) = sends(&effects).next() else { panic!("no open_stake") };
        let (hub, effects) = Channel::hub_accept(seed(2), &proposal, &terms).unwrap();
        let peer = |machine| Peer { machine, outbox: VecDeque::new(), unstored: None, stores: 0 };
        let mut pair = Self { number, member: peer(member), hub: peer(hub), entropy: 0, done: 0 };
        pair.carry_out(Side::Hub, effects);
        pair.settle();
        let output = pair.hub.machine.funding_output().unwrap();
        for side in [Side::Member, Side::Hub] {
            let effects = pair.peer(side).machine.funding_confirmed(&output, 1).unwrap();
            pair.carry_out(side, effects);
        }
        pair.settle();
        pair
    }

    fn peer(&mut self, side: Side) -> &mut Peer {
        match side {
            Side::Member => &mut self.member,
            Side::Hub => &mut self.hub,
        }
    }

    fn session(&mut self) -> SessionSecret {
        self.entropy += 1;
        SessionSecret::new(tagged_hash("bench/entropy", &[&self.number.to_be_bytes(), &self.entropy.to_be_bytes()]))
            .unwrap()
    }

    /// The next checkpoint, by whoever has the turn.
    fn propose(&mut self) -> Side {
        let side = if self.member.machine.turn_is_own() { Side::Member } else { Side::Hub };
        let change = match side {
            Side::Member => Change::Dues { amount_sat: 200_000 },
            Side::Hub => Change::Reward { amount_sat: if self.done < 2 { 50_000 } else { 200_000 } },
        };
        let app = AppPosition { incarnation: 1, sequence: self.done + 1, head: [9; 32] };
        let session = self.session();
        let machine = &mut self.peer(side).machine;
        let facts = machine.next_checkpoint(&[change], app).unwrap();
        let bytes = checkpoint_bytes(facts.number, app);
        let signature = sign(side, &bytes);
        let effects = machine.propose_checkpoint(vec![change], app, bytes, signature, session).unwrap();
        self.carry_out(side, effects);
        side
    }

    fn carry_out(&mut self, side: Side, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Persist => {
                    let peer = self.peer(side);
                    peer.unstored = Some(peer.machine.encode());
                    peer.stores += 1;
                }
                Effect::Send(msg) => self.peer(side).outbox.push_back(msg),
                Effect::BuildFunding { .. } => {
                    let funding = tagged_hash("bench/funding", &[&self.number.to_be_bytes()]);
                    let funding = OutPoint { txid: Txid::from_byte_array(funding), vout: 0 };
                    let bytes = vec![1; 300];
                    let signature = sign(side, &bytes);
                    let effects = self.peer(side).machine.fund(funding, bytes, signature).unwrap();
                    self.carry_out(side, effects);
                }
                Effect::CheckCheckpoint(request) => {
                    let session = self.session();
                    let signature = sign(side, &request.checkpoint);
                    let machine = &mut self.peer(side).machine;
                    let effects = match side {
                        Side::Member => machine.checkpoint_accepted(session).unwrap(),
                        Side::Hub => machine.checkpoint_signed(signature, session).unwrap(),
                    };
                    self.carry_out(side, effects);
                }
                Effect::ReviewCheckpoint(review) => {
                    check(side.other(), &review.checkpoint, review.peer_signature);
                    let session = self.session();
                    let machine = &mut self.peer(side).machine;
                    let effects = match review.own_signature {
                        Some(_) => machine.finish_checkpoint().unwrap(),
                        None => machine.answer_checkpoint(sign(side, &review.checkpoint), session).unwrap(),
                    };
                    self.carry_out(side, effects);
                }
                Effect::Checkpointed(_) if side == Side::Hub => self.done += 1,
                Effect::Refused { detail, .. } | Effect::Failed { detail, .. } => panic!("{detail}"),
                _ => {}
            }
        }
    }

    /// Hands a side everything that the other has sent; whether there was anything.
    fn deliver_to(&mut self, side: Side) -> bool {
        let messages: Vec<Msg> = self.peer(side.other()).outbox.drain(..).collect();
        for msg in &messages {
            let session = self.session();
            let effects = self.peer(side).machine.handle(msg, session);
            self.carry_out(side, effects);
        }
        !messages.is_empty()
    }

    fn settle(&mut self) {
        while self.deliver_to(Side::Hub) | self.deliver_to(Side::Member) {}
    }

    fn row(&mut self, side: Side) -> Option<ChannelRow> {
        let state = self.peer(side).unstored.take()?;
        let (number, peer, orders) = (self.number, vec![2; 65], Vec::new());
        let [note, refusal] = [String::new(), String::new()];
        Some(ChannelRow { number, peer, state, funding_tx: None, note, orders, refusal, close_fee_sat: None })
    }
}

fn sends(effects: &[Effect]) -> impl Iterator<Item = Msg> + '_ {
    effects.iter().filter_map(|effect| match effect {
        Effect::Send(msg) => Some(msg.clone()),
        _ => None,
    })
}

fn checkpoint_bytes(number: u64, app: AppPosition) -> Vec<u8> {
    // As long as a governance checkpoint over one funding.
    let mut bytes = vec![1; 300];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..16].copy_from_slice(&app.sequence.to_be_bytes());
    bytes
}

/// Made once, as a node does.
static SECP: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// The keys that sign checkpoints, of the member and of the hub.
static KEYS: LazyLock<[Keypair; 2]> =
    LazyLock::new(|| [1, 2].map(|byte| Keypair::from_secret_key(&SECP, &SecretKey::from_slice(&[byte; 32]).unwrap())));

fn key(side: Side) -> &'static Keypair {
    match side {
        Side::Member => &KEYS[0],
        Side::Hub => &KEYS[1],
    }
}

fn sign(side: Side, bytes: &[u8]) -> [u8; 64] {
    let message = Message::from_digest(tagged_hash("bench/checkpoint", &[bytes]));
    *SECP.sign_schnorr_with_aux_rand(&message, key(side), &[3; 32]).as_ref()
}

fn check(side: Side, bytes: &[u8], signature: [u8; 64]) {
    let message = Message::from_digest(tagged_hash("bench/checkpoint", &[bytes]));
    let signature = schnorr::Signature::from_slice(&signature).unwrap();
    SECP.verify_schnorr(&signature, &message, &key(side).x_only_public_key().0).unwrap();
}

/// Each side stores every step before it says anything.
fn one_channel(folder: &Path, during: Duration) {
    let [mut member_store, mut hub_store] = ["member", "hub"].map(|name| {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Store::open(&folder).unwrap()
    });
    let mut pair = Pair::open(0);
    let begin = Instant::now();
    let mut commits = 0u64;
    while begin.elapsed() < during {
        let mut to = pair.propose().other();
        loop {
            for (side, store) in [(Side::Member, &mut member_store), (Side::Hub, &mut hub_store)] {
                if let Some(row) = pair.row(side) {
                    store.write(|writer| writer.put_channel(&row)).unwrap();
                    commits += 1;
                }
            }
            if !pair.deliver_to(to) {
                break;
            }
            to = to.other();
        }
    }
    report("one channel, both sides store each step", 1, pair.done, commits, begin.elapsed(), None);
}

/// The hub commits a phase of all channels together.
fn many_channels(folder: &Path, during: Duration) {
    let mut store = Store::open(folder).unwrap();
    let mut pairs: Vec<Pair> = (0..CHANNELS).map(Pair::open).collect();
    let (begin, mut commits) = (Instant::now(), 0u64);
    let mut of_hub = Duration::ZERO;
    let mut commit = |pairs: &mut [Pair]| {
        pairs.iter_mut().for_each(|pair| drop(pair.row(Side::Member)));
        let start = Instant::now();
        let rows: Vec<ChannelRow> = pairs.iter_mut().filter_map(|pair| pair.row(Side::Hub)).collect();
        if !rows.is_empty() {
            store.write(|writer| rows.iter().try_for_each(|row| writer.put_channel(row))).unwrap();
            commits += 1;
        }
        start.elapsed()
    };
    while begin.elapsed() < during {
        for pair in &mut pairs {
            let start = Instant::now();
            if pair.propose() == Side::Hub {
                of_hub += start.elapsed();
            }
        }
        of_hub += commit(&mut pairs);
        loop {
            let mut any = false;
            for side in [Side::Hub, Side::Member] {
                let start = Instant::now();
                for pair in &mut pairs {
                    any |= pair.deliver_to(side);
                }
                if side == Side::Hub {
                    of_hub += start.elapsed();
                }
                of_hub += commit(&mut pairs);
            }
            if !any {
                break;
            }
        }
    }
    let done = pairs.iter().map(|pair| pair.done).sum();
    report("200 channels of one hub, group commit", CHANNELS, done, commits, begin.elapsed(), Some(of_hub));
}

fn storage(folder: &Path) {
    let mut pair = Pair::open(0);
    for target in [10u64, 10_000] {
        while pair.done < target {
            pair.propose();
            pair.settle();
        }
        let folder = folder.join(target.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let mut store = Store::open(&folder).unwrap();
        let row = pair.row(Side::Hub).unwrap();
        store.write(|writer| writer.put_channel(&row)).unwrap();
        let (member, hub) = (pair.member.machine.encode().len(), pair.hub.machine.encode().len());
        let backup = pair.member.machine.encode_backup().map_or(0, |bytes| bytes.len());
        println!(
            r#"{{"bench":"storage of a channel","checkpoints":{target},"member_bytes":{member},"hub_bytes":{hub},"backup_bytes":{backup}}}"#
        );
    }
}

fn report(what: &str, channels: u32, checkpoints: u64, commits: u64, took: Duration, of_hub: Option<Duration>) {
    let seconds = took.as_secs_f64();
    let rate = |took: Duration| (checkpoints as f64 / took.as_secs_f64()).round();
    let line = serde_json::json!({
        "bench": what, "channels": channels, "checkpoints": checkpoints, "transactions": commits, "seconds": seconds,
        "checkpoints_per_second": rate(took), "checkpoints_per_second_of_the_hub": of_hub.map(rate),
    });
    println!("{line}");
}

fn main() {
    let seconds = std::env::args().nth(1).map_or(10, |text| text.parse().unwrap());
    let during = Duration::from_secs(seconds);
    let scratch = tempfile::tempdir().unwrap();
    for (name, bench) in [("one", one_channel as fn(&Path, Duration)), ("many", many_channels)] {
        let folder = scratch.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        bench(&folder, during);
    }
    storage(scratch.path());
}
