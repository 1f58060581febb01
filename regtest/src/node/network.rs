//! Several nodes: connecting, parting, agreeing.

use std::time::Duration;

use serde_json::{Value, json};

use super::Node;
use crate::error::Error;
use crate::wait::{Look, wait_for};

/// How long a handshake or its undoing may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);

impl Node {
    /// Connects to another node and waits until the handshake is done. bitcoind does not repeat a connection once it
    /// is lost; connect again after [`Node::disconnect`] or a restart.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Timeout`], [`Error::Stopped`].
    pub fn connect(&self, other: &Self) -> Result<(), Error> {
        let address = other.p2p_address();
        self.call("addnode", &[json!(address), json!("onetry")])?;
        wait_for_result(&format!("the connection to {address}"), CONNECT_WITHIN, || {
            let peers = self.peers()?;
            // bitcoind sets the version when it got the peer's first message of the handshake.
            let done = peers.iter().any(|p| p["addr"] == address.as_str() && p["version"] != 0);
            Ok(if done { Look::Ready(()) } else { Look::NotYet(format!("{} peers", peers.len())) })
        })
    }

    /// Cuts the connection to another node, whoever made it, and waits until both have noticed.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Timeout`], [`Error::Stopped`].
    pub fn disconnect(&self, other: &Self) -> Result<(), Error> {
        for (from, to) in [(self, other), (other, self)] {
            let address = to.p2p_address();
            let ours: Vec<Value> = from.peers()?.into_iter().filter(|p| p["addr"] == address.as_str()).collect();
            for peer in ours {
                // The address is known here and there as the two ends of one connection.
                let far_end = peer["addrbind"].clone();
                from.call("disconnectnode", &[json!(""), peer["id"].clone()])?;
                wait_for_result(&format!("the end of the connection to {address}"), CONNECT_WITHIN, || {
                    let here = from.peers()?.iter().any(|p| p["id"] == peer["id"]);
                    let there = to.peers()?.iter().any(|p| p["addr"] == far_end);
                    Ok(if here || there {
                        Look::NotYet(format!("still open here: {here}, there: {there}"))
                    } else {
                        Look::Ready(())
                    })
                })?;
            }
        }
        Ok(())
    }

    /// Waits until all nodes have the same tip.
    ///
    /// # Errors
    /// [`Error::Timeout`] with the tips, [`Error::Rpc`], [`Error::Stopped`].
    pub fn wait_same_tip(nodes: &[&Self], within: Duration) -> Result<(), Error> {
        wait_for_result("all nodes to have the same tip", within, || {
            let tips = nodes.iter().map(|node| node.tip()).collect::<Result<Vec<_>, _>>()?;
            let same = tips.windows(2).all(|pair| pair[0] == pair[1]);
            Ok(if same { Look::Ready(()) } else { Look::NotYet(format!("{tips:?}")) })
        })
    }

    /// Waits until a transaction is in this node's mempool.
    ///
    /// # Errors
    /// [`Error::Timeout`] with the mempool, [`Error::Rpc`], [`Error::Stopped`].
    pub fn wait_mempool(&self, txid: &bitcoin::Txid, within: Duration) -> Result<(), Error> {
        wait_for_result(&format!("{txid} in the mempool"), within, || {
            let mempool = self.mempool()?;
            Ok(if mempool.contains(txid) { Look::Ready(()) } else { Look::NotYet(format!("{mempool:?}")) })
        })
    }

    /// Waits until the chain is at least this high.
    ///
    /// # Errors
    /// [`Error::Timeout`] with the tip, [`Error::Rpc`], [`Error::Stopped`].
    pub fn wait_height(&self, height: u32, within: Duration) -> Result<(), Error> {
        wait_for_result(&format!("height {height}"), within, || {
            let tip = self.tip()?;
            Ok(if tip.height >= height { Look::Ready(()) } else { Look::NotYet(format!("{tip:?}")) })
        })
    }

    /// bitcoind's account of its peers. Taken raw: its fields change from version to version.
    fn peers(&self) -> Result<Vec<Value>, Error> {
        match self.call("getpeerinfo", &[])? {
            Value::Array(peers) => Ok(peers),
            other => Err(Error::answer("getpeerinfo", &other)),
        }
    }
}

/// As [`wait_for`], ending at once when looking itself fails.
fn wait_for_result<T>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> Result<Look<T>, Error>,
) -> Result<T, Error> {
    wait_for(what, within, || match look() {
        Ok(Look::Ready(value)) => Look::Ready(Ok(value)),
        Ok(Look::NotYet(seen)) => Look::NotYet(seen),
        Err(error) => Look::Ready(Err(error)),
    })?
}
