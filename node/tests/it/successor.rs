//! A succession as the log, the links and the proof files see it (A-300 to A-306, P-330 to P-332).

use althing_anchor::{
    Commitment, Seal, SuccessionCertificate, SuccessionSignature, SuccessionStatement, succession_outputs,
};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Choice, Entry, KeyRotation, LogHead};
use althing_governance::id::{MemberId, TreeHash};
use althing_governance::signing::Statement as _;
use althing_governance::tree::leaf_hash;
use althing_node::ledger::{Ledger, LedgerError};
use althing_node::proof::bundle::{Bundle, LoggedEntry, Statement, SuccessionPart};
use althing_node::proof::parts::{Against, Contradiction, ReceiptFraudPart};
use althing_node::proof::{verify, verify_short};
use bitcoin::{Amount, OutPoint, Transaction};

use crate::chain::{input, transaction};
use crate::story::{DECIDING, Story, VOTER};
use crate::world::{AUX, FINAL_DEPTH, LOG, World, keypair, member_id, text};

/// Log key, anchor key and node key of the new hub.
const NEXT: (u8, u8, u8) = (88, 87, 86);

/// Behind the newest final epoch, over the log as it is.
fn statement(world: &World) -> SuccessionStatement {
    let last = world.ledger.state().newest_anchored().unwrap();
    SuccessionStatement {
        dao: world.params().dao_id.0,
        last_link: last.header.epoch,
        last_txid: last.link,
        last_commitment: Commitment::new(*last.header.hash().as_bytes()),
        spare_seal: world.ledger.state().spare_seal(),
        hub_key: keypair(NEXT.0).x_only_public_key().0,
        hub_node_key: keypair(NEXT.2).public_key(),
        anchor_key: keypair(NEXT.1).x_only_public_key().0,
        log_size: world.ledger.state().size(),
        log_root: world.ledger.state().root().0,
    }
}

pub(crate) fn certificate(statement: &SuccessionStatement, members: &[u8]) -> SuccessionCertificate {
    let mut certificate = SuccessionCertificate::new(*statement);
    for member in members {
        let (key, signature) = (keypair(*member), statement.sign(&keypair(*member), &AUX));
        certificate.add(SuccessionSignature { member: key.x_only_public_key().0, signature }).unwrap();
    }
    certificate
}

/// What the treasurers broadcast.
fn spender(world: &World, certificate: &SuccessionCertificate) -> Transaction {
    let spare = certificate.statement().spare_seal;
    let genesis = &world.dao.genesis_tx;
    let script = genesis.output[1].script_pubkey.clone();
    let outputs = succession_outputs(certificate, Amount::from_sat(9_000), Amount::from_sat(1_000), script);
    transaction(vec![input(spare.txid, spare.vout)], outputs.to_vec())
}

/// Mines the succession and lets it become final; nothing is logged meanwhile.
fn carried_out(world: &mut World, certificate: &SuccessionCertificate) -> Transaction {
    let tx = spender(world, certificate);
    world.chain.mine(vec![tx.clone()]);
    (1..FINAL_DEPTH).for_each(|_| world.chain.mine(Vec::new()));
    tx
}

/// Members 4, 5 and 6 have 15 of 21 hundred thousand.
const MAJORITY: [u8; 3] = [4, 5, 6];

/// A story in which another hub took over, and anchored an epoch in which a vote was decided.
fn succeeded() -> Story {
    succeeded_by(Story::told(), &MAJORITY)
}

