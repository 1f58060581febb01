//! One libsecp256k1 context for the crate.

use std::sync::LazyLock;

use bitcoin::secp256k1::{All, Secp256k1};

/// The shared context. Its tables are constants; building it once saves an allocation per tweak.
pub(crate) fn secp() -> &'static Secp256k1<All> {
    static CONTEXT: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);
    &CONTEXT
}
