//! The charter: the rules a DAO is founded on, fixed by their hash.

mod admission;
mod allowance;
mod change;
mod check;
mod class;
mod document;
mod encode;
mod explain;
mod guards;
mod staging;
mod template;
mod unreadable;
mod weight;

use bitcoin::Network;
use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey};

pub use admission::{Admission, WeightRule};
pub use allowance::{
    DelegationLimits, DiscussionLimits, MAX_COMMENT_BYTES, MAX_DELEGATION_PARTS, RewardShare, Rewards,
};
pub use change::{FieldChange, changes_eligibility, check_change, diff};
pub use check::{Advice, MAX_PAUSE_BLOCKS, MAX_PERIOD_BLOCKS, Problem};
pub use class::{Body, Class, ClassRule};
pub use document::CharterError;
pub use explain::Section;
pub use guards::{Guardians, Guards, SpendingCap};
pub use staging::Staging;
pub use template::{
    EXAMPLE_KEYS, Template, TemplateArguments, TemplateArguments as AssociationArguments, UnknownTemplate, association,
    cooperative, example_key, example_public_key, grants, starter, starter as association_template,
};

pub use crate::voting::{ALL_BP, Quorum, Threshold};

use crate::codec::Canonical as _;
use crate::hash::{tag, tagged_hash};
use crate::id::{CharterHash, MemberId, NetworkId};

/// Longest name of the DAO, a treasurer or a gossip peer, in bytes.
pub const MAX_NAME: usize = 64;
/// Longest treasury descriptor, in bytes.
pub const MAX_DESCRIPTOR: usize = 2048;
/// Most treasurers, founders, gossip peers or class rules.
pub const MAX_LIST: usize = 64;
/// Longest gossip peer, in bytes.
pub const MAX_PEER: usize = 256;
/// Most gates in the genesis transaction.
pub const MAX_GATES: u8 = 16;

/// The rules of a DAO. A value that passed [`Charter::check`] is meaningful; the type alone promises only bounded lengths
/// once it was decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charter {
    /// Name of the DAO, 1 to [`MAX_NAME`] bytes.
    pub name: String,
    /// Genesis block hash of the network it lives on.
    pub network: NetworkId,
    /// Node key of the hub (BOLT 8).
    pub hub_node_key: PublicKey,
    /// Key with which the hub signs log heads, receipts, acknowledgements, checkpoints and anchored entries.
    pub hub_log_key: XOnlyPublicKey,
    /// Internal key of the anchor links.
    pub anchor_key: XOnlyPublicKey,
    /// Output descriptor of the treasury; opaque here, validated by the anchor core.
    pub treasury_descriptor: String,
    /// Who holds the treasury's keys.
    pub treasurers: Vec<Treasurer>,
    /// Vote keys of the founders, at least one.
    pub founders: Vec<MemberId>,
    /// Who may become a member.
    pub admission: Admission,
    /// Length of an epoch in blocks; boundaries are the heights divisible by it.
    pub epoch_blocks: u32,
    /// Confirmations a funding output needs before it weighs anything.
    pub stake_confirmations: u32,
    /// Confirmations after which an anchor link is final.
    pub final_depth: u32,
    /// The hub's own balance in a new channel, in satoshis. Must be 0 for now.
    pub hub_funding_sat: u64,
    /// How stake becomes weight.
    pub weight_rule: WeightRule,
    /// Largest weight of one member, if limited.
    pub per_member_cap: Option<u64>,
    /// How many gates the genesis transaction has, 1 to [`MAX_GATES`].
    pub gates: u8,
    /// Value of each gate in satoshis.
    pub gate_sat: u64,
    /// Value of the first seal in satoshis; the links' fees are paid from it.
    pub seal_sat: u64,
    /// Value of the spare seal in satoshis.
    pub spare_seal_sat: u64,
    /// Highest fee rate of an anchor link, in satoshis per virtual byte.
    pub max_link_fee_rate_sat_vb: u64,
    /// Addresses (`key@host:port` or host:port) at which heads are gossiped.
    pub gossip_peers: Vec<String>,
    /// Rules by class; for classes that pay, bands by amount in ascending order.
    pub classes: Vec<ClassRule>,
    /// Limits on what votes can do.
    pub guards: Guards,
    /// Who may delay or veto what passed.
    pub guardians: Guardians,
    /// Participation rewards and dues.
    pub rewards: Rewards,
    /// Whether members may let others vote for them.
    pub delegation: DelegationLimits,
    /// Limits on comments.
    pub discussion: DiscussionLimits,
    /// Satoshis in the treasury that a proof of the hub's fraud forfeits; 0 for no bond.
    pub hub_bond_sat: u64,
    /// Epochs without an entry after which a member is dormant; 0 for never.
    pub dormant_after_epochs: u32,
    /// Epochs for which a proof of equivocation suspends its author.
    pub equivocation_suspension_epochs: u32,
    /// Blocks after which a header that omits an entry forced through Bitcoin authorises nothing.
    pub forced_entry_delay_blocks: u32,
    /// Whether links are of version 3 with a pay-to-anchor output, so that any member can pay for a stuck one.
    pub anchored_links: bool,
    /// Most blocks of links that a succession may take back.
    pub succession_window_blocks: u32,
    /// Which payments wait where guardians can bring them back; none when absent (G-120).
    pub staging: Option<Staging>,
}

/// One holder of a treasury key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Treasurer {
    /// Name, 1 to [`MAX_NAME`] bytes.
    pub name: String,
    /// Compressed key that identifies them.
    pub key: PublicKey,
}

impl Charter {
    /// Hash that names this charter (G-13).
    #[must_use]
    pub fn hash(&self) -> CharterHash {
        CharterHash(tagged_hash(tag::CHARTER, &[&self.to_bytes()]))
    }

    /// What output 0 of the genesis transaction commits to (G-14).
    #[must_use]
    pub fn founding_commitment(&self) -> [u8; 32] {
        tagged_hash(tag::FOUNDING, &[&self.network.0, &self.hash().0])
    }

    /// The Bitcoin network, if it is one that this software knows.
    #[must_use]
    pub fn bitcoin_network(&self) -> Option<Network> {
        self.network.network()
    }

    /// The rule for a proposal of `class` that moves `amount_sat`: the band with the smallest sufficient limit (G-16).
    /// Returns its index in [`Charter::classes`].
    #[must_use]
    pub fn rule_for(&self, class: Class, amount_sat: u64) -> Option<(u32, &ClassRule)> {
        let mut best: Option<(u32, &ClassRule)> = None;
        for (index, rule) in (0u32..).zip(&self.classes) {
            if rule.class != class || rule.max_amount_sat.is_some_and(|max| amount_sat > max) {
                continue;
            }
            let tighter =
                |old: &ClassRule| rule.max_amount_sat.unwrap_or(u64::MAX) < old.max_amount_sat.unwrap_or(u64::MAX);
            if best.is_none_or(|(_, old)| tighter(old)) {
                best = Some((index, rule));
            }
        }
        best
    }

    /// The first epoch boundary at or above `height`; `None` above the largest height (G-40).
    #[must_use]
    pub fn boundary_at_or_after(&self, height: u32) -> Option<u32> {
        height.checked_next_multiple_of(self.epoch_blocks)
    }
}
