//! Header chains that break a rule of proof of work are refused with height and rule.

use althing_anchor::{BlockHashes, HeaderChain, HeaderError, minimum_work, work_caveat};
use bitcoin::block::Header;
use bitcoin::consensus::encode;
use bitcoin::hashes::Hash;
use bitcoin::{BlockHash, CompactTarget, Network};
use proptest::prelude::*;

use crate::support::{Sim, mine_header};

/// Mainnet headers 1 to 3.
const MAINNET: [&str; 3] = [
    "010000006fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000982051fd1e4ba744bbbe680e1fee14677ba1a3c3540bf7b1cdb606e857233e0e61bc6649ffff001d01e36299",
    "010000004860eb18bf1b1620e37e9490fc8a427514416fd75159ab86688e9a8300000000d5fdcc541e25de1c7a5addedf24858b8bb665c9f36ef744ee42c316022c90f9bb0bc6649ffff001d08d2bd61",
    "01000000bddd99ccfda39da1b108ce1a5d70038d0a967bacb68b6b63065f626a0000000044f672226090d85db9a9f2fbfe5f0f9609b387af7be5b7fbb7a1767c831c9e995dbe6649ffff001d05e0ed6d",
];

fn genesis(network: Network) -> Header {
    bitcoin::blockdata::constants::genesis_block(network).header
}

fn mainnet() -> Vec<Header> {
    MAINNET.iter().map(|hex| encode::deserialize_hex(hex).unwrap()).collect()
}

fn bytes(headers: &[Header]) -> Vec<u8> {
    headers.iter().flat_map(encode::serialize).collect()
}

#[test]
fn real_headers_connect() {
    let mut chain = HeaderChain::new(Network::Bitcoin);
    for header in mainnet() {
        chain.connect(&header).unwrap();
    }
    assert_eq!(chain.tip_height(), 3);
    assert_eq!(chain.tip_hash().to_string(), "0000000082b5015589a3fdf2d4baff403e6f0be035a5d9742c1cae6295464449");
    // 0x100010001 hashes a block at the first difficulty.
    assert_eq!(format!("{:x}", chain.work()), format!("{:064x}", 4u128 * 0x1_0001_0001));
    assert_eq!(chain.hash_at(1), Some(mainnet()[0].block_hash()));
    assert_eq!(chain.hash_at(4), None);
}

#[test]
fn a_short_mainnet_chain_has_too_little_work() {
    let mut headers = vec![genesis(Network::Bitcoin)];
    headers.extend(mainnet());
    let refusal = HeaderChain::from_bytes(Network::Bitcoin, &bytes(&headers)).unwrap_err();
    assert!(matches!(refusal, HeaderError::TooLittleWork { height: 3, network: Network::Bitcoin, .. }), "{refusal}");
}

#[test]
fn changed_mainnet_headers_are_refused() {
    let connect_after = |count: usize, edit: &dyn Fn(&mut Header)| {
        let mut chain = HeaderChain::new(Network::Bitcoin);
        let headers = mainnet();
        headers[..count].iter().for_each(|header| chain.connect(header).unwrap());
        let mut next = headers[count];
        edit(&mut next);
        let before = chain.tip_hash();
        let refusal = chain.connect(&next).unwrap_err();
        assert_eq!(chain.tip_hash(), before, "a refused header changes nothing");
        refusal
    };
    let easy = CompactTarget::from_consensus(0x207f_ffff);
    assert!(matches!(connect_after(1, &|h| h.nonce += 1), HeaderError::NoProofOfWork { height: 2, .. }));
    assert!(matches!(connect_after(1, &|h| h.time += 1), HeaderError::NoProofOfWork { height: 2, .. }));
    assert!(matches!(connect_after(1, &|h| h.bits = easy), HeaderError::WrongBits { height: 2, .. }));
    let skipped = connect_after(1, &|h| *h = mainnet()[2]);
    let (found, expected) = (mainnet()[1].block_hash(), mainnet()[0].block_hash());
    assert_eq!(skipped, HeaderError::NotLinked { height: 2, found, expected });
}

/// Bits that would overflow or be negative are compared, never evaluated.
#[test]
fn absurd_bits_do_not_panic() {
    for bits in [0, 1, 0x0080_0000, 0x1d80_ffff, 0xff7f_ffff, 0xffff_ffff, 0x2300_0001] {
        let mut header = mainnet()[0];
        header.bits = CompactTarget::from_consensus(bits);
        let refusal = HeaderChain::new(Network::Bitcoin).connect(&header).unwrap_err();
        assert!(matches!(refusal, HeaderError::WrongBits { height: 1, .. }), "{bits:08x}: {refusal}");
    }
}

