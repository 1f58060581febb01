//! What came out of a backup goes on with secrets and nonces of its own: whoever gave the backup can punish nothing of it (C-152 to C-156).

use althing_channels::{Breach, Change, Channel, Effect, Msg, Side, to_remote_script};
use bitcoin::Transaction;

use crate::pair::{Pair, keys};

fn pay(pair: &mut Pair) {
    pair.take_turn(Side::Member);
    pair.pay(Side::Member, Change::Dues { amount_sat: 5_000 }).unwrap();
    pair.settle();
}

/// A pair with some checkpoints, of which the hub keeps a backup.
fn with_backup() -> Pair {
    let mut pair = Pair::in_use();
    (0..3).for_each(|_| pay(&mut pair));
    pair
}

fn come_back(pair: &mut Pair) {
    assert!(pair.lose_disk());
    pair.reconnect();
    pair.settle();
}

/// What this side would broadcast of a stored state.
fn commitment_of(stored: &[u8]) -> Transaction {
    let mut channel = Channel::decode(stored, keys(Side::Member)).unwrap();
    let effects = channel.force_close().unwrap();
    let broadcast = effects.into_iter().find_map(|effect| match effect {
        Effect::BroadcastCommitment(transaction) => Some(transaction),
        _ => None,
    });
    broadcast.unwrap()
}

fn is_punished(pair: &mut Pair, number: u64, commitment: &Transaction) -> bool {
    let context = pair.channel(Side::Hub).context().unwrap();
    let secret = pair.channel(Side::Hub).peer_secret(number);
    secret.is_some_and(|secret| Breach::find(&keys(Side::Hub), &context, Side::Hub, secret, commitment).is_ok())
}

/// C-156: it takes one checkpoint until the channel is closed alone like any other.
#[test]
fn from_the_first_checkpoint_on_nobody_knows_the_secret() {
    let mut pair = with_backup();
    assert!(!pair.channel(Side::Member).secret_may_be_known());
    come_back(&mut pair);
    assert!(pair.channel(Side::Member).secret_may_be_known());
    assert_eq!(pair.channel(Side::Member).force_close().unwrap_err().rule(), "C-92");
    pay(&mut pair);
    pair.check_against_model();
    assert!(!pair.channel(Side::Member).secret_may_be_known());
    // Over a restart too; and another restore begins again.
    pair.crash(Side::Member);
    assert!(!pair.channel(Side::Member).secret_may_be_known());
    come_back(&mut pair);
    assert!(pair.channel(Side::Member).secret_may_be_known());
    pay(&mut pair);
    assert_eq!(pair.channel(Side::Member).keys().lives().len(), 2);
    pair.force_close(Side::Member);
    assert_eq!(pair.commitments.len(), 1);
}

/// A hub keeps its own state and the member's backup of long ago, denies all that came behind them, and has the secrets of it.
#[test]
fn a_hub_that_gave_an_old_backup_can_punish_nothing_of_the_new_life() {
    let mut pair = with_backup();
    pair.remember_past();
    (0..4).for_each(|_| pay(&mut pair));
    assert!(pair.lose_disk_to_a_liar());
    pair.reconnect();
    pair.settle();
    assert!(!pair.channel(Side::Member).is_behind(), "nothing shows it");
    for _ in 0..3 {
        pay(&mut pair);
        assert!(!pair.channel(Side::Member).secret_may_be_known());
    }
    // `check_unpunishable` looks at all secrets that any life has given away.
    pair.force_close(Side::Member);
    assert_eq!(pair.commitments.len(), 1);
}

/// C-16: what a lost folder may have signed with a nonce meets no second signature.
#[test]
fn a_number_has_other_nonces_and_points_in_another_life() {
    let mut pair = with_backup();
    let announced = |pair: &mut Pair| {
        pair.reconnect();
        loop {
            match pair.intercept(Side::Member) {
                Some(Msg::Reestablish(msg)) => return msg,
                Some(_) => {}
                None => panic!("a reestablish"),
            }
        }
    };
    let before = announced(&mut pair);
    assert_eq!(before.life, None);
    assert!(pair.lose_disk());
    let restored = announced(&mut pair);
    assert_eq!(restored.next, before.next, "what the hub knows of");
    let life = restored.life.unwrap();
    assert_eq!((life.from, restored.number), (4, 3));
    assert_ne!(life.next.point, before.next.point);
    assert_ne!(life.next.nonces.items()[0].nonce, before.next.nonces.items()[0].nonce);
    // The same again, until the hub knows it; another for whatever else comes out of a backup.
    assert_eq!(announced(&mut pair).life, Some(life.clone()));
    assert!(pair.lose_disk());
    assert_ne!(announced(&mut pair).life.unwrap().value, life.value);
}

