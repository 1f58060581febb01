//! Development only: bitcoind on regtest, scenarios, the demo, end-to-end tests
