//! Hazard: a forger who holds the hub's keys and makes everything fit again, up to blocks of his own.
//!
//! Each forgery is judged twice. On the forger's own chain, to see what the meaning of the file refuses even if Bitcoin
//! had taken it; and on the honest chain, which refuses whatever is left.

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Ballot, Choice, Effect, Entry, LaneEntry};
use althing_governance::epoch::{BallotRoot, EpochClose, EpochHeader};
use althing_governance::id::{DaoId, HeaderHash, NetworkId};
use althing_governance::receipt::batch_tree;
use althing_governance::tally::{BallotLeaf, Outcome};
use althing_node::proof::bundle::{LoggedEntry, Statement};
use althing_node::proof::tallies::Tallies;
use althing_node::proof::{Bundle, verify, verify_short};
use bitcoin::hashes::Hash as _;
use bitcoin::opcodes::all::{OP_CHECKSIG, OP_DROP};
use bitcoin::secp256k1::Secp256k1;
use bitcoin::taproot::TaprootBuilder;
use bitcoin::{Network, OutPoint, ScriptBuf, Transaction, Txid};

use crate::forger::{forge_ballots, forge_decision, forge_roll, reanchor, reweigh};
use crate::story::{DECIDING, Story, VOTER};
use crate::world::{ANCHOR, AUX, keypair, member_id};

/// Which file is forged.
#[derive(Clone, Copy)]
enum File {
    /// The voter's ballot on the text.
    Ballot,
    /// The tally of the text, rejected.
    Text,
    /// The tally of the spend, passed and authorised.
    Spend,
}

use File::{Ballot as BallotFile, Spend as SpendFile, Text as TextFile};

const PERFECT: &str = "";

/// Forges, and checks both refusals. `meaning` is in the message on the forger's chain, or [`PERFECT`].
#[track_caller]
fn forged(
    name: &str,
    file: File,
    close: impl FnOnce(&Story, &mut EpochClose),
    part: impl FnOnce(&Story, &mut Bundle),
    link: impl Fn(&mut Transaction, &EpochHeader),
    meaning: &str,
) {
    let mut story = Story::told();
    let file_of = |story: &Story| match file {
        File::Ballot => story.ballot_bundle(DECIDING),
        File::Text => story.tally_bundle(story.text),
        File::Spend => story.tally_bundle(story.spend),
    };
    let honest_short = file_of(&story).shortened().map(|short| short.to_bytes());
    let mut forged_close = story.world.closes[DECIDING as usize - 1].clone();
    close(&story, &mut forged_close);
    story.world.closes[DECIDING as usize - 1] = forged_close;
    let mut bundle = file_of(&story);
    part(&story, &mut bundle);
    let chain = reanchor(&story.world.chain, &mut bundle, link);
    let bytes = bundle.to_bytes();
    let told = match verify(&bytes, &chain) {
        Ok(finding) => {
            assert!(meaning == PERFECT, "{name}: accepted on the forger's chain: {}", finding.statement);
            None
        }
        Err(refusal) => {
            let refusal = refusal.to_string();
            assert!(meaning != PERFECT && refusal.contains(meaning), "{name}: {refusal}");
            Some(refusal)
        }
    };
    // P-162: without its links, and with them in another file, it says the same.
    let short = bundle.shortened().unwrap().to_bytes();
    let links = Bundle { statement: Statement::Links, ..bundle.clone() };
    let short_told = verify_short(&short, &links.to_bytes(), &chain).err().map(|refusal| refusal.to_string());
    let by_links = short_told.as_ref().is_some_and(|short| told.is_some() && short.starts_with("P-163: the link file"));
    assert!(short_told == told || by_links, "{name}: short: {short_told:?}, whole: {told:?}");
    let honest_links = story.links(DECIDING).to_bytes();
    match verify_short(&short, &honest_links, &story.world.chain) {
        // Forged was what the short file leaves out.
        Ok(_) => assert_eq!(Some(&short), honest_short.as_ref(), "{name}: short, with the honest links"),
        Err(refusal) => {
            let refusal = refusal.to_string();
            let by_links = refusal.contains("P-162: ") || refusal.contains("P-163: ");
            assert!(by_links || Some(&refusal) == told.as_ref(), "{name}: short, with the honest links: {refusal}");
        }
    }
    let refusal = verify(&bytes, &story.world.chain).expect_err(name).to_string();
    let by_bitcoin = refusal.contains("A-51: link") && refusal.contains("where the chain has block");
    assert!(by_bitcoin || Some(&refusal) == told.as_ref(), "{name}: on the honest chain: {refusal}");
}

