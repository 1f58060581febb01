//! Invitations that the own vote key is named in: nobody should have to type an entry's id (docs/spec/node.md, N-195).

use althing_governance::id::{EntryId, MemberId};
use althing_governance::state::InvitationRecord;

use super::names::name_of;
use crate::api::{InvitationState, InvitationView};
use crate::shell::Shell;

/// Those for this member and those of theirs; what can be accepted comes first, and of each kind what lasts longest.
pub(crate) fn invitations(shell: &Shell, me: MemberId) -> Vec<InvitationView> {
    let state = shell.ledger.state();
    let height = state.tip_height().unwrap_or(0);
    // A key that was replaced speaks for the same member.
    let is_for = |record: &InvitationRecord| state.member_of_key(&record.invitee) == me;
    let mine = state.invitations().iter().filter(|(_, record)| is_for(record) || record.by == me);
    let found = mine.map(|(id, record)| InvitationView { mine: is_for(record), ..view(shell, id, record, height) });
    let mut found: Vec<InvitationView> = found.collect();
    found.sort_by_key(|one| (one.state != InvitationState::Open, std::cmp::Reverse(one.until)));
    found
}

fn view(shell: &Shell, id: &EntryId, record: &InvitationRecord, height: u32) -> InvitationView {
    InvitationView {
        id: id.to_string(),
        by: record.by.to_string(),
        by_name: name_of(shell, &record.by),
        invitee: record.invitee.to_string(),
        mine: false,
        until: record.expires_height,
        state: match record.accepted {
            Some(_) => InvitationState::Accepted,
            // By the height that the log tells, as G-94 does.
            None if height >= record.expires_height => InvitationState::Expired,
            None => InvitationState::Open,
        },
    }
}
