//! Hazard: the spare seal moved after an election, and a proof file does not tell where it is, or tells of a move that was none (P-166).

use althing_anchor::Treasury;
use althing_governance::codec::Canonical as _;
use althing_node::proof::bundle::{Bundle, SealMove, Statement};
use althing_node::proof::{verify, verify_short};
use bitcoin::hashes::Hash as _;
use bitcoin::taproot::TapNodeHash;
use bitcoin::{Amount, OutPoint, ScriptBuf, TxOut, WScriptHash};

use crate::chain::{input, transaction};
use crate::story::{DECIDING, Story};

/// A treasury that was elected, in P2TR.
fn elected() -> Treasury {
    let key = |n: u8| hex_of(&crate::world::keypair(n).x_only_public_key().0.serialize());
    let nobodys = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0";
    Treasury::parse(&format!("tr({nobodys},multi_a(2,{},{},{}))", key(61), key(62), key(63))).unwrap()
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Mines a move of the spare seal into each of these scripts in turn; what a file shows of it.
fn moved(story: &mut Story, stops: &[(ScriptBuf, Option<TapNodeHash>)]) -> Vec<SealMove> {
    let mut spare = story.world.params().spare_seal;
    let mut moves = Vec::new();
    for (script_pubkey, root) in stops {
        let output = TxOut { value: Amount::from_sat(5_000), script_pubkey: script_pubkey.clone() };
        let tx = transaction(vec![input(spare.txid, spare.vout)], vec![output]);
        story.world.chain.mine(vec![tx.clone()]);
        spare = OutPoint { txid: tx.compute_txid(), vout: 0 };
        moves.push(SealMove { evidence: story.world.chain.evidence(spare.txid), root: *root });
    }
    moves
}

/// Into P2WSH, then into P2TR.
fn stops() -> [(ScriptBuf, Option<TapNodeHash>); 2] {
    let (hashed, treasury) = (ScriptBuf::new_p2wsh(&WScriptHash::from_byte_array([7; 32])), elected());
    [(hashed, None), (treasury.script_at(0).unwrap(), treasury.tree_root_at(0).unwrap())]
}

fn with_moves() -> (Story, Bundle) {
    let mut story = Story::told();
    let moves = moved(&mut story, &stops());
    let bundle = Bundle { moves, ..story.ballot_bundle(DECIDING) };
    (story, bundle)
}

/// For the vectors: a ballot and the links, behind two moves.
pub(crate) fn vectors() -> Vec<(&'static str, Story, Bundle)> {
    let (story, ballot) = with_moves();
    let (again, links) = with_moves();
    let links = Bundle { statement: Statement::Links, ..links };
    vec![("a ballot, the spare seal moved twice", story, ballot), ("links, the spare seal moved twice", again, links)]
}

#[test]
fn a_file_tells_where_the_spare_seal_is() {
    let (story, bundle) = with_moves();
    let bytes = bundle.to_bytes();
    assert_eq!(bytes[8], 5, "the version of P-166");
    assert_eq!(Bundle::from_bytes(&bytes).unwrap(), bundle);
    let chain = &story.world.chain;
    let newest = OutPoint { txid: bundle.moves[1].evidence.txid(), vout: 0 };
    let found = verify(&bytes, chain).unwrap();
    assert_eq!(found.spare_seal, Some(newest));
    assert!(found.checked.iter().any(|words| words.contains(&newest.to_string())), "{:?}", found.checked);
    let unmoved = verify(&story.ballot_bundle(DECIDING).to_bytes(), chain).unwrap();
    assert_eq!((unmoved.spare_seal, unmoved.statement), (Some(story.world.params().spare_seal), found.statement));
    assert_eq!(bundle.highest_block(), story.world.chain.height(), "blocks up to the last move are needed");
    for at in (0..bytes.len()).step_by(3) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(verify(&flipped, chain).is_err(), "byte {at} flipped");
    }
}

/// P-162: what is behind the epoch of a short file goes on telling where the spare seal is.
#[test]
fn a_short_file_asks_for_the_spare_seal_of_its_link_file() {
    let (story, bundle) = with_moves();
    let links = Bundle { statement: Statement::Links, ..bundle.clone() }.to_bytes();
    let early = story.ballot_bundle(DECIDING - 1).shortened().unwrap().to_bytes();
    let found = verify_short(&early, &links, &story.world.chain).unwrap();
    assert_eq!(found.spare_seal, Some(OutPoint { txid: bundle.moves[1].evidence.txid(), vout: 0 }));
}

#[test]
fn what_is_no_move_is_refused() {
    let (story, good) = with_moves();
    let refused = |what: &str, bundle: &Bundle, words: &str| {
        let error = verify(&bundle.to_bytes(), &story.world.chain).unwrap_err().to_string();
        assert!(error.contains(words), "{what}: {error}");
    };
    let change = |change: &dyn Fn(&mut Vec<SealMove>)| {
        let mut bundle = good.clone();
        change(&mut bundle.moves);
        bundle
    };
    refused("in another order", &change(&|moves| moves.swap(0, 1)), "P-166: A-121");
    refused("the first left out", &change(&|moves| drop(moves.remove(0))), "P-166: A-121");
    refused("twice", &change(&|moves| moves.push(moves[1].clone())), "P-166: A-121");
    refused("without its root", &change(&|moves| moves[1].root = None), "P-166: A-121");
    refused("a root of P2WSH", &change(&|moves| moves[0].root = moves[1].root), "P-166: A-121");
    refused("another root", &change(&|moves| moves[1].root = Some(TapNodeHash::all_zeros())), "P-166: A-121");
    let link = good.epochs[0].link.clone();
    refused("a link", &change(&|moves| moves.push(SealMove { evidence: link.clone(), root: None })), "P-166: A-121");
    let (elsewhere, _) = with_moves();
    let (mut other, mut moves) = (Story::told(), Vec::new());
    drop(elsewhere);
    other.world.chain.mine(Vec::new());
    moves.extend(moved(&mut other, &stops()));
    refused("in no block of this chain", &Bundle { moves, ..good.clone() }, "P-166: ");
    // P-1, P-166: one form for each file.
    let plain = story.ballot_bundle(DECIDING).to_bytes();
    let genesis = good.genesis.encode();
    let at = plain.windows(genesis.len()).position(|window| window == genesis).unwrap() - 4;
    let mut empty = [&plain[..at], &[0; 8], &plain[at..]].concat();
    empty[8] = 5;
    let error = Bundle::from_bytes(&empty).unwrap_err().to_string();
    assert!(error.contains("P-166"), "{error}");
}
