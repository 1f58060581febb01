//! Hazard: a program is killed between two messages of a checkpoint. Whichever side it is and wherever it stops, both go on with the same
//! balances, and nobody closes.

use althing_node::api::{Request, Stake};
use althing_node::dao::{DAO_FILE, Dao};
use althing_node::peers::PeerAddress;
use althing_regtest::story::{Actor, Assembly};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, ensure};

use crate::channel_ends::{PATIENCE, only_stake, spender, with_stakes};
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
