//! Form and signatures of whole segments of the log, for whoever replays one.

use althing_batch::Verifier;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Digests, Entry};
use althing_governance::signing::SignatureCheck;
use bitcoin::secp256k1::XOnlyPublicKey;

use super::examine::forgeries;
use crate::store::Segment;

/// A segment of which everything was checked that needs no state.
#[derive(Debug)]
pub struct Examined {
    /// The segment.
    pub segment: Segment,
    /// The hub's log key that its signatures were checked with.
    pub hub_log_key: XOnlyPublicKey,
    /// Its entries, when all are well formed and every signature verifies, the receipt's too. Else whoever takes the segment in
    /// finds the first that is not, and says why.
    pub entries: Option<Vec<(Entry, Digests)>>,
}

/// Examines segments together.
pub fn examine_segments(verifier: &mut Verifier, key: &XOnlyPublicKey, segments: Vec<Segment>) -> Vec<Examined> {
    let read: Vec<Option<Vec<(Entry, Digests)>>> = segments.iter().map(read).collect();
    let checks: Vec<Vec<SignatureCheck>> =
        segments.iter().zip(&read).map(|(segment, entries)| checks(segment, entries.as_deref(), key)).collect();
    let forged = forgeries(verifier, checks.iter().map(Vec::as_slice));
    let judged = segments.into_iter().zip(read).enumerate().map(|(index, (segment, entries))| Examined {
        segment,
        hub_log_key: *key,
        entries: entries.filter(|_| !forged.contains_key(&index)),
    });
    judged.collect()
}

/// Reads segments whose signatures were checked before.
pub fn read_segments(key: &XOnlyPublicKey, segments: Vec<Segment>) -> Vec<Examined> {
    let read = |segment: Segment| Examined { hub_log_key: *key, entries: read(&segment), segment };
    segments.into_iter().map(read).collect()
}

fn read(segment: &Segment) -> Option<Vec<(Entry, Digests)>> {
    let entry = |bytes: &Vec<u8>| Some((Entry::from_bytes(bytes).ok()?, Digests::of(bytes)));
    segment.entries.iter().map(entry).collect()
}

fn checks(segment: &Segment, entries: Option<&[(Entry, Digests)]>, key: &XOnlyPublicKey) -> Vec<SignatureCheck> {
    let Some(entries) = entries else { return Vec::new() };
    let of_entries = entries.iter().flat_map(|(entry, _)| entry.signature_checks(key));
    of_entries.chain([segment.receipt.signature_check(key, "receipt")]).collect()
}
