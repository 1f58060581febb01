//! What everybody fears, done on purpose: a hub that signs two logs, a member who says two things, treasurers who pay themselves.
//!
//! The story opens the key files of its own actors for this; the proofs are then made and judged by the real program.

use std::path::Path;

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Comment, Entry, LaneEntry, LaneHeader, LogHead};
use althing_governance::id::{LaneHead, TreeHash};
use althing_governance::receipt::{Receipt, batch_tree};
use althing_governance::signing::{Signed, Statement as _};
use althing_node::api::ReceiptFile;
use althing_node::keys::{Keys, hex, unhex};
use althing_node::store::Store;
use anyhow::{Context, Result, ensure};
use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::key::TapTweak as _;
use bitcoin::opcodes::all::{OP_CHECKMULTISIG, OP_CHECKSIG, OP_DROP, OP_PUSHNUM_2, OP_PUSHNUM_3};
use bitcoin::script::Builder;
use bitcoin::secp256k1::{Keypair, Message, Secp256k1};
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache};
use bitcoin::taproot::{LeafVersion, TapNodeHash};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, TapSighashType, Transaction, TxIn, TxOut, WPubkeyHash, Witness};

use super::assembly::Assembly;
use super::cli::PASSWORD;

/// Auxiliary randomness of signatures: a story need not be secret.
const AUX: [u8; 32] = [7; 32];

/// The newest head in the hub's log, signed, and the same place with another log, signed by the same key.
///
/// # Errors
/// When the hub's folder cannot be read.
pub fn two_heads(assembly: &Assembly) -> Result<[Signed<LogHead>; 2]> {
    let hub = assembly.hub.data_dir();
    let bytes = Store::open_read_only(hub)?.meta(althing_node::shell::NEWEST_HEAD)?.context("there is no head")?;
    let honest = Signed::<LogHead>::from_bytes(&bytes)?;
    let other = LogHead { root: TreeHash([0x66; 32]), ..honest.statement };
    let key = Keys::open(hub, PASSWORD)?.log();
    Ok([honest, other.sign(&Secp256k1::new(), &key, &AUX)])
}

/// A receipt of the hub that promises an entry at a position where the log has another.
///
/// # Errors
/// When the hub's folder cannot be read.
pub fn broken_receipt(assembly: &Assembly) -> Result<ReceiptFile> {
    let hub = assembly.hub.data_dir();
    let store = Store::open_read_only(hub)?;
    let segment = store.segments_from(0, 1)?.into_iter().next().context("the log is empty")?;
    let (honest, entry) = (segment.receipt.statement, segment.entries.first().context("an empty segment")?.clone());
    let position = segment.end();
    let receipt = Receipt {
        first_position: position,
        count: 1,
        batch_root: batch_tree([entry.as_slice()]).root(),
        log_size: position + 1,
        log_root: TreeHash([0x66; 32]),
        ..honest
    };
    let signed = receipt.sign(&Secp256k1::new(), &Keys::open(hub, PASSWORD)?.log(), &AUX);
    Ok(ReceiptFile { receipt: hex(&signed.to_bytes()), entry: hex(&entry), position, path: Vec::new() })
}

/// Two comments of a member for one place in their lane, hex.
///
/// # Errors
/// When the folders cannot be read.
pub fn two_comments(assembly: &Assembly, member: usize, proposal: &str) -> Result<[String; 2]> {
    let head = two_heads(assembly)?[0].statement;
    let key = Keys::open(assembly.members[member].data_dir(), PASSWORD)?.vote();
    let lane = LaneHeader {
        network: head.network,
        dao: head.dao,
        member: althing_governance::MemberId::of(&key.x_only_public_key().0),
        incarnation: 0,
        sequence: 1_000_000,
        prev_head: LaneHead([0; 32]),
    };
    let say = |text: &str| -> Result<String> {
        let comment = Comment { proposal: proposal.parse()?, parent: None, text: text.to_owned() };
        let entry = LaneEntry::sign(&Secp256k1::new(), lane, comment, &key, &AUX);
        Ok(hex(&Entry::Comment(entry).to_bytes()))
    };
    Ok([say("I was there.")?, say("I was not there.")?])
}

