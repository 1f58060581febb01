//! What a node shows: the ledger, the chain and the channels put into the words of [`crate::api`].

mod accounts;
mod ballots;
mod bodies;
mod channel;
mod choice;
mod confiscated;
mod delegations;
mod draft;
mod gates;
mod hidden;
mod history;
mod hub_key;
mod insight;
mod invitations;
mod links;
mod names;
pub(crate) mod persons;
mod proposals;
mod reading;
mod report;
mod stake_weight;
mod submissions;
mod voted_by;
mod wait;
mod waiting;
mod workings;

pub(crate) use ballots::stored_receipt;
pub use ballots::{late_words, path_words};
pub(crate) use bodies::{bodies_sentence, counts_nowhere};
pub use choice::{choice as ballot_choice, fields as ballot_fields};
pub use draft::content as draft_content;
pub(crate) use draft::{keys_apart, warnings as draft_warnings};
pub(crate) use hub_key::silent_key;
pub(crate) use invitations::invitations;
pub use links::{LinkFacts, link_facts, link_shape, mined_chain, reserve, withheld};
pub use names::{Doubles, expect_key, find_comment, find_member, find_proposal, name_of};
pub(crate) use proposals::numbered;
pub use proposals::{quorum_sentence, threshold_sentence};
pub use wait::{Condition, settle};

use std::collections::BTreeMap;

use althing_channels::monitor::{ClaimState, End};
use althing_channels::{Phase, Side};
use althing_governance::id::MemberId;
use althing_governance::roll::StakeClaim;

use crate::api::{ApiError, Balance, GateRequest, Member, Reply, Request, Role, Snapshot, Stake, Status};
use crate::chain_view::successor_output;
use crate::shell::Shell;
use crate::stakes::{StakeChannel, end_words, lost_sat, splice_words, unpaid_words};