fn same_close(_: &Story, _: &mut EpochClose) {}
fn same_bundle(_: &Story, _: &mut Bundle) {}
fn same_link(_: &mut Transaction, _: &EpochHeader) {}

/// A change of the sealed trees.
#[track_caller]
fn tree(name: &str, file: File, meaning: &str, change: impl FnOnce(&Story, &mut EpochClose)) {
    forged(name, file, change, same_bundle, same_link, meaning);
}

/// A change of the newest header.
#[track_caller]
fn header(name: &str, meaning: &str, change: impl FnOnce(&mut EpochHeader)) {
    forged(name, BallotFile, same_close, |_, bundle| change(newest(bundle)), same_link, meaning);
}

/// A change of the newest link's transaction.
#[track_caller]
fn link(name: &str, meaning: &str, change: impl Fn(&mut Transaction, &EpochHeader)) {
    forged(name, BallotFile, same_close, same_bundle, change, meaning);
}

/// A change of anything in the file.
#[track_caller]
fn part(name: &str, file: File, meaning: &str, change: impl FnOnce(&Story, &mut Bundle)) {
    forged(name, file, same_close, change, same_link, meaning);
}

fn newest(bundle: &mut Bundle) -> &mut EpochHeader {
    &mut bundle.epochs.last_mut().unwrap().header
}

fn other_choice(leaf: &mut BallotLeaf, choice: Choice) {
    let BallotLeaf::Own(ballot) = leaf else { unreachable!() };
    ballot.fields = vec![choice.field()];
}