fn succeeded_by(mut story: Story, signers: &[u8]) -> Story {
    let world = &mut story.world;
    let certificate = certificate(&statement(world), signers);
    let tx = carried_out(world, &certificate);
    world.ledger.expect_succession(certificate.clone());
    world.ledger.succeed_if_due(&mut world.chain).unwrap();
    world.office = (NEXT.0, NEXT.1);
    world.seal = Seal {
        outpoint: OutPoint { txid: tx.compute_txid(), vout: 0 },
        value: tx.output[0].value,
        anchor_key: certificate.statement().anchor_key,
        commitment: certificate.commitment(),
    };
    let close = &world.closes[DECIDING as usize - 1];
    let member = |signature: &SuccessionSignature| world.ledger.state().member_of_key(&MemberId::of(&signature.member));
    let prove = |signature: &SuccessionSignature| close.prove_weight(DECIDING, &member(signature)).unwrap();
    let weights = certificate.signatures().iter().map(prove).collect();
    let link = world.chain.evidence(tx.compute_txid());
    let size = certificate.statement().log_size;
    let rotated = |(position, ..): (u64, MemberId, MemberId)| LoggedEntry {
        position,
        bytes: world.log[position as usize].clone(),
        path: world.ledger.state().tree().inclusion_proof(position, size).unwrap(),
    };
    let rotations = world.ledger.state().rotations(size).into_iter().map(rotated).collect();
    world.successions.push(SuccessionPart { certificate, weights, link, rotations, moves: Vec::new() });
    world.block(vec![]);
    story
}

fn judged(story: &Story, bundle: &Bundle) -> Result<String, String> {
    let headers =
        althing_anchor::HeaderChain::from_bytes(bitcoin::Network::Regtest, &story.world.chain.header_bytes()).unwrap();
    let found = verify(&bundle.to_bytes(), &headers);
    found.map(|finding| finding.statement).map_err(|rejection| rejection.to_string())
}

/// A ballot on a proposal that was made under the new hub, in a file of version 2 (P-330).
pub(crate) fn under_the_new_hub() -> (Story, Bundle) {
    let mut story = succeeded();
    let world = &mut story.world;
    let proposal = world.propose(1, text("A new harbour"));
    world.block(vec![]);
    world.vote(VOTER, proposal, Choice::Yes);
    world.finish_epoch();
    world.finish_epoch();
    world.finish_epoch();
    world.block(vec![]);
    let close = story.close(DECIDING + 2);
    let member = member_id(VOTER);
    let record = &story.world.ledger.state().proposals()[&proposal];
    let ballot = record.ballots.standing(&member).unwrap();
    let part = althing_node::proof::bundle::BallotPart {
        entry: story.logged(ballot.position, close.header.log_size),
        counted: close.prove_ballot(&proposal, &member).unwrap(),
        snapshot: record.snapshot_epoch,
        weight: close.prove_weight(record.snapshot_epoch, &member).unwrap(),
    };
    let bundle = story.bundle(DECIDING + 2, Statement::Ballot(Box::new(part)));
    (story, bundle)
}

/// A statement about an epoch before that of the succession, in a file of version 6 (P-336).
pub(crate) fn up_to_the_succession(story: &Story, statement: Statement, about: u32) -> Bundle {
    let mut bundle = story.bundle(DECIDING, statement);
    bundle.behind = bundle.epochs.split_off(about as usize);
    bundle
}

/// The links of that story (P-160).
pub(crate) fn links_over_it() -> (Story, Bundle) {
    let (story, _) = under_the_new_hub();
    let links = story.links(DECIDING + 3);
    (story, links)
}

#[test]
fn the_word_of_the_former_hub_counts_no_more() {
    let mut story = succeeded();
    let world = &mut story.world;
    world.office.0 = LOG;
    world.chain.mine(vec![]);
    let head = world.head_of(world.chain.hash(world.chain.height()));
    assert!(world.append(&head).unwrap_err().to_string().contains("E-13"));
    world.office.0 = NEXT.0;
    world.block(vec![]);
}

