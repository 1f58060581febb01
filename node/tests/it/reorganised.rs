//! Hazard: blocks leave the best chain after the log named them: a reorganisation deeper than final.
//!
//! Who begins then must come to the same log as who was there, wait where nothing can be told, and still refuse what is false.

use std::path::Path;

use althing_governance::entry::Anchored;
use althing_governance::roll::{FundingFact, StakeClaim};
use althing_node::audit::audit;
use althing_node::judge::{Source, Verdict};
use althing_node::ledger::{ChainView, Ledger, LedgerError};
use althing_node::store::{BlockRow, Store};
use anyhow::Result;
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, OutPoint, TxOut};

use crate::audited_directory::{HEADERS, directory};
use crate::chain::{Chain, input, transaction};
use crate::story::Story;
use crate::world::{FINAL_DEPTH, World};

/// The chain without the block of the newest final link, and what was in it and above.
fn without_newest_link(world: &World) -> (Chain, Vec<bitcoin::Transaction>) {
    let height = world.chain.height_of(*world.links.last().unwrap()) - 1;
    (world.chain.branch_at(height), world.chain.transactions_above(height))
}

fn mine_to(chain: &mut Chain, height: u32) {
    while chain.height() < height {
        chain.mine(Vec::new());
    }
}

/// The log as somebody reads it who begins with this chain.
fn read(world: &World, chain: &mut dyn ChainView) -> Result<Ledger, LedgerError> {
    let mut ledger = Ledger::new(world.params().clone());
    world.segments.iter().try_for_each(|segment| ledger.append_segment(segment, chain))?;
    Ok(ledger)
}

