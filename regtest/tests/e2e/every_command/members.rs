//! What members do beside proposing and voting: invite, replace a key, talk, delegate, be rewarded.

use althing_regtest::story::{Actor, Assembly};
use anyhow::{Context as _, Result, bail, ensure};

use super::rules::{DUES_SAT, POOL_SAT};
use super::{GUEST_SAT, WHY, WITHIN_BLOCKS, caught_up, five, text};
use crate::told::{ask, refused};

/// 32 bytes that are nobody's key.
const NOBODY: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

/// A key that is no member's: the x of secp256k1's generator.
const SOMEBODY: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// Invites the guest, and gives the invitation's id.
pub(super) fn invite(assembly: &Assembly, guest: &Actor) -> Result<String> {
    let [astrid, ..] = five(assembly)?;
    let key = guest.status()?.vote_key.context("a member has a vote key")?;
    let until = (assembly.node.tip()?.height + 100).to_string();
    // N-54: no point has an x of p or more.
    for command in [
        vec!["invite", NOBODY, "--until", &until, "--yes"],
        vec!["propose", "admit", "--title", "T", "--member", NOBODY],
    ] {
        let refusal = refused(astrid, &command)?;
        ensure!(refusal.contains("N-54") && refusal.contains(NOBODY), "{refusal}");
    }
    // N-54: who is not admitted admits nobody (G-38).
    let by_guest = refused(guest, &["invite", SOMEBODY, "--until", &until, "--yes"])?;
    ensure!(by_guest.contains("N-54") && by_guest.contains("is not admitted"), "{by_guest}");
    let invitation = text(&ask(astrid, &["invite", &key, "--until", &until, "--yes"])?["entry"])?;
    // N-54: a second one would cost another place, and admit nobody more.
    caught_up(assembly)?;
    let twice = refused(astrid, &["invite", &key, "--until", &until, "--yes"])?;
    ensure!(twice.contains("N-54") && twice.contains(&invitation), "{twice}");
    Ok(invitation)
}

pub(super) fn accept(assembly: &Assembly, guest: &Actor, invitation: &str) -> Result<()> {
    guest.wait(althing_node::api::WaitFor::Height(assembly.node.tip()?.height), 90)?;
    let state = |actor: &Actor| -> Result<(String, bool, String)> {
        let listed = ask(actor, &["invitations"])?;
        let one = &listed["invitations"][0];
        Ok((text(&one["id"])?, one["mine"] == true, text(&one["state"])?))
    };
    let [astrid, ..] = five(assembly)?;
    let expected = |mine, state: &str| (invitation.to_owned(), mine, state.to_owned());
    ensure!(state(guest)? == expected(true, "open"), "{:?}", state(guest)?);
    // N-195: the one that is open for this key is meant, and nobody types its id.
    let said = ask(guest, &["accept"])?;
    ensure!(said["position"].is_u64(), "{said}");
    caught_up(assembly)?;
    ensure!(state(guest)? == expected(true, "accepted"), "{:?}", state(guest)?);
    ensure!(state(astrid)? == expected(false, "accepted"), "{:?}", state(astrid)?);
    let again = refused(guest, &["accept"])?;
    ensure!(again.contains("N-195"), "{again}");
    Ok(())
}

/// The stake of whom was invited weighs something from the next roll on.
pub(super) fn check_guest(assembly: &Assembly, guest: &Actor) -> Result<()> {
    let [astrid, ..] = five(assembly)?;
    assembly.mine_until("the guest on the roll", WITHIN_BLOCKS, || {
        let members = astrid.members()?;
        let found = members.iter().find(|member| member.name == guest.name()).context("the guest is no member")?;
        Ok((found.weight.as_deref() == Some(&GUEST_SAT.to_string())).then_some(()))
    })
}

pub(super) fn discuss(assembly: &Assembly, proposal: &str) -> Result<()> {
    let [astrid, bjarni, gudrun, hallgerd, _] = five(assembly)?;
    let comment = text(&ask(bjarni, &["comment", proposal, "The lake is cold."])?["id"])?;
    // By as many digits as the screens show of it.
    let answer = ask(gudrun, &["comment", proposal, "The booth is not.", "--parent", &comment[..8]])?;
    ensure!(answer["parent"] == *comment, "{answer}");
    ask(gudrun, &["comment-vote", &comment, "up"])?;
    ask(hallgerd, &["comment-vote", &comment, "up"])?;
    ask(hallgerd, &["comment-vote", &comment, "down"])?;
    ask(astrid, &["comment-vote", &comment, "down"])?;
    ask(astrid, &["comment-vote", &comment, "none"])?;
    ask(astrid, &["update", proposal, "There is a fire at the booth."])?;
    caught_up(assembly)?;
    let shown = |actor: &Actor| ask(actor, &["proposal", "show", proposal]);
    let found = shown(hallgerd)?;
    let comments = found["comments"].as_array().context("no comments")?;
    let opinions =
        comments.iter().find(|one| one["id"] == *comment).map(|one| (one["up"].clone(), one["down"].clone()));
    ensure!(opinions == Some((1.into(), 1.into())), "{found}");
    ensure!(comments.iter().any(|one| one["is_update"] == true), "{found}");
    let hidden = |actor: &Actor| -> Result<usize> {
        let found = shown(actor)?;
        let comments = found["comments"].as_array().context("no comments")?;
        Ok(comments.iter().filter(|one| one["hidden"] == true).count())
    };
    ask(hallgerd, &["hide", "comment", &comment])?;
    ensure!((hidden(hallgerd)?, hidden(astrid)?) == (1, 0), "hidden is not hidden here alone");
    ask(hallgerd, &["unhide", "comment", &comment])?;
    ensure!(hidden(hallgerd)? == 0, "still hidden");
    Ok(())
}

