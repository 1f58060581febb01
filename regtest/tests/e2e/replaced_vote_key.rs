//! A member speaks with another vote key: the stake goes on being paid from, grows and votes, through restarts of both sides.

use althing_governance::entry::{Checkpoint, Entry};
use althing_governance::id::MemberId;
use althing_node::api::{Choice, Stake, WaitFor};
use althing_node::keys::Keys;
use althing_regtest::story::{Assembly, PASSWORD, STAKES_SAT};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};

use crate::breaches::{DUES_SAT, pay};
use crate::channel_ends::{PATIENCE, only_stake, with_stakes};
use crate::log_rows;

/// Whose key is replaced, and who looks on.
const BJARNI: usize = 1;
const GUDRUN: usize = 2;

/// Blocks from a change of the stake until a final roll has it, and as much again for a busy machine.
const ON_ROLL_WITHIN_BLOCKS: u32 = 60;

/// Blocks from the last ballot until an outcome is final, and as much again.
const DECIDED_WITHIN_BLOCKS: u32 = 90;

const TOPUP_SAT: u64 = 50_000;

#[test]
fn a_stake_goes_on_under_the_key_that_speaks_now() {
    with_stakes("replaced-vote-key", |assembly| {
        let stake = only_stake(&assembly.members[BJARNI])?;
        pay(assembly, BJARNI, &stake)?;
        logged(assembly, &stake, 0, 1)?;

        rotate(assembly)?;
        pay(assembly, BJARNI, &stake)?;
        logged(assembly, &stake, 1, 2)?;
        // Each side alone is started anew between two payments.
        for restart in [Restart::Member, Restart::Hub] {
            let actor = match restart {
                Restart::Member => &mut assembly.members[BJARNI],
                Restart::Hub => &mut assembly.hub,
            };
            actor.kill();
            actor.start()?;
            assembly.settle()?;
            let paid = 3 + u64::from(restart == Restart::Hub);
            pay(assembly, BJARNI, &stake)?;
            logged(assembly, &stake, 1, paid)?;
        }

        // A third key; the stake grows, and everybody has the new weight.
        rotate(assembly)?;
        let topup = ["channel", "topup", &TOPUP_SAT.to_string(), "--yes"];
        assembly.members[BJARNI].cli().json::<serde_json::Value>(&topup)?;
        let grown = STAKES_SAT[BJARNI] + TOPUP_SAT - 4 * DUES_SAT;
        assembly.mine_until("the grown stake on a roll", ON_ROLL_WITHIN_BLOCKS, || {
            let members = assembly.members[GUDRUN].members()?;
            let bjarni = members.iter().find(|member| member.name == "Bjarni").context("Bjarni is no member")?;
            Ok((bjarni.weight.as_deref() == Some(&grown.to_string())).then_some(()))
        })?;
        let newest = newest_checkpoint(assembly, &stake)?;
        ensure!(newest.member == vote_key(assembly, 2)?, "the top-up is signed by {}", newest.member);

        votes(assembly, grown)?;
        shows_both(assembly, 2)?;
        for actor in [&assembly.members[BJARNI], &assembly.hub] {
            let alarms = actor.status()?.alarms;
            ensure!(!alarms.iter().any(|alarm| alarm.contains("G-23")), "{}: {alarms:?}", actor.name());
        }
        Ok(())
    });
}

#[derive(Clone, Copy, PartialEq)]
enum Restart {
    Member,
    Hub,
}

fn rotate(assembly: &Assembly) -> Result<()> {
    let said: serde_json::Value = assembly.members[BJARNI].cli().json(&["rotate-key", "--yes"])?;
    ensure!(said["position"].is_u64(), "{said}");
    assembly.mine(1)
}

/// `keys show` tells the key that names the member and the one that signs (N-432).
fn shows_both(assembly: &Assembly, number: u32) -> Result<()> {
    let shown: serde_json::Value = assembly.members[BJARNI].cli().json(&["keys", "show"])?;
    let wanted = [vote_key(assembly, 0)?, vote_key(assembly, number)?].map(|key| key.to_string());
    ensure!([&shown["vote_key"], &shown["vote_key_in_force"]] == [&wanted[0], &wanted[1]], "{shown}");
    Ok(())
}

/// The vote key that replaces the first one the `number`th time.
fn vote_key(assembly: &Assembly, number: u32) -> Result<MemberId> {
    let keys = Keys::open(assembly.members[BJARNI].data_dir(), PASSWORD)?;
    Ok(MemberId::of(&keys.vote_number(number).x_only_public_key().0))
}

fn newest_checkpoint(assembly: &Assembly, stake: &Stake) -> Result<Checkpoint> {
    let log = log_rows::entries(&log_rows::read(assembly.members[GUDRUN].data_dir()));
    let of_stake = log.into_iter().rev().find_map(|(_, entry)| match entry {
        Entry::Checkpoint(signed) if signed.checkpoint.channel.to_string() == stake.channel => Some(signed.checkpoint),
        _ => None,
    });
    of_stake.context("the log has no checkpoint of it")
}

/// Waits until somebody else's log has the checkpoint of so many payments, by the key of that number.
fn logged(assembly: &Assembly, stake: &Stake, key: u32, payments: u64) -> Result<()> {
    let wanted = (vote_key(assembly, key)?, STAKES_SAT[BJARNI] - payments * DUES_SAT);
    wait_for("the checkpoint in the log", PATIENCE, || match newest_checkpoint(assembly, stake) {
        Ok(found) if (found.member, found.member_sat) == wanted => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}, wanted {wanted:?}")),
    })?;
    Ok(())
}

/// The ballot by the newest key counts with the grown stake.
fn votes(assembly: &Assembly, grown: u64) -> Result<()> {
    let tabled: serde_json::Value =
        assembly.members[BJARNI].cli().json(&["propose", "text", "--title", "A third key", "--yes"])?;
    let proposal = tabled["id"].as_str().context("no id")?.to_owned();
    assembly.mine_until("the vote opens", 20, || {
        Ok(assembly.members[BJARNI].has_seen(WaitFor::VotingOpen(proposal.clone()))?.then_some(()))
    })?;
    assembly.members[BJARNI].vote(&proposal, Choice::Yes, None)?;
    assembly.mine_until("the outcome in a final epoch", DECIDED_WITHIN_BLOCKS, || {
        Ok(assembly.members[GUDRUN].has_seen(WaitFor::Decided(proposal.clone()))?.then_some(()))
    })?;
    let tally = assembly.members[GUDRUN].proposal(&proposal)?.tally.context("no sums")?;
    ensure!(tally.yes == grown.to_string() && tally.ballots == 1, "{tally:?}");
    Ok(())
}
