//! Peers that send forged votes and nothing else. They say hello shortly before, so that the hub has as few of them at a time as come
//! and go in life.

use bitcoin::secp256k1::{All, PublicKey, Secp256k1};

use super::desk::Desk;
use super::load::Forgers;
use super::world::key;
use crate::peers::node_id;

/// Newcomers who said hello and have not spoken yet.
const WAITING: usize = 8;

/// Who comes next, in order.
#[derive(Default)]
pub(super) struct Strangers {
    secp: Secp256k1<All>,
    ids: Vec<PublicKey>,
    /// How many said hello.
    came: usize,
    /// How many spoke, or are about to.
    spoke: usize,
}

impl Strangers {
    /// Makes keys for so many that have not spoken yet, which takes time that is no hub's.
    pub(super) fn prepare(&mut self, count: usize) {
        for number in self.ids.len()..self.spoke + count {
            self.ids.push(node_id(&key(&self.secp, "stranger", number as u32).secret_bytes()));
        }
    }

    /// The one forger of a run is shut out by now: the next run has another.
    pub(super) fn end_run(&mut self, forgers: Forgers) {
        if forgers == Forgers::One && self.came > self.spoke {
            self.spoke += 1;
        }
    }

    /// Who has to say hello now, and who speaks, unless the hub has to greet them first.
    pub(super) fn next(&mut self, forgers: Forgers, desk: &Desk) -> (Vec<PublicKey>, Option<PublicKey>) {
        let (speaker, ahead) = match forgers {
            Forgers::One => (self.spoke, self.spoke + 1),
            Forgers::Newcomers => (self.spoke, self.spoke + WAITING),
        };
        self.prepare(WAITING);
        let coming = self.ids[self.came.min(ahead)..ahead].to_vec();
        coming.iter().for_each(|stranger| desk.expect_stranger(*stranger));
        self.came = self.came.max(ahead);
        let is_greeted = desk.strangers_greeted() > speaker;
        if is_greeted && forgers == Forgers::Newcomers {
            self.spoke += 1;
        }
        (coming, is_greeted.then(|| self.ids[speaker]))
    }
}
