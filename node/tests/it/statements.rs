//! Proofs of authorisation, absence and fraud: what is true can be shown, what is not true cannot, and no byte can be changed.

use althing_anchor::HeaderChain;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Choice, Comment, Entry, Equivocation, LaneEntry, LogHead};
use althing_governance::id::{ProposalId, TreeHash};
use althing_governance::signing::{Signed, Statement as _};
use althing_governance::tree::leaf_hash;
use althing_node::proof::bundle::{Bundle, Statement};
use althing_node::proof::parts::{
    Against, AuthorisedPart, BadEntryPart, ChannelSide, Contradiction, DidNotVotePart, ReceiptFraudPart, SpendPart,
};
use althing_node::proof::verify;
use bitcoin::{Amount, Network, ScriptBuf, Transaction, TxOut};

use crate::chain::{input, transaction};
use crate::story::{AMOUNT, DECIDING, Story, VOTER};
use crate::two_checkpoints;
use crate::world::{AUX, LOG, World, keypair, member_id, text};

/// Did not vote on the text.
const SILENT: u8 = 6;
/// Somebody who is no hub.
const STRANGER: u8 = 77;
/// Bytes between two that are flipped; a prime.
const STRIDE: usize = 11;

#[test]
fn what_is_true_can_be_shown() {
    let story = robbed();
    for (what, words, bundle) in statements(&story) {
        let finding = judged(&story, &bundle).unwrap_or_else(|why| panic!("{what}: {why}"));
        assert!(finding.contains(words), "{what}: {finding}");
    }
}

#[test]
fn no_byte_can_be_changed() {
    let story = robbed();
    let headers = headers(&story);
    for (number, (what, _, bundle)) in statements(&story).into_iter().enumerate() {
        let bytes = bundle.to_bytes();
        for at in (number..bytes.len()).step_by(STRIDE) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(verify(&flipped, &headers).is_err(), "{what} with byte {at} flipped");
        }
    }
}

/// P-6, P-11: where rolls of several snapshots stand under one header, the weight is the one that the vote was counted with.
#[test]
fn a_weight_of_another_snapshot_is_refused() {
    let mut story = Story::voted();
    story.world.propose(1, text("Proposed an epoch later"));
    let story = story.decided();
    let close = story.close(DECIDING);
    let younger = |member: u8| (2, close.prove_weight(2, &member_id(member)).unwrap());
    let mut counted = story.ballot_bundle(DECIDING);
    assert!(verify(&counted.to_bytes(), &story.world.chain).is_ok());
    let Statement::Ballot(part) = &mut counted.statement else { unreachable!() };
    (part.snapshot, part.weight) = younger(VOTER);
    assert_refused(&story, &counted, "P-6: the file shows the roll of epoch 2, the vote is counted by that of epoch 1");
    let mut silent = silent(&story, SILENT, DECIDING);
    let Statement::DidNotVote(part) = &mut silent.statement else { unreachable!() };
    (part.snapshot, part.weight) = younger(SILENT);
    assert_refused(&story, &silent, "P-6: the file shows the roll of epoch 2, the vote is counted by that of epoch 1");
}

#[test]
fn who_voted_cannot_be_called_silent() {
    let story = Story::told();
    assert_refused(&story, &silent(&story, VOTER, DECIDING), "P-11");
    // While the vote is open nobody has failed to vote.
    assert_refused(&story, &silent(&story, SILENT, DECIDING - 1), "P-11");
}

#[test]
fn what_is_not_authorised_cannot_be_shown_as_such() {
    let story = Story::told();
    assert_refused(&story, &authorised(&story, story.text), "P-10");
    assert_refused(&story, &authorised(&story, story.ignored), "P-10");
    let mut other = authorised(&story, story.spend);
    let Statement::Authorised(part) = &mut other.statement else { unreachable!() };
    part.milestone = Some(0);
    assert!(judged(&story, &other).is_err());
}