/// Answers the questions that hub and member answer alike; `None` for the others.
pub fn answer(
    shell: &mut Shell,
    role: Role,
    me: Option<MemberId>,
    hub_connected: bool,
    request: &Request,
) -> Option<Result<Reply, ApiError>> {
    Some(match request {
        Request::Snapshot { since } if *since == shell.revision => Ok(Reply::Unchanged),
        Request::Snapshot { .. } => snapshot(shell, role, me, hub_connected).map(|s| Reply::Snapshot(Box::new(s))),
        Request::Reading => Ok(Reply::Reading(shell.reading())),
        Request::Status => Ok(Reply::Status(Box::new(status(shell, role, me, hub_connected)))),
        Request::WalletAddress => shell
            .wallet
            .fresh_address()
            .map(|address| Reply::Address { address: address.to_string() })
            .map_err(ApiError::from),
        Request::WalletSend { to, amount_sat, fee_rate_sat_vb, review } => {
            let (to, amount_sat, fee_rate_sat_vb) = (to.clone(), *amount_sat, *fee_rate_sat_vb);
            shell.send_coins(&crate::outlay::Outlay { to, amount_sat, fee_rate_sat_vb }, *review)
        }
        Request::WalletBalance => Ok(Reply::Balance(shell.wallet.balance())),
        Request::Proposals => proposals::list(shell, me).map(|proposals| Reply::Proposals { proposals }),
        Request::Proposal { id } => proposals::one(shell, me, id).map(|proposal| Reply::Proposal(Box::new(proposal))),
        Request::Links => links::list(shell).map(|links| Reply::Links { links }),
        Request::Members => members(shell).map(|members| Reply::Members { members }),
        Request::Stakes => Ok(Reply::Stakes { stakes: stakes(shell) }),
        Request::Ballots if me.is_some() => ballots::own(shell).map(|ballots| Reply::Ballots { ballots }),
        Request::BallotReview { proposal, choice, reason } => me.map_or_else(
            || Err(ApiError::invalid("N-39", "this is a hub; ask a member's node for that")),
            |me| {
                let review = ballots::review(shell, me, proposal, choice.clone(), reason.clone());
                review.map(|review| Reply::BallotReview(Box::new(review)))
            },
        ),
        Request::Delegations { proposal } if me.is_some() => {
            delegations::mine(shell, me, proposal.as_deref()).map(|found| Reply::Delegations(Box::new(found)))
        }
        Request::Deposits => {
            Ok(Reply::Deposits { deposits: accounts::deposits(shell), debts: crate::treasury::hub_debts(shell) })
        }
        Request::Rewards if me.is_some() => Ok(Reply::Rewards { rewards: accounts::rewards(shell, me) }),
        Request::Hide { what, id, hidden } => hidden::hide(shell, *what, id, *hidden).map(|()| Reply::Done),
        Request::Report { from, to, format } => {
            report::render(shell, *from, *to, *format).map(|text| Reply::Text { text })
        }
        Request::Charter => shell
            .ledger
            .state()
            .charter()
            .to_toml()
            .map(|text| Reply::Text { text })
            .map_err(|error| ApiError::ours(error.to_string())),
        Request::Why { proposal, statement, entry } => {
            crate::proof::why(shell, me, proposal, statement, *entry).map(|why| Reply::Why(Box::new(why)))
        }
        Request::WhyLink { epoch } => crate::proof::why_link(shell, *epoch).map(|why| Reply::Why(Box::new(why))),
        Request::MemberHistory { member } => {
            history::of(shell, member).map(|found| Reply::MemberHistory(Box::new(found)))
        }
        Request::Invitations => me
            .map(|me| Reply::Invitations { invitations: invitations(shell, me) })
            .ok_or_else(|| ApiError::invalid("N-39", "this is a hub; ask a member's node for that")),
        Request::Curve { of } => insight::curve(shell, of).map(Reply::Curve),
        Request::Treasury { about } => crate::treasury::answer(shell, about).map(|reply| Reply::Treasury { reply }),
        Request::ProofExport { proposal, statement, path, short } => {
            crate::proof::export(shell, me, proposal, statement, path, *short)
        }
        Request::Light => shell.light_view().map(|view| Reply::Light(Box::new(view))).map_err(ApiError::from),
        Request::Gates(GateRequest::List) => Ok(Reply::Gates { gates: gates::list(shell) }),
        Request::Anchoring(request) => return crate::anchoring::answer(shell, me, request),
        _ => return None,
    })
}

/// The stake channels of this node: a member's own, a hub's all.
pub fn stakes(shell: &Shell) -> Vec<Stake> {
    shell.stakes.iter().map(|channel| stake(shell, channel)).collect()
}

