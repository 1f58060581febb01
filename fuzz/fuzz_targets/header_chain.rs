//! Files of block headers, by themselves and behind each network's first block.
#![no_main]

use althing_anchor::HeaderChain;
use bitcoin::Network;
use bitcoin::blockdata::constants::genesis_block;
use bitcoin::consensus::serialize;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for network in [Network::Bitcoin, Network::Testnet4, Network::Signet, Network::Regtest] {
        let _ = HeaderChain::from_bytes(network, bytes);
        let mut behind = serialize(&genesis_block(network).header);
        behind.extend_from_slice(bytes);
        let _ = HeaderChain::from_bytes(network, &behind);
    }
});
