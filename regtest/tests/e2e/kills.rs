//! Hazard: a program is killed between two messages. Of a checkpoint: whichever side it is and wherever it stops, both go on with the same
//! balances, and nobody closes. Of the app lane: what was said and what was promised is still there.

use althing_node::api::{Ballot, Choice, Request, Stake};
use althing_node::dao::{DAO_FILE, Dao};
use althing_node::peers::PeerAddress;
use althing_node::store::Store;
use althing_regtest::story::{Actor, Assembly, motions, propose};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, ensure};

use crate::channel_ends::{PATIENCE, only_stake, spender, with_stakes};
use crate::stage::with_members_on_roll;
use crate::wire::Wire;

/// The payment that is disturbed, and the one behind it that tells what became of it.
const DUES_SAT: u64 = 1_000;
const NEXT_SAT: u64 = 1_001;

/// Whoever pays.
const BJARNI: usize = 1;

/// Pieces of the wire that no payment takes.
const PIECES_MAX: usize = 200;

/// A payment is at least a proposal, its answer, the end of the round, and a backup before either of the member's.
const CUTS_MIN: usize = 5;

#[test]
fn a_kill_between_any_two_messages_of_a_payment_is_survived() {
    with_stakes("kills", |assembly| {
        let wire = wire_of(assembly)?;
        for victim in [Victim::Member, Victim::Hub] {
            let (mut cuts, mut paid) = (0, 0);
            while let Some(is_paid) = cut_while_paying(assembly, &wire, victim, cuts)
                .with_context(|| format!("{victim:?} was killed behind {cuts} pieces"))?
            {
                paid += usize::from(is_paid);
                cuts += 1;
                ensure!(cuts < PIECES_MAX, "a payment takes more than {PIECES_MAX} pieces");
            }
            let told = format!("{victim:?} was killed at {cuts} places; the payment was made all the same in {paid}");
            assembly.narrator.say(&told);
            // The order was answered before: whoever dies, it is carried out, and once (N-150).
            ensure!(cuts >= CUTS_MIN && paid == cuts, "{told}");
        }
        Ok(())
    });
}

/// C-61: a receipt is stored before its member is told of it, and an entry before anybody hears it.
#[test]
fn what_was_promised_and_what_was_said_outlive_the_program() {
    with_members_on_roll("said", |assembly| {
        let payee = assembly.members[4].wallet_address()?;
        let proposal = propose(assembly, motions(&payee))?.swap_remove(0).id;
        let promised = assembly.members[BJARNI].vote(&proposal, Choice::Yes, None)?;
        assembly.members[BJARNI].kill();
        ensure!(promised.position.is_some(), "{promised:?}");
        let stored = Store::open_read_only(assembly.members[BJARNI].data_dir())?.outbox()?;
        let row = stored.into_iter().find(|row| row.sequence == promised.sequence).context("no such entry")?;
        ensure!(row.receipt.is_some(), "told of a receipt that is not stored: {row:?}");

        assembly.members[BJARNI].start()?;
        assembly.settle()?;
        // Nobody is there to hear it, and whoever said it dies.
        assembly.hub.kill();
        let member = &assembly.members[BJARNI];
        let own = |choice: &Choice| -> Result<Option<Ballot>> {
            Ok(member.ballots()?.into_iter().find(|ballot| ballot.proposal == proposal && ballot.choice == *choice))
        };
        let unheard = member.vote(&proposal, Choice::No, None);
        ensure!(unheard.as_ref().map_or(true, |ballot| ballot.position.is_none()), "nobody can have promised it");
        let said = own(&Choice::No)?.with_context(|| format!("it is not even shown: {unheard:?}"))?;
        assembly.members[BJARNI].kill();
        assembly.members[BJARNI].start()?;
        assembly.hub.start()?;
        let member = &assembly.members[BJARNI];
        wait_for("the ballot in the log", PATIENCE, || match member.ballots() {
            Ok(ballots) if ballots.iter().any(|one| one.sequence == said.sequence && one.position.is_some()) => {
                Look::Ready(())
            }
            other => Look::NotYet(format!("{other:?}")),
        })?;
        Ok(())
    });
}

#[derive(Debug, Clone, Copy)]
enum Victim {
    Member,
    Hub,
}

/// Kills one side behind so many pieces of a payment. Whether the payment was made all the same; `None` if it needed fewer pieces.
fn cut_while_paying(assembly: &mut Assembly, wire: &Wire, victim: Victim, pieces: usize) -> Result<Option<bool>> {
    let stake = only_stake(&assembly.members[BJARNI])?;
    let order = |assembly: &Assembly, amount_sat| {
        assembly.members[BJARNI].ask(Request::ChannelPay { channel: stake.channel.clone(), amount_sat })
    };
    wire.cut_after(pieces);
    order(assembly, DUES_SAT)?;
    let wanted = stake.amount_sat - DUES_SAT;
    let is_missed = wait_for("the cut, or the payment", PATIENCE, || match agreed(assembly, &stake) {
        _ if wire.is_cut() => Look::Ready(false),
        Ok(amount) if amount == wanted => Look::Ready(true),
        other => Look::NotYet(format!("{other:?}")),
    })?;
    let killed = match victim {
        Victim::Member => &mut assembly.members[BJARNI],
        Victim::Hub => &mut assembly.hub,
    };
    killed.kill();
    wire.mend();
    killed.start()?;
    order(assembly, NEXT_SAT)?;
    let [without, with] = [0, DUES_SAT].map(|first| stake.amount_sat - first - NEXT_SAT);
    let amount = wait_for("the next payment", PATIENCE, || match agreed(assembly, &stake) {
        Ok(amount) if amount == without || amount == with => Look::Ready(amount),
        other => Look::NotYet(format!("{other:?}, wanted {without} or {with}")),
    })?;
    ensure!(spender(assembly, &stake)?.is_none(), "the channel was closed");
    ensure!(amount == with || !is_missed, "a payment that both had made is gone");
    Ok((!is_missed).then_some(amount == with))
}

/// What both sides say that the member has, when they agree and the channel is in use.
fn agreed(assembly: &Assembly, stake: &Stake) -> Result<u64> {
    let of = |actor: &Actor| {
        let stakes = actor.stakes()?;
        let found = stakes.into_iter().find(|found| found.channel == stake.channel).context("no such channel")?;
        ensure!(found.state == "ready", "{found:?}");
        Ok(found.amount_sat)
    };
    let amounts = [of(&assembly.members[BJARNI])?, of(&assembly.hub)?];
    ensure!(amounts[0] == amounts[1], "the sides have {amounts:?}");
    Ok(amounts[0])
}

/// The member reaches its hub over a wire of ours from now on.
fn wire_of(assembly: &mut Assembly) -> Result<Wire> {
    let member = &mut assembly.members[BJARNI];
    member.stop()?;
    let mut dao = Dao::load(member.data_dir())?;
    let mut hub: PeerAddress = dao.hub.parse()?;
    let wire = Wire::to(hub.socket)?;
    hub.socket = wire.address;
    dao.hub = hub.to_string();
    std::fs::write(member.data_dir().join(DAO_FILE), dao.to_json())?;
    member.start()?;
    Ok(wire)
}