/// One stake channel in words.
pub fn stake(shell: &Shell, channel: &StakeChannel) -> Stake {
    let machine = &channel.machine;
    let needed = shell.ledger.state().charter().stake_confirmations;
    let funding = machine.funding();
    let confirmations = funding.map_or(0, |outpoint| confirmations_of(shell, outpoint));
    let bound = machine
        .id()
        .is_some_and(|id| shell.ledger.state().channels().contains_key(&althing_governance::ChannelId(id.0)));
    let amount_sat = machine.balances().member_sat;
    let is_home = |end: &End| end.claims.iter().all(|claim| claim.state != ClaimState::Open);
    let end = shell
        .stakes
        .end(channel.number)
        .filter(|end| machine.phase() != Phase::Closed || !is_home(end) || lost_sat(end) > 0);
    let ending = end.map(|end| ("closing", format!("{}{}", end_words(&end), waiting_words(shell, channel))));
    let (state, words) = ending.unwrap_or_else(|| match machine.phase() {
        Phase::Failed => ("failed", format!("Opening failed; no coins are in it. {}", channel.note)),
        Phase::Closed if !channel.note.is_empty() => ("closed", channel.note.clone()),
        Phase::Closed if shell.stakes.moved_on(channel.number) => {
            ("closed", "The channel is closed; the stake moved to a channel with another hub.".to_owned())
        }
        Phase::Closed => ("closed", "The channel is closed; the stake is back in the on-chain wallet.".to_owned()),
        Phase::Closing => ("closing", "Both sides are closing the channel together.".to_owned()),
        Phase::ForceClosing => {
            let waits = channel.child_missing_sat.map(|least_sat| format!(" {}", unpaid_words(least_sat, 1)));
            ("closing", format!("This side is closing the channel alone.{}", waits.unwrap_or_default()))
        }
        Phase::Ready if machine.is_behind() => (
            "closing",
            "The other side has shown that what this folder knows of the channel is old: nothing of it is signed or broadcast any more. The other \
             side was asked to close, and your part comes home when it has (C-132)."
                .to_owned(),
        ),
        Phase::Ready if channel.lost.is_some() => ("halted", channel.lost.clone().unwrap_or_default()),
        Phase::Ready if shell.signs_nothing => (
            "halted",
            "This hub does not know yet that its log is the newest, and signs nothing; the channel goes on after that (N-128).".to_owned(),
        ),
        Phase::Ready if shell.is_refused() => (
            "copy",
            format!("{amount_sat} sat were in it when this folder was in use. What is in it now, and whether it counts, the folder that the hub knows tells (N-125)."),
        ),
        // What moved here from another channel counted there, and goes on counting (G-33).
        Phase::Ready if bound && (confirmations >= needed || shell.stakes.funded_by(channel.number).is_some()) => {
            ("ready", stake_weight::counts(shell, channel, amount_sat))
        }
        Phase::Ready if bound => {
            ("ready", format!("Bound; {confirmations} of {needed} confirmations until the stake counts."))
        }
        Phase::Ready => ("ready", "Open; waiting for the hub to log the binding of the stake.".to_owned()),
        Phase::AwaitConfirmation | Phase::AwaitCommitmentSigned => {
            let was_taken = machine.phase() != Phase::AwaitConfirmation || channel.funding_taken;
            ("funding", channel::funding_words((confirmations, needed), was_taken, channel.opening_ends()))
        }
        _ => ("opening", "The opening is being agreed with the hub; nothing is broadcast yet.".to_owned()),
    });
    let words = with_splices(shell, channel, words);
    Stake {
        channel: machine.id().map(|id| id.to_string()).unwrap_or_default(),
        funding_outpoint: funding.map(|outpoint| outpoint.to_string()),
        amount_sat,
        confirmations,
        confirmations_needed: needed,
        state: state.to_owned(),
        words,
        closing_txid: channel.closing_txid.map(|txid| txid.to_string()),
        keeping: Some(Box::new(shell.keeping(channel))),
        detail: Some(Box::new(channel::detail(shell, channel))),
    }
}

/// Why the member's part of a close by the other side is not taken home yet (N-191).
fn waiting_words(shell: &Shell, channel: &StakeChannel) -> String {
    let votes = if shell.has_part_left(channel.number) { shell.votes_with(channel) } else { 0 };
    let votes = match votes {
        0 => return String::new(),
        1 => "a vote is".to_owned(),
        _ => format!("{votes} votes are"),
    };
    format!(
        " Your part stays where the close left it as long as {votes} under way in which it weighs: moved, it weighs nothing. `althing channel close --force` takes it home now."
    )
}

