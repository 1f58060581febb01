//! The hub, the members and the bitcoind between them, and the clock they live by: blocks.

use std::path::{Path, PathBuf};

use althing_node::api::WaitFor;
use anyhow::{Context, Result, bail};

use super::actor::Actor;
use super::narrator::Narrator;
use crate::program::Program;
use crate::{Node, NodeConfig};

/// The names of the members, in the order of their stakes.
pub const MEMBER_NAMES: [&str; 5] = ["Astrid", "Bjarni", "Gudrun", "Hallgerd", "Njal"];

/// How long all nodes may take to see and verify a block; a busy machine with two cores needs seconds.
const SETTLE_WITHIN_SECS: u64 = 90;

/// Everybody in the story. Dropping it ends every process.
#[derive(Debug)]
pub struct Assembly {
    /// The Bitcoin node that all of them ask.
    pub node: Node,
    /// The hub.
    pub hub: Actor,
    /// The members, in the order of [`MEMBER_NAMES`].
    pub members: Vec<Actor>,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Who tells what happens.
    pub narrator: Narrator,
}

impl Assembly {
    /// Provisions and starts bitcoind, builds `althing`, and names the actors; none of them runs yet.
    ///
    /// # Errors
    /// When bitcoind or `althing` cannot be had.
    pub fn gather(data_dir: &Path, narrator: Narrator) -> Result<Self> {
        narrator.step("finding or building bitcoind and althing");
        std::fs::create_dir_all(data_dir).with_context(|| format!("creating {}", data_dir.display()))?;
        let data_dir = data_dir.canonicalize()?;
        let node = Node::start_with(NodeConfig::default().data_dir(data_dir.join("bitcoind")))?;
        narrator.say(node.bitcoind().banner());
        let program = Program::locate_or_build()?;
        narrator.say(&program.path().display().to_string());
        let hub = Actor::hub(&program, &data_dir.join("hub"));
        let member =
            |(i, name): (usize, &&str)| Actor::member(name, &program, &data_dir.join(format!("member-{}", i + 1)));
        let members = MEMBER_NAMES.iter().enumerate().map(member).collect();
        Ok(Self { node, hub, members, data_dir, narrator })
    }

    /// Hub and members.
    pub fn everybody(&self) -> impl Iterator<Item = &Actor> {
        std::iter::once(&self.hub).chain(&self.members)
    }

    /// Mines `blocks` blocks, one after another; before each everybody has seen and verified the one before.
    ///
    /// # Errors
    /// When somebody does not follow within a minute and a half.
    pub fn mine(&self, blocks: u32) -> Result<()> {
        for _ in 0..blocks {
            self.node.mine(1)?;
            self.settle()?;
        }
        Ok(())
    }

    /// Mines until `look` finds something, at most `blocks` blocks.
    ///
    /// # Errors
    /// When it is still not there after that many blocks, or somebody does not follow.
    pub fn mine_until<T>(&self, what: &str, blocks: u32, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        for _ in 0..blocks {
            if let Some(found) = look()? {
                return Ok(found);
            }
            self.mine(1)?;
        }
        match look()? {
            Some(found) => Ok(found),
            None => bail!("{blocks} blocks later still not: {what} (tip {:?})", self.node.tip()?),
        }
    }

    /// Waits until everybody but copies has seen the tip, and has verified the log up to the head that the hub signed for it.
    ///
    /// # Errors
    /// When somebody does not within a minute and a half.
    pub fn settle(&self) -> Result<()> {
        let tip = self.node.tip()?.height;
        for actor in self.everybody().filter(|actor| !actor.is_copy()) {
            actor
                .wait(WaitFor::Height(tip), SETTLE_WITHIN_SECS)
                .with_context(|| format!("waiting for {} to reach height {tip}", actor.name()))?;
        }
        Ok(())
    }

    /// Does something with every member at once, and collects the results in the order of the members.
    ///
    /// # Errors
    /// The first member's error, with its name.
    pub fn at_once<T: Send>(&self, act: impl Fn(usize, &Actor) -> Result<T> + Sync) -> Result<Vec<T>> {
        at_once(&self.members, act)
    }

    /// Stops hub and members in good order; bitcoind keeps running.
    ///
    /// # Errors
    /// When one had to be killed.
    pub fn stop(&mut self) -> Result<()> {
        for actor in self.members.iter_mut().chain([&mut self.hub]) {
            actor.stop()?;
        }
        Ok(())
    }

    /// The ends of all logs, for a failure message.
    #[must_use]
    pub fn log_tails(&self) -> String {
        let of_actor =
            |actor: &Actor| format!("--- {} ({})\n{}\n", actor.name(), actor.log_path().display(), actor.log_tail());
        let actors: String = self.everybody().map(of_actor).collect();
        format!("{actors}--- bitcoind\n{}", self.node.log_tail())
    }
}

/// Does something with every actor at once, in threads, and collects the results in order.
///
/// # Errors
/// The first actor's error, with its name.
pub fn at_once<T: Send>(actors: &[Actor], act: impl Fn(usize, &Actor) -> Result<T> + Sync) -> Result<Vec<T>> {
    std::thread::scope(|scope| {
        let act = &act;
        let threads: Vec<_> = actors
            .iter()
            .enumerate()
            .map(|(i, actor)| scope.spawn(move || act(i, actor).context(actor.name().to_owned())))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<T>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    })
}
