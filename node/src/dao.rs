//! The public founding file of a DAO, and what a node derives from it.
//!
//! Whoever has this file and Bitcoin can check everything else. It holds the charter, the genesis transaction (without
//! witness, so that none of its bytes is uncommitted) and where the hub listens.

use std::fs;
use std::path::Path;

use althing_anchor::{Commitment, Genesis, GenesisParams, Treasury, verify_genesis};
use althing_governance::charter::Charter;
use althing_governance::codec::Canonical;
use althing_governance::dao::DaoParams;
use anyhow::{Context, Result, ensure};
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Amount, Network, Transaction};
use serde::{Deserialize, Serialize};

use crate::api::ApiError;
use crate::keys::{hex, unhex};

/// Name of the founding file in a data directory.
pub const DAO_FILE: &str = "dao.json";

/// The founding file as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaoFile {
    /// Format of this file: 1.
    pub version: u32,
    /// The DAO's id; derived from the rest, and checked against it.
    pub dao_id: String,
    /// Canonical bytes of the charter, hex.
    pub charter: String,
    /// The genesis transaction without witness, hex.
    pub genesis_tx: String,
    /// A height below the block of the genesis transaction: where a new node begins to follow the chain.
    pub birthday: u32,
    /// Where the hub listens: `node_id@host:port`.
    pub hub: String,
}

impl DaoFile {
    /// The charter in it; whether it is the one that the genesis transaction commits to is not looked at here.
    ///
    /// # Errors
    /// Bytes that are no charter.
    pub fn charter(&self) -> Result<Charter> {
        Charter::from_bytes(&unhex(&self.charter)?).context("D-2: the charter in the founding file")
    }
}

/// A DAO, checked: charter, genesis transaction and everything that follows from them.
#[derive(Debug, Clone)]
pub struct Dao {
    /// Charter, id, seals and gates.
    pub params: DaoParams,
    /// The genesis transaction without witness.
    pub genesis_tx: Transaction,
    /// Its outputs.
    pub genesis: Genesis,
    /// Where a new node begins to follow the chain.
    pub birthday: u32,
    /// Where the hub listens.
    pub hub: String,
}

impl Dao {
    /// Checks a charter and the genesis transaction that founded it.
    ///
    /// # Errors
    /// A charter that its own check refuses, or a transaction that is not the one it asks for.
    pub fn new(charter: Charter, mut genesis_tx: Transaction, birthday: u32, hub: String) -> Result<Self> {
        let problems = charter.check();
        ensure!(problems.is_empty(), "the charter is refused: {}", join(&problems));
        let genesis = verify_genesis(&genesis_tx, &genesis_params(&charter)?)?;
        for input in &mut genesis_tx.input {
            input.witness.clear();
        }
        let params = DaoParams::new(charter, genesis_tx.compute_txid());
        Ok(Self { params, genesis_tx, genesis, birthday, hub })
    }

    /// Reads and checks a founding file.
    ///
    /// # Errors
    /// A file that is malformed, or whose parts do not belong together; the rule and the values are named.
    pub fn from_json(text: &str) -> Result<Self> {
        let file: DaoFile = serde_json::from_str(text).context("D-1: this is not a founding file")?;
        ensure!(file.version == 1, "D-1: founding file version {} is not known to this program (1 is)", file.version);
        let charter = file.charter()?;
        let genesis_tx: Transaction =
            deserialize_hex(&file.genesis_tx).context("D-3: the genesis transaction in the founding file")?;
        let dao = Self::new(charter, genesis_tx, file.birthday, file.hub)?;
        ensure!(
            dao.params.dao_id.to_string() == file.dao_id,
            "D-4: the founding file says DAO id {}, but its charter and genesis transaction give {}",
            file.dao_id,
            dao.params.dao_id
        );
        Ok(dao)
    }

    /// The founding file's text.
    pub fn to_json(&self) -> String {
        let file = DaoFile {
            version: 1,
            dao_id: self.params.dao_id.to_string(),
            charter: hex(&self.params.charter.to_bytes()),
            genesis_tx: serialize_hex(&self.genesis_tx),
            birthday: self.birthday,
            hub: self.hub.clone(),
        };
        serde_json::to_string_pretty(&file).expect("plain strings and numbers")
    }

    /// Reads the founding file of a data directory.
    ///
    /// # Errors
    /// When there is none, or as [`Self::from_json`].
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(DAO_FILE);
        if !path.exists() {
            let why = format!(
                "D-5: {} belongs to no DAO yet; found one with `althing dao found` or join with `althing dao join`",
                dir.display()
            );
            return Err(ApiError::invalid("D-5", why).into());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Self::from_json(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// Writes the founding file of a data directory.
    ///
    /// # Errors
    /// When it belongs to another DAO already, or on I/O.
    pub fn save(&self, dir: &Path) -> Result<()> {
        if dir.join(DAO_FILE).exists() {
            let other = Self::load(dir)?.params.dao_id;
            let ours = self.params.dao_id;
            ensure!(other == ours, "D-6: {} belongs to DAO {other}; it cannot also serve {ours}", dir.display());
        }
        let part = dir.join("dao.json.part");
        fs::write(&part, self.to_json()).with_context(|| format!("writing {}", part.display()))?;
        fs::rename(&part, dir.join(DAO_FILE))?;
        Ok(())
    }

    /// The DAO's network.
    pub fn network(&self) -> Network {
        self.params.charter.bitcoin_network().expect("the charter's own check refuses unknown networks")
    }
}

/// What the genesis transaction of this charter must look like.
///
/// # Errors
/// A treasury descriptor that the anchor core refuses.
pub fn genesis_params(charter: &Charter) -> Result<GenesisParams> {
    let treasury = Treasury::parse(&charter.treasury_descriptor).context("the charter's treasury descriptor")?;
    Ok(GenesisParams {
        anchor_key: charter.anchor_key,
        founding_commitment: Commitment::new(charter.founding_commitment()),
        treasury,
        seal: Amount::from_sat(charter.seal_sat),
        spare_seal: Amount::from_sat(charter.spare_seal_sat),
        gate: Amount::from_sat(charter.gate_sat),
        gates: u32::from(charter.gates),
    })
}

fn join(problems: &[impl ToString]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
