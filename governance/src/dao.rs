//! What identifies a DAO: its charter and its genesis transaction.

use bitcoin::{OutPoint, Txid};

use crate::charter::Charter;
use crate::codec::Writer;
use crate::hash::{tag, tagged_hash};
use crate::id::{ChannelId, CharterHash, DaoId, NetworkId};

/// Constants of one DAO, all derived from the charter and the id of its genesis transaction (G-14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaoParams {
    /// Genesis block hash of the network.
    pub network: NetworkId,
    /// The charter.
    pub charter: Charter,
    /// Its hash.
    pub charter_hash: CharterHash,
    /// The DAO's id.
    pub dao_id: DaoId,
    /// Output 0 of the genesis transaction, spent by link 1.
    pub first_seal: OutPoint,
    /// Output 1 of the genesis transaction.
    pub spare_seal: OutPoint,
    /// Outputs 2.. of the genesis transaction, as many as the charter says.
    pub gates: Vec<OutPoint>,
}

impl DaoParams {
    /// The constants of the DAO that `charter` founded with the transaction `genesis_txid`.
    #[must_use]
    pub fn new(charter: Charter, genesis_txid: Txid) -> Self {
        let output = |vout| OutPoint { txid: genesis_txid, vout };
        let charter_hash = charter.hash();
        Self {
            network: charter.network,
            charter_hash,
            dao_id: dao_id(charter.network, charter_hash, output(0)),
            first_seal: output(0),
            spare_seal: output(1),
            gates: (0..u32::from(charter.gates)).map(|i| output(2 + i)).collect(),
            charter,
        }
    }
}

/// `H_tag("althing/dao/v1", network || charter hash || genesis outpoint)` (G-15).
#[must_use]
pub fn dao_id(network: NetworkId, charter_hash: CharterHash, genesis: OutPoint) -> DaoId {
    DaoId(tagged_hash(tag::DAO, &[&network.0, &charter_hash.0, &outpoint_bytes(&genesis)]))
}

/// `H_tag("althing/channel/v1", dao || funding outpoint)` (G-22).
#[must_use]
pub fn channel_id(dao: DaoId, funding: OutPoint) -> ChannelId {
    ChannelId(tagged_hash(tag::CHANNEL, &[&dao.0, &outpoint_bytes(&funding)]))
}

pub(crate) fn outpoint_bytes(outpoint: &OutPoint) -> Vec<u8> {
    let mut w = Writer::new();
    w.outpoint(outpoint);
    w.into_bytes()
}
