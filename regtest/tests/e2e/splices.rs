//! A stake grows and shrinks while it votes: the funding is spliced, and through kills and a reorganisation it is always counted
//! once.

use althing_node::api::{Choice, Stake, WaitFor};
use althing_regtest::story::{Assembly, STAKES_SAT};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, ensure};

use crate::channel_ends::{
    PATIENCE, await_child, balance, only_stake, raw, spender, spender_in_mempool, stake_of, with_stakes,
};
use crate::many_channels::KEPT_SAT;
use crate::told::{ask, refused};

/// Blocks from a splice until the next roll must have it: six for the lock, six until the next close and six for its link, and
/// as much again for a busy machine.
const ON_ROLL_WITHIN_BLOCKS: u32 = 60;

/// Blocks from the last ballot until an outcome is final, and as much again.
const DECIDED_WITHIN_BLOCKS: u32 = 90;

/// Depth at which a splice takes the old funding's place.
const LOCKED_AT: u32 = 6;

/// Index of the member whose channel is spliced, and of one who only looks on.
const BJARNI: usize = 1;
const GUDRUN: usize = 2;

#[test]
fn a_topup_counts_once_and_the_member_votes_before_during_and_after() {
    with_stakes("topup", |assembly| {
        let before = only_stake(&assembly.members[BJARNI])?;
        let proposal = open_vote(assembly, "A new boat")?;
        vote(assembly, BJARNI, &proposal, Choice::Yes)?;

        let review = assembly.members[BJARNI].cli().run(&["channel", "topup", "50000"])?;
        let told = ask(&assembly.members[BJARNI], &["channel", "topup", "50000", "--yes"])?;
        ensure!(
            told["words"].as_str().is_some_and(|words| words.contains("A top-up of 50000 sat waits to be mined")),
            "{told}"
        );
        let splice = spender_in_mempool(assembly, &before)?;
        let entry = assembly.node.call("getmempoolentry", &[serde_json::json!(splice.compute_txid())])?;
        let paid = bitcoin::Amount::from_btc(entry["fees"]["base"].as_f64().context("no fee")?)?.to_sat();
        ensure!(review.stderr.contains(&format!("fee is {paid} sat")), "it pays {paid} sat: {}", review.stderr);
        let again = refused(&assembly.members[BJARNI], &["channel", "topup", "20000", "--yes"])?;
        ensure!(again.contains("C-143"), "{again}");
        let close = refused(&assembly.members[BJARNI], &["stake", "close", &before.channel, "--yes"])?;
        ensure!(close.contains("C-144"), "{close}");
        vote(assembly, BJARNI, &proposal, Choice::No)?;

        // Both die with the splice in nobody's memory but the stores'.
        for _ in 0..2 {
            assembly.members[BJARNI].kill();
            assembly.hub.kill();
            assembly.hub.start()?;
            assembly.members[BJARNI].start()?;
            assembly.mine(1)?;
        }
        ensure!(assembly.node.inclusion(&splice.compute_txid())?.is_some(), "the splice is not mined");
        vote(assembly, BJARNI, &proposal, Choice::Yes)?;
        on_roll(assembly, STAKES_SAT[BJARNI], STAKES_SAT[BJARNI] + 50_000)?;
        for actor in [&assembly.members[BJARNI], &assembly.hub] {
            let stake = stake_of(actor, &before.channel)?;
            ensure!(stake.amount_sat == before.amount_sat + 50_000 && stake.state == "ready", "{stake:?}");
            ensure!(stake.funding_outpoint == Some(format!("{}:0", splice.compute_txid())), "{stake:?}");
        }
        // The first vote went on with the old stake; the next one has the new.
        decided(assembly, &proposal, STAKES_SAT[BJARNI])?;
        let next = open_vote(assembly, "Another boat")?;
        vote(assembly, BJARNI, &next, Choice::Yes)?;
        decided(assembly, &next, STAKES_SAT[BJARNI] + 50_000)?;
        // G-37: nobody took anything out, so both counts came to the same.
        for proposal in [&proposal, &next] {
            ensure!(assembly.hub.proposal(proposal)?.vote.at_close.is_empty(), "counted again with other sums");
        }
        audit(assembly)
    });
}