#[test]
fn the_new_hub_goes_on_and_what_it_anchors_can_be_shown() {
    let (story, bundle) = under_the_new_hub();
    let header = story.close(DECIDING + 1).header;
    let state = story.world.ledger.state();
    assert_eq!(header.spare_seal, OutPoint { txid: story.world.successions[0].link.txid(), vout: 1 });
    assert_eq!(header.next_anchor_key, keypair(NEXT.1).x_only_public_key().0);
    assert_eq!(header.charter, state.charter().hash());
    assert_ne!(header.charter, story.world.params().charter_hash);
    assert_eq!(state.anchored().len() as u32, DECIDING + 3);

    // The whole log replays with the certificate, and not without it.
    let replay = |with: bool| {
        let mut ledger = Ledger::new(story.world.params().clone());
        if with {
            ledger.expect_succession(story.world.successions[0].certificate.clone());
        }
        let mut chain = story.world.chain.clone();
        let done = story.world.segments.iter().try_for_each(|segment| ledger.append_segment(segment, &mut chain));
        done.map(|()| ledger.state().root())
    };
    assert_eq!(replay(true).unwrap(), state.root());
    assert!(matches!(replay(false), Err(LedgerError::Invalid { .. })));

    // A ballot under the new hub is shown from the genesis transaction on.
    assert!(judged(&story, &bundle).unwrap().contains("counted as cast"));
    let bytes = bundle.to_bytes();
    assert_eq!(bytes[8], 2, "the version of P-330");
    assert_eq!(Bundle::from_bytes(&bytes).unwrap(), bundle);
    // P-162: the succession stands in the link file; one behind a later epoch than the short file's tells where the spare seal is (P-337).
    let short = |bundle: &Bundle| bundle.shortened().unwrap().to_bytes();
    let (chain, links) = (&story.world.chain, story.links(DECIDING + 3).to_bytes());
    assert_eq!(verify_short(&short(&bundle), &links, chain).unwrap(), verify(&bytes, chain).unwrap());
    let before = story.ballot_bundle(DECIDING - 1);
    let gone_on = up_to_the_succession(&story, before.statement.clone(), DECIDING - 1).to_bytes();
    assert_eq!(verify_short(&short(&before), &links, chain).unwrap(), verify(&gone_on, chain).unwrap());
    let last = story.ballot_bundle(DECIDING);
    assert_eq!(verify_short(&short(&last), &links, chain).unwrap(), verify(&last.to_bytes(), chain).unwrap());
    let headers =
        althing_anchor::HeaderChain::from_bytes(bitcoin::Network::Regtest, &story.world.chain.header_bytes()).unwrap();
    for at in (0..bytes.len()).step_by(13) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(verify(&flipped, &headers).is_err(), "byte {at} flipped");
    }
    let refused = |what: &str, rule: &str, change: &dyn Fn(&mut Bundle)| {
        let mut changed = bundle.clone();
        change(&mut changed);
        let why = judged(&story, &changed).expect_err(what);
        assert!(why.contains(rule), "{what}: {why}");
    };
    refused("no succession", "P-4", &|bundle| bundle.successions.clear());
    refused("no weights", "P-330", &|bundle| bundle.successions[0].weights.clear());
    refused("weights of others", "roll", &|bundle| bundle.successions[0].weights.swap(0, 1));
    refused("twice", "A-104", &|bundle| bundle.successions.push(bundle.successions[0].clone()));
    refused("the former hub's link", "", &|bundle| bundle.successions[0].link = bundle.epochs[2].link.clone());
}

#[test]
fn a_succession_that_is_none_moves_no_log() {
    let refused = |what: &str, rule: &str, change: &dyn Fn(&mut SuccessionStatement), members: &[u8]| {
        let mut world = Story::told().world;
        let mut statement = statement(&world);
        change(&mut statement);
        let certificate = certificate(&statement, members);
        carried_out(&mut world, &certificate);
        world.ledger.expect_succession(certificate);
        let before = world.ledger.state().clone();
        let error = world.ledger.succeed_if_due(&mut world.chain).expect_err(what);
        assert!(matches!(error, LedgerError::Invalid { .. }) && error.to_string().contains(rule), "{what}: {error}");
        assert_eq!(*world.ledger.state(), before, "{what}");
    };
    refused("a minority", "A-103", &|_| {}, &[1, 2, 3, 4]);
    refused("nobody", "A-103", &|_| {}, &[]);
    refused("another root", "A-300", &|statement| statement.log_root = [1; 32], &MAJORITY);
    refused("an old size", "A-300", &|statement| statement.log_size -= 1, &MAJORITY);
    refused("an older epoch", "A-301", &|statement| statement.last_link -= 1, &MAJORITY);
    refused("another DAO", "A-104", &|statement| statement.dao = [2; 32], &MAJORITY);
    refused(
        "another commitment",
        "A-104",
        &|statement| statement.last_commitment = Commitment::new([3; 32]),
        &MAJORITY,
    );
}

