//! What puts a decided payment to rest is no theft (P-145); what only looks like it is one, and the proof says why.

use althing_anchor::{Stage, Treasury};
use althing_governance::Charter;
use althing_governance::charter::Staging;
use bitcoin::secp256k1::PublicKey;
use bitcoin::{Amount, ScriptBuf, Transaction, TxOut};

use crate::chain::{input, transaction};
use crate::statements::{assert_refused, judged, theft};
use crate::story::{AMOUNT, DECIDING, Story};
use crate::world::{charter, keypair};

/// Blocks that the money rests.
const DELAY: u16 = 12;

/// A charter that stages payments from an amount on.
fn staging(from_sat: u64) -> Charter {
    Charter { staging: Some(Staging { from_sat, delay_blocks: DELAY, threshold: 2, keys: guardians() }), ..charter() }
}

fn guardians() -> Vec<PublicKey> {
    (60..63).map(|number| keypair(number).public_key()).collect()
}

/// The script in which money of the charter's treasury rests.
fn rests_in(stage: &Stage) -> ScriptBuf {
    let treasury = Treasury::parse(&charter().treasury_descriptor).unwrap();
    stage.policy(&treasury).unwrap().script_at(0).unwrap()
}

/// As the charter asks.
fn stage() -> Stage {
    Stage { delay_blocks: DELAY, threshold: 2, guardians: guardians() }
}

fn output(script_pubkey: ScriptBuf, sat: u64) -> TxOut {
    TxOut { value: Amount::from_sat(sat), script_pubkey }
}

/// The payment is decided; what spends its gate is mined, and the epoch of that is closed.
fn spent(charter: Charter, outputs: Vec<TxOut>) -> (Story, Transaction) {
    let mut story = Story::told_under(charter);
    let spending = mine(&mut story, outputs);
    (story, spending)
}

fn mine(story: &mut Story, outputs: Vec<TxOut>) -> Transaction {
    let gate = story.world.params().gates[0];
    let spending = transaction(vec![input(gate.txid, gate.vout)], outputs);
    story.world.block(vec![spending.clone()]);
    story.world.finish_epoch();
    story.world.block(vec![]);
    spending
}

#[test]
fn what_is_staged_as_the_charter_asks_is_no_theft() {
    let treasury = Treasury::parse(&charter().treasury_descriptor).unwrap();
    let change = output(treasury.script_at(9).unwrap(), 9_000);
    for (from_sat, sat) in [(AMOUNT, AMOUNT), (1, AMOUNT + 500)] {
        let (story, spending) = spent(staging(from_sat), vec![output(rests_in(&stage()), sat), change.clone()]);
        assert_refused(&story, &theft(&story, 0, &spending, DECIDING + 1, Some(story.spend)), "P-145");
    }
}

#[test]
fn what_only_looks_staged_is_theft() {
    let own = output(rests_in(&stage()), AMOUNT);
    let sooner = rests_in(&Stage { delay_blocks: DELAY - 1, ..stage() });
    let fewer = rests_in(&Stage { threshold: 1, ..stage() });
    let others = rests_in(&Stage { guardians: (70..73).map(|n| keypair(n).public_key()).collect(), ..stage() });
    let elsewhere = output(ScriptBuf::from_bytes(vec![0x51]), AMOUNT);
    let unstaged = "it does not put the payment where the charter asks";
    let cases = [
        (
            "a satoshi too little",
            staging(AMOUNT),
            vec![output(own.script_pubkey.clone(), AMOUNT - 1)],
            "4999999 sat rest",
        ),
        ("a shorter rest", staging(AMOUNT), vec![output(sooner, AMOUNT)], unstaged),
        ("fewer guardians", staging(AMOUNT), vec![output(fewer, AMOUNT)], unstaged),
        ("other guardians", staging(AMOUNT), vec![output(others, AMOUNT)], unstaged),
        ("the stage behind another output", staging(AMOUNT), vec![elsewhere.clone(), own.clone()], unstaged),
        ("no stage at all", staging(AMOUNT), vec![elsewhere.clone()], unstaged),
        ("change for a stranger", staging(AMOUNT), vec![own.clone(), elsewhere], "output 1 is neither the stage nor"),
        ("a payment too small to be staged", staging(AMOUNT + 1), vec![own.clone()], "output 0 is not the decided"),
        ("a charter that stages nothing", charter(), vec![own], "output 0 is not the decided"),
    ];
    for (what, charter, outputs, words) in cases {
        let (story, spending) = spent(charter, outputs);
        let finding = judged(&story, &theft(&story, 0, &spending, DECIDING + 1, Some(story.spend)));
        let finding = finding.unwrap_or_else(|why| panic!("{what}: {why}"));
        assert!(finding.contains(words), "{what}: {finding}");
    }
}

#[test]
fn what_is_staged_after_its_expiry_is_theft() {
    let mut story = Story::told_under(staging(AMOUNT));
    // The intent is good for 100 blocks.
    for _ in 0..20 {
        story.world.finish_epoch();
    }
    let spending = mine(&mut story, vec![output(rests_in(&stage()), AMOUNT)]);
    let epoch = u32::try_from(story.world.closes.len()).unwrap();
    let finding = judged(&story, &theft(&story, 0, &spending, epoch, Some(story.spend))).unwrap();
    assert!(finding.contains("allowed were heights from"), "{finding}");
}
