//! What the person at this machine does not want to see. It is nobody else's business, and changes no count.

use std::collections::BTreeSet;

use althing_governance::id::{EntryId, MemberId, ProposalId};
use anyhow::{Context as _, Result};

use super::names::{find_comment, find_member, find_proposal};
use crate::api::{ApiError, Hideable};
use crate::shell::Shell;

/// Name under which it is stored. N-75.
const HIDDEN: &str = "hidden";

/// Hidden members, proposals and comments, by kind and full id.
#[derive(Debug, Default)]
pub(super) struct Hidden(BTreeSet<(Hideable, String)>);

impl Hidden {
    /// Reads what is hidden.
    pub(super) fn load(shell: &Shell) -> Result<Self> {
        let Some(bytes) = shell.store.meta(HIDDEN)? else { return Ok(Self::default()) };
        Ok(Self(serde_json::from_slice(&bytes).context("the stored list of what is hidden")?))
    }

    pub(super) fn has_member(&self, member: &MemberId) -> bool {
        self.has(Hideable::Member, member)
    }

    pub(super) fn has_proposal(&self, proposal: &ProposalId, author: &MemberId) -> bool {
        self.has(Hideable::Proposal, proposal) || self.has_member(author)
    }

    pub(super) fn has_comment(&self, comment: &EntryId, author: &MemberId) -> bool {
        self.has(Hideable::Comment, comment) || self.has_member(author)
    }

    fn has(&self, kind: Hideable, id: &impl ToString) -> bool {
        self.0.contains(&(kind, id.to_string()))
    }
}

/// Hides something, or shows it again.
pub(super) fn hide(shell: &mut Shell, what: Hideable, text: &str, hidden: bool) -> Result<(), ApiError> {
    let id = match what {
        Hideable::Member => find_member(shell, text)?.to_string(),
        Hideable::Proposal => find_proposal(shell, text)?.to_string(),
        Hideable::Comment => find_comment(shell, text)?.to_string(),
    };
    let mut list = Hidden::load(shell)?;
    match hidden {
        true => list.0.insert((what, id)),
        false => list.0.remove(&(what, id)),
    };
    let bytes = serde_json::to_vec(&list.0).context("the list of what is hidden")?;
    shell.store.write(|writer| writer.set_meta(HIDDEN, &bytes))?;
    shell.revision += 1;
    Ok(())
}