/// Puts another vote key in the place of a member's.
fn rotate(world: &mut World, member: u8, old: u8, new: u8) {
    let channels = world.ledger.state().channels();
    let (channel, record) = channels.iter().find(|(_, record)| record.member == member_id(member)).unwrap();
    let rotation = KeyRotation {
        network: world.params().network,
        dao: world.params().dao_id,
        old_key: member_id(old),
        new_key: member_id(new),
        channel: *channel,
        member_funding_key: record.bind.member_funding_key,
    };
    let signed = rotation.sign(&world.secp, &keypair(100 + member), &keypair(new), &AUX);
    world.append(&Entry::KeyRotation(signed)).unwrap();
    world.block(vec![]);
}

/// Member 6 replaced the vote key twice, the thief having the first two.
fn rotated() -> Story {
    let mut story = Story::told();
    rotate(&mut story.world, 6, 6, 66);
    rotate(&mut story.world, 6, 66, 67);
    story
}

/// Two heads of a new hub that was put in by a key that came by rotation, in a file of version 3 (P-334).
pub(crate) fn with_replaced_keys() -> (Story, Bundle) {
    let mut story = succeeded_by(rotated(), &[4, 5, 67]);
    story.world.finish_epoch();
    story.world.block(vec![]);
    let world = &story.world;
    let newest = world.ledger.newest_head().unwrap().clone();
    let rival = LogHead { root: TreeHash([9; 32]), ..newest.statement };
    let mut heads = [rival.sign(&world.secp, &keypair(NEXT.0), &AUX), newest];
    heads.sort_by_key(|head| head.to_bytes());
    let bundle = story.bundle(DECIDING + 1, Statement::HeadFraud(Box::new(heads)));
    (story, bundle)
}

#[test]
fn a_vote_key_that_was_replaced_has_no_say() {
    for stolen in [6, 66] {
        let mut world = rotated().world;
        let by_thief = certificate(&statement(&world), &[4, 5, stolen]);
        carried_out(&mut world, &by_thief);
        world.ledger.expect_succession(by_thief);
        let error = world.ledger.succeed_if_due(&mut world.chain).unwrap_err().to_string();
        assert!(error.contains("A-103") && error.contains("not in the roll"), "{error}");
    }
    let (story, bundle) = with_replaced_keys();
    assert_eq!(story.world.ledger.state().hub_log_key(), keypair(NEXT.0).x_only_public_key().0);

    // And so it is shown to whoever has no log.
    judged(&story, &bundle).unwrap();
    assert_eq!(bundle.to_bytes()[8], 3, "the version of P-334");
    assert_eq!(Bundle::from_bytes(&bundle.to_bytes()).unwrap(), bundle);
    let refused = |what: &str, rule: &str, change: &dyn Fn(&mut SuccessionPart)| {
        let mut changed = bundle.clone();
        change(&mut changed.successions[0]);
        let why = judged(&story, &changed).expect_err(what);
        assert!(why.contains(rule), "{what}: {why}");
    };
    refused("the key is nobody's", "roll", &|part| part.rotations.clear());
    refused("a rotation is missing", "P-334", &|part| drop(part.rotations.pop()));
    refused("the first is missing", "roll", &|part| drop(part.rotations.remove(0)));
    refused("another order", "P-334", &|part| part.rotations.reverse());
    refused("twice", "P-334", &|part| part.rotations.push(part.rotations[1].clone()));
    refused("another place", "P-334", &|part| part.rotations[0].position -= 1);
    refused("other bytes", "P-334", &|part| part.rotations[0].bytes[40] ^= 1);
    refused("no entry", "P-334", &|part| part.rotations[0].bytes.clear());
    refused("signed by the thief", "A-103", &|part| {
        part.certificate = certificate(part.certificate.statement(), &[4, 5, 6]);
    });
}

