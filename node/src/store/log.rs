//! Log segments: one row per batch, with the hub's receipt, chained by digests.

use althing_governance::codec::{Canonical, DecodeError, Reader, Writer as Encoder};
use althing_governance::entry::MAX_ENTRY;
use althing_governance::hash::tagged_hash;
use althing_governance::receipt::Receipt;
use althing_governance::signing::Signed;
use anyhow::{Context, Result, bail};
use rusqlite::params;

use super::{Store, Writer, signed, unsigned};

/// A batch of entries as the hub logged it: consecutive positions under one signed receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Position of the first entry.
    pub first_position: u64,
    /// Canonical bytes of the entries, in order; never empty.
    pub entries: Vec<Vec<u8>>,
    /// The hub's receipt for exactly these entries.
    pub receipt: Signed<Receipt>,
}

/// Why stored segments cannot be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// The bytes are not a segment.
    #[error("N-5: the segment stored at position {position} cannot be decoded")]
    Malformed {
        /// Position of the row.
        position: u64,
        /// What the decoder found.
        source: DecodeError,
    },
    /// The digest chain does not hold.
    #[error("N-6: the segment at position {position} does not match its digest; the file was damaged or changed")]
    Digest {
        /// Position of the row.
        position: u64,
    },
    /// The row's columns and the segment in it differ.
    #[error("N-7: the row for position {row} holds a segment that starts at {segment} with {entries} entries")]
    Row {
        /// Position by the row's key.
        row: u64,
        /// Position by the segment.
        segment: u64,
        /// Entries in the segment.
        entries: u64,
    },
}

impl Segment {
    /// Position after the last entry.
    pub fn end(&self) -> u64 {
        self.first_position + self.entries.len() as u64
    }

    /// Digest of this segment, chained to the one before (32 zero bytes before the first).
    pub fn digest(&self, previous: &[u8; 32]) -> [u8; 32] {
        chained_digest(previous, &self.to_bytes())
    }
}

impl Canonical for Segment {
    fn encode(&self, w: &mut Encoder) {
        w.u8(1);
        w.u64(self.first_position);
        w.count(self.entries.len());
        for entry in &self.entries {
            w.bytes(entry);
        }
        self.receipt.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.version("segment version")?;
        let first_position = r.u64()?;
        let count = r.count("entries of a segment", MAX_ENTRIES)?;
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(r.bytes("entry", MAX_ENTRY)?);
        }
        Ok(Self { first_position, entries, receipt: Signed::decode(r)? })
    }
}

const MAX_ENTRIES: usize = 1 << 16;

impl Store {
    /// Segments from the one that holds `position` on, at most `limit` of them, without checking digests.
    ///
    /// # Errors
    /// Rows that are not segments, or I/O.
    pub fn segments_from(&self, position: u64, limit: u32) -> Result<Vec<Segment>> {
        let mut statement = self.connection.prepare_cached(
            // The newest segment that begins there or before is found by the key, not by a look at each.
            "SELECT first_position, bytes FROM segment
             WHERE first_position >= COALESCE((SELECT MAX(first_position) FROM segment WHERE first_position <= ?1), 0)
               AND first_position + entries > ?1 ORDER BY first_position LIMIT ?2",
        )?;
        let mut rows = statement.query(params![signed(position)?, limit])?;
        let mut segments = Vec::new();
        while let Some(row) = rows.next()? {
            let position = unsigned(row.get(0)?)?;
            let bytes: Vec<u8> = row.get(1)?;
            segments.push(Segment::from_bytes(&bytes).map_err(|source| SegmentError::Malformed { position, source })?);
        }
        Ok(segments)
    }

