//! Deciding: proposals, discussion, ballots cast at once, a hub killed among them, a reorganised block, and the outcome.

use std::sync::Mutex;
use std::time::Duration;

use althing_node::api::{ApiError, Ballot, BallotPath, Choice, ErrorKind, Proposal, ProposalState, WaitFor};
use anyhow::{Context, Result, ensure};

use super::actor::Actor;
use super::assembly::{Assembly, at_once};
use super::motions::Motion;
use crate::wait::{Look, wait_for};

/// How long a ballot may wait for a hub that was killed and started again.
const VOTE_WITHIN: Duration = Duration::from_secs(90);

/// Blocks from the last ballot until the outcome is final: up to two epochs of voting, and as for the roll; then twice
/// that for a busy machine.
const DECIDED_WITHIN_BLOCKS: u32 = 90;

/// A motion that is in the log.
#[derive(Debug, Clone)]
pub struct Tabled {
    /// The proposal's id.
    pub id: String,
    /// What was proposed, and what must come of it.
    pub motion: Motion,
}

/// A ballot that the hub acknowledged with a receipt: from then on it may not be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Index of the member.
    pub member: usize,
    /// The ballot as the member's node answered it.
    pub ballot: Ballot,
}

/// Puts the motions into the log, and some discussion; voting on all of them is open afterwards.
///
/// # Errors
/// When a node refuses.
pub fn propose(assembly: &Assembly, motions: Vec<Motion>) -> Result<Vec<Tabled>> {
    assembly.narrator.step("proposals and a little discussion");
    let mut tabled = Vec::new();
    for motion in motions {
        let author = &assembly.members[motion.author];
        let proposal = author.propose(motion.draft.clone())?;
        assembly.narrator.say(&format!("{} proposes: {} ({})", author.name(), motion.draft.title, proposal.class));
        tabled.push(Tabled { id: proposal.id, motion });
    }
    // A signed head must cover them: its height opens the vote.
    assembly.mine(1)?;
    for proposal in &tabled {
        let asked = assembly.members[3].comment(&proposal.id, None, "What would this cost us in a year?")?;
        let author = &assembly.members[proposal.motion.author];
        // Whoever answers has to have heard the question.
        wait_for("the question at its author", Duration::from_secs(30), || match author.proposal(&proposal.id) {
            Ok(seen) if !seen.comments.is_empty() => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        author.comment(&proposal.id, Some(&asked.id), "Less than a sheep.")?;
    }
    assembly.mine(1)?;
    for actor in assembly.everybody() {
        for proposal in &tabled {
            let seen = actor.proposal(&proposal.id)?;
            ensure!(seen.comments.len() == 2, "{} sees the comments {:?}", actor.name(), seen.comments);
            actor.wait(WaitFor::VotingOpen(proposal.id.clone()), 0)?;
        }
    }
    Ok(tabled)
}

/// Casts all ballots, every member in its own thread, and kills the hub in the middle. The hub is started again, and
/// every ballot that was acknowledged before or after is in the log.
///
/// # Errors
/// When a ballot is refused, lost, or not acknowledged in time.
pub fn vote(assembly: &mut Assembly, tabled: &[Tabled]) -> Result<()> {
    assembly.narrator.step("five members vote at once; the hub is killed in the middle and started again");
    let all: usize = tabled.iter().map(|proposal| proposal.motion.ballots_cast()).sum();
    let acknowledged = Mutex::new(Vec::new());
    let Assembly { hub, members, narrator, .. } = assembly;
    std::thread::scope(|scope| -> Result<()> {
        let voting = scope.spawn(|| {
            at_once(members, |i, member| {
                for (id, choice) in ballots_of(i, tabled) {
                    let ballot = vote_until_acknowledged(member, id, choice)?;
                    lock(&acknowledged).push(Acknowledged { member: i, ballot });
                }
                Ok(())
            })
        });
        let killed = kill_after(hub, &acknowledged, all / 3);
        let voted = voting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        narrator.say(&format!("killed after {} acknowledged ballots", killed?));
        voted.map(drop)
    })?;
    assembly.mine(1)?;
    let acknowledged = acknowledged.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    check_none_missing(assembly, &acknowledged)?;
    assembly.narrator.say(&format!("{} ballots acknowledged, none missing from the log", acknowledged.len()));
    Ok(())
}

/// Casts a ballot and waits, through any outage of the hub, until its receipt is stored.
///
/// # Errors
/// When the ballot is refused, or not acknowledged within a minute and a half.
pub fn vote_until_acknowledged(member: &Actor, proposal: &str, choice: Choice) -> Result<Ballot> {
    match member.vote(proposal, choice.clone(), None) {
        Ok(ballot) if ballot.position.is_some() => return Ok(ballot),
        // While the hub is away or busy a ballot is stored and goes out by itself.
        Ok(_) => {}
        Err(error) if is_not_now(&error) => {}
        Err(error) => return Err(error),
    }
    // The member's node has stored the ballot and sends it again by itself. Casting it once more would only make another.
    wait_for(&format!("{}'s ballot to be acknowledged", member.name()), VOTE_WITHIN, || {
        let newest = member.ballots().map(|ballots| {
            let of_proposal = ballots.into_iter().filter(|ballot| ballot.proposal == proposal);
            of_proposal.max_by_key(|ballot| ballot.sequence)
        });
        match newest {
            Ok(Some(ballot)) if ballot.choice == choice && ballot.position.is_some() => Look::Ready(Ok(ballot)),
            Ok(Some(ballot)) if ballot.choice == choice => Look::NotYet(format!("{ballot:?}")),
            Ok(_) => match member.vote(proposal, choice.clone(), None) {
                Ok(ballot) if ballot.position.is_some() => Look::Ready(Ok(ballot)),
                Ok(ballot) => Look::NotYet(format!("{ballot:?}")),
                Err(error) if is_not_now(&error) => Look::NotYet(format!("{error:#}")),
                Err(error) => Look::Ready(Err(error)),
            },
            Err(error) => Look::Ready(Err(error)),
        }
    })?
}

/// Every acknowledged ballot is in the log its member verified, at the position that the hub promised.
///
/// # Errors
/// Names the missing ballot.
pub fn check_none_missing(assembly: &Assembly, acknowledged: &[Acknowledged]) -> Result<()> {
    let log_size = assembly.hub.status()?.log_size;
    for (i, member) in assembly.members.iter().enumerate() {
        let now = member.ballots()?;
        for Acknowledged { ballot, .. } in acknowledged.iter().filter(|acknowledged| acknowledged.member == i) {
            let found = now.iter().find(|other| other.sequence == ballot.sequence);
            let logged = found.is_some_and(|found| {
                let in_log = !matches!(found.path, BallotPath::Stored | BallotPath::Promised { .. });
                in_log && found.position == ballot.position && ballot.position.is_some_and(|p| p < log_size)
            });
            ensure!(logged, "{} was promised {ballot:?}, the log of {log_size} entries has {found:?}", member.name());
        }
    }
    Ok(())
}

/// Mines until a link has its first confirmation and takes that block away again; the link must come back.
///
/// # Errors
/// When the link does not come back, or somebody does not follow.
pub fn reorganise(assembly: &Assembly) -> Result<()> {
    assembly.narrator.step("a block with a link in it is reorganised away");
    let newest_mined = || {
        let links = assembly.hub.links()?;
        Ok(links.into_iter().rfind(|link| link.confirmations == 1))
    };
    let link = assembly.mine_until("a link with one confirmation", DECIDED_WITHIN_BLOCKS, newest_mined)?;
    assembly.node.reorg_empty(1, 2)?;
    assembly.settle()?;
    assembly.narrator.say(&format!("link {} of epoch {} lost its block", link.txid, link.epoch));
    assembly.mine_until("the link mined again", DECIDED_WITHIN_BLOCKS, || {
        let now = assembly.hub.links()?.into_iter().find(|other| other.epoch == link.epoch);
        let now = now.with_context(|| format!("the hub forgot the link of epoch {}", link.epoch))?;
        ensure!(now.txid == link.txid, "epoch {} was under link {}, now under {}", link.epoch, link.txid, now.txid);
        Ok((now.confirmations > 0).then_some(()))
    })
}

/// Mines until the outcomes are final, and compares what every node recomputed with what must come out.
///
/// # Errors
/// When a node finds another outcome or other sums.
pub fn conclude(assembly: &Assembly, tabled: &[Tabled]) -> Result<Vec<Proposal>> {
    assembly.narrator.step("mining until every outcome is final");
    assembly.mine_until("every outcome in a final epoch", DECIDED_WITHIN_BLOCKS, || {
        for actor in assembly.everybody() {
            for proposal in tabled {
                if !actor.has_seen(WaitFor::Decided(proposal.id.clone()))? {
                    return Ok(None);
                }
                // What passed takes effect, and is authorised, in the first epoch that closes behind its veto window.
                let waits = proposal.motion.outcome == ProposalState::Authorised;
                if waits && actor.proposal(&proposal.id)?.state == ProposalState::Passed {
                    return Ok(None);
                }
            }
        }
        Ok(Some(()))
    })?;
    let mut concluded = Vec::new();
    for proposal in tabled {
        for actor in assembly.everybody() {
            let found = actor.proposal(&proposal.id)?;
            check_outcome(&found, &proposal.motion).with_context(|| format!("as {} recomputed it", actor.name()))?;
        }
        let found = assembly.members[0].proposal(&proposal.id)?;
        assembly.narrator.say(&format!("{}: {:?}", found.title, found.state));
        concluded.push(found);
    }
    Ok(concluded)
}

fn check_outcome(found: &Proposal, motion: &Motion) -> Result<()> {
    let title = &found.title;
    ensure!(found.state == motion.outcome, "{title:?} is {:?}, must be {:?}", found.state, motion.outcome);
    let tally = found.tally.as_ref().with_context(|| format!("{title:?} has no tally"))?;
    let sums = motion.expected_sums();
    let total: u64 = super::join::STAKES_SAT.iter().sum();
    let expected = (sums.yes.to_string(), sums.no.to_string(), sums.abstain.to_string(), total.to_string());
    let counted = (tally.yes.clone(), tally.no.clone(), tally.abstain.clone(), tally.total_weight.clone());
    ensure!(
        counted == expected && tally.ballots == sums.voters,
        "{title:?} has yes, no, abstain, total {counted:?} from {} ballots; must be {expected:?} from {}",
        tally.ballots,
        sums.voters
    );
    ensure!(tally.is_final, "{title:?} is decided, but its tally is not final");
    Ok(())
}

/// The ballots of one member: first one ballot for each proposal, then the changes.
fn ballots_of(member: usize, tabled: &[Tabled]) -> Vec<(&str, Choice)> {
    let mut ballots: Vec<(usize, &str, Choice)> = Vec::new();
    for proposal in tabled {
        let choices = proposal.motion.ballots[member].iter().enumerate();
        ballots.extend(choices.map(|(round, choice)| (round, proposal.id.as_str(), choice.clone())));
    }
    ballots.sort_by_key(|(round, _, _)| *round);
    ballots.into_iter().map(|(_, id, choice)| (id, choice)).collect()
}

/// Kills the hub once `enough` ballots are acknowledged, starts it again, and tells how many it were.
fn kill_after(hub: &mut Actor, acknowledged: &Mutex<Vec<Acknowledged>>, enough: usize) -> Result<usize> {
    let count = || lock(acknowledged).len();
    wait_for(&format!("{enough} acknowledged ballots"), VOTE_WITHIN, || match count() {
        seen if seen >= enough => Look::Ready(()),
        seen => Look::NotYet(seen.to_string()),
    })?;
    hub.kill();
    let seen = count();
    hub.start()?;
    Ok(seen)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing is left half done when a thread panics here, so a poisoned lock is still good.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Whether a node said that it cannot do it now, and has lost nothing.
fn is_not_now(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<ApiError>(), Some(ApiError { kind: ErrorKind::NotNow, .. }))
}