#[test]
fn a_succession_waits_until_it_is_final() {
    let mut world = Story::told().world;
    let certificate = certificate(&statement(&world), &MAJORITY);
    world.ledger.expect_succession(certificate.clone());
    let not_yet = |world: &mut World| {
        let error = world.ledger.succeed_if_due(&mut world.chain).unwrap_err();
        assert!(matches!(error, LedgerError::NotYet { .. }), "{error}");
    };
    not_yet(&mut world);
    world.chain.mine(vec![spender(&world, &certificate)]);
    not_yet(&mut world);
    (1..FINAL_DEPTH).for_each(|_| world.chain.mine(Vec::new()));
    world.ledger.succeed_if_due(&mut world.chain).unwrap();
    assert_eq!(world.ledger.state().hub_log_key(), keypair(NEXT.0).x_only_public_key().0);
}

#[test]
fn receipts_of_the_former_hub_bind_the_new_one_as_far_as_members_signed() {
    let mut story = succeeded();
    story.world.finish_epoch();
    story.world.block(vec![]);
    let world = &story.world;
    let taken_over = world.successions[0].certificate.statement().log_size;
    let newest = world.ledger.newest_head().unwrap().clone();
    let promise = |log_size: u64| {
        let log = &world.log[..log_size as usize];
        ReceiptFraudPart {
            receipt: world.receipt(log_size - 1, &[b"my ballot".to_vec()], log, LOG),
            position: log_size - 1,
            entry: b"my ballot".to_vec(),
            path: vec![],
            against: Against::Head(Box::new(newest.clone())),
            contradiction: Contradiction::Entry {
                leaf: leaf_hash(&world.log[log_size as usize - 1]),
                path: world.ledger.state().tree().inclusion_proof(log_size - 1, newest.size).unwrap(),
            },
        }
    };
    let shown = |part| judged(&story, &story.bundle(DECIDING + 1, Statement::ReceiptFraud(Box::new(part))));
    assert!(shown(promise(taken_over)).unwrap().contains("Fraud by the hub"));
    // The former hub can still sign, for anything.
    assert!(shown(promise(taken_over + 1)).unwrap_err().contains("P-331"));
    // Two hubs that signed heads of one height are not one hub that signed two.
    let former = LogHead { root: TreeHash([9; 32]), ..newest.statement };
    let former = former.sign(&world.secp, &keypair(LOG), &AUX);
    let mut heads = [former, newest.clone()];
    heads.sort_by_key(|head| head.to_bytes());
    let why = judged(&story, &story.bundle(DECIDING + 1, Statement::HeadFraud(Box::new(heads)))).unwrap_err();
    assert!(why.contains("P-332"), "{why}");
    let rival = LogHead { root: TreeHash([9; 32]), ..newest.statement };
    let mut heads = [rival.sign(&world.secp, &keypair(NEXT.0), &AUX), newest];
    heads.sort_by_key(|head| head.to_bytes());
    judged(&story, &story.bundle(DECIDING + 1, Statement::HeadFraud(Box::new(heads)))).unwrap();
}

#[test]
fn one_succession_follows_another_without_an_epoch_between() {
    let mut story = succeeded();
    let world = &mut story.world;
    let again = SuccessionStatement { hub_key: keypair(78).x_only_public_key().0, ..statement(world) };
    let certificate = certificate(&again, &MAJORITY);
    carried_out(world, &certificate);
    world.ledger.expect_succession(certificate);
    world.ledger.succeed_if_due(&mut world.chain).unwrap();
    assert_eq!(world.ledger.state().hub_log_key(), keypair(78).x_only_public_key().0);
    assert_eq!(world.ledger.state().successors().len(), 2);
    world.office.0 = 78;
    world.chain.mine(Vec::new());
    let head: Entry = world.head_of(world.chain.hash(world.chain.height()));
    world.append(&head).unwrap();
}
