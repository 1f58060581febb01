//! A member's node goes over to the hub that a succession put in.

use althing_governance::codec::Canonical as _;
use althing_governance::entry::Entry;
use anyhow::Result;

use super::Member;
use super::lane::{Body, Op};
use crate::api::{AnchorReply, ApiError, Reply};

impl Member {
    /// Follows the new hub from now on; with `only_review` says what that means.
    pub(super) fn follow_succession(
        &mut self,
        certificate: &str,
        address: &str,
        only_review: bool,
    ) -> Result<Reply, ApiError> {
        let plan = self.shell.plan_succession(certificate, address)?;
        if only_review {
            return Ok(Reply::Anchoring(AnchorReply::Succession(plan.answer(false))));
        }
        let hub = self.shell.go_over(&plan)?;
        let former = std::mem::replace(&mut self.hub, hub.node_id);
        self.shell.peers.keep_connected(hub);
        // What the former hub said and did is judged anew by the log as it now is.
        (self.connected, self.halted, self.hub_size) = (false, None, 0);
        self.pending_links.clear();
        self.forget_waiting_heads();
        self.shell.alarms.remove("log");
        self.shell.alarms.remove("link");
        tracing::warn!(%former, hub = %self.hub, "another hub is followed");
        self.say_again()?;
        Ok(Reply::Anchoring(AnchorReply::Succession(plan.answer(true))))
    }

    /// Own entries that the log has no more are said again as they were signed, in their order: a place in a lane is signed for once.
    /// Gives their number.
    pub(super) fn say_again(&mut self) -> Result<usize> {
        self.in_flight = None;
        let lost = |bytes: &[u8]| match Entry::from_bytes(bytes) {
            Ok(entry) => self.shell.ledger.position_of(&entry.id()).is_none(),
            Err(_) => false,
        };
        let rows: Vec<Vec<u8>> =
            self.shell.store.outbox()?.into_iter().map(|row| row.entry).filter(|entry| lost(entry)).collect();
        let count = rows.len();
        for entry in rows.into_iter().rev() {
            self.queue.push_front(Op { body: Body::Signed(entry), answer: None, sentences: Vec::new() });
        }
        Ok(count)
    }
}