#[test]
fn an_honest_hub_cannot_be_accused() {
    let story = Story::told();
    let world = &story.world;
    let size = story.close(DECIDING).header.log_size as usize;
    let log = &world.log[..size];
    // A receipt that was kept: the log has what it promises.
    let kept = world.hub_receipt(5, &[log[5].clone()], log);
    let path = world.ledger.state().tree().inclusion_proof(5, size as u64).unwrap();
    let leaf = leaf_hash(&log[5]);
    for contradiction in [Contradiction::Entry { leaf, path: path.clone() }, Contradiction::Root] {
        let part = ReceiptFraudPart {
            receipt: kept.clone(),
            position: 5,
            entry: log[5].clone(),
            path: vec![],
            against: Against::Header,
            contradiction,
        };
        assert_refused(&story, &story.bundle(DECIDING, Statement::ReceiptFraud(Box::new(part))), "P-12");
    }
    // A receipt that somebody else signed, and one for a log that the header does not reach.
    let longer = [log, &[b"more".to_vec(), b"and more".to_vec()]].concat();
    let forged = world.receipt(5, &[b"other".to_vec()], log, STRANGER);
    let late = world.hub_receipt(5, &[b"other".to_vec()], &longer);
    for receipt in [forged, late] {
        let part = ReceiptFraudPart {
            receipt,
            position: 5,
            entry: b"other".to_vec(),
            path: vec![],
            against: Against::Header,
            contradiction: Contradiction::Entry { leaf, path: path.clone() },
        };
        assert_refused(&story, &story.bundle(DECIDING, Statement::ReceiptFraud(Box::new(part))), "P-12");
    }
    // Every entry of its log is what its author signed; of the hub's own nothing is shown.
    for entry in log {
        assert_refused(&story, &story.bundle(0, bad_entry(&story, entry.clone())), "P-333");
    }
    // Heads of one log, the same head twice, one that a stranger signed, and a pair in the wrong order.
    let newest = head(&story);
    let earlier = LogHead { size: 1, tip_height: 1, ..newest };
    let rival = LogHead { root: TreeHash([9; 32]), ..newest };
    assert_refused(&story, &heads(&story, [sign(&newest, LOG), sign(&earlier, LOG)]), "P-13");
    assert_refused(&story, &heads(&story, [sign(&newest, LOG), sign(&newest, LOG)]), "P-13");
    assert_refused(&story, &heads(&story, [sign(&newest, LOG), sign(&rival, STRANGER)]), "P-12");
    let mut pair = heads(&story, [sign(&newest, LOG), sign(&rival, LOG)]);
    let Statement::HeadFraud(signed) = &mut pair.statement else { unreachable!() };
    signed.swap(0, 1);
    assert_refused(&story, &pair, "P-13");
}

#[test]
fn an_authorised_payment_is_no_theft() {
    let paid = |story: &mut Story| {
        let script = ScriptBuf::from_bytes([vec![0x51, 0x20], vec![0x42; 32]].concat());
        let output = TxOut { value: Amount::from_sat(AMOUNT), script_pubkey: script };
        let gate = story.world.params().gates[0];
        let payment = transaction(vec![input(gate.txid, gate.vout)], vec![output]);
        story.world.block(vec![payment.clone()]);
        payment
    };
    // Authorised in epoch 3; paid in the epoch after it.
    let mut story = Story::told();
    let payment = paid(&mut story);
    story.world.finish_epoch();
    story.world.block(vec![]);
    let bundle = theft(&story, 0, &payment, DECIDING + 1, Some(story.spend));
    assert_refused(&story, &bundle, "P-15");
    // The proposal may not be kept back, nor a decision.
    let mut hidden = bundle.clone();
    let Statement::UnauthorisedSpend(part) = &mut hidden.statement else { unreachable!() };
    part.proposal = None;
    assert_refused(&story, &hidden, "P-15");
    let Statement::UnauthorisedSpend(part) = &mut hidden.statement else { unreachable!() };
    part.decisions.retain(|leaf| leaf.key != story.spend.0);
    assert_refused(&story, &hidden, "P-15");
    // Under a header that closed before the payment a decision could be missing.
    assert_refused(&story, &theft(&story, 0, &payment, DECIDING, Some(story.spend)), "P-15");
}