/// The words about a channel with those about what is held in it and its splices under way.
fn with_splices(shell: &Shell, channel: &StakeChannel, words: String) -> String {
    let held = channel.machine.ledger().map_or(0, althing_channels::Ledger::held_sat);
    let in_use = channel.machine.phase() == Phase::Ready;
    let words = if held > 0 && in_use { format!("{words} {held} sat of it are held as deposits.") } else { words };
    let words = match (channel.paying_sat(), channel.machine.side()) {
        (0, _) => words,
        (sat, Side::Member) => {
            format!("{words} {sat} sat of yours are being paid to the hub, with the next checkpoint.")
        }
        (sat, Side::Hub) => {
            format!("{words} {sat} sat of the hub's are being paid to the member, with the next checkpoint.")
        }
    };
    let words = if channel.refusal.is_empty() { words } else { format!("{words} {}", channel.refusal) };
    let pending = shell.stakes.living_splices(channel);
    // Of several that take each other's place one is mined: that one, or else the newest is what a person wants to know of.
    let mined = pending.iter().find(|splice| confirmations_of(shell, splice.funding) > 0);
    match mined.or(pending.last()) {
        Some(splice) => {
            let told = splice_words(splice, confirmations_of(shell, splice.funding), in_use);
            format!("{words} {told}")
        }
        None => words,
    }
}

/// Blocks on top of and with the one that has an output; 0 while this node has seen none.
fn confirmations_of(shell: &Shell, outpoint: bitcoin::OutPoint) -> u32 {
    let fact = shell.store.fact(&crate::facts::outpoint_bytes(&outpoint)).ok().flatten();
    fact.map_or(0, |fact| shell.tip_height().saturating_add(1).saturating_sub(fact.height))
}

/// Whether a claim of a member still has coins under it: its output is unspent, or was spliced into one that is. What was closed or moved
/// to another channel has none, wherever its coins lie now; an output that nothing is known of is told as it was claimed.
fn holds(shell: &Shell, claim: &StakeClaim) -> bool {
    let mut outpoint = claim.outpoint;
    // What is watched is unspent; most are, and this asks no store.
    while !shell.watch.outpoints.contains(&outpoint) {
        let Ok(Some(row)) = shell.store.fact(&crate::facts::outpoint_bytes(&outpoint)) else { return true };
        match successor_output(&row) {
            Ok(Some(successor)) => outpoint = successor,
            _ => return row.spent.is_none(),
        }
    }
    true
}

fn snapshot(shell: &Shell, role: Role, me: Option<MemberId>, hub_connected: bool) -> Result<Snapshot, ApiError> {
    Ok(Snapshot {
        revision: shell.revision,
        status: status(shell, role, me, hub_connected),
        proposals: proposals::list(shell, me)?,
        links: links::list(shell)?,
        ballots: if me.is_some() { ballots::own(shell)? } else { Vec::new() },
        members: members(shell)?,
        stakes: if me.is_some() { stakes(shell) } else { Vec::new() },
        voted_by: voted_by::voted_by(&shell.ledger.state().charter().classes),
    })
}

fn status(shell: &Shell, role: Role, me: Option<MemberId>, hub_connected: bool) -> Status {
    let state = shell.ledger.state();
    let charter = state.charter();
    let balance: Balance = shell.wallet.balance();
    Status {
        dao_id: state.params().dao_id.to_string(),
        dao_name: charter.name.clone(),
        network: shell.dao.network().to_core_arg().to_owned(),
        role,
        tip_height: shell.tip_height(),
        tip_hash: shell.tip.map(|(_, hash)| hash.to_string()).unwrap_or_default(),
        log_size: state.size(),
        head_height: state.tip_height(),
        hub_connected,
        member: me.and_then(|me| members(shell).ok()?.into_iter().find(|member| member.vote_key == me.to_string())),
        vote_key: me.map(|me| me.to_string()),
        epoch_blocks: charter.epoch_blocks,
        next_close_height: charter.boundary_at_or_after(shell.tip_height().saturating_add(1)).unwrap_or(u32::MAX),
        final_epoch: state.newest_anchored().map(|record| record.header.epoch),
        final_depth: charter.final_depth,
        balance,
        paying_sat: shell.stakes.iter().map(StakeChannel::paying_sat).fold(0, u64::saturating_add),
        least_stake_sat: charter.admission.min_stake_sat(),
        spot_check: shell.spot_check.clone(),
        work: shell.workload.view(),
        light: shell.light_status(),
        name_taken: me.and_then(|me| name_taken(shell, &me)),
        former_spare_seal: shell.former_spare_seal(),
        stake_under_way: me.and_then(|me| stake_under_way(shell, &me)),
        reading: Some(shell.reading()).filter(|reading| !reading.is_whole()),
        dues: stake_weight::dues(charter),
        alarms: alarms(shell, me, hub_connected),
    }
}

