//! The victim is offline: a tower that could read nothing before punishes in its place.

use althing_channels::fees::FeeMarket;
use althing_channels::monitor::MonitorError;
use althing_channels::tower::{
    BlobError, Hint, MAX_BLOB_BYTES, ReceiptError, SealedJustice, TowerReceipt, TowerTerms, TowerWatch, seal_justice,
};
use althing_channels::{JusticeError, NetworkId, Side};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Keypair, Secp256k1, SecretKey};
use bitcoin::{FeeRate, Transaction};

use crate::ended::{BALANCES, Ended, LIVE, block, check_key_paths, prevouts};
use crate::pair::close_script;

fn terms(side: Side) -> TowerTerms {
    TowerTerms { script: close_script(side), rate: FeeRate::from_sat_per_vb_u32(10), aux_rand: [1; 32] }
}

fn sealed(ended: &Ended, number: u64, nonce: u8) -> SealedJustice {
    let terms = terms(ended.side);
    seal_justice(&ended.watch(), ended.context(), number, BALANCES, &terms, [nonce; 24]).unwrap()
}

#[test]
fn only_the_revoked_commitment_opens_a_blob() {
    for side in [Side::Member, Side::Hub] {
        let ended = Ended::new(side);
        for number in 0..LIVE {
            let sealed = sealed(&ended, number, 7);
            assert!(sealed.blob.len() <= 400, "{} bytes", sealed.blob.len());
            let revoked = ended.commitment(side.other(), number);
            let justice = sealed.open(&revoked).unwrap();
            check_key_paths(&justice, &prevouts(&justice, &[&revoked]));
            // 726 weight units at 10 sat/vB, and an anchor that is not dust beside a fee.
            assert_eq!(justice.output[0].value.to_sat(), 1_000_000 - 1_815 - 240);
            assert_eq!(justice.output[1].value.to_sat(), 240);
            let other = ended.commitment(side, number);
            let commitment = other.compute_txid();
            assert_eq!(sealed.open(&other), Err(BlobError::Sealed { commitment }));
        }
    }
}

#[test]
fn a_changed_blob_is_refused() {
    let ended = Ended::new(Side::Member);
    let good = sealed(&ended, 2, 7);
    let revoked = ended.commitment(Side::Hub, 2);
    for at in 0..good.blob.len() {
        let mut bad = good.clone();
        bad.blob[at] ^= 1;
        assert!(bad.open(&revoked).is_err());
    }
    for bytes in [0, 23, MAX_BLOB_BYTES + 1] {
        let bad = SealedJustice { blob: vec![0; bytes], ..good.clone() };
        assert_eq!(bad.open(&revoked), Err(BlobError::Length { bytes }));
    }
}

#[test]
fn what_is_not_revoked_has_no_blob() {
    let ended = Ended::new(Side::Member);
    let seal = |number, balances| {
        seal_justice(&ended.watch(), ended.context(), number, balances, &terms(Side::Member), [1; 24])
    };
    assert_eq!(seal(LIVE, BALANCES), Err(BlobError::NotRevoked { number: LIVE }));
    // A hub without an output loses nothing by cheating, and takes nothing.
    let all = althing_channels::Balances { member_sat: 1_000_000, hub_sat: 0 };
    assert_eq!(seal(2, all), Err(BlobError::Justice(JusticeError::NothingRevoked)));
}

#[test]
fn receipts_bind_tower_blob_and_heights() {
    let ended = Ended::new(Side::Member);
    let (blob, other) = (sealed(&ended, 2, 7), sealed(&ended, 2, 8));
    let secp = Secp256k1::new();
    let keypair = |byte| Keypair::from_secret_key(&secp, &SecretKey::from_slice(&[byte; 32]).unwrap());
    let (tower, stranger) = (keypair(3).x_only_public_key().0, keypair(4).x_only_public_key().0);
    let network = NetworkId([7; 32]);
    let receipt = TowerReceipt::sign(&keypair(3), network, &blob, 100, 5_000, [9; 32]);
    receipt.verify(&tower, network, &blob).unwrap();
    assert_eq!(receipt.verify(&tower, network, &other), Err(ReceiptError::Other));
    assert_eq!(receipt.verify(&tower, NetworkId([8; 32]), &blob), Err(ReceiptError::Other));
    assert_eq!(receipt.verify(&stranger, network, &blob), Err(ReceiptError::Signature { tower: stranger }));
    for changed in [
        TowerReceipt { from_height: 99, ..receipt },
        TowerReceipt { until_height: 5_001, ..receipt },
        TowerReceipt { signature: [0; 64], ..receipt },
    ] {
        assert_eq!(changed.verify(&tower, network, &blob), Err(ReceiptError::Signature { tower }));
    }
}

/// A tower with the blobs of every revoked number, and somebody's nonsense under one of the hints.
struct Tower {
    watch: TowerWatch,
    blobs: Vec<SealedJustice>,
}

impl Tower {
    fn new(ended: &Ended) -> Self {
        let mut blobs: Vec<SealedJustice> = (0..LIVE).map(|number| sealed(ended, number, 7)).collect();
        let hint = Hint::of(ended.commitment(ended.side.other(), 2).compute_txid());
        blobs.push(SealedJustice { hint, blob: vec![5; 300] });
        Self { watch: TowerWatch::new(block(0, 100)), blobs }
    }

    fn mine(&mut self, transactions: &[&Transaction]) -> Vec<Transaction> {
        let tip = self.watch.tip();
        let held = |hint: &Hint| self.blobs.iter().filter(|blob| blob.hint == *hint).cloned().collect();
        let next = block(0, tip.height + 1);
        self.watch.apply_block(next, tip.hash, transactions.iter().copied(), held).unwrap();
        self.watch.broadcasts().cloned().collect()
    }
}

