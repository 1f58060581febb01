//! A node that can only be looked at: whatever would change something is refused before it gets there.

use std::sync::Arc;

use althing_node::api::{AnchorRequest, ApiError, GateRequest, Reply, Request, Service, TreasuryRequest};

/// Passes questions on and refuses everything else. What it does not know is an order.
pub struct ReadOnly(pub Arc<dyn Service>);

impl Service for ReadOnly {
    fn call(&self, request: Request) -> Result<Reply, ApiError> {
        if only_looks(&request) {
            return self.0.call(request);
        }
        Err(refusal())
    }
}

/// Why an order is not carried out.
#[must_use]
pub fn refusal() -> ApiError {
    ApiError::invalid("N-90", "N-90: --readonly was given, and this would change something")
}

/// Whether a request changes nothing, here or elsewhere: reviews are questions (N-421).
#[must_use]
pub fn only_looks(request: &Request) -> bool {
    matches!(
        request,
        Request::Snapshot { .. }
            | Request::Status
            | Request::Reading
            | Request::Light
            | Request::WalletBalance
            | Request::Stakes
            | Request::ProposalReview { .. }
            | Request::Proposals
            | Request::Proposal { .. }
            | Request::BallotReview { .. }
            | Request::SayReview { .. }
            | Request::Delegations { .. }
            | Request::Deposits
            | Request::Rewards
            | Request::Report { .. }
            | Request::Charter
            | Request::Ballots
            | Request::Links
            | Request::Members
            | Request::Why { .. }
            | Request::WhyLink { .. }
            | Request::Curve { .. }
            | Request::MemberHistory { .. }
            | Request::Invitations
            | Request::Gates(GateRequest::List)
            | Request::Wait { .. }
            | Request::Tower
            | Request::WalletSend { review: true, .. }
            | Request::BackupInspect { .. }
            | Request::ChannelTopUp { review: true, .. }
            | Request::ChannelWithdraw { review: true, .. }
            | Request::Anchoring(
                AnchorRequest::Reserve
                    | AnchorRequest::Health
                    | AnchorRequest::Operators
                    | AnchorRequest::Bump { only_review: true, .. }
            )
            | Request::Treasury {
                about: TreasuryRequest::Overview
                    | TreasuryRequest::Keys
                    | TreasuryRequest::BringBond { only_review: true }
                    | TreasuryRequest::PayForPayout { only_review: true, .. }
                    | TreasuryRequest::Coins
                    | TreasuryRequest::Sessions
                    | TreasuryRequest::Session { .. }
                    | TreasuryRequest::Check { .. }
                    | TreasuryRequest::Flows
                    | TreasuryRequest::Papers
                    | TreasuryRequest::Labels
            }
    )
}
