//! What a tower keeps: blobs by hint, the blocks it has seen, the breaches it answers. One SQLite file, `tower.db`.

use std::path::{Path, PathBuf};

use althing_channels::tower::{Hint, SealedJustice, TowerWatch};
use althing_channels::wire::LeaseClaim;
use anyhow::{Context, Result, bail};
use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::PublicKey;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::lease::life_of;

/// Name of the database in a tower's folder.
pub const TOWER_FILE: &str = "tower.db";

/// Blocks that are remembered by hash: no reorganisation is expected to be deeper.
const BLOCKS_KEPT: u32 = 2016;

const VERSION: u32 = 1;

const TABLES: &str = "
CREATE TABLE client (client BLOB PRIMARY KEY, blobs INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE blob   (digest BLOB NOT NULL, client BLOB NOT NULL, hint BLOB NOT NULL, blob BLOB NOT NULL,
                     from_height INTEGER NOT NULL, until_height INTEGER NOT NULL,
                     PRIMARY KEY (client, digest)) STRICT, WITHOUT ROWID;
CREATE INDEX blob_by_hint  ON blob (hint);
CREATE INDEX blob_by_until ON blob (until_height);
CREATE TABLE block  (height INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
-- What the chain showed of the blobs above, in step with the block table.
CREATE TABLE watch  (id INTEGER PRIMARY KEY CHECK (id = 0), state BLOB NOT NULL) STRICT;
";

/// Made where it is missing: towers from before N-260 have none.
const LIFE_TABLE: &str = "
CREATE TABLE IF NOT EXISTS life (at INTEGER PRIMARY KEY AUTOINCREMENT, client BLOB NOT NULL UNIQUE, counter BLOB NOT NULL,
                                 token BLOB NOT NULL) STRICT;
";

/// What clients may make this tower keep. Clause N-121.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Clients with at least one blob.
    pub clients: u32,
    /// Blobs of one client.
    pub blobs_per_client: u64,
    /// Bytes of one client's blobs.
    pub bytes_per_client: u64,
    /// Blobs of one client under one hint: each is tried when the hint appears.
    pub blobs_per_hint: u32,
    /// Blocks that a blob is kept for from its last receipt on.
    pub keep_blocks: u32,
    /// The only clients; everybody when empty.
    pub only: Vec<PublicKey>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 1024,
            blobs_per_client: 100_000,
            bytes_per_client: 64 << 20,
            blobs_per_hint: 16,
            keep_blocks: 52_560, // a year
            only: Vec::new(),
        }
    }
}

/// The open database.
pub(super) struct Keep {
    connection: Connection,
    path: PathBuf,
}

/// Sums over everything kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sums {
    /// Clients with a blob.
    pub(super) clients: u64,
    /// Blobs.
    pub(super) blobs: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

/// One durable step.
pub(super) struct Step<'a> {
    transaction: Transaction<'a>,
}