#[test]
fn justice_is_broadcast_at_every_tip_until_it_is_in_the_chain_and_after_a_reorganisation_again() {
    let ended = Ended::new(Side::Member);
    let mut tower = Tower::new(&ended);
    let revoked = ended.commitment(Side::Hub, 2);
    // What is not revoked is none of its business.
    assert_eq!(tower.mine(&[&ended.close(300)]), []);
    let said = tower.mine(&[&revoked]);
    assert_eq!(said.len(), 1);
    check_key_paths(&said[0], &prevouts(&said[0], &[&revoked]));
    assert_eq!(tower.mine(&[]), said);
    let below = tower.watch.tip();
    assert_eq!(tower.mine(&[&said[0]]), []);
    tower.watch.disconnect_to(below).unwrap();
    assert_eq!(tower.mine(&[]), said);
    // The member came back and took it by a transaction of its own.
    assert_eq!(tower.mine(&[&ended.justice(2)]), []);
    for _ in 0..99 {
        assert_eq!(tower.watch.responses().len(), 1);
        tower.mine(&[]);
    }
    assert_eq!(tower.watch.responses().len(), 0);
}

#[test]
fn a_breach_that_is_undone_is_forgotten() {
    let ended = Ended::new(Side::Member);
    let mut tower = Tower::new(&ended);
    assert_eq!(tower.mine(&[&ended.commitment(Side::Hub, 4)]).len(), 1);
    tower.watch.disconnect_to(block(0, 100)).unwrap();
    assert_eq!(tower.mine(&[&ended.commitment(Side::Hub, LIVE)]), []);
    assert_eq!(tower.watch.disconnect_to(block(0, 200)), Err(MonitorError::NotBelow { to: 200, from: 101 }));
}

#[test]
fn hints_are_the_first_half_of_the_id() {
    let txid = bitcoin::Txid::from_byte_array(core::array::from_fn(|at| at as u8));
    assert_eq!(Hint::of(txid).0, core::array::from_fn::<u8, 16, _>(|at| at as u8));
}

/// A blob that only the revoked commitment opens, with whatever somebody else wants to be in it (C-81).
fn foreign_blob(commitment: &Transaction, justice: &Transaction) -> SealedJustice {
    use chacha20poly1305::aead::{Aead, KeyInit, Payload};
    use chacha20poly1305::{XChaCha20Poly1305, XNonce};
    let txid = commitment.compute_txid();
    let hint = Hint::of(txid);
    let key = althing_channels::tagged_hash("althing/tower-key/v1", &[txid.as_byte_array()]);
    let plain = [vec![1], bitcoin::consensus::encode::serialize(justice)].concat();
    let nonce = [6; 24];
    let payload = Payload { msg: &plain, aad: &hint.0 };
    let sealed = XChaCha20Poly1305::new(&key.into()).encrypt(&XNonce::from(nonce), payload).unwrap();
    SealedJustice { hint, blob: [nonce.as_slice(), &sealed].concat() }
}

#[test]
fn a_blob_that_the_cheat_gave_ends_nothing() {
    let ended = Ended::new(Side::Member);
    let revoked = ended.commitment(Side::Hub, 2);
    let own = sealed(&ended, 2, 7).open(&revoked).unwrap();
    let txid = revoked.compute_txid();
    let anchor = revoked.output.iter().position(|output| output.script_pubkey == althing_channels::anchor_script());
    // A transaction that spends the anchor alone: the cheat's own child does that at once.
    let mut decoy = own.clone();
    decoy.input.truncate(1);
    decoy.input[0].previous_output = bitcoin::OutPoint { txid, vout: u32::try_from(anchor.unwrap()).unwrap() };
    assert_eq!(foreign_blob(&revoked, &decoy).open(&revoked), Err(BlobError::Content { commitment: txid }));
    // One that spends the victim's own part alone, which the victim may do at any time.
    let to_remote = own.input.iter().find(|input| {
        let output = &revoked.output[input.previous_output.vout as usize];
        output.value.to_sat() == BALANCES.member_sat
    });
    let mut partial = own.clone();
    partial.input = vec![to_remote.unwrap().clone()];
    let mut tower = Tower::new(&ended);
    tower.blobs.push(foreign_blob(&revoked, &partial));
    assert_eq!(tower.mine(&[&revoked]).len(), 2);
    let mut other = own.clone();
    other.input.retain(|input| Some(input) != to_remote);
    // The revoked part is taken by something else: what spends only the other part is none of that.
    assert_eq!(tower.mine(&[&other]), [partial]);
}

#[test]
fn pressing_rises_toward_the_deadline_and_never_falls_and_survives_a_restart() {
    let ended = Ended::new(Side::Member);
    let mut tower = Tower::new(&ended);
    let rate = FeeRate::from_sat_per_vb_u32;
    let market = FeeMarket { floor: rate(1), economical: rate(2), urgent: rate(20), cap: rate(300) };
    tower.mine(&[&ended.commitment(Side::Hub, 2)]);
    let first = tower.watch.press(&market);
    assert!(!first[0].needs_child(), "{first:?}: at 10 sat/vB it is above the market");
    assert_eq!(first[0].fee_sat, 1_815);
    let mut last = first[0].rate;
    for _ in 0..150 {
        tower.mine(&[]);
        let calm = FeeMarket { economical: rate(1), urgent: rate(15), ..market };
        let pressing = tower.watch.press(if tower.watch.tip().height.is_multiple_of(2) { &market } else { &calm });
        assert!(pressing[0].rate >= last);
        last = pressing[0].rate;
        tower.watch = TowerWatch::decode(&tower.watch.encode_versioned()).unwrap();
    }
    assert_eq!(last, market.cap);
    assert!(tower.watch.press(&market)[0].needs_child());
}