/// C-154: the hub has signed the member's next number already, in the old life, and signs it no second time otherwise.
#[test]
fn a_number_that_the_hub_has_signed_stays_as_it_is() {
    let mut pair = with_backup();
    pair.take_turn(Side::Hub);
    pair.pay(Side::Hub, Change::Reward { amount_sat: 1_000 }).unwrap();
    // Lost with the disk.
    pair.drop_next(Side::Hub);
    assert_eq!(pair.channel(Side::Hub).peer_numbers(), (3, 4));
    come_back(&mut pair);
    assert_eq!(pair.channel(Side::Member).number(), 4);
    assert_eq!(pair.channel(Side::Member).keys().lives()[0].first, 5);
    assert!(pair.channel(Side::Member).secret_may_be_known(), "number 4 is of the old life");
    pay(&mut pair);
    assert!(!pair.channel(Side::Member).secret_may_be_known());
    pair.check_against_model();
}

/// C-155: the life was settled, the hub signed its first commitment, and the disk was lost before the member had stored anything of it.
#[test]
fn a_life_that_was_lost_with_the_disk_is_taken_from_the_hub() {
    let mut pair = with_backup();
    pair.take_turn(Side::Hub);
    come_back(&mut pair);
    let lost = pair.channel(Side::Member).keys().lives()[0];
    pair.pay(Side::Hub, Change::Reward { amount_sat: 1_000 }).unwrap();
    pair.drop_next(Side::Hub);
    come_back(&mut pair);
    let lives = pair.channel(Side::Member).keys().lives().to_vec();
    assert_eq!((lives[0], lives[1].first), (lost, 5));
    assert_eq!(pair.channel(Side::Member).number(), 4);
    pay(&mut pair);
    assert!(!pair.channel(Side::Member).secret_may_be_known());
    pair.check_against_model();
}

/// C-155: every revoked commitment of every life is punished.
#[test]
fn the_hub_punishes_what_is_revoked_in_any_life() {
    let mut pair = with_backup();
    let mut revoked = Vec::new();
    for _ in 0..2 {
        for _ in 0..2 {
            let stored = pair.stored(Side::Member).clone().unwrap();
            let number = pair.channel(Side::Member).number();
            revoked.push((number, commitment_of(&stored)));
            pay(&mut pair);
        }
        come_back(&mut pair);
        pay(&mut pair);
    }
    let newest = pair.channel(Side::Member).number();
    let stored = pair.stored(Side::Member).clone().unwrap();
    for (number, commitment) in &revoked {
        assert!(is_punished(&mut pair, *number, commitment), "number {number}");
    }
    let commitment = commitment_of(&stored);
    assert!((0..newest).all(|number| !is_punished(&mut pair, number, &commitment)), "what is not revoked is not");
}

/// C-21: what the hub's commitment pays the member is found by the seed alone, in every life; the own `to_local` of a life is not (C-155).
#[test]
fn to_remote_follows_from_the_seed_in_every_life() {
    let mut pair = with_backup();
    for restores in 1..=2 {
        come_back(&mut pair);
        pay(&mut pair);
        assert_eq!(pair.channel(Side::Member).keys().lives().len(), restores);
    }
    let (member_sat, number) = (pair.channel(Side::Member).balances().member_sat, pair.channel(Side::Member).number());
    let with_lives = pair.channel(Side::Member).keys().per_commitment_point(number);
    pair.force_close(Side::Hub);
    let (_, commitment) = pair.commitments.pop().unwrap();
    // Keys that know of no life, as the seed words give them.
    let of_seed = keys(Side::Member);
    let script = to_remote_script(&of_seed.public().payment);
    let found = commitment.output.iter().find(|output| output.script_pubkey == script).expect("to_remote");
    assert_eq!(found.value.to_sat(), member_sat);
    assert_ne!(of_seed.per_commitment_point(number), with_lives);
}

/// C-155: a folder from before the restore finds its age by a secret of a life that it never knew.
#[test]
fn an_old_copy_recognises_a_secret_of_a_later_life() {
    let mut pair = with_backup();
    let old = pair.stored(Side::Member).clone();
    come_back(&mut pair);
    (0..3).for_each(|_| pay(&mut pair));
    pair.finds_itself_behind(old);
}

/// A hub that knows nothing of lives: the channel goes on, and whoever closes it alone has to answer for the backup, as before.
#[test]
fn with_a_hub_that_takes_no_lives_all_is_as_before() {
    let mut pair = with_backup();
    assert!(pair.lose_disk());
    pair.reconnect();
    for _ in 0..4 {
        while let Some(msg) = pair.intercept(Side::Member) {
            let msg = match msg {
                Msg::Reestablish(mut msg) => {
                    msg.life = None;
                    Msg::Reestablish(msg)
                }
                other => other,
            };
            pair.deliver(Side::Hub, &msg);
        }
        while let Some(msg) = pair.intercept(Side::Hub) {
            let msg = match msg {
                Msg::Reestablish(mut msg) => {
                    (msg.signed, msg.lives) = (None, None);
                    Msg::Reestablish(msg)
                }
                other => other,
            };
            pair.deliver(Side::Member, &msg);
        }
    }
    pay(&mut pair);
    pair.check_against_model();
    assert!(pair.channel(Side::Member).secret_may_be_known());
}

