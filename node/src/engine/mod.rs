//! The engine: one thread that owns all state of a node.
//!
//! News from peers, from the chain and from callers comes through one queue, and whatever is waiting in it is handled as one
//! batch: first every input changes the state in memory, then [`Role::commit`] makes the batch durable in one
//! transaction, and only then are answers given. A caller is answered from durable state alone, so a question ends the batch before
//! it. Nothing else writes, so nothing needs a lock.

mod handle;
mod waiters;

pub use handle::EngineHandle;
pub use waiters::Waiters;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use crate::api::{ApiError, Reply, Request};
use crate::chain::ChainEvent;
use crate::intake::Report;
use crate::peers::PeerEvent;
use bitcoin::secp256k1::PublicKey;

/// Most inputs in one batch: the price of one fsync is shared, while the first in the batch still waits only milliseconds.
const BATCH_MAX: usize = 4096;

/// Longest wait for an input, after which timeouts of callers are looked at.
const IDLE: Duration = Duration::from_millis(100);

/// Room in the queue; a full one slows peers and chain follower down instead of filling memory.
pub const QUEUE: usize = 16 * 1024;

/// One thing for the engine to handle.
#[derive(Debug)]
pub enum Input {
    /// From a peer.
    Peer(PeerEvent),
    /// Something of this peer waits in its line; only a hub has lines.
    Turn(PublicKey),
    /// Entries of peers, examined; only a hub has an intake.
    Intake(Report),
    /// From the chain.
    Chain(ChainEvent),
    /// From a caller of the API, with where to answer.
    Ask(Request, Answer),
}

/// Where a caller waits for the answer.
pub type Answer = SyncSender<Result<Reply, ApiError>>;

/// What hub and member do differently.
pub trait Role {
    /// Handles one input; effects that must not happen before the batch is durable wait for [`Self::commit`].
    fn handle(&mut self, input: Input);

    /// Makes the batch durable, then lets its effects happen.
    fn commit(&mut self);

    /// Looks after what is due by time: timeouts of callers, re-sending. Called at least every 100 ms.
    fn tick(&mut self);

    /// Whether the node was asked to stop.
    fn stopping(&self) -> bool;
}

/// Runs until the role stops or every sender of inputs is gone.
///
/// The queue's receiver is dropped before the role (parameters go in reverse order): a peer's thread that waits for room in the queue
/// is let go before the role's own end waits for that thread.
pub fn run(mut role: impl Role, inputs: Receiver<Input>) {
    loop {
        match inputs.recv_timeout(IDLE) {
            Ok(first) => {
                let mut is_durable = true;
                for input in std::iter::once(first).chain(inputs.try_iter().take(BATCH_MAX - 1)) {
                    if matches!(input, Input::Ask(..)) && !is_durable {
                        role.commit();
                    }
                    is_durable = false;
                    role.handle(input);
                }
                role.commit();
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        role.tick();
        if role.stopping() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    /// Writes down in which order the engine calls.
    struct Scribe<'a>(&'a mut Vec<&'static str>);

    impl Role for Scribe<'_> {
        fn handle(&mut self, input: Input) {
            self.0.push(match input {
                Input::Ask(..) => "ask",
                _ => "news",
            });
        }

        fn commit(&mut self) {
            self.0.push("commit");
        }

        fn tick(&mut self) {}

        fn stopping(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_question_finds_durable_state() {
        let (inputs, queue) = sync_channel(QUEUE);
        let (answer, _reply) = sync_channel(1);
        let ask = || Input::Ask(Request::Status, answer.clone());
        let news = || Input::Chain(ChainEvent::CaughtUp);
        for input in [news(), news(), ask(), ask(), news()] {
            inputs.send(input).unwrap();
        }
        let mut calls = Vec::new();
        run(Scribe(&mut calls), queue);
        assert_eq!(calls, ["news", "news", "commit", "ask", "commit", "ask", "news", "commit"]);
    }
}