#[test]
fn a_chain_begins_with_its_networks_first_block() {
    let networks = [Network::Bitcoin, Network::Testnet, Network::Testnet4, Network::Signet, Network::Regtest];
    for network in networks {
        for other in networks.into_iter().filter(|other| *other != network) {
            let refusal = HeaderChain::from_bytes(network, &bytes(&[genesis(other)])).unwrap_err();
            let (found, expected) = (genesis(other).block_hash(), genesis(network).block_hash());
            assert_eq!(refusal, HeaderError::WrongGenesis { network, found, expected });
        }
    }
    assert!(HeaderChain::from_bytes(Network::Regtest, &bytes(&[genesis(Network::Regtest)])).is_ok());
}

#[test]
fn a_ragged_file_is_refused() {
    let whole = bytes(&[genesis(Network::Regtest)]);
    for cut in 0..whole.len() {
        let refusal = HeaderChain::from_bytes(Network::Regtest, &whole[..cut]).unwrap_err();
        assert_eq!(refusal, HeaderError::BadLength { length: cut });
    }
    let longer = [whole, vec![0]].concat();
    assert!(matches!(HeaderChain::from_bytes(Network::Regtest, &longer), Err(HeaderError::BadLength { length: 81 })));
}

#[test]
fn a_regtest_chain_is_read_back() {
    let mut sim = Sim::new();
    sim.mine_empty(30);
    let chain = HeaderChain::from_bytes(Network::Regtest, &sim.header_bytes()).unwrap();
    assert_eq!((chain.tip_height(), chain.tip_hash()), (30, sim.headers[30].block_hash()));
    // Two hashes a block on regtest.
    assert_eq!(format!("{:x}", chain.work()), format!("{:064x}", 31 * 2));
    assert!(work_caveat(Network::Regtest).unwrap().contains("proves nothing"));
    assert!(work_caveat(Network::Signet).unwrap().contains("not checked"));
    assert_eq!(work_caveat(Network::Bitcoin), None);
}

/// The median of the last eleven, by an independent count: more than half are below the limit or equal to it.
#[test]
fn time_must_pass_the_median() {
    let mut sim = Sim::new();
    sim.mine_empty(11);
    let median = sim.headers[6].time;
    let mut next = *sim.headers.last().unwrap();
    next.prev_blockhash = next.block_hash();
    next.time = median;
    let refusal = sim.chain.connect(&mine_header(next)).unwrap_err();
    assert_eq!(refusal, HeaderError::TimeTooOld { height: 12, time: median, median });
    next.time = median + 1;
    sim.chain.connect(&mine_header(next)).unwrap();
}

#[test]
fn regtest_has_one_difficulty_for_ever() {
    let mut sim = Sim::new();
    sim.mine_empty(2_020);
    assert_eq!(sim.headers[2_016].bits, genesis(Network::Regtest).bits);
    let mut harder = sim.headers[2_020];
    harder.prev_blockhash = harder.block_hash();
    harder.time += 1;
    harder.bits = CompactTarget::from_consensus(0x207f_fffe);
    let refusal = sim.chain.connect(&mine_header(harder)).unwrap_err();
    assert!(matches!(refusal, HeaderError::WrongBits { height: 2_021, .. }));
}

#[test]
fn minimum_work_is_set_where_work_means_something() {
    let zero = minimum_work(Network::Regtest);
    for network in [Network::Bitcoin, Network::Testnet, Network::Testnet4, Network::Signet] {
        assert!(minimum_work(network) > zero, "{network}");
    }
    assert!(minimum_work(Network::Bitcoin).log2() > 96.0);
}

proptest! {
    #[test]
    fn no_bytes_panic(mut tail in proptest::collection::vec(any::<u8>(), 0..400), network in 0usize..5) {
        let network = [Network::Bitcoin, Network::Testnet, Network::Testnet4, Network::Signet, Network::Regtest][network];
        let _ = HeaderChain::from_bytes(network, &tail);
        let mut file = bytes(&[genesis(network)]);
        file.append(&mut tail);
        let _ = HeaderChain::from_bytes(network, &file);
    }

    /// Any flipped bit of a regtest header makes it or the next one fail, whatever it hits.
    #[test]
    fn any_flipped_bit_is_found(bit in 0usize..640, height in 0usize..4) {
        let mut sim = Sim::new();
        sim.mine_empty(5);
        let mut file = sim.header_bytes();
        file[height * 80 + bit / 8] ^= 1 << (bit % 8);
        prop_assert!(HeaderChain::from_bytes(Network::Regtest, &file).is_err());
    }
}

#[test]
fn an_unknown_predecessor_is_refused() {
    let mut header = genesis(Network::Regtest);
    header.prev_blockhash = BlockHash::all_zeros();
    let refusal = HeaderChain::new(Network::Regtest).connect(&mine_header(header)).unwrap_err();
    assert!(matches!(refusal, HeaderError::NotLinked { height: 1, .. }));
}