/// Two of the three treasurers spend a gate without asking anybody. Gives the transaction that was broadcast.
///
/// # Errors
/// When the gate is no 2-of-3 of the first three members, or bitcoind refuses the transaction.
pub fn unauthorised_spend(assembly: &Assembly, gate: &str) -> Result<Transaction> {
    let secp = Secp256k1::new();
    let gate: OutPoint = gate.parse().with_context(|| format!("{gate:?} is no outpoint"))?;
    let founding = assembly.node.inclusion(&gate.txid)?.context("the genesis transaction is not mined")?.transaction;
    let spent = founding.output.get(usize::try_from(gate.vout)?).context("there is no such gate")?.clone();
    let keys = assembly.members.iter().take(3).map(|member| Ok(Keys::open(member.data_dir(), PASSWORD)?.treasury()));
    let mut keys: Vec<Keypair> = keys.collect::<Result<_>>()?;
    keys.sort_by_key(|key| key.public_key().serialize());
    let mut script = Builder::new().push_opcode(OP_PUSHNUM_2);
    for key in &keys {
        script = script.push_key(&key.public_key().into());
    }
    let script = script.push_opcode(OP_PUSHNUM_3).push_opcode(OP_CHECKMULTISIG).into_script();
    ensure!(spent.script_pubkey == ScriptBuf::new_p2wsh(&script.wscript_hash()), "gate {gate} is another treasury's");
    let loot = spent.value.checked_sub(Amount::from_sat(1000)).context("the gate is too small")?;
    let mut tx = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: gate,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        }],
        output: vec![TxOut { value: loot, script_pubkey: assembly.node.miner_address().script_pubkey() }],
    };
    let sighash = SighashCache::new(&tx).p2wsh_signature_hash(0, &script, spent.value, EcdsaSighashType::All)?;
    let message = Message::from_digest(sighash.to_byte_array());
    let mut witness = Witness::new();
    witness.push([]);
    for key in keys.iter().take(2) {
        let signature = secp.sign_ecdsa(&message, &key.secret_key());
        witness.push_ecdsa_signature(&bitcoin::ecdsa::Signature::sighash_all(signature));
    }
    witness.push(script.as_bytes());
    tx.input[0].witness = witness;
    assembly.node.broadcast(&tx)?;
    Ok(tx)
}

/// Whoever has the anchor key spends the newest seal into something that is no link. Gives the transaction that was broadcast.
///
/// # Errors
/// When a link waits, the key is not the seal's, or bitcoind refuses the transaction.
pub fn divert_seal(assembly: &Assembly) -> Result<Transaction> {
    let secp = Secp256k1::new();
    let newest = assembly.hub.links()?.pop().context("there is no link")?;
    let link = assembly.node.inclusion(&newest.txid.parse()?)?.context("the newest link waits")?.transaction;
    let spent = link.output.first().context("a link has an output")?.clone();
    let key = Keys::open(assembly.hub.data_dir(), PASSWORD)?.anchor();
    let (internal, _) = key.x_only_public_key();
    let commitment: [u8; 32] = unhex(&newest.commitment)?.try_into().ok().context("a commitment has 32 bytes")?;
    let leaf = Builder::new().push_slice(commitment).push_opcode(OP_DROP).push_x_only_key(&internal);
    let root = TapNodeHash::from_script(&leaf.push_opcode(OP_CHECKSIG).into_script(), LeafVersion::TapScript);
    ensure!(spent.script_pubkey == ScriptBuf::new_p2tr(&secp, internal, Some(root)), "the seal is another key's");
    let loot = spent.value.checked_sub(Amount::from_sat(1000)).context("the seal is too small")?;
    let nobody = ScriptBuf::new_p2wpkh(&WPubkeyHash::all_zeros());
    let mut tx = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint { txid: link.compute_txid(), vout: 0 },
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        }],
        output: vec![TxOut { value: loot, script_pubkey: nobody }],
    };
    let prevouts = [spent];
    let sighash = SighashCache::new(&tx).taproot_key_spend_signature_hash(
        0,
        &Prevouts::All(&prevouts),
        TapSighashType::Default,
    )?;
    let tweaked = key.tap_tweak(&secp, Some(root)).to_keypair();
    let signature = secp.sign_schnorr_with_aux_rand(&Message::from_digest(sighash.to_byte_array()), &tweaked, &AUX);
    let sighash_type = TapSighashType::Default;
    tx.input[0].witness = Witness::p2tr_key_spend(&bitcoin::taproot::Signature { signature, sighash_type });
    assembly.node.broadcast(&tx)?;
    Ok(tx)
}

/// Writes lines to a file.
///
/// # Errors
/// On I/O.
pub fn write_lines(path: &Path, lines: &[String]) -> Result<()> {
    std::fs::write(path, lines.join("\n") + "\n").with_context(|| path.display().to_string())
}
