//! Hazard: the spare seal leaves the treasury under the cover of going on without the hub, or with something else of the treasury beside
//! it. Moved on as A-105 says it is told as that; anything else is an alarm with the names of who signed (T-73, T-74).

use althing_anchor::{MIN_SEAL, SpendFinding, Treasury, TreasuryCoin};
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, TxOut};

use crate::treasury_signing::judge_mined;
use crate::treasury_world::{Chest, payee, tr, wsh};

/// What a wrong link does, and how.
type Change = (&'static str, fn(&mut Psbt));

/// What the link of a succession pays, of which this treasury knows nothing.
const LINK_SAT: u64 = 1_000;

/// Spends these coins, the seal among them, as a succession link does: output 0 is the link, output 1 the new spare seal.
fn link(chest: &Chest, coins: &[TreasuryCoin]) -> Psbt {
    let mut plan = chest.plan(&[]);
    plan.required = coins;
    plan.coins = &[];
    let mut psbt = plan.build().unwrap();
    let seal = chest.seal.output().unwrap();
    let left = psbt.unsigned_tx.output[0].value - Amount::from_sat(LINK_SAT);
    psbt.unsigned_tx.output = vec![
        TxOut { value: Amount::from_sat(LINK_SAT), script_pubkey: payee(90) },
        TxOut { value: left, script_pubkey: seal.script_pubkey.clone() },
    ];
    psbt.outputs = vec![Default::default(); 2];
    psbt
}

fn chests() -> [(Treasury, Vec<u8>); 2] {
    [(wsh(), vec![1, 3]), (tr(), vec![1, 2, 5])]
}

#[test]
fn moved_on_with_its_script_it_is_the_spare_seal() {
    for (treasury, by) in chests() {
        let chest = Chest::new(treasury);
        let mut psbt = link(&chest, std::slice::from_ref(&chest.seal));
        assert_eq!(judge_mined(&chest, &psbt, &by, 150), SpendFinding::SpareSeal);
        psbt.unsigned_tx.output[1].value = MIN_SEAL;
        assert_eq!(judge_mined(&chest, &psbt, &by, 150), SpendFinding::SpareSeal);
    }
}

#[test]
fn anything_else_is_an_alarm_that_names_who_signed() {
    for (treasury, by) in chests() {
        let chest = Chest::new(treasury);
        let changes: [Change; 5] = [
            ("to another script", |psbt| psbt.unsigned_tx.output[1].script_pubkey = payee(91)),
            ("at output 0", |psbt| psbt.unsigned_tx.output.swap(0, 1)),
            ("without a new one", |psbt| {
                psbt.unsigned_tx.output.truncate(1);
                psbt.outputs.truncate(1);
            }),
            ("below what a seal holds", |psbt| psbt.unsigned_tx.output[1].value = MIN_SEAL - Amount::from_sat(1)),
            ("into one that holds nothing", |psbt| psbt.unsigned_tx.output[1].value = Amount::ZERO),
        ];
        let alone = std::slice::from_ref(&chest.seal);
        let mut wrong: Vec<(&str, Psbt)> = changes
            .into_iter()
            .map(|(what, change)| {
                let mut psbt = link(&chest, alone);
                change(&mut psbt);
                (what, psbt)
            })
            .collect();
        let beside = [chest.seal.clone(), chest.coins[0].clone()];
        wrong.push(("with a coin beside it", link(&chest, &beside)));
        let [seal, coin] = beside;
        wrong.push(("behind a coin", link(&chest, &[coin, seal])));
        for (what, psbt) in wrong {
            let SpendFinding::Unauthorised { reason, signers, .. } = judge_mined(&chest, &psbt, &by, 150) else {
                panic!("the spare seal left {what}, and nobody is told");
            };
            assert!(reason.contains("spare seal"), "{what}: {reason}");
            let named: Vec<(usize, usize)> = by.iter().map(|key| (0, usize::from(key - 1))).collect();
            assert!(named.iter().all(|key| signers.contains(key)), "{what}: {signers:?}");
        }
    }
}
