//! What can come to something on the node that the screens show: a hub has no vote and no stake of its own, and screens that only look
//! order nothing (N-203). The footer shows nothing else.

use althing_node::api::Role;

use super::{Act, App, Page, Popup, Screen, Section};

/// Why a hub does not do what members do.
pub(super) const IS_A_HUB: &str = "N-39: this is a hub, which has no vote; members vote by their own nodes.";

/// Why a hub has no such forms.
pub(super) const NOT_AT_A_HUB: &str = "N-39: this is a hub; members do that by their own nodes.";

impl App {
    /// Whether the node that is shown is the hub.
    #[must_use]
    pub fn is_hub(&self) -> bool {
        self.snapshot.as_deref().is_some_and(|snapshot| snapshot.status.role == Role::Hub)
    }

    fn is_at_sessions(&self) -> bool {
        self.screen == Screen::Treasury && self.section == Section::Sessions
    }

    /// Whether that act can come to something here.
    #[must_use]
    pub fn can(&self, act: Act) -> bool {
        match self.popups.last() {
            Some(Popup::Choose(choose)) => choose.takes(act),
            // There is nothing on the help page that anybody would copy.
            Some(Popup::Page { page: Page::Help, .. }) if matches!(act, Act::Copy | Act::SavePage) => false,
            None if self.screen == Screen::Ballots && is_about_a_ballot(act) && self.selected_place().is_none() => {
                false
            }
            None if self.is_at_sessions() && is_about_a_session(act) && self.session_here().is_none() => false,
            _ if self.screen == Screen::Channels && is_about_a_channel(act) && self.stake_here().is_none() => false,
            _ => !(self.is_hub() && is_a_members(act) || self.readonly && orders(act)),
        }
    }
}

/// What is done with the stake channel that the keyboard is on.
fn is_about_a_channel(act: Act) -> bool {
    matches!(act, Act::Open | Act::TopUp | Act::TakeOut | Act::Pay | Act::StakeClose | Act::ForceClose)
}

/// What is done with the session that the keyboard is on.
fn is_about_a_session(act: Act) -> bool {
    matches!(
        act,
        Act::Open
            | Act::Sign
            | Act::Refuse
            | Act::SessionComment
            | Act::Broadcast
            | Act::Bump
            | Act::SaveSession
            | Act::Run("treasury session qr")
    )
}

/// What is done with the ballot that the keyboard is on.
fn is_about_a_ballot(act: Act) -> bool {
    matches!(act, Act::Open | Act::Why | Act::Vote | Act::Export | Act::Run("proof receipt"))
}

/// What a treasurer does with sessions and coins. [`Act::Bump`] is of a session on the treasury's screen, and of a link elsewhere.
pub(super) fn is_of_treasury(act: Act) -> bool {
    matches!(
        act,
        Act::SessionOpen
            | Act::Housekeeping
            | Act::Sign
            | Act::Refuse
            | Act::SessionComment
            | Act::Broadcast
            | Act::Bump
            | Act::SaveSession
            | Act::TakeSession
            | Act::Freeze
            | Act::TreasuryAddress
    )
}

/// What only a member's node does.
pub(super) fn is_a_members(act: Act) -> bool {
    const COMMANDS: [&str; 8] =
        ["force", "accept", "backup keep", "channel bump", "channel migrate", "restore", "tower add", "tower remove"];
    match act {
        Act::Vote
        | Act::VoteAsTreasurer
        | Act::Propose
        | Act::Comment
        | Act::Reply
        | Act::Agree
        | Act::Disagree
        | Act::Remark
        | Act::Withdraw
        | Act::Guard
        | Act::Deposit
        | Act::Delegate
        | Act::Revoke
        | Act::Invite
        | Act::RotateKey
        | Act::StakeOpen
        | Act::TopUp
        | Act::TakeOut
        | Act::Backup => true,
        Act::Run(path) => COMMANDS.contains(&path),
        _ => false,
    }
}

/// What screens that only look refuse; a command that changes something refuses by itself (N-90).
pub(super) fn orders(act: Act) -> bool {
    let elsewhere = matches!(
        act,
        Act::Hide
            | Act::Export
            | Act::SaveReport
            | Act::StakeClose
            | Act::ForceClose
            | Act::Pay
            | Act::Address
            | Act::SendCoins
            | Act::Timestamp
            | Act::LinkFile
    );
    elsewhere || is_of_treasury(act) || is_a_members(act) && !matches!(act, Act::Run(_))
}
