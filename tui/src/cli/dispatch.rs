//! From the parsed command line to what carries it out.

use super::args::{
    ChannelCommand, Charter, Cli, Command, CommentArgs, Dao, HubCommand, Invite, MemberCommand, Proof, ProposalCommand,
    StakeCommand, UpdateArgs, Wait, Wallet,
};
use super::console::Console;
use super::failure::Failure;
use super::looks::only_looks;
use super::node::{self, Caller};
use super::say::{Weighty, say};
use super::{about, anchor, backup, local, onboarding, recourse, show, tower};
use std::sync::Arc;

use crate::backend::Backend;
use crate::readonly::refusal;

use althing_node::api::{AnchorRequest, Reply, Request, Saying};

/// Carries out a command and gives its exit code.
pub(super) fn dispatch(cli: Cli, backend: &Arc<dyn Backend>, console: &mut Console<'_>) -> Result<u8, Failure> {
    let global = cli.global;
    // Only the screens keep it beyond this call.
    let shared = backend;
    let backend: &dyn Backend = &**shared;
    console.readonly = global.readonly;
    if global.readonly && !only_looks(&cli.command) {
        return Err(refusal().into());
    }
    let request = match cli.command {
        Command::Init(options) => return local::init(&global, options, backend, console),
        Command::Keys(super::args::Keys::Show { replacement }) => {
            return local::keys(&global, replacement, backend, console);
        }
        Command::Charter(Charter::Template { kind, network }) => {
            return console.page(&backend.charter_template(&kind, &network)?, false);
        }
        Command::Charter(Charter::Check { file }) => return local::charter_check(&file, backend, console),
        Command::Charter(Charter::Explain { file }) => return local::charter_explain(&file, backend, console),
        Command::Charter(Charter::Diff { old, new }) => return local::charter_diff(&old, &new, backend, console),
        Command::Dao(Dao::Found { charter, listen }) => {
            return local::found(&global, &charter, &listen, backend, console);
        }
        Command::Dao(Dao::Join { file, name }) => return local::join(&global, &file, &name, backend, console),
        Command::Dao(Dao::Invitation) => return onboarding::invitation(&global, backend, console),
        Command::Join(options) => return onboarding::join(&global, &options, backend, console),
        Command::Why(args) => args.into(),
        Command::History(history) => history.into(),
        Command::Learn => return about::learn(console),
        Command::Info => return about::info(&global, backend, console),
        Command::Settings(command) => return about::settings(command, backend, console),
        Command::Completions(options) => return about::completions(&options, console),
        Command::Man(options) => return about::man(&options, console),
        Command::Wallet(Wallet::Send(options)) => {
            return Caller::connect(&global, backend, console)?.wallet_send(options, console);
        }
        Command::Wallet(question) => return local::wallet(&global, &question, backend, console),
        Command::Treasury(command) => return super::treasury::run(&global, command, backend, console),
        Command::Psbt(command) => return super::treasury::run_psbt(&global, command, console),
        Command::Treasurer(args) => return super::treasury::run_robot(&global, &args, backend, console),
        Command::Verify(options) => return local::verify(&options, &global, backend, console),
        Command::Audit(source) => return local::audit(&global, &source, backend, console),
        Command::Headers(headers) => return local::headers(&headers, backend, console),
        Command::Tiles(command) => return super::tiles::tiles(&command, &global, console),
        Command::Hub(HubCommand::Run { listen }) => {
            return node::run_hub(&global, listen.as_deref(), backend, console);
        }
        Command::Hub(HubCommand::Confirm) => {
            return Caller::attach(&global, backend)?.hub_confirm(console);
        }
        Command::Backup(command) => return backup::backup(&global, command, backend, console),
        Command::Restore(options) => return backup::restore(&global, &options, backend, console),
        Command::Light(command) => return super::light::light(&global, &command, backend, console),
        Command::Tower(command) => return tower::tower(&global, command, backend, console),
        Command::Member(MemberCommand::Run) => return node::run_member(&global, backend, console),
        Command::Tui(options) => return node::screens(&global, &options, shared, console),
        Command::Bench(what) => return super::bench::bench(what, console),
        Command::Stop => return node::stop(&global, backend, console),
        Command::Stake(StakeCommand::Open { amount_sat, fee_rate }) => {
            return Caller::connect(&global, backend, console)?.stake_open(amount_sat, fee_rate, console);
        }
        Command::Stake(StakeCommand::Close { channel, fee_sat }) => {
            return Caller::connect(&global, backend, console)?.stake_close(&channel, fee_sat, console);
        }
        Command::Channel(ChannelCommand::Close { channel, fee_sat, force, newest }) => {
            return if force {
                // The way out must not wait for a hub; C-150 has its own wait.
                Caller::connect_at_once(&global, backend, console)?.channel_force_close(&channel, newest, console)
            } else {
                Caller::connect(&global, backend, console)?.stake_close(&channel, fee_sat, console)
            };
        }
        Command::Channel(ChannelCommand::Pay { channel, amount_sat, voucher }) => {
            let caller = Caller::connect(&global, backend, console)?;
            return match voucher {
                true => caller.channel_voucher(&channel, amount_sat, console),
                false => caller.channel_pay(&channel, amount_sat, console),
            };
        }
        Command::Channel(ChannelCommand::TopUp(options)) => {
            return Caller::connect(&global, backend, console)?.channel_top_up(options, console);
        }
        Command::Channel(ChannelCommand::Withdraw(options)) => {
            return Caller::connect(&global, backend, console)?.channel_take_out(options, console);
        }
        Command::Channel(ChannelCommand::Bump(options)) => {
            return Caller::connect(&global, backend, console)?.channel_bump(options, console);
        }
        Command::Channel(ChannelCommand::Migrate(options)) => {
            return Caller::connect(&global, backend, console)?.channel_migrate(options, console);
        }
        Command::Channel(ChannelCommand::Show { channel }) => {
            return Caller::connect(&global, backend, console)?.channel_show(&channel, console);
        }
        Command::Propose(propose) => {
            let (draft, only_check) = propose.draft(console)?;
            return Caller::connect(&global, backend, console)?.propose(draft, only_check, console);
        }
        Command::Vote(vote) if vote.as_treasurer => {
            let choice = vote.choice()?;
            let saying = Saying::VoteAsTreasurer { proposal: vote.proposal, choice, reason: vote.reason };
            let word = Weighty::Yes("Cast a ballot as a treasurer", crate::app::CASTING_WORD);
            return say(saying, word, &global, backend, console);
        }
        Command::Vote(vote) => {
            return Caller::connect(&global, backend, console)?.vote(vote, console);
        }
        Command::CommentVote(vote) => return say(vote.into(), Weighty::No, &global, backend, console),
        Command::Update(UpdateArgs { proposal, text }) => {
            let text = if text == "-" { local::read_input(console)? } else { text };
            return say(Saying::Update { proposal, text }, Weighty::No, &global, backend, console);
        }
        Command::Withdraw { proposal } => {
            let word = Weighty::Yes("Take a proposal back", "withdraw");
            return say(Saying::Withdraw { proposal }, word, &global, backend, console);
        }
        Command::Delegate(delegate) => {
            let word = if delegate.revoke { Weighty::No } else { Weighty::Yes("Delegate my weight", "delegate") };
            return say(delegate.into(), word, &global, backend, console);
        }
        Command::Deposit(deposit) => {
            return say(deposit.into(), Weighty::Yes("Hold a deposit", "hold"), &global, backend, console);
        }
        Command::Guardian(guardian) => {
            return say(guardian.into(), Weighty::Yes("Speak as a guardian", "guard"), &global, backend, console);
        }
        Command::Invite(Invite { member, until }) => {
            let word = Weighty::Yes("Invite a member", "invite");
            return say(Saying::Invite { member, until }, word, &global, backend, console);
        }
        Command::Accept { invitation } => {
            return super::invited::accept(&invitation, &global, backend, console);
        }
        Command::Seen { file } => {
            let entry = local::read_file(&file)?.trim().to_owned();
            return say(Saying::Seen { entry }, Weighty::No, &global, backend, console);
        }
        Command::RotateKey => return Caller::connect(&global, backend, console)?.rotate_key(console),
        Command::Equivocation { file } => {
            return Caller::connect(&global, backend, console)?.equivocation(&file, console);
        }
        Command::Force(args) => return recourse::force(args, &global, backend, console),
        Command::Fraud { file } => return recourse::fraud(&file, &global, backend, console),
        Command::Gates(command) => return recourse::gates(command, &global, backend, console),
        Command::Proposal(ProposalCommand::Diff { old, new }) => {
            return Caller::connect(&global, backend, console)?.proposal_diff(&old, &new, console);
        }
        Command::Report(report) => return Caller::connect(&global, backend, console)?.report(&report, console),
        Command::Hide(hide) => Request::Hide { what: hide.what.into(), id: hide.id, hidden: true },
        Command::Unhide(hide) => Request::Hide { what: hide.what.into(), id: hide.id, hidden: false },
        Command::Delegations { proposal } => Request::Delegations { proposal },
        Command::Deposits => Request::Deposits,
        Command::Rewards => Request::Rewards,
        Command::Invitations => Request::Invitations,
        Command::Charter(Charter::Show) => Request::Charter,
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
        Command::Proof(Proof::Export(export)) => export.request()?,
        Command::Proof(Proof::Receipt { proposal, out }) => {
            let path = std::path::absolute(out).map_err(anyhow::Error::from)?;
            Request::Anchoring(AnchorRequest::Receipt { proposal, path })
        }
        Command::Ots(export) => export.request()?,
        Command::Link(command) => return anchor::link(command, &global, backend, console),
        Command::Health => return anchor::health(&global, backend, console),
        Command::Succession(command) => return super::succession::succession(command, &global, backend, console),
    };
    let caller = match request {
        // It waits by itself, for whatever it is told.
        Request::Wait { .. } => Caller::connect_at_once(&global, backend, console)?,
        _ => Caller::connect(&global, backend, console)?,
    };
    let reply: Reply = caller.call(request)?;
    console.answer(&reply, || show::reply(&reply))
}
