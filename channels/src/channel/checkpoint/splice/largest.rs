//! No channel outgrows its place in a backup (C-91). Here, beside the parts of a state that nobody else sees: a test that could not fill
//! every one of them would prove nothing.

use bitcoin::hashes::Hash;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxIn, TxOut, Txid, Witness};
use proptest::prelude::*;

use super::{MAX_WAITING_SPLICES_BYTES, Splice};
use crate::backup::{BackedUpChannel, Backup, BackupKey, MAX_BACKED_UP, MAX_BACKUP_BYTES, MAX_STATE_BYTES};
use crate::channel::checkpoint::change::{Change, SignedHold, Voucher};
use crate::channel::checkpoint::ledger::{AppPosition, Ledger, LedgerKeys, MAX_FUNDINGS_IN_FORCE, MAX_HOLDS, PerSide};
use crate::channel::checkpoint::money::{Money, Round, SignedCheckpoint};
use crate::channel::opening::MAX_CHECKPOINT_BYTES;
use crate::channel::state::{NextCommitment, OpeningCheckpoint, SignedCommitment, State};
use crate::channel::{Channel, Phase};
use crate::commitment::{Balances, Side};
use crate::ids::{ChannelId, ChannelParams, DaoId, HoldId, NetworkId, OpeningId};
use crate::keys::{ChannelKeys, ChannelSeed};
use crate::life::{Life, MAX_LIVES};
use crate::musig::{PartialSignature, PartialSignatureWithNonce, PublicNonce};
use crate::wire::{CheckpointProposal, FundingNonce, FundingSignature, List, MAX_CHANGES, NextNonces};

/// How much is under way in a channel.
#[derive(Clone, Copy, Debug)]
struct Load {
    fundings: usize,
    holds: usize,
    changes: usize,
    checkpoint_bytes: usize,
    splice_bytes: usize,
    phase: Phase,
}

const MOST: Load = Load {
    fundings: MAX_FUNDINGS_IN_FORCE,
    holds: MAX_HOLDS,
    changes: MAX_CHANGES,
    checkpoint_bytes: MAX_CHECKPOINT_BYTES,
    splice_bytes: MAX_WAITING_SPLICES_BYTES,
    phase: Phase::ForceClosing,
};