#[test]
fn ballots_and_weights() {
    let voter = member_id(VOTER).0;
    let other = member_id(4).0;
    tree("choice", BallotFile, "P-6: the tally counts entry", |story, close| {
        forge_ballots(close, story.text, true, |leaf| {
            if leaf.key == voter {
                let mut ballot = BallotLeaf::from_bytes(&leaf.value).unwrap();
                other_choice(&mut ballot, Choice::No);
                leaf.value = ballot.to_bytes();
                leaf.sums.swap(0, 1);
            }
        });
    });
    tree("sums that are not ballot times weight", BallotFile, "G-77: leaf sums", |story, close| {
        forge_ballots(close, story.text, true, |leaf| {
            if leaf.key == voter {
                leaf.sums[0] *= 3;
            }
        });
    });
    tree("ballot left out", BallotFile, "P-6: the tally has no ballot", |story, close| {
        forge_ballots(close, story.text, true, |leaf| {
            if leaf.key == voter {
                leaf.value = BallotLeaf::None.to_bytes();
                leaf.sums[..5].fill(0);
            }
        });
    });
    tree("weight in the tally alone", BallotFile, "P-6: the tally gives weight 600000 of 2400000", |story, close| {
        forge_ballots(close, story.text, true, |leaf| {
            if leaf.key == voter {
                reweigh(leaf, 600_000);
            }
        });
    });
    tree("weight in the roll alone", BallotFile, "the roll of epoch 1 gives 600000 of 2400000", |_, close| {
        forge_roll(close, 1, |leaf| {
            if leaf.key == voter {
                leaf.sums = vec![600_000];
            }
        });
    });
    // A lie that needs the whole roll to be seen: the replay refuses it, see `dishonest_hub`.
    tree("weight in tally and roll", BallotFile, PERFECT, |story, close| {
        forge_ballots(close, story.text, true, |leaf| {
            if leaf.key == voter {
                reweigh(leaf, 600_000);
            }
        });
        forge_roll(close, 1, |leaf| {
            if leaf.key == voter {
                leaf.sums = vec![600_000];
            }
        });
    });
    tree("another member's ballot", BallotFile, PERFECT, |story, close| {
        forge_ballots(close, story.text, true, |leaf| {
            if leaf.key == other {
                leaf.sums.swap(0, 1);
            }
        });
    });
    tree("ballot of another position", BallotFile, "P-6: the tally counts entry", |story, close| {
        forge_ballots(close, story.text, true, |leaf| {
            if leaf.key == voter {
                let mut ballot = BallotLeaf::from_bytes(&leaf.value).unwrap();
                let BallotLeaf::Own(counted) = &mut ballot else { unreachable!() };
                counted.position += 1;
                leaf.value = ballot.to_bytes();
            }
        });
    });
    part("the proof of another member", BallotFile, "P-6: the tally counts entry", |story, bundle| {
        let close = &story.world.closes[DECIDING as usize - 1];
        let Statement::Ballot(part) = &mut bundle.statement else { unreachable!() };
        part.counted = close.prove_ballot(&story.text, &member_id(4)).unwrap();
    });
    part("the weight of another member", BallotFile, "G-73: proof is for key", |story, bundle| {
        let close = &story.world.closes[DECIDING as usize - 1];
        let Statement::Ballot(part) = &mut bundle.statement else { unreachable!() };
        part.weight = close.prove_weight(1, &member_id(6)).unwrap();
    });
    part("the proof of another proposal", BallotFile, "G-73: proof is for key", |story, bundle| {
        let close = &story.world.closes[DECIDING as usize - 1];
        let Statement::Ballot(part) = &mut bundle.statement else { unreachable!() };
        part.counted = close.prove_ballot(&story.spend, &member_id(VOTER)).unwrap();
    });
    part("a ballot that was changed later", BallotFile, "P-6: the tally counts entry", |story, bundle| {
        let Statement::Ballot(part) = &mut bundle.statement else { unreachable!() };
        let ballots = &story.world.ledger.state().proposals()[&story.text].ballots;
        let first = ballots.of(&member_id(VOTER)).last().unwrap();
        part.entry = story.logged(first.position, story.world.closes[DECIDING as usize - 1].header.log_size);
    });
    part("a younger snapshot", BallotFile, "the roll of epoch 3 cannot be the snapshot", |story, bundle| {
        let close = &story.world.closes[DECIDING as usize - 1];
        let Statement::Ballot(part) = &mut bundle.statement else { unreachable!() };
        (part.snapshot, part.weight) = (DECIDING, close.prove_weight(DECIDING, &member_id(VOTER)).unwrap());
    });
}

