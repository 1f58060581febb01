//! How votes end, through the real program on a real bitcoind, in one DAO: early, later after a surge, without the silent; which of
//! two answers to a request is carried out; what is never carried out; and who says too much.

use althing_governance::Charter;
use althing_governance::charter::{Class, ClassRule, Quorum};
use althing_node::api::{Choice, Proposal, ProposalState, Reply, Request};
use althing_regtest::story::{Actor, Assembly, Periods, enter, found_by, open_stakes, reach_roll};
use anyhow::{Context as _, Result, bail, ensure};

use crate::every_command::{caught_up, five, propose, until_it_says};
use crate::stage::with_assembly;
use crate::told::{ask, refused};

const PERIODS: Periods = Periods { veto_blocks: 0, ..Periods::SHORT };

/// Blocks from the authorisation of a payment until it expires.
const EXPIRY_BLOCKS: u32 = 48;

/// Comments of a member in an epoch.
const COMMENTS: u32 = 2;

/// Blocks until what was asked for has happened, and as much again for a busy machine.
const WITHIN_BLOCKS: u32 = 90;

struct Votes {
    surging: String,
    certain: String,
    unpaid: String,
    quiet: String,
    request: String,
}

#[test]
fn votes_end_when_they_should() {
    with_assembly("vote_ends", |assembly| {
        let founded = found_by(assembly, PERIODS, rules)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        reach_roll(assembly)?;
        let votes = table(assembly)?;
        too_many_comments(assembly, &votes.surging)?;
        assembly.mine(1)?;
        caught_up(assembly)?;
        let answers = answer(assembly, &votes.request)?;
        cast(assembly, &votes)?;
        early(assembly, &votes.certain)?;
        let end = late(assembly, &votes.surging)?;
        vote_on_answers(assembly, &answers)?;
        until_it_says(assembly, &votes.surging, &format!("Voting ended at height {end}"))?;
        until_it_says(assembly, &votes.surging, "says tied")?;
        best_answer(assembly, &answers)?;
        let [astrid, ..] = five(assembly)?;
        // 500,000 are a third of all, and 45 % of the rest.
        until_it_says(assembly, &votes.quiet, "The quorum leaves out the weight 400000 of members who were silent")?;
        let quiet = astrid.proposal(&votes.quiet)?;
        let met = quiet.tally.context("no sums")?.quorum_met;
        ensure!(met && quiet.vote.decision.is_some_and(|said| said.contains("says passed")), "quorum met: {met}");
        expired(assembly, &votes.unpaid)
    });
}

fn rules(mut charter: Charter) -> Charter {
    charter.classes = Class::ALL.map(rule).to_vec();
    charter.discussion.comments_per_epoch = COMMENTS;
    charter.dormant_after_epochs = 2;
    charter
}

fn rule(class: Class) -> ClassRule {
    let usual = ClassRule { voting_blocks: 6, quorum: Quorum::ParticipationBp(2000), ..ClassRule::new(class) };
    match class {
        Class::Text => ClassRule { voting_blocks: 12, late_surge: true, ..usual },
        Class::Pause => ClassRule { voting_blocks: 24, final_ballots: true, early_decision: true, ..usual },
        Class::Spend => ClassRule { expiry_blocks: EXPIRY_BLOCKS, ..usual },
        Class::Budget => ClassRule { quorum: Quorum::YesOfTotalBp(4000), ..usual },
        _ => usual,
    }
}

/// Bjarni says nothing, here and later.
fn table(assembly: &Assembly) -> Result<Votes> {
    let [astrid, _, gudrun, ..] = five(assembly)?;
    let payee = astrid.wallet_address()?;
    let to = format!("{payee}=20000");
    let wall = ["budget", "--title", "A wall", "--to", &payee, "--fee-cap", "1000", "--milestone", "5000@0=Stones"];
    Ok(Votes {
        surging: propose(astrid, &["text", "--title", "A longer feast"])?,
        certain: propose(gudrun, &["pause", "--title", "Wait", "--blocks", "2", "--class", "elect-treasurers"])?,
        unpaid: propose(astrid, &["spend", "--title", "A tower", "--to", &to, "--fee-cap", "1000"])?,
        quiet: propose(gudrun, &wall)?,
        request: propose(
            astrid,
            &["request", "--title", "Who builds?", "--submission-blocks", "1", "--budget-cap", "30000"],
        )?,
    })
}

fn too_many_comments(assembly: &Assembly, proposal: &str) -> Result<()> {
    let [.., njal] = five(assembly)?;
    for number in 0..COMMENTS {
        ask(njal, &["comment", proposal, &format!("Point {number}.")])?;
    }
    let third = njal.cli().run(&["comment", proposal, "And another.", "--json"])?;
    ensure!(third.code == Some(2), "it may be said in the next epoch: {third:?}");
    let said = third.stdout;
    ensure!(said.contains("R-42") && said.contains(&format!("at most {COMMENTS}")), "{said}");
    Ok(())
}

/// Two payments that compete for what was asked for.
fn answer(assembly: &Assembly, request: &str) -> Result<[String; 2]> {
    let [_, _, gudrun, hallgerd, _] = five(assembly)?;
    let one = |author: &Actor, title: &str, sat: u64| -> Result<String> {
        let to = format!("{}={sat}", author.wallet_address()?);
        propose(author, &["spend", "--title", title, "--to", &to, "--fee-cap", "1000", "--request", request])
    };
    Ok([one(gudrun, "Of stone", 25_000)?, one(hallgerd, "Of turf", 20_000)?])
}

