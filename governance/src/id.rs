//! Identifiers: one type each, so that no two of them can be confused.

use std::fmt;
use std::str::FromStr;

use bitcoin::Network;
use bitcoin::blockdata::constants::ChainHash;
use bitcoin::hex::{DisplayHex, FromHex};
use bitcoin::secp256k1::XOnlyPublicKey;

use crate::codec::{Canonical, DecodeError, Reader, Writer};

/// Text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be 64 hexadecimal digits, not {found:?}")]
pub struct ParseIdError {
    kind: &'static str,
    found: String,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $words:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The 32 bytes, as they are encoded.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hex(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(s: &str) -> Result<Self, ParseIdError> {
                <[u8; 32]>::from_hex(s)
                    .map(Self)
                    // A cut, because the text may come from a stranger.
                    .map_err(|_| ParseIdError { kind: $words, found: s.chars().take(80).collect() })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Canonical for $name {
            fn encode(&self, w: &mut Writer) {
                w.fixed(&self.0);
            }

            fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                r.fixed().map(Self)
            }
        }
    };
}

id_type!(
    /// Which Bitcoin network: the hash of its genesis block (E-10).
    NetworkId, "a network id"
);
id_type!(
    /// Tagged hash of a charter's canonical bytes (G-13).
    CharterHash, "a charter hash"
);
id_type!(
    /// Which DAO: hash of network, charter hash and genesis outpoint (G-15).
    DaoId, "a DAO id"
);
id_type!(
    /// A member: their x-only vote key (BIP340). Any 32 bytes; whether they are a key shows when a signature is checked.
    MemberId, "a vote key"
);
id_type!(
    /// A stake channel: hash of DAO and funding outpoint (G-22).
    ChannelId, "a channel id"
);
id_type!(
    /// A log entry: tagged hash of its canonical bytes (G-20).
    EntryId, "an entry id"
);
id_type!(
    /// A proposal: hash of network, DAO, author and exact content (G-25).
    ProposalId, "a proposal id"
);
id_type!(
    /// Hash chain over one member's entries (G-21).
    LaneHead, "a lane head"
);
id_type!(
    /// Node of the log tree (RFC 9162): plain SHA-256.
    TreeHash, "a tree hash"
);
id_type!(
    /// Hash of an epoch header, which is the commitment put on Bitcoin (G-60).
    HeaderHash, "a header hash"
);

impl NetworkId {
    /// The id of a network known by name.
    #[must_use]
    pub fn of(network: Network) -> Self {
        Self(ChainHash::using_genesis_block_const(network).to_bytes())
    }

    /// The network with this genesis block, if it is one known here.
    #[must_use]
    pub fn network(self) -> Option<Network> {
        [Network::Bitcoin, Network::Testnet4, Network::Signet, Network::Regtest]
            .into_iter()
            .find(|network| Self::of(*network) == self)
    }
}

impl MemberId {
    /// The member with this vote key.
    #[must_use]
    pub fn of(key: &XOnlyPublicKey) -> Self {
        Self(key.serialize())
    }

    /// The vote key; `None` when the bytes are no point on the curve.
    #[must_use]
    pub fn key(&self) -> Option<XOnlyPublicKey> {
        XOnlyPublicKey::from_slice(&self.0).ok()
    }
}
