//! Every governance command as a success, through the real program on a real bitcoind, in one DAO: proposals of each class,
//! ballots of each voting system, keys, guardians, invitations, deposits, rewards, discussion, and the two kinds of proof
//! against others.

mod classes;
mod members;
mod offences;
mod rules;
mod systems;

use althing_node::api::WaitFor;
use althing_regtest::Program;
use althing_regtest::story::{Actor, Assembly, enter, found_by, open_stakes, regtest_address};
use anyhow::{Context as _, Result, ensure};
use bitcoin::Amount;
use serde_json::Value;

use crate::figures;
use crate::stage::with_assembly;
use crate::told::ask;

/// Blocks until what was asked for has happened, and as much again for a busy machine.
const WITHIN_BLOCKS: u32 = 90;

/// Why Astrid votes for what she carries.
const WHY: &str = "It was talked over at the lake.";

/// What the invited member stakes.
const GUEST_SAT: u64 = 50_000;

#[test]
fn every_command_does_what_it_says() {
    with_assembly("every_command", |assembly| {
        let founded = found_by(assembly, rules::PERIODS, rules::every_class)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        let guest = guest(assembly, founded.dao_file.to_str().context("a path")?)?;
        // Not `reach_roll`, which expects whole stakes: the first dues may be paid by then.
        assembly.mine_until("everybody on a roll", WITHIN_BLOCKS, || {
            let seen = assembly.members.iter().map(|member| member.has_seen(WaitFor::OnRoll));
            let seen = seen.collect::<Result<Vec<bool>>>()?;
            Ok(seen.iter().all(|seen| *seen).then_some(()))
        })?;

        let invitation = members::invite(assembly, &guest)?;
        let classes = classes::propose(assembly)?;
        let systems = systems::propose(assembly)?;
        members::discuss(assembly, &systems.question)?;
        assembly.mine(1)?;

        members::accept(assembly, &guest, &invitation)?;
        let answer = classes::answer_request(assembly, &classes)?;
        members::rotate_key(assembly, &systems.question)?;
        systems::vote(assembly, &systems)?;
        classes::vote(assembly, &classes)?;
        offences::prove(assembly, &systems.question)?;
        offences::note(assembly, &systems.question)?;
        assembly.mine(1)?;
        members::delegated(assembly, &classes.request)?;
        classes::vote_on_answer(assembly, &answer)?;

        for proposal in systems.all().chain(classes.decided_first()) {
            until_decided(assembly, proposal)?;
        }
        systems::check(assembly, &systems)?;
        classes::check(assembly, &classes)?;
        members::check_rewards(assembly)?;
        members::check_guest(assembly, &guest)?;
        classes::check_later(assembly, &classes, &answer)?;
        // A tally for each of the 27 that were decided, an authorisation for each payment.
        let proven = figures::are_proven(assembly, &assembly.members[4])?;
        ensure!(proven >= 27, "{proven} proofs are named by the report");
        Ok(())
    });
}

/// A sixth person, who is invited; their stake is in the mempool afterwards.
fn guest(assembly: &Assembly, dao_file: &str) -> Result<Actor> {
    let mut guest = Actor::member("Thora", &Program::locate_or_build()?, &assembly.data_dir.join("guest"));
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let cookie = cookie.to_str().context("a path")?;
    ask(&guest, &["init", "--network", "regtest", "--bitcoind", &url, "--cookie", cookie])?;
    ask(&guest, &["dao", "join", dao_file, "--name", "Thora"])?;
    guest.start()?;
    let address = regtest_address(&guest.wallet_address()?)?;
    assembly.node.pay(&address, Amount::from_sat(GUEST_SAT + 100_000))?;
    assembly.mine(1)?;
    guest.wait(WaitFor::Height(assembly.node.tip()?.height), 90)?;
    ask(&guest, &["stake", "open", &GUEST_SAT.to_string(), "--yes"])?;
    Ok(guest)
}

/// Waits until everybody has verified all that anybody has.
pub(crate) fn caught_up(assembly: &Assembly) -> Result<()> {
    let sizes = assembly.everybody().map(|actor| Ok(actor.status()?.log_size)).collect::<Result<Vec<_>>>()?;
    let size = sizes.into_iter().max().context("nobody is there")?;
    assembly.everybody().try_for_each(|actor| actor.wait(WaitFor::LogSize(size), 90))
}

fn until_decided(assembly: &Assembly, proposal: &str) -> Result<()> {
    assembly.mine_until("the outcome in a final epoch", WITHIN_BLOCKS, || {
        for actor in assembly.everybody() {
            if !actor.has_seen(WaitFor::Decided(proposal.to_owned()))? {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

/// Mines until everybody says of a proposal what became of it.
pub(crate) fn until_it_says(assembly: &Assembly, proposal: &str, words: &str) -> Result<()> {
    let mut last = String::new();
    let what = format!("{words:?} of proposal {proposal}");
    let found = assembly.mine_until(&what, WITHIN_BLOCKS, || {
        for actor in assembly.everybody() {
            last = actor.proposal(proposal)?.vote.decision.unwrap_or_default();
            if !last.contains(words) {
                return Ok(None);
            }
        }
        Ok(Some(()))
    });
    found.with_context(|| format!("it says {last:?}"))
}

/// Runs a command that must succeed, and gives its answer.
/// Puts a proposal into the log, and gives its id.
pub(crate) fn propose(author: &Actor, command: &[&str]) -> Result<String> {
    let proposal = ask(author, &[&["propose"], command, &["--yes"]].concat())?;
    text(&proposal["id"])
}

pub(crate) fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("{value} is no text"))
}

/// The five of the story.
pub(crate) fn five(assembly: &Assembly) -> Result<[&Actor; 5]> {
    let all: Vec<&Actor> = assembly.members.iter().collect();
    all.try_into().map_err(|_| anyhow::anyhow!("five members"))
}
