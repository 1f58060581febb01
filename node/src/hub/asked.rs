//! What the operator asks of the running hub.

use std::time::Duration;

use super::Hub;
use crate::api::{AnchorReply, AnchorRequest, ApiError, GateRequest, Reply, Request, Role as ApiRole, TreasuryRequest};
use crate::engine::Answer;
use crate::shell::Shell;
use crate::stakes::StakeNews;
use crate::view::{self, Condition};

impl Hub {
    pub(super) fn on_request(&mut self, request: Request, answer: Answer) {
        let reply = match request {
            Request::Stop => {
                self.stopping = true;
                self.shell.stop();
                Ok(Reply::Done)
            }
            Request::Wait { until, timeout_secs } => {
                return match Condition::parse(&until) {
                    Ok(condition) => self.waiters.add(condition, Duration::from_secs(timeout_secs), answer),
                    Err(error) => drop(answer.try_send(Err(error))),
                };
            }
            Request::HubConfirm => self.confirm_newest(),
            Request::Gates(GateRequest::Refill { txid, outputs, only_review }) => {
                self.refill(&txid, outputs, only_review)
            }
            Request::StakeClose { channel, fee_sat } => {
                let divided = self.close_by_what_is_shown(&channel);
                divided.unwrap_or_else(|| {
                    self.act_on_stake(&channel, |shell, number| shell.close_together(number, fee_sat))
                })
            }
            Request::StakeForceClose { channel, newest: _ } => {
                let named = self.shell.stakes.named(&channel).map(|channel| channel.number);
                let shown = named.and_then(|number| self.expect_newest().and_then(|()| self.expect_shown(number)));
                shown.and_then(|()| self.act_on_stake(&channel, Shell::close_alone))
            }
            Request::ChannelPay { channel, amount_sat } => {
                let newest = self.expect_newest(); // N-128
                newest.and_then(|()| {
                    self.act_on_stake(&channel, |shell, number| shell.pay_in_channel(number, amount_sat))
                })
            }
            Request::ChannelVoucher { channel, amount_sat } => {
                let newest = self.expect_newest();
                newest.and_then(|()| {
                    self.act_on_stake(&channel, |shell, number| shell.promise_in_channel(number, amount_sat))
                })
            }
            Request::Anchoring(AnchorRequest::Bump { fee_rate_sat_vb, only_review }) => {
                self.bump(fee_rate_sat_vb, only_review).map(|bump| Reply::Anchoring(AnchorReply::Bump(bump)))
            }
            Request::Anchoring(AnchorRequest::Operators) => {
                self.operator_view().map(|view| Reply::Anchoring(AnchorReply::Operators(view))).map_err(ApiError::from)
            }
            Request::Treasury { about: TreasuryRequest::BringBond { only_review } } => {
                self.bring_bond(only_review).map(|reply| Reply::Treasury { reply })
            }
            other => match view::answer(&mut self.shell, ApiRole::Hub, None, true, &other) {
                Some(reply) => reply,
                None => Err(ApiError::invalid("N-39", "this is a hub; ask a member's node for that")),
            },
        };
        // The caller may have gone; then nobody wants the answer.
        let _ = answer.try_send(reply);
    }

    fn act_on_stake(
        &mut self,
        id: &str,
        act: impl FnOnce(&mut Shell, u32) -> Result<Vec<StakeNews>, ApiError>,
    ) -> Result<Reply, ApiError> {
        self.expect_newest()?;
        let number = self.shell.stakes.named(id)?.number;
        let news = act(&mut self.shell, number)?;
        self.on_stake_news(&news);
        self.shell.commit_channels()?;
        let channel = self.shell.stakes.named(id)?;
        Ok(Reply::Stake(view::stake(&self.shell, channel)))
    }
}