impl Keep {
    /// Opens the database in `dir`, creating it when it is not there.
    ///
    /// # Errors
    /// Another version, damage, or I/O.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(TOWER_FILE);
        let mut connection = Connection::open(&path).with_context(|| format!("opening {}", path.display()))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match version {
            0 => {
                transaction.execute_batch(TABLES)?;
                transaction.pragma_update(None, "user_version", VERSION)?;
            }
            VERSION => {}
            other => bail!("N-3: {} has table version {other}; this program knows {VERSION}", path.display()),
        }
        transaction.execute_batch(LIFE_TABLE)?;
        transaction.commit()?;
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            bail!("N-4: {} is damaged: {verdict}", path.display());
        }
        Ok(Self { connection, path })
    }

    /// The stored blocks, ascending.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn blocks(&self) -> Result<Vec<(u32, [u8; 32])>> {
        let mut statement = self.connection.prepare_cached("SELECT height, hash FROM block ORDER BY height")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Hash of a stored block.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn block(&self, height: u32) -> Result<Option<BlockHash>> {
        let sql = "SELECT hash FROM block WHERE height = ?1";
        let hash = self.connection.query_row(sql, [height], |row| row.get::<_, [u8; 32]>(0)).optional()?;
        Ok(hash.map(BlockHash::from_byte_array))
    }

    /// The stored view of the chain.
    ///
    /// # Errors
    /// Damaged bytes, or I/O.
    pub(super) fn watch(&self) -> Result<Option<TowerWatch>> {
        let sql = "SELECT state FROM watch";
        let bytes = self.connection.query_row(sql, [], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        bytes.map(|bytes| TowerWatch::decode(&bytes).context("the stored view of the chain")).transpose()
    }

    /// Every blob of a hint.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn blobs(&self, hint: &Hint) -> Result<Vec<SealedJustice>> {
        let mut statement = self.connection.prepare_cached("SELECT blob FROM blob WHERE hint = ?1")?;
        let rows = statement.query_map([hint.0], |row| Ok(SealedJustice { hint: *hint, blob: row.get(0)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Sums over everything kept.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn sums(&self) -> Result<Sums> {
        let sql = "SELECT count(*), coalesce(sum(blobs), 0), coalesce(sum(bytes), 0) FROM client WHERE blobs > 0";
        let sums = self.connection.query_row(sql, [], |row| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?]))?;
        let [clients, blobs, bytes] = sums.map(|sum| u64::try_from(sum).unwrap_or(0));
        Ok(Sums { clients, blobs, bytes })
    }

    /// Runs one durable step: all of it is on disk when this returns `Ok`, none of it otherwise.
    ///
    /// # Errors
    /// Those of the step and of the commit.
    pub(super) fn write<T>(&mut self, step: impl FnOnce(&Step<'_>) -> Result<T>) -> Result<T> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let step_of = Step { transaction };
        let value = step(&step_of)?;
        step_of.transaction.commit().with_context(|| format!("committing to {}", self.path.display()))?;
        Ok(value)
    }
}

impl Step<'_> {
    /// A client says which life of its folder it is in: the counter under which that is known now, or within, the later one that makes
    /// the folder a copy (N-260).
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn claim(&self, client: &PublicKey, claim: &LeaseClaim, limits: &Limits) -> Result<Result<u64, u64>> {
        let client = client.serialize();
        let sql = "SELECT counter, token FROM life WHERE client = ?1";
        let known = self.transaction.query_row(sql, [client], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let known = known
            .map(|(counter, token): ([u8; 8], [u8; 32])| LeaseClaim { counter: u64::from_be_bytes(counter), token });
        let Some(counter) = life_of(known.as_ref(), claim) else {
            return Ok(Err(known.map_or(0, |known| known.counter)));
        };
        if known.is_none_or(|known| known.counter < counter || known.token != claim.token) {
            let sql = "INSERT OR REPLACE INTO life (client, counter, token) VALUES (?1, ?2, ?3)";
            self.transaction.execute(sql, params![client, counter.to_be_bytes(), claim.token])?;
            // Who gave nothing to keep can make the tower remember this much and no more.
            let sql = "DELETE FROM life WHERE at IN (SELECT at FROM life l WHERE NOT EXISTS
                         (SELECT 1 FROM client c WHERE c.client = l.client AND c.blobs > 0)
                       ORDER BY at DESC LIMIT -1 OFFSET ?1)";
            self.transaction.execute(sql, [limits.clients])?;
        }
        Ok(Ok(counter))
    }

    /// Takes a blob, or keeps one that is there already for longer. `Ok(Err(..))` names the budget that it would exceed (N-121);
    /// nothing has changed then.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn take(
        &self,
        client: &PublicKey,
        sealed: &SealedJustice,
        from_height: u32,
        limits: &Limits,
    ) -> Result<Result<u32, String>> {
        let client = client.serialize();
        let digest = sealed.digest();
        let until = from_height.saturating_add(limits.keep_blocks);
        let again = self.transaction.execute(
            "UPDATE blob SET until_height = max(until_height, ?3) WHERE client = ?1 AND digest = ?2",
            params![client, digest, until],
        )?;
        if again > 0 {
            return Ok(Ok(until));
        }
        let bytes = sealed.blob.len() as u64;
        let sql = "SELECT blobs, bytes FROM client WHERE client = ?1";
        let held = self.transaction.query_row(sql, [client], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (blobs, held_bytes): (i64, i64) = held.unwrap_or_default();
        let (blobs, held_bytes) = (u64::try_from(blobs)?, u64::try_from(held_bytes)?);
        if blobs == 0 {
            let clients: u32 =
                self.transaction.query_row("SELECT count(*) FROM client WHERE blobs > 0", [], |row| row.get(0))?;
            if clients >= limits.clients {
                return Ok(Err(format!("N-121: this tower has its {} clients", limits.clients)));
            }
        }
        if blobs >= limits.blobs_per_client {
            return Ok(Err(format!("N-121: this tower keeps {} blobs of you, and no more", limits.blobs_per_client)));
        }
        if held_bytes.saturating_add(bytes) > limits.bytes_per_client {
            return Ok(Err(format!("N-121: this tower keeps {} bytes of you, and no more", limits.bytes_per_client)));
        }
        let sql = "SELECT count(*) FROM blob WHERE hint = ?1 AND client = ?2";
        let of_hint: u32 = self.transaction.query_row(sql, params![sealed.hint.0, client], |row| row.get(0))?;
        if of_hint >= limits.blobs_per_hint {
            return Ok(Err(format!("N-121: this tower keeps {} blobs of you under one hint", limits.blobs_per_hint)));
        }
        self.transaction.execute(
            "INSERT INTO blob (digest, client, hint, blob, from_height, until_height) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![digest, client, sealed.hint.0, sealed.blob, from_height, until],
        )?;
        self.transaction.execute(
            "INSERT INTO client VALUES (?1, 1, ?2)
             ON CONFLICT (client) DO UPDATE SET blobs = blobs + 1, bytes = bytes + excluded.bytes",
            params![client, i64::try_from(bytes)?],
        )?;
        Ok(Ok(until))
    }

    /// Stores a block and what it showed, and forgets blobs whose time is over.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn connect(&self, height: u32, hash: BlockHash, watch: &TowerWatch) -> Result<()> {
        self.transaction
            .execute("INSERT OR REPLACE INTO block VALUES (?1, ?2)", params![height, hash.to_byte_array()])?;
        self.transaction.execute("DELETE FROM block WHERE height < ?1", [height.saturating_sub(BLOCKS_KEPT)])?;
        let over: u32 =
            self.transaction
                .query_row("SELECT count(*) FROM blob WHERE until_height < ?1", [height], |row| row.get(0))?;
        if over > 0 {
            self.transaction.execute(
                "UPDATE client SET blobs = blobs - (SELECT count(*) FROM blob b WHERE b.client = client.client AND b.until_height < ?1),
                 bytes = bytes - (SELECT coalesce(sum(length(blob)), 0) FROM blob b WHERE b.client = client.client AND b.until_height < ?1)",
                [height],
            )?;
            self.transaction.execute("DELETE FROM blob WHERE until_height < ?1", [height])?;
        }
        self.put_watch(watch)
    }

    /// Blocks from `height` upward are gone.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn disconnect(&self, height: u32, watch: &TowerWatch) -> Result<()> {
        self.transaction.execute("DELETE FROM block WHERE height >= ?1", [height])?;
        self.put_watch(watch)
    }

    /// Stores the view of the chain.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn put_watch(&self, watch: &TowerWatch) -> Result<()> {
        self.transaction.execute("INSERT OR REPLACE INTO watch VALUES (0, ?1)", [watch.encode_versioned()])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use althing_channels::monitor::BlockId;
    use bitcoin::secp256k1::{Secp256k1, SecretKey};

    fn client(byte: u8) -> PublicKey {
        PublicKey::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&[byte; 32]).unwrap())
    }

    fn blob(byte: u8) -> SealedJustice {
        SealedJustice { hint: Hint([byte % 2; 16]), blob: vec![byte; 100] }
    }

    fn tiny() -> Limits {
        Limits { clients: 2, blobs_per_client: 3, bytes_per_client: 1_000, blobs_per_hint: 2, ..Limits::default() }
    }

    #[test]
    fn budgets_hold_for_each_client_and_a_repeat_costs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut keep = Keep::open(dir.path()).unwrap();
        let mut take = |who: u8, what: u8, at: u32| {
            keep.write(|step| step.take(&client(who), &blob(what), at, &tiny()))
                .unwrap()
                .map_err(|why| why[..5].to_owned())
        };
        assert_eq!(take(1, 0, 100), Ok(100 + 52_560));
        assert_eq!(take(1, 0, 110), Ok(110 + 52_560), "again, and for longer");
        assert_eq!(take(1, 1, 100), Ok(100 + 52_560));
        assert_eq!(take(1, 2, 100), Ok(100 + 52_560));
        assert_eq!(take(1, 3, 100), Err("N-121".to_owned()), "a fourth blob");
        assert_eq!(take(2, 0, 100), Ok(100 + 52_560));
        assert_eq!(take(2, 2, 100), Ok(100 + 52_560));
        assert_eq!(take(2, 4, 100), Err("N-121".to_owned()), "a third under one hint");
        assert_eq!(take(3, 0, 100), Err("N-121".to_owned()), "a third client");
        let sums = keep.sums().unwrap();
        assert_eq!(sums, Sums { clients: 2, blobs: 5, bytes: 500 });
        assert_eq!(keep.blobs(&Hint([0; 16])).unwrap().len(), 4, "of everybody who gave one");
    }

    #[test]
    fn an_earlier_life_is_told_and_strangers_fill_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut keep = Keep::open(dir.path()).unwrap();
        let limits = tiny();
        keep.write(|step| step.take(&client(1), &blob(0), 100, &limits)).unwrap().unwrap();
        let mut claim = |who: u8, counter: u64, token: u8| {
            keep.write(|step| step.claim(&client(who), &LeaseClaim { counter, token: [token; 32] }, &limits)).unwrap()
        };
        assert_eq!(claim(1, 5, 1), Ok(5));
        assert_eq!(claim(1, 5, 1), Ok(5), "the same life again");
        assert_eq!(claim(1, 5, 2), Err(5), "a copy that was started as often");
        assert_eq!(claim(1, 4, 3), Err(5), "an older copy");
        assert_eq!(claim(1, 0, 4), Ok(6), "made anew from the words");
        assert_eq!(claim(1, 6, 5), Err(6));
        assert_eq!(claim(1, 9, 5), Ok(9), "lives of which this tower did not hear");
        for stranger in 2..=4 {
            assert_eq!(claim(stranger, 3, 0), Ok(3));
        }
        assert_eq!(claim(1, 8, 6), Err(9), "whoever has a blob here is remembered");
        assert_eq!(claim(4, 2, 6), Err(3));
        assert_eq!(claim(2, 2, 6), Ok(2), "of the others the newest");
    }

    #[test]
    fn what_is_over_goes_and_its_budget_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { keep_blocks: 10, ..tiny() };
        let mut keep = Keep::open(dir.path()).unwrap();
        let id = BlockId { height: 110, hash: BlockHash::all_zeros() };
        for (what, at) in [(0, 100), (1, 101), (2, 105)] {
            keep.write(|step| step.take(&client(1), &blob(what), at, &limits)).unwrap().unwrap();
        }
        let watch = TowerWatch::new(id);
        keep.write(|step| step.connect(110, id.hash, &watch)).unwrap();
        assert_eq!(keep.sums().unwrap().blobs, 3);
        keep.write(|step| step.connect(112, id.hash, &watch)).unwrap();
        assert_eq!(keep.sums().unwrap(), Sums { clients: 1, blobs: 1, bytes: 100 });
        drop(keep);
        let keep = Keep::open(dir.path()).unwrap();
        assert_eq!(keep.watch().unwrap(), Some(watch));
        assert_eq!(keep.blocks().unwrap().len(), 2);
    }
}
