//! Signatures in batches against libsecp256k1 one by one, by computing time of the thread.

use althing_batch::{Item, KeyCache, Lanes, Verifier};
use althing_node::bench::cpu;
use anyhow::{Result, ensure};
use secp256k1::{Keypair, SecretKey, XOnlyPublicKey, schnorr};

use crate::summary::Summary;
use crate::{Plan, goals};

/// Signatures measured at a time.
const SIGNATURES: usize = 4096;

/// Valid signatures over messages of 32 bytes, those of one key side by side.
pub(crate) struct Signatures {
    keys: Vec<[u8; 32]>,
    messages: Vec<[u8; 32]>,
    signatures: Vec<[u8; 64]>,
}

impl Signatures {
    pub(crate) fn new(count: usize, per_key: usize) -> Result<Self> {
        let mut all = Self { keys: vec![], messages: vec![], signatures: vec![] };
        for i in 0..count {
            let mut secret = [1; 32];
            secret[..8].copy_from_slice(&((i / per_key) as u64).to_be_bytes());
            let keypair = Keypair::from_secret_key(&SecretKey::from_secret_bytes(secret)?);
            let mut message = [3; 32];
            message[..8].copy_from_slice(&(i as u64).to_be_bytes());
            all.keys.push(keypair.x_only_public_key().0.to_byte_array());
            all.messages.push(message);
            all.signatures.push(schnorr::sign_with_aux_rand(&message, &keypair, &[0; 32]).to_byte_array());
        }
        Ok(all)
    }

    pub(crate) fn items(&self) -> Vec<Item<'_>> {
        let all = self.keys.iter().zip(&self.messages).zip(&self.signatures);
        all.map(|((key, message), signature)| Item { key: *key, message, signature: *signature }).collect()
    }
}

/// What libsecp256k1 says, with the key as it comes.
pub(crate) fn is_valid(item: &Item<'_>) -> bool {
    XOnlyPublicKey::from_byte_array(item.key).is_ok_and(|key| {
        schnorr::verify(&schnorr::Signature::from_byte_array(item.signature), item.message, &key).is_ok()
    })
}

/// Seconds that this thread computes for `work`.
pub(crate) fn computing(work: impl FnOnce()) -> f64 {
    let before = (cpu::of_thread(), std::time::Instant::now());
    work();
    match (before.0, cpu::of_thread()) {
        (Some(before), Some(after)) => after - before,
        _ => before.1.elapsed().as_secs_f64(),
    }
}

pub(crate) fn measure(plan: &Plan, summary: &mut Summary) -> Result<()> {
    let (distinct, coalesced) = (Signatures::new(SIGNATURES, 1)?, Signatures::new(SIGNATURES, 16)?);
    let (fast, portable) = (Lanes::detect(), Lanes::portable());
    let mut rows: [Vec<f64>; 6] = Default::default();
    for _ in 0..plan.rounds {
        let single = computing(|| assert!(distinct.items().iter().all(is_valid)));
        let batch = batch(&distinct, fast)?;
        let plain = self::batch(&distinct, portable)?;
        let single_again = computing(|| assert!(coalesced.items().iter().all(is_valid)));
        let same_key = self::batch(&coalesced, fast)?;
        let each = 1e6 / SIGNATURES as f64;
        let threads = two_threads(&distinct, fast);
        let values = [single / batch, single / plain, single_again / same_key, single * each, batch * each, threads];
        rows.iter_mut().zip(values).for_each(|(row, value)| row.push(value));
    }
    let [batch, plain, same_key, single, each, threads] = rows;
    let goal = if fast.is_wide() { goals::BATCH_WIDE } else { goals::BATCH };
    summary.put(&goal, batch);
    summary.put(&goals::BATCH_PORTABLE, plain);
    summary.put(&goals::COALESCED, same_key);
    summary.put(&goals::ONE_BY_ONE, single);
    summary.put(&goals::BATCH_EACH, each);
    summary.put(&goals::VERIFY_THREADS, threads);
    Ok(())
}

/// Seconds for one batch whose keys are not known before.
fn batch(signatures: &Signatures, lanes: Lanes) -> Result<f64> {
    let mut verifier = Verifier::with(lanes, KeyCache::with_capacity(0));
    let items = signatures.items();
    let mut valid = false;
    let seconds = computing(|| valid = verifier.check(&items).is_all_valid());
    ensure!(valid && verifier.disagreement().is_none(), "the batch check is wrong");
    Ok(seconds)
}

/// Two threads with a verifier each against one, by computing time of the slower: what they cost each other counts, other work on
/// the machine does not.
fn two_threads(signatures: &Signatures, lanes: Lanes) -> f64 {
    let items = signatures.items();
    let work = |times: usize| {
        let mut verifier = Verifier::with(lanes, KeyCache::with_capacity(0));
        computing(|| {
            (0..times).for_each(|_| items.chunks(1024).for_each(|part| assert!(verifier.check(part).is_all_valid())))
        })
    };
    let one = work(8);
    let two = std::thread::scope(|scope| {
        let threads = [scope.spawn(|| work(4)), scope.spawn(|| work(4))];
        threads.map(|thread| thread.join().unwrap_or(f64::NAN)).into_iter().fold(0.0, f64::max)
    });
    one / two
}