#[test]
fn a_withdrawal_survives_its_block_and_pays_whom_it_names() {
    with_stakes("withdraw", |assembly| {
        let before = only_stake(&assembly.members[BJARNI])?;
        let to = assembly.members[GUDRUN].wallet_address()?;
        for (amount, rule) in [("399999", "C-140"), ("100", "C-140"), ("0", "C-140")] {
            let said = refused(&assembly.members[BJARNI], &["channel", "withdraw", amount, "--to", &to, "--yes"])?;
            ensure!(said.contains(rule), "{said}");
        }
        let wrong = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
        let said = refused(&assembly.members[BJARNI], &["channel", "withdraw", "100000", "--to", wrong, "--yes"])?;
        ensure!(said.contains("N-62"), "{said}");
        let asked = assembly.members[BJARNI].cli().run(&["channel", "withdraw", "150000", "--to", &to])?;
        ensure!(
            asked.stderr.contains("250,000 sat stay") && asked.code != Some(0),
            "no review without a word: {asked:?}"
        );

        let command = ["channel", "withdraw", "150000", "--to", &to, "--fee-rate", "3", "--yes"];
        ask(&assembly.members[BJARNI], &command)?;
        let splice = spender_in_mempool(assembly, &before)?;
        let txid = splice.compute_txid();
        // One input, the new funding, and what leaves: 154 vB as a close.
        ensure!(splice.vsize() == 154 && splice.output[0].value.to_sat() == 250_000, "{splice:?}");
        ensure!(splice.output[1].value.to_sat() == 150_000 - 154 * 3, "{splice:?}");

        assembly.mine(2)?;
        assembly.node.reorg_empty(2, 3)?;
        assembly.settle()?;
        let stake = only_stake(&assembly.members[BJARNI])?;
        ensure!(stake.words.contains("waits to be mined") && stake.amount_sat == before.amount_sat, "{stake:?}");
        assembly.members[BJARNI].kill();
        assembly.members[BJARNI].start()?;
        assembly.settle()?;
        assembly.mine(1)?;
        ensure!(assembly.node.inclusion(&txid)?.is_some(), "the splice was lost with its block");
        assembly.mine(LOCKED_AT - 2)?;
        // One block before the lock both fundings are in force still.
        let stake = only_stake(&assembly.members[BJARNI])?;
        ensure!(stake.amount_sat == before.amount_sat && stake.words.contains("5 of 6 blocks deep"), "{stake:?}");
        assembly.mine(1)?;
        locked(assembly, &before, 250_000)?;
        on_roll(assembly, 250_000, 250_000)?;

        // The channel goes on in its new funding, to its end.
        let stake = only_stake(&assembly.members[BJARNI])?;
        ask(&assembly.members[BJARNI], &["channel", "pay", &stake.channel, "10000", "--yes"])?;
        locked(assembly, &before, 240_000)?;
        ask(&assembly.members[BJARNI], &["stake", "close", &stake.channel, "--fee-sat", "400", "--yes"])?;
        let close = spender_in_mempool(assembly, &only_stake(&assembly.members[BJARNI])?)?;
        ensure!(close.input[0].previous_output.txid == txid, "{close:?}");
        ensure!(close.output.iter().any(|output| output.value.to_sat() == 240_000 - 400), "{close:?}");
        assembly.mine(7)?;
        ensure!(only_stake(&assembly.members[BJARNI])?.state == "closed");
        audit(assembly)
    });
}

