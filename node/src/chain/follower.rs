//! Follows the best chain of a bitcoind in a thread of its own and reports each block connected or disconnected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bitcoin::hashes::Hash;
use bitcoin::{Block, BlockHash, Network};

use super::{Access, Bitcoind, BitcoindError};

/// News from the chain, in order: after the events so far, the node's chain ends at the last block connected.
#[derive(Debug)]
pub enum ChainEvent {
    /// A block on top of the chain so far.
    Connected {
        /// Its height.
        height: u32,
        /// Its hash.
        hash: BlockHash,
        /// The whole block.
        block: Box<Block>,
        /// Whether the source has no further block now; work that only matters at the tip can wait for it.
        at_tip: bool,
    },
    /// Blocks from this height upward are no longer in the best chain.
    DisconnectedFrom {
        /// The lowest height that is gone.
        height: u32,
    },
    /// At the start: the caller already has everything that the source has.
    CaughtUp,
    /// The source does not answer, or is of another network; following goes on as soon as it does.
    Trouble(String),
    /// The source answers again.
    Recovered,
}

/// The running follower. Dropping it ends the thread.
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Starts following behind `known`, the blocks that the caller has (height and hash, ascending, without gaps). With none,
    /// the first block reported is the one at `birthday`.
    ///
    /// `sink` is called from the follower's thread; it may block to slow the follower down, and returns `false` to end it.
    pub fn start(
        access: Access,
        network: Network,
        known: Vec<(u32, [u8; 32])>,
        birthday: u32,
        sink: impl Fn(ChainEvent) -> bool + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        // Regtest blocks come when a test wants them, others every ten minutes.
        let pause = Duration::from_millis(if network == Network::Regtest { 50 } else { 1000 });
        let thread = std::thread::Builder::new()
            .name("chain".into())
            .spawn(move || {
                let mut chain = Chain { access, network, known, birthday, bitcoind: None, looked: false };
                let mut healthy = true;
                while !stopped.load(Ordering::Relaxed) {
                    match chain.advance(&sink) {
                        Ok(true) => {}
                        Ok(false) => return,
                        Err(error) => {
                            chain.bitcoind = None;
                            if healthy && !sink(ChainEvent::Trouble(error.to_string())) {
                                return;
                            }
                            healthy = false;
                            std::thread::sleep(pause * 5);
                            continue;
                        }
                    }
                    if !healthy {
                        healthy = true;
                        if !sink(ChainEvent::Recovered) {
                            return;
                        }
                    }
                    std::thread::sleep(pause);
                }
            })
            .ok();
        Self { stop, thread }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A sink that blocks on a full queue ends when its receiver is gone; do not wait for it here.
            if thread.is_finished() {
                let _ = thread.join();
            }
        }
    }
}

struct Chain {
    access: Access,
    network: Network,
    known: Vec<(u32, [u8; 32])>,
    birthday: u32,
    bitcoind: Option<Bitcoind>,
    looked: bool,
}

impl Chain {
    /// Reports everything up to the source's present tip. `Ok(false)` when the sink wants no more.
    fn advance(&mut self, sink: &impl Fn(ChainEvent) -> bool) -> Result<bool, BitcoindError> {
        if self.bitcoind.is_none() {
            let bitcoind = Bitcoind::new(&self.access);
            let found = bitcoind.network()?;
            if found != self.network {
                let reason = format!("it runs on {found}, this DAO is on {}", self.network);
                return Err(BitcoindError::Unreachable { url: self.access.url.clone(), reason });
            }
            self.bitcoind = Some(bitcoind);
        }
        let bitcoind = self.bitcoind.as_ref().expect("set above");
        let best = bitcoind.best_block()?;
        let first_look = !std::mem::replace(&mut self.looked, true);
        if self.known.last().is_some_and(|(_, hash)| *hash == best.to_byte_array()) {
            return Ok(!first_look || sink(ChainEvent::CaughtUp));
        }
        // Step back over blocks that are no longer in the best chain.
        let mut fork = None;
        while let Some((height, hash)) = self.known.last() {
            if bitcoind.block_hash(*height)?.is_some_and(|ours| ours.to_byte_array() == *hash) {
                break;
            }
            fork = Some(*height);
            self.known.pop();
        }
        if let Some(height) = fork
            && !sink(ChainEvent::DisconnectedFrom { height })
        {
            return Ok(false);
        }
        loop {
            let height = self.known.last().map_or(self.birthday, |(height, _)| height + 1);
            let Some(hash) = bitcoind.block_hash(height)? else { return Ok(true) };
            let block = Box::new(bitcoind.block(&hash)?);
            if self.known.last().is_some_and(|(_, below)| block.header.prev_blockhash.to_byte_array() != *below) {
                // The chain was reorganised between two calls: start over from the fork.
                return Ok(true);
            }
            let at_tip = bitcoind.best_block()? == hash;
            // Known only when it is certain to be reported: no call that can fail comes between.
            self.known.push((height, hash.to_byte_array()));
            if !sink(ChainEvent::Connected { height, hash, block, at_tip }) {
                return Ok(false);
            }
        }
    }
}
