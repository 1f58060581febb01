//! The chain of links, checked against bitcoind itself and without any code of the nodes.

use althing_node::api::Link;
use anyhow::{Context, Result, ensure};
use bitcoin::opcodes::all::{OP_CHECKSIG, OP_DROP};
use bitcoin::script::Builder;
use bitcoin::secp256k1::{Secp256k1, XOnlyPublicKey};
use bitcoin::taproot::TaprootBuilder;
use bitcoin::{OutPoint, ScriptBuf, Txid, hex::FromHex as _};

use crate::Node;

/// Sees that every final link spends the one before at input 0, starting with the first seal, that its output 0 commits
/// to what the node says, in the single-leaf Taproot tree of the specification, and that height and size are bitcoind's.
///
/// Returns the final links.
///
/// # Errors
/// Names the link and both values.
pub fn check_links(node: &Node, first_seal: &str, anchor_key: XOnlyPublicKey, links: &[Link]) -> Result<Vec<Link>> {
    let mut seal: OutPoint = first_seal.parse().with_context(|| format!("{first_seal:?} is no outpoint"))?;
    let mut checked = Vec::new();
    for (epoch, link) in (1..).zip(links.iter().filter(|link| link.state == "final")) {
        ensure!(link.epoch == epoch, "the link of epoch {epoch} is missing; found is that of epoch {}", link.epoch);
        let txid: Txid = link.txid.parse().with_context(|| format!("{:?} is no transaction id", link.txid))?;
        let found = node.inclusion(&txid)?.with_context(|| format!("bitcoind has no confirmed link {txid}"))?;
        let spent = found.transaction.input.first().map(|input| input.previous_output);
        ensure!(spent == Some(seal), "link {txid} spends {spent:?}, the seal is {seal}");
        let script = commitment_script(anchor_key, &link.commitment)?;
        let output = found.transaction.output.first().map(|output| &output.script_pubkey);
        ensure!(output == Some(&script), "link {txid} pays {output:?}; the commitment makes {script}");
        ensure!(link.vout == 0, "link {txid} names output {}", link.vout);
        ensure!(Some(found.height) == link.height, "link {txid} is at {}, not at {:?}", found.height, link.height);
        let vsize = found.transaction.vsize() as u64;
        ensure!(vsize == link.vsize, "link {txid} has {vsize} vB, not {}", link.vsize);
        seal = OutPoint { txid, vout: 0 };
        checked.push(link.clone());
    }
    ensure!(!checked.is_empty(), "there is no final link");
    Ok(checked)
}

/// The output that commits: one leaf `<commitment> DROP <P> CHECKSIG` at depth 0 under the internal key P.
fn commitment_script(anchor_key: XOnlyPublicKey, commitment: &str) -> Result<ScriptBuf> {
    let commitment = <[u8; 32]>::from_hex(commitment).with_context(|| format!("{commitment:?} is no commitment"))?;
    let leaf = Builder::new()
        .push_slice(commitment)
        .push_opcode(OP_DROP)
        .push_x_only_key(&anchor_key)
        .push_opcode(OP_CHECKSIG)
        .into_script();
    let secp = Secp256k1::verification_only();
    let tree = TaprootBuilder::new().add_leaf(0, leaf).context("a single leaf")?;
    let spend = tree.finalize(&secp, anchor_key).ok().context("a tree of one leaf")?;
    Ok(ScriptBuf::new_p2tr_tweaked(spend.output_key()))
}
