//! What goes into a check and what comes out.

/// One signature to be checked (S-1). Any bytes are allowed: bytes that are no key or signature are an invalid signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// X-only public key (E-11).
    pub key: [u8; 32],
    /// The signed message, of any length below 2^32; Althing signs 32 bytes (E-13).
    pub message: &'a [u8],
    /// r and s, 32 bytes each (BIP340).
    pub signature: [u8; 64],
}

impl Item<'_> {
    /// x coordinate of the nonce point R, as bytes.
    #[must_use]
    pub fn r(&self) -> [u8; 32] {
        self.signature[..32].try_into().expect("32 of 64 bytes")
    }

    /// The scalar s, as bytes.
    #[must_use]
    pub fn s(&self) -> [u8; 32] {
        self.signature[32..].try_into().expect("32 of 64 bytes")
    }
}

/// The outcome for one batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Verdict {
    /// Indices of the invalid signatures, ascending; libsecp256k1 refused every one of them. All others are valid.
    pub invalid: Vec<usize>,
}

impl Verdict {
    /// True when no signature is invalid.
    #[must_use]
    pub fn is_all_valid(&self) -> bool {
        self.invalid.is_empty()
    }
}