#[test]
fn log_entries() {
    part("ballot signed by another key", BallotFile, "E-13", |story, bundle| {
        let Statement::Ballot(part) = &mut bundle.statement else { unreachable!() };
        let Entry::Ballot(ballot) = Entry::from_bytes(&part.entry.bytes).unwrap() else { unreachable!() };
        let body = Ballot::new(story.text, Choice::No, None);
        let forged = LaneEntry::sign(&Secp256k1::new(), ballot.lane, body, &keypair(ANCHOR), &AUX);
        let forged = Entry::Ballot(forged).to_bytes();
        let (entry, size, root) = relogged(story, part.entry.position, forged);
        part.entry = entry;
        let header = newest(bundle);
        (header.log_size, header.log_root) = (size, root);
    });
    part("outputs of the spend", SpendFile, "E-13", |story, bundle| {
        let Statement::Tally(part) = &mut bundle.statement else { unreachable!() };
        let Entry::Proposal(mut proposal) = Entry::from_bytes(&part.entry.bytes).unwrap() else { unreachable!() };
        let Effect::Spend(spend) = &mut proposal.body.options[0].effects[0] else { unreachable!() };
        spend.outputs[0].script = ScriptBuf::from_bytes(vec![0x51]);
        let forged = LaneEntry::sign(&Secp256k1::new(), proposal.lane, proposal.body, &keypair(ANCHOR), &AUX);
        let (entry, size, root) = relogged(story, part.entry.position, Entry::Proposal(forged).to_bytes());
        part.entry = entry;
        let header = newest(bundle);
        (header.log_size, header.log_root) = (size, root);
    });
    // Signed by its author, but then it is another proposal than the one that was voted on.
    part("outputs of the spend, by its author", SpendFile, "G-73: proof is for key", |story, bundle| {
        let Statement::Tally(part) = &mut bundle.statement else { unreachable!() };
        let Entry::Proposal(mut proposal) = Entry::from_bytes(&part.entry.bytes).unwrap() else { unreachable!() };
        let Effect::Spend(spend) = &mut proposal.body.options[0].effects[0] else { unreachable!() };
        spend.outputs[0].script = ScriptBuf::from_bytes(vec![0x51]);
        let forged = LaneEntry::sign(&Secp256k1::new(), proposal.lane, proposal.body, &keypair(2), &AUX);
        let (entry, size, root) = relogged(story, part.entry.position, Entry::Proposal(forged).to_bytes());
        part.entry = entry;
        let header = newest(bundle);
        (header.log_size, header.log_root) = (size, root);
    });
    part("position", BallotFile, "P-6: position", |_, bundle| {
        let Statement::Ballot(part) = &mut bundle.statement else { unreachable!() };
        part.entry.position -= 1;
    });
    part("an entry of another kind", BallotFile, "P-6: the entry is not a ballot", |story, bundle| {
        let position = story.world.ledger.state().proposals()[&story.text].position;
        let size = newest(bundle).log_size;
        let Statement::Ballot(part) = &mut bundle.statement else { unreachable!() };
        part.entry = story.logged(position, size);
    });
    header("log size", "P-6: position", |header| header.log_size += 64);
    header("log root", "P-6: position", |header| header.log_root.0[0] ^= 1);
}

/// The log with one entry replaced: that entry with its new path, and size and root of the whole.
fn relogged(story: &Story, position: u64, bytes: Vec<u8>) -> (LoggedEntry, u64, althing_governance::TreeHash) {
    let size = story.world.closes[DECIDING as usize - 1].header.log_size;
    let mut log = story.world.log[..size as usize].to_vec();
    log[position as usize].clone_from(&bytes);
    let tree = batch_tree(log.iter().map(Vec::as_slice));
    let path = tree.inclusion_proof(position, size).unwrap();
    (LoggedEntry { position, bytes, path }, size, tree.root())
}

