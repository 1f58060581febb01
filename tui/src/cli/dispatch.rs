//! From the parsed command line to what carries it out.

use super::args::{
    ChannelCommand, Charter, Cli, Command, CommentArgs, Dao, HubCommand, MemberCommand, Proof, ProposalCommand,
    Propose, StakeCommand, Wait,
};
use super::console::Console;
use super::failure::Failure;
use super::node::{self, Caller};
use super::{local, show};
use std::sync::Arc;

use crate::backend::Backend;

use althing_node::api::{DraftEffect, ProofStatement, ProposalDraft, Reply, Request};

/// Carries out a command and gives its exit code.
pub(super) fn dispatch(cli: Cli, backend: &Arc<dyn Backend>, console: &mut Console<'_>) -> Result<u8, Failure> {
    let global = cli.global;
    // Only the screens keep it beyond this call.
    let shared = backend;
    let backend: &dyn Backend = &**shared;
    let request = match cli.command {
        Command::Init(options) => return local::init(&global, options, backend, console),
        Command::Keys(_) => return local::keys(&global, backend, console),
        Command::Charter(Charter::Template) => {
            console.text(&backend.charter_template());
            return Ok(super::OK);
        }
        Command::Charter(Charter::Check { file }) => return local::charter_check(&file, backend, console),
        Command::Charter(Charter::Print { file }) => return local::charter_print(&file, backend, console),
        Command::Dao(Dao::Found { charter, listen }) => {
            return local::found(&global, &charter, &listen, backend, console);
        }
        Command::Dao(Dao::Join { file, name }) => return local::join(&global, &file, &name, backend, console),
        Command::Wallet(question) => return local::wallet(&global, &question, backend, console),
        Command::Verify(options) => return local::verify(&options, backend, console),
        Command::Audit(source) => return local::audit(&global, &source, backend, console),
        Command::Headers(headers) => return local::headers(&headers, backend, console),
        Command::Hub(HubCommand::Run { listen }) => {
            return node::run_hub(&global, listen.as_deref(), backend, console);
        }
        Command::Member(MemberCommand::Run) => return node::run_member(&global, backend, console),
        Command::Tui(options) => return node::screens(&global, &options, shared, console),
        Command::Stop => return node::stop(&global, backend, console),
        Command::Stake(StakeCommand::Open { amount_sat, fee_rate }) => {
            return Caller::connect(&global, backend, console)?.stake_open(amount_sat, fee_rate, console);
        }
        Command::Stake(StakeCommand::Close { channel, fee_sat }) => {
            return Caller::connect(&global, backend, console)?.stake_close(&channel, fee_sat, console);
        }
        Command::Channel(ChannelCommand::Close { channel, fee_sat, force }) => {
            let caller = Caller::connect(&global, backend, console)?;
            return if force {
                caller.channel_force_close(&channel, console)
            } else {
                caller.stake_close(&channel, fee_sat, console)
            };
        }
        Command::Channel(ChannelCommand::Pay { channel, amount_sat }) => {
            return Caller::connect(&global, backend, console)?.channel_pay(&channel, amount_sat, console);
        }
        Command::Channel(ChannelCommand::Show { channel }) => {
            return Caller::connect(&global, backend, console)?.channel_show(&channel, console);
        }
        Command::Propose(Propose::Spend { text, outputs, fee_cap }) => {
            let effect = DraftEffect::Spend { outputs, fee_cap_sat: fee_cap };
            let draft = ProposalDraft { title: text.title.clone(), body: local::body(&text, console)?, effect };
            return Caller::connect(&global, backend, console)?.propose_spend(draft, console);
        }
        Command::Vote(vote) => {
            return Caller::connect(&global, backend, console)?.vote(vote, console);
        }
        Command::Propose(Propose::Text { text }) => Request::Propose {
            draft: ProposalDraft {
                title: text.title.clone(),
                body: local::body(&text, console)?,
                effect: DraftEffect::Text,
            },
        },
        Command::Comment(CommentArgs { proposal, text, parent }) => {
            let text = if text == "-" { local::read_input(console)? } else { text };
            Request::Comment { proposal, parent, text }
        }
        Command::Dao(Dao::Show) | Command::Status => Request::Status,
        Command::Stake(StakeCommand::List) | Command::Channel(ChannelCommand::List) => Request::Stakes,
        Command::Proposals => Request::Proposals,
        Command::Proposal(ProposalCommand::Show { id }) => Request::Proposal { id },
        Command::Ballots => Request::Ballots,
        Command::Links => Request::Links,
        Command::Members => Request::Members,
        Command::Wait(Wait { timeout, until }) => Request::Wait { until: until.into(), timeout_secs: timeout },
        Command::Proof(Proof::Export { proposal, out, tally, ballot: _, member }) => Request::ProofExport {
            proposal,
            statement: if tally { ProofStatement::Tally } else { ProofStatement::Ballot { member } },
            // The node that writes the file may run in another folder.
            path: std::path::absolute(out).map_err(anyhow::Error::from)?,
        },
    };
    let reply: Reply = Caller::connect(&global, backend, console)?.call(request)?;
    console.answer(&reply, || show::reply(&reply))
}