fn cast(assembly: &Assembly, votes: &Votes) -> Result<()> {
    let [astrid, _, gudrun, ..] = five(assembly)?;
    yes(&[astrid], &[&votes.surging, &votes.quiet])?;
    // 800,000 of 1,500,000.
    yes(&[astrid, gudrun], &[&votes.certain, &votes.unpaid, &votes.request])
}

fn yes(voters: &[&Actor], proposals: &[&String]) -> Result<()> {
    for voter in voters {
        for proposal in proposals {
            ask(voter, &["vote", proposal, "yes", "--yes"])?;
        }
    }
    Ok(())
}

/// Nobody who is left can change it: it ends at the next boundary. A ballot of this class is final.
fn early(assembly: &Assembly, proposal: &str) -> Result<()> {
    let [astrid, ..] = five(assembly)?;
    let again = refused(astrid, &["vote", proposal, "no", "--yes"])?;
    ensure!(again.contains("G-44") && again.contains("final"), "{again}");
    // The review says so before anything is typed or signed.
    let review = Request::BallotReview { proposal: proposal.to_owned(), choice: Choice::No, reason: None };
    let Reply::BallotReview(review) = astrid.ask(review)? else { bail!("no review of a ballot") };
    let refusal = review.refusal.context("the review refuses nothing")?;
    ensure!(refusal.rule == "G-44" && !refusal.transient, "{refusal:?}");
    let heights = astrid.proposal(proposal)?.heights.context("no heights")?;
    let end = assembly.mine_until("an end before the close", 7, || {
        Ok(astrid.proposal(proposal)?.vote.ends_at.filter(|end| *end < heights.close_height))
    })?;
    ensure!(end % PERIODS.epoch_blocks == 0 && end <= heights.open_height + PERIODS.epoch_blocks, "it ends at {end}");
    ensure!(astrid.proposal(proposal)?.state != ProposalState::Voting, "it is still open");
    Ok(())
}

/// Others take the lead in the last quarter: whoever was for it has time to answer.
fn late(assembly: &Assembly, proposal: &str) -> Result<u32> {
    let [astrid, _, gudrun, hallgerd, njal] = five(assembly)?;
    let Proposal { heights, vote, .. } = astrid.proposal(proposal)?;
    let close = heights.context("no heights")?.close_height;
    ensure!(vote.ends_at == Some(close), "nothing has happened yet, and it ends at {:?}", vote.ends_at);
    assembly.mine(close - 2 - assembly.node.tip()?.height)?;
    for voter in [gudrun, hallgerd, njal] {
        ask(voter, &["vote", proposal, "no", "--yes"])?;
    }
    assembly.mine(2)?;
    for actor in assembly.everybody() {
        let found = actor.proposal(proposal)?;
        let (name, ends_at) = (actor.name(), found.vote.ends_at);
        ensure!(ends_at == Some(close + PERIODS.epoch_blocks), "at {name} it ends at {ends_at:?}, not after {close}");
        ensure!(found.state == ProposalState::Voting, "at {name} it is {:?}", found.state);
    }
    let words = astrid.cli().run(&["proposal", "show", proposal])?.stdout;
    ensure!(words.contains("ends       at height"), "{words}");
    // The time is used: 500,000 against 500,000.
    ask(njal, &["vote", proposal, "abstain", "--yes"])?;
    Ok(close + PERIODS.epoch_blocks)
}

/// Both would pass: the one has a lead of 800,000, the other of 700,000 less 300,000.
fn vote_on_answers(assembly: &Assembly, [stone, turf]: &[String; 2]) -> Result<()> {
    let [astrid, _, gudrun, hallgerd, _] = five(assembly)?;
    assembly.mine_until("the vote on the answers", WITHIN_BLOCKS, || {
        Ok((astrid.proposal(stone)?.state == ProposalState::Voting).then_some(()))
    })?;
    yes(&[astrid, gudrun], &[stone])?;
    yes(&[astrid, hallgerd], &[turf])?;
    ask(gudrun, &["vote", turf, "no", "--yes"])?;
    Ok(())
}

fn best_answer(assembly: &Assembly, [stone, turf]: &[String; 2]) -> Result<()> {
    until_it_says(assembly, stone, "it took effect")?;
    until_it_says(assembly, turf, "something else came first")?;
    until_it_is(assembly, turf, ProposalState::Lapsed)
}

/// Mines until everybody sees the proposal so in a final epoch.
fn until_it_is(assembly: &Assembly, proposal: &str, state: ProposalState) -> Result<()> {
    assembly.mine_until(&format!("{state:?}"), WITHIN_BLOCKS, || {
        for actor in assembly.everybody() {
            if actor.proposal(proposal)?.state != state {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

/// A payment that was decided and that no treasurer made.
fn expired(assembly: &Assembly, proposal: &str) -> Result<()> {
    let [astrid, ..] = five(assembly)?;
    until_it_says(assembly, proposal, "it took effect")?;
    let expires_at = astrid.proposal(proposal)?.vote.expires_at.context("it never expires")?;
    let left = (expires_at - 1).checked_sub(assembly.node.tip()?.height).context("it has expired by now")?;
    assembly.mine(left)?;
    let state = astrid.proposal(proposal)?.state;
    ensure!(state == ProposalState::Authorised, "before height {expires_at} it is {state:?}");
    until_it_is(assembly, proposal, ProposalState::Expired)?;
    let session = refused(astrid, &["treasury", "session", "open", proposal, "--yes"])?;
    ensure!(session.contains("T-43") && session.contains("expired at height"), "{session}");
    Ok(())
}