#[test]
fn another_payee_is_theft_also_through_an_authorised_gate() {
    let mut story = Story::told();
    let gate = story.world.params().gates[0];
    let output = TxOut { value: Amount::from_sat(AMOUNT), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) };
    let taken = transaction(vec![input(gate.txid, gate.vout)], vec![output]);
    story.world.block(vec![taken.clone()]);
    story.world.finish_epoch();
    story.world.block(vec![]);
    let bundle = theft(&story, 0, &taken, DECIDING + 1, Some(story.spend));
    let finding = judged(&story, &bundle).unwrap();
    assert!(finding.contains("output 0 is not the decided"), "{finding}");
}

/// The story with a gate stolen before the last epoch closes.
pub(crate) fn robbed() -> Story {
    let mut story = Story::voted();
    let stolen = stolen(&story.world);
    story.world.block(vec![stolen]);
    story.world.finish_epoch();
    story.world.block(vec![]);
    story
}

/// The last gate, which no decision was given.
fn stolen(world: &World) -> Transaction {
    let gate = *world.params().gates.last().unwrap();
    let output = TxOut { value: Amount::from_sat(9000), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) };
    transaction(vec![input(gate.txid, gate.vout)], vec![output])
}

/// Every statement with its name, for the vectors.
pub(crate) fn vectors(story: &Story) -> Vec<(&'static str, Bundle)> {
    statements(story).into_iter().map(|(what, _, bundle)| (what, bundle)).collect()
}

fn statements(story: &Story) -> Vec<(&'static str, &'static str, Bundle)> {
    let world = &story.world;
    let header = story.close(DECIDING).header;
    let size = header.log_size;
    let newest = head(story);
    let rival = LogHead { root: TreeHash([9; 32]), ..newest };
    let log = &world.log[..size as usize];
    let broken = world.hub_receipt(5, &[b"my ballot".to_vec()], log);
    let path = world.ledger.state().tree().inclusion_proof(5, size).unwrap();
    let fraud = |against, contradiction| {
        let part = ReceiptFraudPart {
            receipt: broken.clone(),
            position: 5,
            entry: b"my ballot".to_vec(),
            path: vec![],
            against,
            contradiction,
        };
        Statement::ReceiptFraud(Box::new(part))
    };
    let other_entry = Contradiction::Entry { leaf: leaf_hash(&log[5]), path };
    let same_size = LogHead { size, root: TreeHash([9; 32]), ..newest };
    let gates = world.params().gates.len() - 1;
    vec![
        ("authorised", "is authorised from height", authorised(story, story.spend)),
        ("silent", "did not vote", silent(story, SILENT, DECIDING)),
        ("receipt against a header", "Fraud by the hub", story.bundle(DECIDING, fraud(Against::Header, other_entry))),
        (
            "receipt against a head",
            "Fraud by the hub",
            story.bundle(0, fraud(Against::Head(Box::new(sign(&same_size, LOG))), Contradiction::Root)),
        ),
        ("two heads", "Fraud by the hub", heads(story, [sign(&newest, LOG), sign(&rival, LOG)])),
        ("an entry that nobody signed", "nobody signed so", story.bundle(0, bad_entry(story, unsigned(story)))),
        ("no entry at all", "they are no entry", story.bundle(0, bad_entry(story, b"my ballot".to_vec()))),
        ("two checkpoints of a member", "Equivocation: vote key", two_checkpoints::of(story, ChannelSide::Member)),
        ("two checkpoints of the hub", "Equivocation: the hub", two_checkpoints::of(story, ChannelSide::Hub)),
        ("two comments", "Equivocation", story.bundle(0, equivocation(story))),
        ("theft", "which no decision was assigned", theft(story, gates, &stolen(world), DECIDING, None)),
    ]
}

