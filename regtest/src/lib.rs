//! Development only: bitcoind on regtest, scenarios, the demo, end-to-end tests

mod provision;
mod version;

pub use provision::{
    Bitcoind, BuildBitcoind, CoreFromSource, Progress, ProvisionError, Provisioner,
};
pub use version::Version;