    /// Bytes of the entry at a position, without checking digests; `None` where the log does not reach, or where a light member does not
    /// keep it.
    ///
    /// # Errors
    /// Rows that are not segments, or I/O.
    pub fn entry_at(&self, position: u64) -> Result<Option<Vec<u8>>> {
        let Some(segment) = self.segments_from(position, 1)?.pop() else { return self.held_entry_at(position) };
        let index = position.checked_sub(segment.first_position).and_then(|index| usize::try_from(index).ok());
        Ok(index.and_then(|index| segment.entries.into_iter().nth(index)))
    }

    /// Reads every segment in order, checking rows and digests, and hands it to `visit`.
    ///
    /// # Errors
    /// [`SegmentError`] for the first bad row, the visitor's own errors, or I/O.
    pub fn visit_segments(&self, mut visit: impl FnMut(Segment) -> Result<()>) -> Result<()> {
        self.expect_whole_log()?;
        let mut statement = self
            .connection
            .prepare("SELECT first_position, entries, bytes, digest FROM segment ORDER BY first_position")?;
        let mut rows = statement.query([])?;
        let mut previous = [0u8; 32];
        while let Some(row) = rows.next()? {
            let position = unsigned(row.get(0)?)?;
            let (entries, bytes, digest) =
                (unsigned(row.get(1)?)?, row.get::<_, Vec<u8>>(2)?, row.get::<_, Vec<u8>>(3)?);
            previous = chained_digest(&previous, &bytes);
            if digest != previous {
                return Err(SegmentError::Digest { position }.into());
            }
            let segment = Segment::from_bytes(&bytes).map_err(|source| SegmentError::Malformed { position, source })?;
            let held = segment.entries.len() as u64;
            if segment.first_position != position || held != entries {
                let segment = segment.first_position;
                return Err(SegmentError::Row { row: position, segment, entries: held }.into());
            }
            visit(segment)?;
        }
        Ok(())
    }

    /// Entries in the stored log; where it is not kept, those read since the start.
    ///
    /// # Errors
    /// On I/O.
    pub fn log_size(&self) -> Result<u64> {
        match self.streamed() {
            Some((size, _)) => Ok(size),
            None => Ok(self.end()?.0),
        }
    }

    /// Entries in the stored log, and the digest of its last segment: by the newest row alone, however long the log is.
    fn end(&self) -> Result<(u64, [u8; 32])> {
        let sql = "SELECT first_position + entries, digest FROM segment ORDER BY first_position DESC LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else { return Ok((0, [0; 32])) };
        let digest: Vec<u8> = row.get(1)?;
        let digest = digest.try_into().ok().context("the last segment's digest is not 32 bytes")?;
        Ok((unsigned(row.get(0)?)?, digest))
    }

    /// Appends segments together with a named value; both are durable when it returns.
    ///
    /// # Errors
    /// On I/O; nothing was appended then.
    pub fn append_segments(&mut self, segments: &[Segment], beside: Option<(&str, &[u8])>) -> Result<()> {
        let (size, previous) = self.end()?;
        let first = segments.first().map(|segment| segment.first_position);
        if first.is_some_and(|first| first != size) {
            bail!("N-20: segments from position {first:?} cannot follow a log of {size} entries");
        }
        self.write(|writer| {
            writer.append_segments(previous, segments)?;
            beside.map_or(Ok(()), |(name, value)| writer.set_meta(name, value))
        })
    }
}

impl Writer<'_> {
    fn append_segments(&self, mut previous: [u8; 32], segments: &[Segment]) -> Result<()> {
        let mut statement = self.transaction.prepare_cached("INSERT INTO segment VALUES (?1, ?2, ?3, ?4)")?;
        for segment in segments {
            let bytes = segment.to_bytes();
            previous = chained_digest(&previous, &bytes);
            let (first, entries) = (signed(segment.first_position)?, signed(segment.entries.len() as u64)?);
            statement.execute(params![first, entries, bytes, previous.as_slice()])?;
        }
        Ok(())
    }
}

fn chained_digest(previous: &[u8; 32], segment: &[u8]) -> [u8; 32] {
    tagged_hash("althing/segment/v1", &[previous, segment])
}
