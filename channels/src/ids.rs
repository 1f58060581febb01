//! Identifiers of channels and of their opening, and the tagged hash they are made with.

use bitcoin::OutPoint;
use bitcoin::hashes::{Hash, HashEngine, sha256};
use lightning::impl_writeable_tlv_based;

/// BIP340 tagged hash, clause E-12: `SHA256(SHA256(tag) || SHA256(tag) || parts...)`.
///
/// `parts` are concatenated without separators; callers only pass parts of fixed length.
pub fn tagged_hash(tag: &str, parts: &[&[u8]]) -> [u8; 32] {
    let tag = sha256::Hash::hash(tag.as_bytes());
    let mut engine = sha256::Hash::engine();
    engine.input(tag.as_byte_array());
    engine.input(tag.as_byte_array());
    for part in parts {
        engine.input(part);
    }
    sha256::Hash::from_engine(engine).to_byte_array()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(
            /// The 32 bytes, in the order in which they are hashed and sent.
            pub [u8; 32],
        );

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl lightning::util::ser::Writeable for $name {
            fn write<W: lightning::util::ser::Writer>(
                &self,
                writer: &mut W,
            ) -> Result<(), lightning::io::Error> {
                self.0.write(writer)
            }
        }

        impl lightning::util::ser::Readable for $name {
            fn read<R: lightning::io::Read>(
                reader: &mut R,
            ) -> Result<Self, lightning::ln::msgs::DecodeError> {
                Ok(Self(lightning::util::ser::Readable::read(reader)?))
            }
        }
    };
}

id! {
    /// Names a channel for its whole life, across splices: clause C-2.
    ChannelId
}
id! {
    /// Names one attempt to open a channel before its funding outpoint is known; drawn at random by the member.
    OpeningId
}
id! {
    /// The DAO a channel belongs to (defined by the governance clauses; opaque here).
    DaoId
}
id! {
    /// Names what a hold is for, such as a proposal; opaque here. Clause C-103.
    HoldId
}
id! {
    /// Hash of the network's genesis block (E-10).
    NetworkId
}

impl ChannelId {
    /// `H_tag("althing/channel/v1", dao || outpoint)` with the outpoint as in E-9. Clause C-2.
    pub fn new(dao: DaoId, first_funding: OutPoint) -> Self {
        Self(tagged_hash(
            "althing/channel/v1",
            &[&dao.0, first_funding.txid.as_byte_array(), &first_funding.vout.to_be_bytes()],
        ))
    }
}

impl OpeningId {
    /// What error messages name before the channel has its id.
    pub fn provisional_channel(self) -> ChannelId {
        ChannelId(self.0)
    }
}

/// What both sides of a channel agree on before keys are exchanged. Clause C-10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelParams {
    /// Network the funding lives on.
    pub network: NetworkId,
    /// DAO the stake belongs to.
    pub dao: DaoId,
    /// The member's part of the funding output, in satoshis: the stake.
    pub member_sat: u64,
    /// The hub's part of the funding output, in satoshis; 0 in this version.
    pub hub_sat: u64,
    /// Relative lock in blocks on the member's own output of the member's commitment.
    pub member_csv_blocks: u16,
    /// Relative lock in blocks on the hub's own output of the hub's commitment.
    pub hub_csv_blocks: u16,
}

impl_writeable_tlv_based!(ChannelParams, {
    (0, network, required),
    (2, dao, required),
    (4, member_sat, required),
    (6, hub_sat, required),
    (8, member_csv_blocks, required),
    (10, hub_csv_blocks, required),
});

/// Default of [`ChannelParams::member_csv_blocks`]: the hub watches the chain all the time.
pub const MEMBER_CSV_BLOCKS: u16 = 144;
/// Default of [`ChannelParams::hub_csv_blocks`]: a member may be offline for a week.
pub const HUB_CSV_BLOCKS: u16 = 1008;
/// Smallest value of a P2TR output that Bitcoin nodes relay, in satoshis.
pub const DUST_SAT: u64 = 330;
/// Smallest reserve in satoshis (C-107): pays for the transaction that punishes a broadcast of a revoked commitment.
pub const MIN_RESERVE_SAT: u64 = 1_000;
/// Largest value of the P2A output, in satoshis: the sum of outputs too small to stand alone. Clause C-22.
pub const P2A_MAX_SAT: u64 = 240;
/// All the bitcoin there will be, in satoshis.
pub const MAX_MONEY_SAT: u64 = 2_100_000_000_000_000;

impl ChannelParams {
    /// Sum of both parts, in satoshis; `None` past [`MAX_MONEY_SAT`].
    pub fn capacity_sat(&self) -> Option<u64> {
        self.member_sat.checked_add(self.hub_sat).filter(|sum| *sum <= MAX_MONEY_SAT)
    }
}