#[test]
fn headers() {
    header("closing height inside an epoch", "P-4: closing height 17 is not a boundary", |h| h.closing_height = 17);
    header("closing height of the epoch before", "P-4: closing height 12 and log size", |h| h.closing_height = 12);
    header("closing height above the tip", "P-4: closing block", |h| h.closing_height = 60);
    header("closing block", "P-4: closing block", |h| h.closing_hash = bitcoin::BlockHash::from_byte_array([5; 32]));
    header("DAO", "P-4: DAO", |h| h.dao = DaoId([5; 32]));
    header("network", "P-4: network", |h| h.network = NetworkId::of(Network::Bitcoin));
    header("charter", "P-4: charter hash", |h| h.charter.0[0] ^= 1);
    header("next anchor key", "P-4: next anchor key", |h| h.next_anchor_key = keypair(50).x_only_public_key().0);
    header("spare seal", "P-4: spare seal", |h| h.spare_seal.vout = 2);
    header("previous header", "P-4: previous header hash", |h| h.prev_header = HeaderHash([0; 32]));
    header("number", "P-4: epoch is 4, must be 3", |h| h.epoch = 4);
    header("log that shrinks", "do not follow", |h| h.log_size = 3);
    part("a skipped epoch", BallotFile, "P-4: epoch is 3, must be 2", |_, bundle| drop(bundle.epochs.remove(1)));
    part("a skipped epoch, renumbered", BallotFile, PERFECT, |_, bundle| {
        bundle.epochs.remove(1);
        let before = bundle.epochs[0].header.hash();
        let header = newest(bundle);
        (header.epoch, header.prev_header) = (2, before);
    });
    part("a repeated epoch", BallotFile, "P-4: epoch is 3, must be 4", |_, bundle| {
        bundle.epochs.push(bundle.epochs[2].clone());
    });
    part("epochs in another order", BallotFile, "P-4: epoch is 2, must be 1", |_, bundle| bundle.epochs.swap(0, 1));
    part("no epoch but the last", BallotFile, "P-4: epoch is 3, must be 1", |_, bundle| drop(bundle.epochs.drain(..2)));
    part("a changed rule in the charter", TextFile, "A-12: the first seal is wrong", |_, bundle| {
        bundle.charter.classes[0].voting_blocks += 6;
    });
    part("a changed rule and a genesis transaction for it", TextFile, "P-4: DAO", |story, bundle| {
        bundle.charter.classes[0].voting_blocks += 6;
        let wanted = althing_node::dao::genesis_params(&bundle.charter).unwrap();
        let mut founding = bundle.genesis.transaction().clone();
        founding.output[0] = althing_anchor::genesis_outputs(&wanted).unwrap().remove(0);
        bundle.genesis = story.world.chain.forged_block(1, founding).1;
        let charter = bundle.charter.hash();
        let spare_seal = OutPoint { txid: bundle.genesis.txid(), vout: 1 };
        let mut before = HeaderHash([0; 32]);
        for part in &mut bundle.epochs {
            (part.header.charter, part.header.spare_seal, part.header.prev_header) = (charter, spare_seal, before);
            before = part.header.hash();
        }
    });
    part("another network in the charter", TextFile, "founding: P-3", |_, bundle| {
        bundle.charter.network = NetworkId::of(Network::Bitcoin);
    });
}

#[test]
fn links() {
    link("seal of another transaction", "A-5: input 0 spends", |tx, _| {
        tx.input[0].previous_output.txid = Txid::from_byte_array([5; 32]);
    });
    link("another output of the link before", "A-5: input 0 spends", |tx, _| tx.input[0].previous_output.vout = 1);
    link("the seal as second input", "A-5: input 0 spends", |tx, _| {
        let seal = tx.input[0].clone();
        tx.input[0].previous_output.txid = Txid::from_byte_array([5; 32]);
        tx.input.push(seal);
    });
    link("the commitment in the second output", "A-6", |tx, _| {
        let link = tx.output[0].clone();
        tx.output[0].script_pubkey = ScriptBuf::from_bytes(vec![0x51]);
        tx.output.push(link);
    });
    link("no output", "A-6", |tx, _| tx.output.clear());
    link("another internal key", "A-6", |tx, header| {
        let key = keypair(50).x_only_public_key().0;
        tx.output[0].script_pubkey = althing_anchor::link_output_script(key, crate::world::commitment(header));
    });
    link("no commitment at all", "A-6", |tx, _| {
        let key = keypair(ANCHOR).x_only_public_key().0;
        tx.output[0].script_pubkey = ScriptBuf::new_p2tr(&Secp256k1::new(), key, None);
    });
    let leaf = |header: &EpochHeader| {
        let key = keypair(ANCHOR).x_only_public_key().0;
        althing_anchor::commitment_leaf(key, crate::world::commitment(header))
    };
    let taproot = |builder: TaprootBuilder| {
        let key = keypair(ANCHOR).x_only_public_key().0;
        ScriptBuf::new_p2tr_tweaked(builder.finalize(&Secp256k1::new(), key).unwrap().output_key())
    };
    // A second leaf could carry a second commitment: two histories in one link.
    link("two leaves", "A-6", |tx, header| {
        let builder = TaprootBuilder::new().add_leaf(1, leaf(header)).unwrap();
        let other = EpochHeader { log_size: header.log_size + 1, ..*header };
        tx.output[0].script_pubkey = taproot(builder.add_leaf(1, leaf(&other)).unwrap());
    });
    link("a leaf of another form", "A-6", |tx, header| {
        let script = ScriptBuf::builder()
            .push_x_only_key(&keypair(ANCHOR).x_only_public_key().0)
            .push_opcode(OP_CHECKSIG)
            .push_slice(*header.hash().as_bytes())
            .push_opcode(OP_DROP);
        tx.output[0].script_pubkey = taproot(TaprootBuilder::new().add_leaf(0, script.into_script()).unwrap());
    });
    link("the hash of the epoch before", "A-6", |tx, header| {
        let before = EpochHeader { epoch: header.epoch - 1, ..*header };
        tx.output[0].script_pubkey = taproot(TaprootBuilder::new().add_leaf(0, leaf(&before)).unwrap());
    });
    // What means nothing may differ, but then it is another transaction, in another block.
    link("more outputs", PERFECT, |tx, _| tx.output.push(tx.output[0].clone()));
}

