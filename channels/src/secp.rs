//! The one context of libsecp256k1 that this crate computes with.
//!
//! Making one costs as much as a signature, and some callers need several for each commitment. It is blinded when it is made, as any
//! other; nothing that it computes depends on that.

use std::sync::LazyLock;

use bitcoin::secp256k1::{All, Secp256k1};

static CONTEXT: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// Signs, verifies and derives.
pub(crate) fn secp() -> &'static Secp256k1<All> {
    &CONTEXT
}
