//! Top-ups and withdrawals that a member orders.

use super::Member;
use crate::api::{ApiError, Reply, SayReview};
use crate::engine::Answer;
use crate::stakes::{SpliceKind, SpliceOrder};

impl Member {
    /// Adds the wallet's coins to a channel, or only says what that would do.
    pub(super) fn top_up(
        &mut self,
        id: &str,
        (amount_sat, fee_rate_sat_vb): (u64, u64),
        review: bool,
        answer: &Answer,
    ) -> Result<Option<Reply>, ApiError> {
        self.splice(
            id,
            SpliceOrder { kind: SpliceKind::TopUp, amount_sat, fee_rate_sat_vb, replaces: false },
            review,
            answer,
        )
    }

    /// Takes coins out of a channel, or only says what that would do.
    pub(super) fn take_out(
        &mut self,
        id: &str,
        (amount_sat, fee_rate_sat_vb): (u64, u64),
        to: Option<&str>,
        review: bool,
        answer: &Answer,
    ) -> Result<Option<Reply>, ApiError> {
        let to = to.map(|address| SpliceOrder::script_of(address, self.shell.wallet.network())).transpose()?;
        self.splice(
            id,
            SpliceOrder { kind: SpliceKind::Withdraw(to), amount_sat, fee_rate_sat_vb, replaces: false },
            review,
            answer,
        )
    }

    /// Replaces a top-up or withdrawal that waits by one at a higher rate, or only says what that would do.
    pub(super) fn bump_splice(
        &mut self,
        id: &str,
        fee_rate_sat_vb: u64,
        review: bool,
        answer: &Answer,
    ) -> Result<Option<Reply>, ApiError> {
        let number = self.shell.stakes.named(id)?.number;
        let order = self.shell.replacement_of(number, fee_rate_sat_vb)?;
        self.splice(id, order, review, answer)
    }

    /// The caller is answered when the transaction is out, or why it will not be.
    fn splice(
        &mut self,
        id: &str,
        order: SpliceOrder,
        review: bool,
        answer: &Answer,
    ) -> Result<Option<Reply>, ApiError> {
        let number = self.shell.stakes.named(id)?.number;
        if review {
            let sentences = self.shell.review_splice(number, &order)?.sentences;
            return Ok(Some(Reply::SayReview(SayReview { sentences, refusal: None })));
        }
        if !self.connected {
            return Err(ApiError::not_now(format!("the hub {} is not reachable", self.shell.dao.hub)));
        }
        let news = self.shell.order_splice(number, order)?;
        self.closing.insert(number, answer.clone());
        self.on_stake_news(news);
        Ok(None)
    }
}