/// Another key speaks for Hallgerd, who stays the same member with the same weight; the first one is over.
pub(super) fn rotate_key(assembly: &Assembly, proposal: &str) -> Result<()> {
    let [astrid, _, _, hallgerd, _] = five(assembly)?;
    let before = astrid.members()?;
    let said = ask(hallgerd, &["rotate-key", "--yes"])?;
    ensure!(said["position"].is_u64(), "{said}");
    let cast = ask(hallgerd, &["vote", proposal, "yes", "--yes"])?;
    ensure!(cast["position"].is_u64(), "{cast}");
    caught_up(assembly)?;
    let ballots = ask(hallgerd, &["ballots"])?;
    ensure!(ballots["ballots"].as_array().is_some_and(|all| all.len() == 1), "{ballots}");
    let facts = |members: Vec<althing_node::api::Member>| {
        let found = members.into_iter().find(|member| member.name == "Hallgerd");
        found.map(|member| ((member.stake_sat, member.weight, member.vote_key), member.key_in_force))
    };
    let (Some((before, None)), Some((after, Some(key)))) = (facts(before), facts(astrid.members()?)) else {
        bail!("nothing tells which key speaks");
    };
    ensure!(before == after && key != after.2, "{before:?} became {after:?} by {key}");
    Ok(())
}

/// Where weight goes that was handed on, what the receiver carries, and what abstains without a ballot.
pub(super) fn delegated(assembly: &Assembly, request: &str) -> Result<()> {
    let [astrid, bjarni, _, hallgerd, _] = five(assembly)?;
    let mine = ask(bjarni, &["delegations", "--proposal", request])?;
    ensure!(mine["mine"][0]["scope"].to_string().contains("request"), "{mine}");
    ensure!(mine["routes"][0]["name"] == "Astrid" && mine["routes"][0]["weight"] == "400000", "{mine}");
    let carried = ask(astrid, &["delegations", "--proposal", request])?;
    ensure!(carried["carried"] == "900000", "{carried}");
    let standing = ask(hallgerd, &["delegations", "--proposal", request])?;
    let (part, route) = (&standing["mine"][0]["to"][0], &standing["routes"][0]);
    ensure!(part["abstains"] == true && part["parts"] == 10_000 && part["member"] == "", "{standing}");
    ensure!(route["weight"] == "200000" && route["words"].to_string().contains("abstains"), "{standing}");
    // N-174: what she is told to have said, with what others delegated to her, on every member's node.
    let history = ask(hallgerd, &["history", "member", "Astrid"])?;
    let votes = history["votes"].as_array().context("no votes")?;
    let vote = votes.iter().find(|vote| vote["proposal"] == *request).context("no vote on the request")?;
    ensure!((&vote["weight"], &vote["carried"]) == (&"500000".into(), &"900000".into()), "{vote}");
    ensure!(vote["reason"] == WHY, "{vote}");
    let silent = ask(astrid, &["history", "member", "Hallgerd"])?;
    let vote = silent["votes"].as_array().and_then(|votes| votes.iter().find(|vote| vote["proposal"] == *request));
    ensure!(vote.is_some_and(|vote| vote["choice"].is_null() && vote["carried"].is_null()), "{silent}");
    let sums = assembly.hub.proposal(request)?.tally.context("no sums")?;
    // Hallgerd's stands aside (L-18).
    let found = (&*sums.yes, &*sums.no, &*sums.abstain, &*sums.standing, sums.ballots);
    ensure!(found == ("1200000", "0", "0", "200000", 2), "{sums:?}");
    Ok(())
}

/// Whoever voted in what an epoch decided shares the pool; everybody on the roll owes dues for every epoch.
pub(super) fn check_rewards(assembly: &Assembly) -> Result<()> {
    let [astrid, _, _, _, njal] = five(assembly)?;
    let of = |actor: &Actor| -> Result<(u64, u64, u64)> {
        let found = ask(actor, &["rewards"])?;
        let rewards = found["rewards"].as_array().context("no rewards")?;
        let sum = |name: &str| rewards.iter().filter_map(|one| one[name].as_u64()).sum();
        Ok((sum("reward_sat"), sum("dues_sat"), rewards.len() as u64))
    };
    let (reward, dues, epochs) = of(astrid)?;
    ensure!(reward >= POOL_SAT / 5 && dues == DUES_SAT * epochs, "{reward} sat, dues {dues} in {epochs} epochs");
    let (void, ..) = of(njal)?;
    ensure!(void == 0, "{void} sat for a ballot that is void");
    Ok(())
}