/// A member that came back and has proposed in a life of which the hub has not heard: what said it was lost.
fn with_an_unheard_life() -> Pair {
    let mut pair = with_backup();
    pair.take_turn(Side::Member);
    assert!(pair.lose_disk());
    pair.reconnect();
    pair.drop_next(Side::Member);
    pair.settle();
    pair.pay(Side::Member, Change::Dues { amount_sat: 5_000 }).unwrap();
    pair.settle();
    pair
}

/// C-153: seed 0 of the long run: the hub never heard of the life in which the member proposed, and the disk is lost again. What was
/// proposed cannot be made otherwise, so the hub is told of that life first.
#[test]
fn a_round_of_a_life_that_the_hub_never_heard_of_ends_after_another_restore() {
    let mut pair = with_an_unheard_life();
    come_back(&mut pair);
    assert_eq!(pair.channel(Side::Member).number(), 4);
    pair.check_against_model();
    // Number 4 is of a life that a backup brought back; the next connection begins a life of this folder alone.
    assert!(pair.channel(Side::Member).secret_may_be_known());
    pair.reconnect();
    pair.settle();
    pay(&mut pair);
    assert!(!pair.channel(Side::Member).secret_may_be_known());
    let firsts: Vec<u64> = pair.channel(Side::Member).keys().lives().iter().map(|life| life.first).collect();
    assert_eq!(firsts, [4, 5]);
    pair.check_against_model();
}

/// C-130: what the member said where its life begins was lost, and its proposal, with points of that life, arrived.
#[test]
fn a_proposal_of_a_life_that_the_hub_has_not_heard_of_waits_for_it() {
    let mut pair = with_an_unheard_life();
    let refused: Vec<_> = pair.refusals.iter().map(|(side, text)| (*side, text[..5].to_owned())).collect();
    assert_eq!(refused, [(Side::Hub, "C-130".to_owned())]);
    pair.reconnect();
    pair.settle();
    pair.check_against_model();
    assert_eq!(pair.channel(Side::Hub).number(), 4);
}

/// C-130: seed 5 of the long run: the hub had settled the life that the member named, and what it said itself was lost. The member finished its round
/// with a point of the life before, and no `reestablish` was in order any more.
#[test]
fn a_round_is_not_finished_before_it_is_known_where_the_next_life_begins() {
    let mut pair = with_backup();
    pair.take_turn(Side::Member);
    pair.pay(Side::Member, Change::Dues { amount_sat: 5_000 }).unwrap();
    assert!(pair.deliver_from(Side::Member), "the proposal; its answer is lost with the disk");
    assert!(pair.lose_disk());
    pair.reconnect();
    pair.drop_next(Side::Hub);
    pair.settle();
    let refused: Vec<_> = pair.refusals.iter().map(|(side, text)| (*side, text[..5].to_owned())).collect();
    assert_eq!(refused, [(Side::Member, "C-130".to_owned())]);
    assert_eq!((pair.channel(Side::Member).number(), pair.channel(Side::Hub).number()), (3, 4));
    pair.reconnect();
    pair.settle();
    assert_eq!(pair.channel(Side::Member).number(), 4);
    pair.check_against_model();
    pay(&mut pair);
    pair.check_against_model();
    assert!(!pair.channel(Side::Member).secret_may_be_known());
}

/// C-154: what does not fit is refused, and changes nothing.
#[test]
fn lies_about_lives_are_refused() {
    let mut pair = with_backup();
    assert!(pair.lose_disk());
    pair.reconnect();
    let honest = loop {
        match pair.intercept(Side::Hub).unwrap() {
            Msg::Reestablish(msg) => break msg,
            _ => continue,
        }
    };
    for signed in [5, u64::MAX] {
        let mut lie = honest.clone();
        lie.signed = Some(signed);
        pair.deliver(Side::Member, &Msg::Reestablish(lie));
        assert_eq!(
            pair.refusals.pop().map(|(side, text)| (side, text[..5].to_owned())),
            Some((Side::Member, "C-154".into()))
        );
        assert!(pair.channel(Side::Member).keys().lives().is_empty());
    }
    pair.deliver(Side::Member, &Msg::Reestablish(honest));
    assert_eq!(pair.channel(Side::Member).keys().lives().len(), 1);
    let mut said = loop {
        match pair.intercept(Side::Member).unwrap() {
            Msg::Reestablish(msg) => break msg,
            _ => continue,
        }
    };
    let life = said.life.clone().unwrap();
    for from in [0, 3, 6, u64::MAX] {
        said.life = Some(althing_channels::wire::NewLife { from, ..life.clone() });
        pair.deliver(Side::Hub, &Msg::Reestablish(said.clone()));
        assert_eq!(
            pair.refusals.pop().map(|(side, text)| (side, text[..5].to_owned())),
            Some((Side::Hub, "C-154".into()))
        );
    }
}