/// P-4, G-62: no epoch closes with the network's first block.
#[test]
fn the_first_epoch_does_not_close_at_height_0() {
    part(
        "closes at height 0",
        BallotFile,
        "P-4: closing height 0 and log size 16 do not follow 0 and 0",
        |story, bundle| {
            let first = &mut bundle.epochs[0].header;
            (first.closing_height, first.closing_hash) = (0, story.world.chain.hash(0));
            let mut before = first.hash();
            for part in &mut bundle.epochs[1..] {
                part.header.prev_header = before;
                before = part.header.hash();
            }
        },
    );
}

#[test]
fn tallies_and_decisions() {
    let final_flag = "voting on proposal";
    tree("a tally that is not final", SpendFile, final_flag, |story, close| {
        forge_ballots(close, story.spend, false, |_| {});
    });
    tree(
        "a no counted as yes",
        TextFile,
        "P-7: the decision is rejected for class text, the sums give passed",
        |s, c| {
            forge_ballots(c, s.text, true, |leaf| leaf.sums.swap(0, 1));
        },
    );
    // Sums of other members are not in the file; whoever replays the log refuses it, see `dishonest_hub`.
    tree("a no counted as yes, and decided so", TextFile, PERFECT, |story, close| {
        forge_ballots(close, story.text, true, |leaf| leaf.sums.swap(0, 1));
        forge_decision(close, story.text, |decision| decision.outcome = Outcome::Passed { option: None });
    });
    tree("more weight than the roll", TextFile, "the roll of epoch 1 has 6 of weight", |story, close| {
        forge_ballots(close, story.text, true, |leaf| leaf.sums[5] *= 2);
    });
    for (outcome, name) in
        [(Outcome::Passed { option: None }, "passed"), (Outcome::NoQuorum, "no_quorum"), (Outcome::Tied, "tied")]
    {
        let meaning = format!("P-7: the decision is {name} for class text, the sums give rejected");
        tree("outcome", TextFile, &meaning, |story, close| {
            forge_decision(close, story.text, |decision| decision.outcome = outcome);
        });
    }
    tree("class", TextFile, "P-7: the decision is for class spend, the proposal is of class text", |story, close| {
        forge_decision(close, story.text, |d| d.class = althing_governance::charter::Class::Spend);
    });
    tree("rejected spend", SpendFile, "P-7: the decision is rejected for class spend, the sums give passed", |s, c| {
        forge_decision(c, s.spend, |decision| decision.outcome = Outcome::Rejected);
    });
    tree("authorisation of a text", TextFile, "P-7: a text proposal cannot have", |story, close| {
        let spend = close.prove_decision(&story.spend).unwrap().verify(&close.header, &story.spend).unwrap();
        forge_decision(close, story.text, |d| (d.gate, d.authorisation) = (spend.gate, spend.authorisation));
    });
    tree("amount", SpendFile, "P-7: authorised are 5001001 sat", |story, close| {
        forge_decision(close, story.spend, |d| d.authorisation.as_mut().unwrap().amount_sat += 1);
    });
    tree("amount that is not the leaf's sum", SpendFile, "G-77: leaf authorises", |story, close| {
        let spend = story.spend.0;
        close.decisions = crate::forger::changed(&close.decisions, |leaf| {
            if leaf.key == spend {
                leaf.sums[0] += 1;
            }
        });
        close.header.decisions_root = close.decisions.commitment();
    });
    tree("intent", SpendFile, "decision: P-7", |story, close| {
        forge_decision(close, story.spend, |d| d.authorisation.as_mut().unwrap().intent[0] ^= 1);
    });
    tree("gate", SpendFile, "is none of the charter's gates", |story, close| {
        forge_decision(close, story.spend, |d| d.gate.as_mut().unwrap().vout = 9);
    });
    tree("authorisation without a gate", SpendFile, "decision: P-7", |story, close| {
        forge_decision(close, story.spend, |d| d.gate = None);
    });
    tree("height above the closing height", SpendFile, "P-7: authorised are", |story, close| {
        forge_decision(close, story.spend, |d| d.authorisation.as_mut().unwrap().height = 24);
    });
    part("a snapshot that the header does not have", SpendFile, "ballot roots: G-73", |_, bundle| {
        let Statement::Tally(part) = &mut bundle.statement else { unreachable!() };
        let Tallies::Members(tally) = &mut part.tally else { unreachable!() };
        let mut root = BallotRoot::from_bytes(&tally.ballots_root.leaf.value).unwrap();
        root.snapshot = DECIDING;
        tally.ballots_root.leaf.value = root.to_bytes();
    });
    part("the decision on another proposal", SpendFile, "G-73: proof is for key", |story, bundle| {
        let Statement::Tally(part) = &mut bundle.statement else { unreachable!() };
        part.decision = story.world.closes[DECIDING as usize - 1].prove_decision(&story.text).unwrap();
    });
    part("the tally of another proposal", SpendFile, "G-73: proof is for key", |story, bundle| {
        let Statement::Tally(part) = &mut bundle.statement else { unreachable!() };
        part.tally = story.tallies(DECIDING, &story.text);
    });
}

