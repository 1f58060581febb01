//! Messages of what others keep for a member: justice at towers, backups at the hub, and which copy of its folder is the live one.

use lightning::impl_writeable_tlv_based;

/// A victim-to-be gives a tower a sealed justice transaction (C-83).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TowerStore {
    /// [`Hint`](crate::tower::Hint) of the revoked commitment.
    pub hint: [u8; 16],
    /// Nonce, ciphertext and tag.
    pub blob: Vec<u8>,
}

impl_writeable_tlv_based!(TowerStore, {
    (0, hint, required),
    (2, blob, required),
});

/// The tower's answer, sent when the blob is stored durably (C-82).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TowerStored {
    /// Digest of the blob.
    pub blob: [u8; 32],
    /// Height of the tower's tip when it took the blob.
    pub from_height: u32,
    /// Height up to which it keeps it.
    pub until_height: u32,
    /// The tower's signature.
    pub signature: [u8; 64],
}

impl_writeable_tlv_based!(TowerStored, {
    (0, blob, required),
    (2, from_height, required),
    (4, until_height, required),
    (6, signature, required),
});

/// Which part of a backup a message carries; one that fits in a message has no parts (C-90).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartOf {
    /// From 0.
    pub part: u16,
    /// How many there are.
    pub parts: u16,
}

impl_writeable_tlv_based!(PartOf, {
    (0, part, required),
    (2, parts, required),
});

/// A member gives the hub its sealed backup (C-90).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupStore {
    /// The sealed backup, or this part of it.
    pub sealed: Vec<u8>,
    /// Which part.
    pub part: Option<PartOf>,
}

impl_writeable_tlv_based!(BackupStore, {
    (0, sealed, required),
    (2, part, option),
});

/// The hub has stored the backup with this counter durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupStored {
    /// Counter of the newest backup that the hub holds of this member.
    pub counter: u64,
}

impl_writeable_tlv_based!(BackupStored, {
    (0, counter, required),
});

/// A member asks for its backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFetch {}

impl_writeable_tlv_based!(BackupFetch, {});

/// The hub gives back the newest backup that it holds of this member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupData {
    /// The sealed backup, or this part of it; absent when the hub holds none.
    pub sealed: Option<Vec<u8>>,
    /// Which part.
    pub part: Option<PartOf>,
}

impl_writeable_tlv_based!(BackupData, {
    (1, sealed, option),
    (2, part, option),
});

/// A member says which of its lives it is in, before it says anything else that matters (C-95).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseClaim {
    /// Grows with every start on one database; 0 from a database that has never been granted one.
    pub counter: u64,
    /// Random for every start.
    pub token: [u8; 32],
}

impl_writeable_tlv_based!(LeaseClaim, {
    (0, counter, required),
    (2, token, required),
});

/// The hub knows of no later life, and will refuse all earlier ones from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseGranted {
    /// The counter under which this life is known.
    pub counter: u64,
    /// The token of the claim.
    pub token: [u8; 32],
}

impl_writeable_tlv_based!(LeaseGranted, {
    (0, counter, required),
    (2, token, required),
});