#[test]
fn a_topup_through_kills_at_any_moment() {
    with_stakes("topup-kills", |assembly| {
        let before = only_stake(&assembly.members[BJARNI])?;
        let mut millis = 0;
        let splice = loop {
            ensure!(millis < 2_000, "no top-up got through");
            // The kill comes later and later after the order: before, in and behind the exchange of signatures.
            millis += 40;
            let cli = assembly.members[BJARNI].cli();
            let ordered = std::thread::spawn(move || cli.run(&["channel", "topup", "50000", "--yes", "--json"]));
            std::thread::sleep(std::time::Duration::from_millis(millis));
            assembly.members[BJARNI].kill();
            if millis % 80 == 0 {
                assembly.hub.kill();
                assembly.hub.start()?;
            }
            let _ = ordered.join();
            assembly.members[BJARNI].start()?;
            assembly.settle()?;
            let stake = only_stake(&assembly.members[BJARNI])?;
            if stake.words.contains("A top-up of 50000 sat") {
                break spender_in_mempool(assembly, &before)?;
            }
        };
        assembly.narrator.say(&format!("the top-up survived a kill {millis} ms after its order"));
        assembly.mine(1)?;
        ensure!(assembly.node.inclusion(&splice.compute_txid())?.is_some(), "the splice is not mined");
        assembly.mine(LOCKED_AT)?;
        locked(assembly, &before, before.amount_sat + 50_000)
    });
}

#[test]
fn closing_alone_while_a_splice_waits_takes_what_is_there() {
    with_stakes("splice-then-alone", |assembly| {
        let before = only_stake(&assembly.members[BJARNI])?;
        ask(&assembly.members[BJARNI], &["channel", "topup", "30000", "--yes"])?;
        let splice = spender_in_mempool(assembly, &before)?.compute_txid();
        assembly.mine(1)?;
        crate::channel_ends::fund_actor(assembly, &assembly.members[BJARNI], 50_000)?;
        ask(&assembly.members[BJARNI], &["channel", "close", &before.channel, "--force", "--yes"])?;
        let commitment = wait_for("the commitment over the new funding", PATIENCE, || {
            for txid in assembly.node.mempool().unwrap_or_default() {
                match raw(assembly, &txid) {
                    Ok(tx)
                        if tx.input.iter().any(|input| input.previous_output.txid == splice) && tx.version.0 == 3 =>
                    {
                        return Look::Ready(tx);
                    }
                    _ => {}
                }
            }
            Look::NotYet("not in the mempool".to_owned())
        })?;
        ensure!(
            commitment.output.iter().any(|output| output.value.to_sat() == before.amount_sat + 30_000),
            "{commitment:?}"
        );
        assembly.mine(1)?;
        ensure!(assembly.node.inclusion(&commitment.compute_txid())?.is_some(), "the commitment is not mined");
        Ok(())
    });
}

/// C-77, N-151: closing alone does not wait for a top-up; it takes its place, and the coins of that are the wallet's again.
#[test]
fn closing_alone_does_not_wait_for_a_top_up() {
    with_stakes("topup-then-alone", |assembly| {
        let member = &assembly.members[BJARNI];
        let (before, has) = (only_stake(member)?, balance(member)?.confirmed_sat);
        // Of what is free nearly all, at a rate that nobody would call low.
        let added = (has - KEPT_SAT - 4_000).to_string();
        ask(member, &["channel", "topup", &added, "--fee-rate", "12", "--yes"])?;
        let splice = spender_in_mempool(assembly, &before)?;
        ask(member, &["channel", "close", &before.channel, "--force", "--yes"])?;
        let commitment =
            wait_for("the commitment in the place of the top-up", PATIENCE, || match spender(assembly, &before) {
                Ok(Some(tx)) if tx.version.0 == 3 => Look::Ready(tx),
                other => Look::NotYet(format!("{other:?}")),
            })?;
        ensure!(commitment.compute_txid() != splice.compute_txid());
        await_child(assembly, &commitment)?;
        assembly.mine(1)?;
        ensure!(assembly.node.inclusion(&commitment.compute_txid())?.is_some(), "the commitment is not mined");
        wait_for("the coins of the top-up in the wallet", PATIENCE, || match balance(member) {
            Ok(now) if now.confirmed_sat > has - 20_000 => Look::Ready(()),
            other => Look::NotYet(format!("{other:?} of {has}")),
        })?;
        let told = only_stake(member)?;
        ensure!(!told.words.contains("top-up"), "{}", told.words);
        // Not only shown: it pays.
        let elsewhere = assembly.hub.wallet_address()?;
        ask(member, &["wallet", "send", "--to", &elsewhere, "--amount-sat", &added, "--yes"])?;
        Ok(())
    });
}