/// N-428: whoever comes in under a name that is in use is told, before the name is public.
fn name_taken(shell: &Shell, me: &MemberId) -> Option<String> {
    let name = shell.own_name.as_ref().filter(|_| !shell.ledger.state().members().contains_key(me))?;
    let is_taken = names::is_taken(shell, name);
    is_taken.then(|| {
        format!("Another member is called {name:?} already. The screens tell you apart by the beginning of the vote key; another name is plainer.")
    })
}

/// The stake that a person who has none in the log waits for: of several the first.
fn stake_under_way(shell: &Shell, me: &MemberId) -> Option<String> {
    let is_bound = shell.ledger.state().members().contains_key(me);
    let mut stakes = if is_bound { Vec::new() } else { stakes(shell) };
    stakes.retain(|stake| matches!(stake.state.as_str(), "opening" | "funding" | "ready"));
    let stake = stakes.into_iter().next()?;
    let name = stake.channel.get(..8).unwrap_or("without an id yet");
    let Stake { amount_sat, confirmations, confirmations_needed: needed, .. } = stake;
    let so_many = confirmations.min(needed);
    Some(format!(
        "{amount_sat} sat in channel {name} are on their way, {so_many} of {needed} confirmations. {}",
        stake.words
    ))
}

/// What a person must know. What follows from the whole log is told when it was read: a light member's begins with each start (N-221).
fn alarms(shell: &Shell, me: Option<MemberId>, hub_connected: bool) -> Vec<String> {
    let mut alarms: Vec<String> = shell.alarms.values().cloned().collect();
    alarms.extend(me.and_then(|me| stake_weight::alarm(shell, &me)));
    match shell.light_status().filter(|light| light.reads_anew) {
        Some(light) => alarms.push(light.words(Some(hub_connected))),
        // N-429: what was decided since is not in the log of a copy, which so has nobody to accuse.
        None if shell.is_refused() => {}
        None => alarms.extend(crate::treasury::alarms(shell)),
    }
    alarms
}

fn members(shell: &Shell) -> Result<Vec<Member>, ApiError> {
    let state = shell.ledger.state();
    let hidden = hidden::Hidden::load(shell)?;
    let roll = state.newest_anchored().and_then(|record| state.roll(record.header.epoch));
    // By member: a search through all claims for each of them would grow with the square of a DAO.
    let mut claims: BTreeMap<MemberId, Vec<StakeClaim>> = BTreeMap::new();
    for claim in state.stake_claims(u64::MAX) {
        claims.entry(claim.member).or_default().push(claim);
    }
    let mut members: Vec<Member> = state
        .members()
        .iter()
        .map(|(id, record)| {
            let own: Vec<&StakeClaim> =
                claims.get(id).into_iter().flatten().filter(|claim| holds(shell, claim)).collect();
            Member {
                vote_key: id.to_string(),
                key_in_force: (record.key != *id).then(|| record.key.to_string()),
                name: record.name.clone(),
                is_double: names::has_double(shell, &record.name),
                stake_sat: own.iter().map(|claim| claim.member_sat).sum(),
                weight: roll.and_then(|roll| roll.entry(id)).map(|entry| entry.weight.to_string()),
                funding_outpoints: own.iter().map(|claim| claim.outpoint.to_string()).collect(),
                hidden: hidden.has_member(id),
            }
        })
        .collect();
    members.sort_by(|a, b| (&a.name, &a.vote_key).cmp(&(&b.name, &b.vote_key)));
    Ok(members)
}
