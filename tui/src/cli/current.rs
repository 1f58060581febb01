//! Commands answer from the whole log, or say up to where it goes here (N-425).

use std::time::{Duration, Instant};

use althing_node::api::{ReadState, Reading, Reply, Request};

use super::console::Console;
use super::failure::Failure;
use super::node::{Caller, other_kind};
use super::show::sentence;
use crate::format::thousands;

/// How long a command waits for the hub, and for the log to go on while it is read.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a command waits at most while the log is read: a hub could give one entry now and then.
const READ_WITHIN: Duration = Duration::from_secs(300);

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A person is told what is waited for after so long, and then as often.
const TELL_AFTER: Duration = Duration::from_secs(2);

impl Caller {
    /// Waits until the log is read to its end; where it is not, the answers say so.
    ///
    /// # Errors
    /// As the node's.
    pub(super) fn read_to_end(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let reading = self.read(console)?;
        if !reading.is_whole() {
            console.say(&sentence(reading.words()));
            console.may_be_old = Some(reading);
        }
        Ok(())
    }

    fn read(&self, console: &mut Console<'_>) -> Result<Reading, Failure> {
        let begun = Instant::now();
        let (mut moved, mut told, mut entries) = (begun, begun, None);
        loop {
            let Reply::Reading(reading) = self.call(Request::Reading)? else { return Err(other_kind()) };
            if entries.replace(reading.entries) != Some(reading.entries) {
                moved = Instant::now();
            }
            let is_over = moved.elapsed() > PATIENCE || begun.elapsed() > READ_WITHIN;
            if is_over || !may_come(reading.state) {
                return Ok(reading);
            }
            if told.elapsed() > TELL_AFTER {
                told = Instant::now();
                console.say(&waits_for(&reading));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

/// Whether more may come within a moment.
fn may_come(state: ReadState) -> bool {
    match state {
        ReadState::Whole | ReadState::NoHub | ReadState::Refused | ReadState::Halted => false,
        ReadState::Calling | ReadState::Behind | ReadState::ChainBehind => true,
    }
}

/// What is waited for.
fn waits_for(reading: &Reading) -> String {
    let entries = thousands(u128::from(reading.entries));
    match (reading.state, reading.hub_entries) {
        (ReadState::Behind, Some(of)) => {
            format!("Reading the log: {entries} of {} entries…", thousands(u128::from(of)))
        }
        (ReadState::Calling, _) => "Waiting for the hub…".to_owned(),
        _ => format!("Reading Bitcoin's blocks; {entries} entries of the log are read…"),
    }
}