/// Proposes a text, and mines until its vote is open.
pub(crate) fn open_vote(assembly: &Assembly, title: &str) -> Result<String> {
    let tabled = ask(&assembly.members[0], &["propose", "text", "--title", title])?;
    let id = tabled["id"].as_str().context("no id")?.to_owned();
    assembly.mine_until("the vote open", 20, || {
        Ok(assembly.members[BJARNI].has_seen(WaitFor::VotingOpen(id.clone()))?.then_some(()))
    })?;
    Ok(id)
}

pub(crate) fn vote(assembly: &Assembly, member: usize, proposal: &str, choice: Choice) -> Result<()> {
    let ballot = assembly.members[member].vote(proposal, choice, None)?;
    ensure!(ballot.position.is_some(), "{ballot:?}");
    Ok(())
}

/// Mines until the vote is decided, and looks whether its close came to `yes` against nothing, whatever was counted again since (V-34).
pub(crate) fn decided(assembly: &Assembly, proposal: &str, yes: u64) -> Result<()> {
    assembly.mine_until("the outcome in a final epoch", DECIDED_WITHIN_BLOCKS, || {
        Ok(assembly.members[GUDRUN].has_seen(WaitFor::Decided(proposal.to_owned()))?.then_some(()))
    })?;
    for actor in assembly.everybody() {
        let told = actor.proposal(proposal)?;
        let at_close = told.vote.at_close.into_iter().next().map(|body| body.tally);
        let tally = at_close.or(told.tally).context("no tally")?;
        ensure!(
            (tally.yes.as_str(), tally.no.as_str()) == (yes.to_string().as_str(), "0"),
            "{} has {tally:?}",
            actor.name()
        );
    }
    Ok(())
}

/// Mines until the roll has the new weight; at no roll on the way it had less than `least` or anything else than old or new.
fn on_roll(assembly: &Assembly, least: u64, weight: u64) -> Result<()> {
    assembly.mine_until("the new weight on the roll", ON_ROLL_WITHIN_BLOCKS, || {
        let mut all = true;
        for actor in assembly.everybody() {
            let members = actor.members()?;
            let bjarni = members.iter().find(|member| member.name == "Bjarni").context("no Bjarni")?;
            let found: u64 = bjarni.weight.as_deref().context("the stake fell off the roll")?.parse()?;
            ensure!(found >= least.min(weight), "{} has Bjarni with weight {found}", actor.name());
            ensure!([STAKES_SAT[BJARNI], weight].contains(&found), "{} has Bjarni with {found}", actor.name());
            all &= found == weight;
        }
        Ok(all.then_some(()))
    })
}

/// Both sides are at that balance, over one funding.
fn locked(assembly: &Assembly, before: &Stake, amount_sat: u64) -> Result<()> {
    for actor in [&assembly.members[BJARNI], &assembly.hub] {
        wait_for("the new balance", PATIENCE, || match stake_of(actor, &before.channel) {
            Ok(stake) if stake.amount_sat == amount_sat && !stake.words.contains("blocks deep") => Look::Ready(()),
            other => Look::NotYet(format!("{} has {other:?}", actor.name())),
        })?;
    }
    Ok(())
}

/// A member who only looked on, and the hub, can show everything from their folders and the block headers alone.
pub(crate) fn audit(assembly: &mut Assembly) -> Result<()> {
    let headers = assembly.data_dir.join("headers.bin");
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let (headers, cookie) = (headers.to_str().context("a path")?, cookie.to_str().context("a path")?);
    ask(&assembly.hub, &["headers", "export", headers, "--bitcoind", &url, "--cookie", cookie])?;
    assembly.stop()?;
    for actor in [&assembly.hub, &assembly.members[GUDRUN]] {
        let report = ask(actor, &["audit", "--headers", headers])?;
        ensure!(report["verdict"] == "valid", "{}: {report}", actor.name());
    }
    Ok(())
}
