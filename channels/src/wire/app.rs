//! Messages of the app lane, of log sync and of head gossip. What they carry is opaque here.

use lightning::impl_writeable_tlv_based;

use super::list::HashList;
use crate::ids::{ChannelId, DaoId, NetworkId};

/// First message after BOLT 8's init, both ways. Clauses N-30 to N-34 and N-43.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// DAO the sender takes part in.
    pub dao: DaoId,
    /// Network the sender is on.
    pub network: NetworkId,
    /// [`PROTOCOL_VERSION`](super::PROTOCOL_VERSION) of the sender.
    pub protocol: u16,
    /// The sender's x-only vote key; absent from hubs and onlookers.
    pub vote_key: Option<[u8; 32]>,
}

impl_writeable_tlv_based!(Hello, {
    (0, dao, required),
    (2, network, required),
    (4, protocol, required),
    (5, vote_key, option),
});

/// A refusal in words. Nothing follows from it by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerError {
    /// Number of the clause that was broken, such as `C-12`.
    pub rule: String,
    /// The values that broke it; untrusted text, to be sanitised before it is shown.
    pub detail: String,
    /// The channel it is about, or the 32 bytes of the opening before there is one.
    pub channel: Option<ChannelId>,
}

impl_writeable_tlv_based!(PeerError, {
    (0, rule, required),
    (2, detail, required),
    (3, channel, option),
});

/// Longest text of a refusal that is sent, in characters.
const MAX_DETAIL_CHARS: usize = 512;

impl PeerError {
    /// A refusal; the detail is cut to 512 characters, since it may repeat what the peer sent.
    pub fn new(rule: &str, detail: &str, channel: Option<ChannelId>) -> Self {
        let detail = detail.chars().take(MAX_DETAIL_CHARS).collect();
        Self { rule: rule.to_owned(), detail, channel }
    }
}

/// A governance entry on the sender's lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppEntry {
    /// Position in the lane; the first is 1.
    pub sequence: u64,
    /// The signed entry.
    pub entry: Vec<u8>,
}

impl_writeable_tlv_based!(AppEntry, {
    (0, sequence, required),
    (2, entry, required),
});

/// The receipt of an entry, which acknowledges its lane up to there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppAck {
    /// The hub's signed receipt of the batch.
    pub receipt: Vec<u8>,
    /// Position in the log of the entry the path is for.
    pub position: u64,
    /// Merkle path of that entry in the batch, from the leaf up.
    pub path: HashList,
}

impl_writeable_tlv_based!(AppAck, {
    (2, receipt, required),
    (4, position, required),
    (6, path, required),
});

/// The hub did not take an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppNack {
    /// Its position in the lane.
    pub sequence: u64,
    /// Id of the refused entry: a late answer to an earlier entry with the same sequence must not meet a newer one.
    pub entry: [u8; 32],
    /// Number of the clause that was broken.
    pub rule: String,
    /// The values that broke it; untrusted text.
    pub detail: String,
    /// Whether the same entry may be taken later.
    pub transient: bool,
}

impl_writeable_tlv_based!(AppNack, {
    (0, sequence, required),
    (2, rule, required),
    (4, detail, required),
    (6, transient, required),
    (8, entry, required),
});

/// Asks for the log from a position on. Clause N-44.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFetch {
    /// First position wanted; 0 is the first entry.
    pub from_position: u64,
}

impl_writeable_tlv_based!(LogFetch, {
    (0, from_position, required),
});

/// Consecutive log entries with what proves them. Clause N-44.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSegment {
    /// At most [`MAX_SEGMENT_BYTES`](super::MAX_SEGMENT_BYTES).
    pub segment: Vec<u8>,
}

impl_writeable_tlv_based!(LogSegment, {
    (0, segment, required),
});

/// Everything up to the sender's size was sent. Clause N-44.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// Entries in the sender's log.
    pub size: u64,
    /// Newest signed log head.
    pub head: Vec<u8>,
}

impl_writeable_tlv_based!(LogEnd, {
    (0, size, required),
    (2, head, required),
});

/// A signed log head, pushed to peers. Clauses N-80 to N-82.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The head entry.
    pub head: Vec<u8>,
}

impl_writeable_tlv_based!(Head, {
    (0, head, required),
});

/// Asks for the public founding file. Clause N-45.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaoFetch {
    /// The DAO asked for.
    pub dao: DaoId,
}

impl_writeable_tlv_based!(DaoFetch, {
    (0, dao, required),
});

/// A part of the public founding file. Clause N-45.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaoInfo {
    /// Number of this part, from 0.
    pub part: u32,
    /// How many parts there are.
    pub parts: u32,
    /// The part's bytes; at most [`MAX_SEGMENT_BYTES`](super::MAX_SEGMENT_BYTES).
    pub bytes: Vec<u8>,
}

impl_writeable_tlv_based!(DaoInfo, {
    (0, part, required),
    (2, parts, required),
    (4, bytes, required),
});

/// An epoch's header and the link transaction that commits to it. Clause N-46.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// The epoch.
    pub epoch: u32,
    /// Its header, canonical bytes.
    pub header: Vec<u8>,
    /// The link, consensus-serialised.
    pub link: Vec<u8>,
}

impl_writeable_tlv_based!(LinkInfo, {
    (0, epoch, required),
    (2, header, required),
    (4, link, required),
});
