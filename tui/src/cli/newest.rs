//! Leaving a channel alone from a folder of which nobody has shown that it is the newest (C-150): a word of its own is typed, and `--yes`
//! does not stand for it.

use althing_node::api::{Request, Stake, WaitFor};

use super::failure::Failure;
use super::node::Caller;

/// For how long the hub of a channel may show where it stands before the person is asked, in seconds.
const SHOWN_WITHIN_SECS: u64 = 15;

/// The word by which a person answers for the folder.
pub(crate) const WORD: &str = "newest";

/// Whether somebody answers for the folder.
pub(super) enum Newest {
    /// It is known to be the newest.
    Known,
    /// By an option of the command.
    Given(Vec<String>),
    /// The typed word will.
    Asked(Vec<String>),
}

impl Newest {
    /// What a close alone of this channel needs.
    ///
    /// # Errors
    /// C-150 where nobody will type a word.
    pub(super) fn of(stake: &Stake, option: bool, assume_yes: bool) -> Result<Self, Failure> {
        let doubts = stake.detail.as_deref().map(|detail| detail.doubts.clone()).unwrap_or_default();
        match (doubts.is_empty(), option) {
            (true, _) => Ok(Self::Known),
            (false, true) => Ok(Self::Given(doubts)),
            (false, false) if assume_yes => Err(Failure::not_now(format!(
                "C-150: {} --yes does not answer for that; --newest does.",
                doubts.join(" ")
            ))),
            (false, false) => Ok(Self::Asked(doubts)),
        }
    }

    /// What speaks against it, for the review.
    pub(super) fn doubts(&self) -> &[String] {
        match self {
            Self::Known => &[],
            Self::Given(doubts) | Self::Asked(doubts) => doubts,
        }
    }

    /// The word to type instead of the usual one.
    pub(super) fn word(&self, usual: &'static str) -> &'static str {
        match self {
            Self::Known | Self::Given(_) => usual,
            Self::Asked(_) => WORD,
        }
    }

    /// Whether the node is told that the person answers for the folder.
    pub(super) fn is_answered(&self) -> bool {
        !matches!(self, Self::Known)
    }
}

impl Caller {
    /// The channel once its hub has shown where it stands, or did not in time: a node that was started for this command has hardly called it
    /// yet.
    pub(super) fn known_stake(&self, stake: Stake) -> Result<Stake, Failure> {
        if stake.detail.as_ref().is_none_or(|detail| detail.doubts.is_empty()) {
            return Ok(stake);
        }
        let until = WaitFor::ChannelKnown(stake.channel.clone());
        // What is known by then is told in the review.
        let _ = self.call(Request::Wait { until, timeout_secs: SHOWN_WITHIN_SECS });
        self.named_stake(&stake.channel)
    }
}
