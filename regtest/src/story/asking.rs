//! The questions a story asks its actors, with typed answers. Each fails as [`Actor::ask`] does.

use std::path::{Path, PathBuf};

use althing_node::api::{
    ApiError, Ballot, Choice, Comment, ErrorKind, Link, Member, ProofStatement, Proposal, ProposalDraft, Reply,
    Request, Stake, Status, WaitFor,
};
use anyhow::{Result, bail};

use super::actor::Actor;

/// Takes the one answer that fits the question.
macro_rules! answer {
    ($actor:expr, $request:expr, $fitting:pat => $value:expr) => {
        match $actor.ask($request)? {
            $fitting => Ok($value),
            other => bail!("{} gave the answer to another question: {other:?}", $actor.name()),
        }
    };
}

impl Actor {
    /// State of the node.
    pub fn status(&self) -> Result<Status> {
        answer!(self, Request::Status, Reply::Status(status) => *status)
    }

    /// A fresh address of its wallet.
    pub fn wallet_address(&self) -> Result<String> {
        answer!(self, Request::WalletAddress, Reply::Address { address } => address)
    }

    /// Opens a stake channel.
    pub fn open_stake(&self, amount_sat: u64) -> Result<Stake> {
        let request = Request::StakeOpen { amount_sat, fee_rate_sat_vb: 2 };
        answer!(self, request, Reply::Stake(stake) => stake)
    }

    /// Its stake channels.
    pub fn stakes(&self) -> Result<Vec<Stake>> {
        answer!(self, Request::Stakes, Reply::Stakes { stakes } => stakes)
    }

    /// Puts a proposal into the log.
    pub fn propose(&self, draft: ProposalDraft) -> Result<Proposal> {
        answer!(self, Request::Propose { draft }, Reply::Proposal(proposal) => *proposal)
    }

    /// All proposals, as this node recomputed them.
    pub fn proposals(&self) -> Result<Vec<Proposal>> {
        answer!(self, Request::Proposals, Reply::Proposals { proposals } => proposals)
    }

    /// One proposal.
    pub fn proposal(&self, id: &str) -> Result<Proposal> {
        answer!(self, Request::Proposal { id: id.to_owned() }, Reply::Proposal(proposal) => *proposal)
    }

    /// Comments on a proposal, or answers a comment on it.
    pub fn comment(&self, proposal: &str, parent: Option<&str>, text: &str) -> Result<Comment> {
        let (proposal, parent, text) = (proposal.to_owned(), parent.map(str::to_owned), text.to_owned());
        answer!(self, Request::Comment { proposal, parent, text }, Reply::Comment(comment) => comment)
    }

    /// Casts or changes a ballot; answers when the hub's receipt is stored.
    pub fn vote(&self, proposal: &str, choice: Choice, reason: Option<&str>) -> Result<Ballot> {
        let (proposal, reason) = (proposal.to_owned(), reason.map(str::to_owned));
        answer!(self, Request::Vote { proposal, choice, reason }, Reply::Ballot(ballot) => ballot)
    }

    /// Its own ballots.
    pub fn ballots(&self) -> Result<Vec<Ballot>> {
        answer!(self, Request::Ballots, Reply::Ballots { ballots } => ballots)
    }

    /// The links on Bitcoin.
    pub fn links(&self) -> Result<Vec<Link>> {
        answer!(self, Request::Links, Reply::Links { links } => links)
    }

    /// The members.
    pub fn members(&self) -> Result<Vec<Member>> {
        answer!(self, Request::Members, Reply::Members { members } => members)
    }

    /// Writes a proof file.
    pub fn export_proof(&self, proposal: &str, statement: ProofStatement, path: &Path) -> Result<PathBuf> {
        let (proposal, path) = (proposal.to_owned(), path.to_owned());
        answer!(self, Request::ProofExport { proposal, statement, path, short: false }, Reply::Proof { path, .. } => path)
    }

    /// Waits at most `timeout_secs` for the node to see and verify that much.
    pub fn wait(&self, until: WaitFor, timeout_secs: u64) -> Result<()> {
        answer!(self, Request::Wait { until, timeout_secs }, Reply::Done => ())
    }

    /// Whether the node has seen and verified that much already.
    pub fn has_seen(&self, until: WaitFor) -> Result<bool> {
        match self.wait(until, 0) {
            Ok(()) => Ok(true),
            Err(error) => match error.downcast_ref::<ApiError>() {
                Some(ApiError { kind: ErrorKind::NotNow, .. }) => Ok(false),
                _ => Err(error),
            },
        }
    }
}