#[test]
fn heights_of_a_decision_follow_from_the_charter() {
    tree("expiry", SpendFile, "P-7: the authorisation expires at height 119", |story, close| {
        forge_decision(close, story.spend, |d| d.authorisation.as_mut().unwrap().expires_height += 1);
    });
    tree("height of no boundary", SpendFile, "P-7: authorised from height 17", |story, close| {
        forge_decision(close, story.spend, |d| {
            let a = d.authorisation.as_mut().unwrap();
            (a.height, a.expires_height) = (a.height - 1, a.expires_height - 1);
        });
    });
    // Due an epoch before it was authorised: a pause, a tie or another answer may have kept it waiting that long, and no longer.
    let due_before = |name, expires_height: u32, meaning| {
        tree(name, SpendFile, meaning, |story, close| {
            forge_decision(close, story.spend, |d| {
                let a = d.authorisation.as_mut().unwrap();
                (a.height, a.expires_height) = (12, expires_height);
            });
        });
    };
    due_before("put off, with its own expiry", 112, PERFECT);
    due_before("put off, with all that it waited", 118, PERFECT);
    due_before(
        "put off, and expired before",
        111,
        "expires at height 111, the proposal and the charter give 112, and 6 more at most",
    );
    due_before(
        "put off, and longer than it waited",
        119,
        "expires at height 119, the proposal and the charter give 112, and 6 more at most",
    );
    tree("epoch of the decision", SpendFile, "P-7: the decision is of epoch 2", |story, close| {
        forge_decision(close, story.spend, |d| d.enacted_epoch = Some(DECIDING - 1));
    });
}