#[track_caller]
fn waits(name: &str, read: Result<Ledger, LedgerError>, meaning: &str) {
    match read.map(|_| ()) {
        Err(LedgerError::NotYet { reason, .. }) => assert!(reason.contains(meaning), "{name}: {reason}"),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_newcomer_waits_for_a_link_that_was_undone_and_then_reads_the_same_log() {
    let Story { world, .. } = Story::told();
    let (mut chain, lost) = without_newest_link(&world);
    let tip = world.chain.height();
    mine_to(&mut chain, tip + 1);
    waits("in no block", read(&world, &mut chain), "A-97: a reorganisation took away the block");
    // The same transactions again, in another block at another height.
    chain.mine(lost);
    let again = chain.height();
    waits("not deep enough", read(&world, &mut chain), "A-97: a reorganisation moved transaction");
    mine_to(&mut chain, again + FINAL_DEPTH - 1);
    let ledger = read(&world, &mut chain).unwrap();
    assert_eq!(ledger.state(), world.ledger.state());
}

/// Who judged the entries before starts again while the link is in no block (N-240 tells of it).
#[test]
fn who_was_there_keeps_the_log() {
    let Story { world, .. } = Story::told();
    let (mut chain, _) = without_newest_link(&world);
    mine_to(&mut chain, world.chain.height() + 1);
    let ledger = read(&world, &mut Again(chain.clone())).unwrap();
    assert_eq!(ledger.state(), world.ledger.state());
    // Also while the new branch is shorter than the log's heads, and where closing blocks are gone.
    let (short, _) = without_newest_link(&world);
    assert_eq!(read(&world, &mut Again(short)).unwrap().state(), world.ledger.state());
    let closed = world.closes.last().unwrap().header.closing_height;
    assert_eq!(read(&world, &mut Again(world.chain.branch_at(closed - 1))).unwrap().state(), world.ledger.state());
}

/// N-246: with the closing block what Bitcoin said of stakes is gone; who begins anew cannot recompute the epoch, and waits as a newcomer does.
#[test]
fn who_was_there_waits_where_the_stakes_are_gone_too() {
    let Story { world, .. } = Story::told();
    let header = world.closes.first().unwrap().header;
    let gone = world.chain.branch_at(header.closing_height - 1).with_stakes_hidden();
    let read_again = read(&world, &mut Again(gone));
    assert!(matches!(&read_again, Err(LedgerError::NotYet { position, .. }) if *position > 0));
    waits("stakes and closing block gone", read_again, "what Bitcoin said of stakes with it");
    // While its blocks stand, stakes that are not there are no reorganisation.
    match read(&world, &mut Again(world.chain.with_stakes_hidden())).map(|_| ()) {
        Err(LedgerError::Invalid { kind: Some("anchored"), reason, .. }) => {
            assert!(reason.contains("G-60"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_closing_block_that_is_gone_is_waited_for() {
    let Story { world, .. } = Story::told();
    let header = world.closes.last().unwrap().header;
    let mut chain = world.chain.branch_at(header.closing_height - 1);
    let lost = world.chain.transactions_above(header.closing_height - 1);
    mine_to(&mut chain, header.closing_height);
    chain.mine(lost);
    mine_to(&mut chain, world.chain.height() + 1);
    waits("another block", read(&world, &mut chain), &format!("A-97: epoch {} closes with block", header.epoch));
    // The chain comes back to it.
    let mut back = world.chain.clone();
    assert_eq!(read(&world, &mut back).unwrap().state(), world.ledger.state());
}

/// What spends the seal instead is no link, however the chain came to it.
#[test]
fn a_seal_that_another_transaction_spends_is_refused() {
    let Story { world, .. } = Story::told();
    let (mut chain, lost) = without_newest_link(&world);
    let seal = lost.iter().flat_map(|tx| &tx.input).map(|input| input.previous_output).next().unwrap();
    let output =
        TxOut { value: bitcoin::Amount::from_sat(1000), script_pubkey: bitcoin::ScriptBuf::from_bytes(vec![0x51]) };
    chain.mine(vec![transaction(vec![input(seal.txid, seal.vout)], vec![output])]);
    mine_to(&mut chain, world.chain.height() + 1);
    match read(&world, &mut chain).map(|_| ()) {
        Err(LedgerError::Invalid { kind: Some("anchored"), reason, .. }) => {
            assert!(reason.contains("the link of epoch 3: A-6"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

/// While the heads of the log stand, a block that they pass by is made up.
#[test]
fn a_block_that_never_was_is_refused_while_the_heads_stand() {
    let (mut story, entry) = Story::told_with(|_, _| {});
    let althing_governance::entry::Entry::Anchored(honest) = entry else { unreachable!() };
    let made_up = Anchored { mined_hash: BlockHash::from_byte_array([5; 32]), ..honest.statement };
    let entry = story.world.sign_statement(made_up);
    let error = story.world.append(&entry).unwrap_err();
    assert!(matches!(error, LedgerError::Invalid { .. }), "{error:?}");
}

/// A chain as a node asks it about entries that it judged before.
struct Again(Chain);

impl ChainView for Again {
    fn block_hash(&mut self, height: u32) -> Result<Option<BlockHash>> {
        ChainView::block_hash(&mut self.0, height)
    }

    fn tip_height(&mut self) -> Result<u32> {
        Ok(u32::MAX)
    }

    fn funding(&mut self, claim: &StakeClaim, others: &[OutPoint]) -> Result<Vec<FundingFact>> {
        self.0.funding(claim, others)
    }

    fn spender_of_seal(&mut self, seal: OutPoint) -> Result<Option<althing_anchor::LinkEvidence>> {
        self.0.spender_of_seal(seal)
    }

    fn creator(&mut self, outpoint: OutPoint) -> Result<Option<althing_anchor::LinkEvidence>> {
        self.0.creator(outpoint)
    }

    fn entries_on_bitcoin(&mut self, first: u32, last: u32) -> Result<Vec<(u32, Vec<u8>)>> {
        self.0.entries_on_bitcoin(first, last)
    }

    fn judged_before(&self) -> bool {
        true
    }
}

/// The folder of a member whose node was off while the chain was reorganised: nothing in it is false, and nobody can tell (N-26).
#[test]
fn a_folder_that_slept_through_a_reorganisation_cannot_be_judged() {
    let Story { world, .. } = Story::told();
    let dir = directory(&world, &world.segments);
    store_blocks(dir.path(), &world.chain);
    let audited = |chain: &Chain| {
        std::fs::write(dir.path().join(HEADERS), chain.header_bytes()).unwrap();
        audit(dir.path(), &Source::Headers(dir.path().join(HEADERS)), &mut |_, _| {}).unwrap()
    };
    assert_eq!(audited(&world.chain).verdict, Verdict::Valid);
    // Down to a block with nothing in it, to the newest link, and below everything.
    for height in [world.chain.height() - 1, world.chain.height_of(*world.links.last().unwrap()) - 1, 2] {
        let mut chain = world.chain.branch_at(height);
        mine_to(&mut chain, world.chain.height() + 1);
        let report = audited(&chain);
        let difference = report.first_difference.unwrap_or_default();
        assert_eq!(report.verdict, Verdict::CannotTell, "{height}: {difference}");
        assert!(difference.contains("N-26") && difference.contains("audit again"), "{height}: {difference}");
        assert!(!difference.contains("Some("), "{difference}");
    }
    // A block in the middle that is another one is no reorganisation.
    let middle = world.chain.height() - 2;
    let mut other = world.chain.branch_at(middle - 1);
    other.mine(Vec::new());
    let mut store = Store::open(dir.path()).unwrap();
    store.write(|writer| writer.put_block(&block_row(&other, middle))).unwrap();
    let report = audited(&world.chain);
    assert_eq!(report.verdict, Verdict::Invalid);
    assert!(report.first_difference.unwrap().contains("N-26"));
}

fn store_blocks(dir: &Path, chain: &Chain) {
    let mut store = Store::open(dir).unwrap();
    for height in 1..=chain.height() {
        store.write(|writer| writer.put_block(&block_row(chain, height))).unwrap();
    }
}

fn block_row(chain: &Chain, height: u32) -> BlockRow {
    let header = bitcoin::consensus::encode::serialize(&chain.block(height).header);
    BlockRow { height, hash: chain.hash(height).to_byte_array(), header }
}