fn authorised(story: &Story, proposal: ProposalId) -> Bundle {
    let close = story.close(DECIDING);
    let position = story.world.ledger.state().proposals()[&proposal].position;
    let entry = story.logged(position, close.header.log_size);
    let part = AuthorisedPart { entry, milestone: None, decision: close.prove_decision(&proposal).unwrap() };
    story.bundle(DECIDING, Statement::Authorised(Box::new(part)))
}

fn silent(story: &Story, member: u8, epoch: u32) -> Bundle {
    let close = story.close(epoch);
    let (proposal, member) = (story.text, member_id(member));
    let snapshot = story.world.ledger.state().proposals()[&proposal].snapshot_epoch;
    let counted = close.prove_ballot(&proposal, &member).unwrap();
    let weight = close.prove_weight(snapshot, &member).unwrap();
    let part = DidNotVotePart { proposal, member, counted, snapshot, weight };
    story.bundle(epoch, Statement::DidNotVote(Box::new(part)))
}

pub(crate) fn theft(story: &Story, gate: usize, tx: &Transaction, epoch: u32, proposal: Option<ProposalId>) -> Bundle {
    let close = story.close(epoch);
    let proposal =
        proposal.map(|id| story.logged(story.world.ledger.state().proposals()[&id].position, close.header.log_size));
    let part = SpendPart {
        gate: story.world.params().gates[gate],
        spending: story.world.chain.evidence(tx.compute_txid()),
        decisions: close.decisions.leaves().to_vec(),
        proposal,
    };
    story.bundle(epoch, Statement::UnauthorisedSpend(Box::new(part)))
}

fn heads(story: &Story, mut heads: [Signed<LogHead>; 2]) -> Bundle {
    heads.sort_by_key(|head| head.to_bytes());
    story.bundle(0, Statement::HeadFraud(Box::new(heads)))
}

fn equivocation(story: &Story) -> Statement {
    let lane = story.world.ledger.state().next_lane_header(member_id(VOTER), 1);
    let say = |text: &str| {
        let comment = Comment { proposal: story.text, parent: None, text: text.into() };
        Entry::Comment(LaneEntry::sign(&story.world.secp, lane, comment, &keypair(VOTER), &AUX))
    };
    Statement::Equivocation(Box::new(Equivocation::new(say("Aye."), say("Nay.")).unwrap()))
}

/// A ballot of a member with another choice than the one that was signed.
fn unsigned(story: &Story) -> Vec<u8> {
    let Entry::Ballot(mut ballot) = story.world.ballot(VOTER, story.text, Choice::Yes) else { unreachable!() };
    ballot.body.fields = vec![Choice::No.field()];
    Entry::Ballot(ballot).to_bytes()
}

/// The hub's receipt says that it logged this.
fn bad_entry(story: &Story, entry: Vec<u8>) -> Statement {
    let one = std::slice::from_ref(&entry);
    let log = [&story.world.log[..5], one].concat();
    let receipt = story.world.hub_receipt(5, one, &log);
    Statement::BadEntry(Box::new(BadEntryPart { receipt, position: 5, entry, path: vec![] }))
}

fn head(story: &Story) -> LogHead {
    story.world.ledger.newest_head().unwrap().statement
}

fn sign(head: &LogHead, signer: u8) -> Signed<LogHead> {
    head.sign(&bitcoin::secp256k1::Secp256k1::new(), &keypair(signer), &AUX)
}

fn headers(story: &Story) -> HeaderChain {
    HeaderChain::from_bytes(Network::Regtest, &story.world.chain.header_bytes()).unwrap()
}

pub(crate) fn judged(story: &Story, bundle: &Bundle) -> Result<String, String> {
    let found = verify(&bundle.to_bytes(), &headers(story));
    found.map(|finding| finding.statement).map_err(|rejection| rejection.to_string())
}

pub(crate) fn assert_refused(story: &Story, bundle: &Bundle, rule: &str) {
    match judged(story, bundle) {
        Ok(finding) => panic!("shown: {finding}"),
        Err(why) => assert!(why.contains(rule), "{why} does not name {rule}"),
    }
}
