//! Stored form of a tracker.

use bitcoin::consensus::encode;
use bitcoin::hashes::Hash;
use bitcoin::{BlockHash, Transaction, Txid};

use crate::codec::{DecodeError, Reader, Writer};
use crate::evidence::MAX_TRANSACTION_BYTES;
use crate::tracker::{BlockId, HaltReason, LinkState, LinkTracker, MAX_VERSIONS};

const VERSION: u8 = 1;

/// A signed link may have other inputs' witnesses, so it may be as long as a block's share for one transaction.
const MAX_SIGNED_BYTES: usize = 4 * MAX_TRANSACTION_BYTES;

const BUILT: u8 = 1;
const BROADCAST: u8 = 2;
const SEEN: u8 = 3;
const MINED: u8 = 4;
const FINAL: u8 = 5;
const UNDONE_FOR_GOOD: u8 = 6;
const SEAL_SPENT_ELSEWHERE: u8 = 7;

impl LinkTracker {
    /// Canonical bytes of the state, to be stored before the effects of a transition are carried out.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u8(VERSION);
        writer.u32(self.final_depth);
        write_block(&mut writer, self.tip);
        writer.count(self.versions.len());
        for version in &self.versions {
            writer.bytes(&encode::serialize(version));
        }
        write_state(&mut writer, self.state);
        writer.finish()
    }

    /// Reads what [`LinkTracker::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not the canonical form of a possible state.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VERSION)?;
        let final_depth = reader.u32("final depth")?;
        let tip = read_block(&mut reader)?;
        let count = reader.count("versions", MAX_VERSIONS)?;
        let mut versions = Vec::new();
        for _ in 0..count {
            versions.push(read_signed(reader.bytes("transaction", MAX_SIGNED_BYTES)?)?);
        }
        let state = read_state(&mut reader)?;
        reader.finish()?;
        let tracker = Self { final_depth, versions, tip, state };
        tracker.check().map_err(|error| refused(error.to_string()))?;
        tracker.check_state()?;
        Ok(tracker)
    }

    /// A mined link is one of the versions, at or below the tip, and final exactly when it once was deep enough.
    fn check_state(&self) -> Result<(), DecodeError> {
        let (block, txid) = match self.state {
            LinkState::Mined { block, txid } | LinkState::Final { block, txid } => (block, txid),
            _ => return Ok(()),
        };
        if block.height > self.tip.height {
            return Err(DecodeError::NotAllowed { field: "height of the link's block", value: block.height.into() });
        }
        if matches!(self.state, LinkState::Mined { .. }) && self.depth() >= self.final_depth {
            return Err(DecodeError::NotAllowed { field: "depth of a link not yet final", value: self.depth().into() });
        }
        if !self.versions.iter().any(|version| version.compute_txid() == txid) {
            return Err(refused(format!("the mined transaction {txid} is none of the versions")));
        }
        Ok(())
    }
}

fn write_block(writer: &mut Writer, block: BlockId) {
    writer.u32(block.height);
    writer.array(block.hash.as_byte_array());
}

fn read_block(reader: &mut Reader<'_>) -> Result<BlockId, DecodeError> {
    let height = reader.u32("block height")?;
    Ok(BlockId { height, hash: BlockHash::from_byte_array(reader.array("block hash")?) })
}

fn write_state(writer: &mut Writer, state: LinkState) {
    let (kind, place) = match state {
        LinkState::Built => (BUILT, None),
        LinkState::Broadcast => (BROADCAST, None),
        LinkState::Seen => (SEEN, None),
        LinkState::Mined { block, txid } => (MINED, Some((block, txid))),
        LinkState::Final { block, txid } => (FINAL, Some((block, txid))),
        LinkState::Halted(HaltReason::SealSpentElsewhere { block, txid }) => {
            (SEAL_SPENT_ELSEWHERE, Some((block, txid)))
        }
    };
    writer.u8(kind);
    if let Some((block, txid)) = place {
        write_block(writer, block);
        writer.array(txid.as_byte_array());
    }
}

fn read_state(reader: &mut Reader<'_>) -> Result<LinkState, DecodeError> {
    Ok(match reader.u8("state")? {
        BUILT => LinkState::Built,
        BROADCAST => LinkState::Broadcast,
        SEEN => LinkState::Seen,
        MINED => LinkState::Mined { block: read_block(reader)?, txid: read_txid(reader)? },
        FINAL => LinkState::Final { block: read_block(reader)?, txid: read_txid(reader)? },
        // written before a link that was undone was sent again.
        UNDONE_FOR_GOOD => {
            read_block(reader)?;
            LinkState::Broadcast
        }
        SEAL_SPENT_ELSEWHERE => {
            LinkState::Halted(HaltReason::SealSpentElsewhere { block: read_block(reader)?, txid: read_txid(reader)? })
        }
        other => {
            return Err(DecodeError::NotAllowed { field: "state", value: other.into() });
        }
    })
}

fn read_txid(reader: &mut Reader<'_>) -> Result<Txid, DecodeError> {
    Ok(Txid::from_byte_array(reader.array("transaction id")?))
}

fn read_signed(bytes: &[u8]) -> Result<Transaction, DecodeError> {
    let transaction: Transaction = encode::deserialize(bytes).map_err(|error| refused(error.to_string()))?;
    // As in evidence: one byte form per value, whatever the parser accepts.
    if encode::serialize(&transaction) != bytes {
        return Err(refused("it is not serialised in the one canonical form".to_owned()));
    }
    Ok(transaction)
}

fn refused(reason: String) -> DecodeError {
    DecodeError::Transaction { rule: "A-66", field: "transaction", reason }
}