/// A channel with all of that under way.
fn channel(load: Load) -> Channel {
    let [own, peer] = [1, 2].map(|seed| ChannelKeys::new(ChannelSeed::new([seed; 32])));
    let outpoint = |at: u8| OutPoint { txid: Txid::from_byte_array([at; 32]), vout: u32::MAX };
    let point = own.public().funding.serialize();
    let nonce = PublicNonce::from_bytes(&[point, point].concat().try_into().unwrap()).unwrap();
    let signature = PartialSignatureWithNonce { signature: PartialSignature::from_bytes(&[7; 32]).unwrap(), nonce };
    let balances = Balances { member_sat: 1_000_000, hub_sat: 1_000_000 };
    let app = AppPosition { incarnation: u32::MAX, sequence: u64::MAX, head: [9; 32] };

    // Of the orders a stored channel keeps bytes only; the ledger takes real ones.
    let name = ChannelId([5; 32]);
    let order = |serial: u64| {
        let id = HoldId([u8::try_from(serial).unwrap(); 32]);
        SignedHold::sign(name, serial, id, 1_000, &own.funding_keypair(), [0; 32])
    };
    let holds = (1..=load.holds as u64).map(|serial| Change::Hold(order(serial)));
    let deposits = (1..u8::try_from(load.fundings).unwrap())
        .map(|at| Change::Deposit { funding: outpoint(at), amount_sat: u64::from(at) });
    let keys =
        LedgerKeys { channel: name, funding: PerSide { member: own.public().funding, hub: peer.public().funding } };
    let changes: Vec<Change> = holds.chain(deposits).collect();
    let ledger = Ledger::opening(outpoint(0), balances).apply(&keys, Side::Member, &changes, app).unwrap();
    let in_force: Vec<OutPoint> = ledger.fundings().iter().map(|funding| funding.outpoint).collect();

    let transaction = |script_bytes: usize| Transaction {
        version: bitcoin::transaction::Version(3),
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![TxIn { witness: Witness::from_slice(&[[8; 64]]), ..TxIn::default() }],
        output: vec![TxOut { value: Amount::MAX, script_pubkey: ScriptBuf::from_bytes(vec![1; script_bytes]) }],
    };
    let each = load.splice_bytes / (load.fundings - 1).max(1);
    let splices = in_force.iter().skip(1).map(|funding| {
        let mut splice = Splice {
            funding: *funding,
            added_sat: u64::MAX,
            removed_sat: u64::MAX,
            number: u64::MAX,
            transaction: transaction(0),
            prevouts: vec![TxOut { value: Amount::MAX, script_pubkey: ScriptBuf::from_bytes(vec![2; 34]) }],
            peer_nonce: Some(nonce),
            signature: Some([3; 64]),
            own_locked: true,
            peer_locked: true,
        };
        splice.transaction.input[0].witness.clear();
        splice.transaction = Transaction {
            output: transaction(each.saturating_sub(splice.stored_bytes())).output,
            ..splice.transaction
        };
        splice
    });
    let checkpoint = vec![4; load.checkpoint_bytes];
    let proposal = CheckpointProposal {
        changes: List::new(vec![Change::Hold(order(1)); load.changes]).unwrap(),
        app,
        checkpoint: checkpoint.clone(),
    };
    let nonces = in_force.iter().map(|funding| FundingNonce { funding: *funding, nonce }).collect();
    let next = NextNonces { point: peer.public().funding, nonces: List::new(nonces).unwrap() };
    let mut money = Money::opening(ledger.clone(), signature, peer.public().funding, next);
    money.signatures = in_force.iter().map(|funding| FundingSignature { funding: *funding, signature }).collect();
    money.splices = splices.collect();
    money.round = Some(Round {
        proposer: Side::Member,
        number: u64::MAX,
        proposal,
        own_signature: [5; 64],
        peer_signature: Some([6; 64]),
        other_ledger: ledger,
    });
    let signed = SignedCheckpoint {
        number: u64::MAX,
        bytes: checkpoint.clone(),
        member_signature: [5; 64],
        hub_signature: [6; 64],
    };
    money.signed = Some(signed);
    for from in [Side::Member, Side::Hub] {
        money.vouchers.replace(Voucher { from, cumulative_sat: u64::MAX, signature: [7; 64] });
    }
    // A commitment has three outputs; with its witness it is shorter than this.
    let commitment =
        SignedCommitment { number: u64::MAX, sighash: [1; 32], peer_nonce: nonce, transaction: transaction(200) };
    let params = ChannelParams {
        network: NetworkId([7; 32]),
        dao: DaoId([8; 32]),
        member_sat: u64::MAX,
        hub_sat: u64::MAX,
        member_csv_blocks: u16::MAX,
        hub_csv_blocks: u16::MAX,
    };
    let state = State {
        side: Side::Member,
        phase: load.phase,
        opening: OpeningId([1; 32]),
        params,
        own: *own.public(),
        peer: Some(*peer.public()),
        funding: Some(outpoint(0)),
        checkpoint: Some(OpeningCheckpoint {
            bytes: checkpoint,
            member_signature: [1; 64],
            hub_signature: Some([2; 64]),
        }),
        peer_nonce: Some(nonce),
        peer_signature: Some(signature),
        funding_confirmed: true,
        ready_sent: true,
        peer_next: Some(NextCommitment { point: peer.public().funding, nonce }),
        own_close_script: Some(ScriptBuf::from_bytes(vec![3; 34])),
        peer_close_script: Some(ScriptBuf::from_bytes(vec![3; 34])),
        close_fee_sat: Some(u64::MAX),
        close_tx: Some(transaction(200)),
        signed_commitment: Some(commitment.clone()),
        failure: None,
        money: Some(money),
        restored: Some(u64::MAX),
        signed_later: vec![commitment; load.fundings - 1],
        closes_into: Some(true),
        lives: (0..MAX_LIVES as u64)
            .map(|at| Life { first: u64::MAX - MAX_LIVES as u64 + at, value: [1; 32] })
            .collect(),
        next_life: Some([1; 32]),
        own_from: Some(u64::MAX),
        division: None,
    };
    Channel::from_state(state, own)
}

fn backed_up(channel: &Channel, index: u32) -> BackedUpChannel {
    let peer = ChannelKeys::new(ChannelSeed::new([2; 32])).public().payment;
    BackedUpChannel { index, peer, state: channel.encode_backup().unwrap(), number: u64::MAX }
}

#[test]
fn sixteen_channels_fit_into_a_backup_with_everything_under_way_in_each() {
    let channel = channel(MOST);
    let channels = (0..MAX_BACKED_UP as u32).map(|index| backed_up(&channel, u32::MAX - index)).collect();
    let key = BackupKey::new([1; 32]);
    let backup = Backup { counter: u64::MAX, channels };
    let sealed = backup.seal(&key, [2; 24]).unwrap();
    assert_eq!(Backup::open(&sealed, &key), Ok(backup));
    // The limit of a backup is that of its channels: no sum of allowed parts is refused.
    let full = BackedUpChannel { state: vec![0; MAX_STATE_BYTES], ..backed_up(&channel, 0) };
    let most = Backup { counter: 1, channels: vec![full; MAX_BACKED_UP] };
    assert!(most.seal(&key, [2; 24]).unwrap().len() <= MAX_BACKUP_BYTES);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_load_makes_a_state_too_long(
        fundings in 1..=MAX_FUNDINGS_IN_FORCE,
        holds in 0..=MAX_HOLDS,
        changes in 0..=MAX_CHANGES,
        checkpoint_bytes in 0..=MAX_CHECKPOINT_BYTES,
        splice_bytes in 0..=MAX_WAITING_SPLICES_BYTES,
        phase in prop::sample::select(vec![Phase::AwaitConfirmation, Phase::Ready, Phase::Closing, Phase::ForceClosing]),
    ) {
        let bytes = channel(Load { fundings, holds, changes, checkpoint_bytes, splice_bytes, phase }).encode_backup().unwrap().len();
        prop_assert!(bytes <= MAX_STATE_BYTES, "{bytes} bytes");
    }
}
