//! A chain of block headers from a network's first block, checked by the rules of proof of work.

use bitcoin::block::Header;
use bitcoin::blockdata::constants::genesis_block;
use bitcoin::consensus::encode;
use bitcoin::pow::Work;
use bitcoin::{BlockHash, CompactTarget, Network};
use thiserror::Error;

use crate::difficulty::DifficultyRules;

/// Answers which block is at a height of the best chain: a checked [`HeaderChain`], or a node's own view.
pub trait BlockHashes {
    /// Hash of the block at `height`, or `None` above the tip.
    fn hash_at(&self, height: u32) -> Option<BlockHash>;

    /// Height of the newest block.
    fn tip_height(&self) -> u32;
}

/// Why a header does not continue the chain, or a chain is not to be relied on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The input is not a whole number of 80-byte headers, or has none.
    #[error("A-40: {length} bytes are not a positive whole number of 80-byte headers")]
    BadLength {
        /// Length of the input in bytes.
        length: usize,
    },
    /// The first header is not that of the network's first block.
    #[error("A-40: height 0: the first block of {network} is {expected}, found {found}")]
    WrongGenesis {
        /// The network asked for.
        network: Network,
        /// Hash of the first header.
        found: BlockHash,
        /// Hash of the network's first block.
        expected: BlockHash,
    },
    /// The header names another predecessor.
    #[error("A-41: height {height}: the header follows {found}, the block before it is {expected}")]
    NotLinked {
        /// Height of the header.
        height: u32,
        /// Predecessor that the header names.
        found: BlockHash,
        /// Hash of the header before it.
        expected: BlockHash,
    },
    /// The stated difficulty is not the one that the retarget rules give.
    #[error(
        "A-42: height {height}: difficulty bits {:08x}, the rules give {:08x}",
        found.to_consensus(),
        expected.to_consensus()
    )]
    WrongBits {
        /// Height of the header.
        height: u32,
        /// Bits in the header.
        found: CompactTarget,
        /// Bits by the rules.
        expected: CompactTarget,
    },
    /// The header's hash is above its target.
    #[error("A-41: height {height}: hash {hash} does not meet the target of bits {:08x}", bits.to_consensus())]
    NoProofOfWork {
        /// Height of the header.
        height: u32,
        /// Hash of the header.
        hash: BlockHash,
        /// Bits in the header.
        bits: CompactTarget,
    },
    /// The time is not after the median of the eleven headers before.
    #[error("A-44: height {height}: time {time} is not after the median time {median}")]
    TimeTooOld {
        /// Height of the header.
        height: u32,
        /// Time in the header, seconds since 1970.
        time: u32,
        /// Median of the eleven headers before.
        median: u32,
    },
    /// The first header of a period goes back in time by more than BIP94 allows.
    #[error("A-45: height {height}: time {time} is before {earliest}, the earliest that BIP94 allows")]
    Timewarp {
        /// Height of the header.
        height: u32,
        /// Time in the header, seconds since 1970.
        time: u32,
        /// Earliest time allowed.
        earliest: u32,
    },
    /// All rules hold, but the chain has less work than the network's chain is known to have.
    #[error(
        "A-46: height {height}: total work {found:x} is below the {required:x} that the chain of {network} is known to have"
    )]
    TooLittleWork {
        /// Height of the last header.
        height: u32,
        /// The network.
        network: Network,
        /// Work of the chain given.
        found: Work,
        /// Minimum compiled in.
        required: Work,
    },
    /// More headers than heights.
    #[error("A-40: no height is left after {height}")]
    TooMany {
        /// The last height.
        height: u32,
    },
}

/// A header chain that starts at the network's first block. Keeps 32 bytes a block.
#[derive(Clone, Debug)]
pub struct HeaderChain {
    network: Network,
    hashes: Vec<BlockHash>,
    work: Work,
    rules: DifficultyRules,
}

impl HeaderChain {
    /// The chain of one block, the network's first.
    pub fn new(network: Network) -> Self {
        let genesis = genesis_block(network).header;
        Self {
            network,
            hashes: vec![genesis.block_hash()],
            work: genesis.work(),
            rules: DifficultyRules::new(network, &genesis),
        }
    }

    /// Reads consecutive 80-byte headers, the network's first block included, and checks every rule and the minimum
    /// total work.
    ///
    /// # Errors
    /// [`HeaderError`] with the height and the rule of the first failure. [`HeaderError::TooLittleWork`] means "cannot
    /// tell": the chain may be a good one that is cut short.
    pub fn from_bytes(network: Network, bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.is_empty() || !bytes.len().is_multiple_of(Header::SIZE) {
            return Err(HeaderError::BadLength { length: bytes.len() });
        }
        let mut chain = Self::new(network);
        let mut headers = bytes.chunks_exact(Header::SIZE).map(decode_header);
        if let Some(first) = headers.next() {
            //
            let (found, expected) = (first.block_hash(), chain.tip_hash());
            if found != expected {
                return Err(HeaderError::WrongGenesis { network, found, expected });
            }
        }
        for header in headers {
            chain.connect(&header)?;
        }
        chain.check_minimum_work()?;
        Ok(chain)
    }

    /// Adds the next header after checking it, for headers that arrive one by one. The minimum work is not checked, see
    /// [`HeaderChain::check_minimum_work`]. On an error the chain is unchanged.
    ///
    /// # Errors
    /// [`HeaderError`] with the height and the rule.
    pub fn connect(&mut self, header: &Header) -> Result<(), HeaderError> {
        let tip = self.tip_height();
        let height = tip.checked_add(1).ok_or(HeaderError::TooMany { height: tip })?;
        let hash = self.check(height, header)?;
        self.hashes.push(hash);
        self.work = self.work + header.work();
        self.rules.push(height, header);
        Ok(())
    }

    /// Whether the chain has at least the [`minimum_work`] of its network.
    ///
    /// # Errors
    /// [`HeaderError::TooLittleWork`].
    pub fn check_minimum_work(&self) -> Result<(), HeaderError> {
        let required = minimum_work(self.network);
        if self.work < required {
            let (height, network, found) = (self.tip_height(), self.network, self.work);
            return Err(HeaderError::TooLittleWork { height, network, found, required });
        }
        Ok(())
    }

    /// The network whose rules were applied.
    pub fn network(&self) -> Network {
        self.network
    }

    /// Hash of the newest block.
    pub fn tip_hash(&self) -> BlockHash {
        *self.hashes.last().expect("a chain has its first block")
    }

    /// Total work of the chain: the expected number of hashes it took.
    pub fn work(&self) -> Work {
        self.work
    }

    fn check(&self, height: u32, header: &Header) -> Result<BlockHash, HeaderError> {
        //
        let expected = self.tip_hash();
        if header.prev_blockhash != expected {
            return Err(HeaderError::NotLinked { height, found: header.prev_blockhash, expected });
        }
        // Comparing with the required bits first means that no unusual bits are ever turned into a target.
        let required = self.rules.required_bits(height, header.time);
        if header.bits != required {
            return Err(HeaderError::WrongBits { height, found: header.bits, expected: required });
        }
        let hash = header.block_hash();
        if !header.target().is_met_by(hash) {
            return Err(HeaderError::NoProofOfWork { height, hash, bits: header.bits });
        }
        //
        let median = self.rules.median_time();
        if header.time <= median {
            return Err(HeaderError::TimeTooOld { height, time: header.time, median });
        }
        //
        if let Some(earliest) = self.rules.timewarp_limit(height).filter(|earliest| header.time < *earliest) {
            return Err(HeaderError::Timewarp { height, time: header.time, earliest });
        }
        Ok(hash)
    }
}

impl BlockHashes for HeaderChain {
    fn hash_at(&self, height: u32) -> Option<BlockHash> {
        self.hashes.get(usize::try_from(height).ok()?).copied()
    }

    fn tip_height(&self) -> u32 {
        u32::try_from(self.hashes.len() - 1).expect("connect stops at the last u32 height")
    }
}

/// Least total work of a chain that is worth relying on: what the network was known to have when this was written
/// (Bitcoin Core 31's `nMinimumChainWork`); zero on regtest.
pub fn minimum_work(network: Network) -> Work {
    let work = match network {
        Network::Bitcoin => "0x1128750f82f4c366153a3a030",
        Network::Testnet => "0x17dde1c649f3708d14b6",
        Network::Testnet4 => "0x9a0fe15d0177d086304",
        Network::Signet => "0xb463ea0a4b8",
        Network::Regtest => "0x0",
    };
    Work::from_hex(work).expect("the constants above are hexadecimal")
}

/// What a checked header chain of `network` does not prove, in words for the reader of a verification; `None` where
/// the work speaks for itself.
pub fn work_caveat(network: Network) -> Option<&'static str> {
    match network {
        Network::Bitcoin => None,
        Network::Testnet | Network::Testnet4 => {
            Some("test network: blocks are cheap to make, so their work proves little")
        }
        Network::Signet => Some("signet: the block signatures are not in the headers and were not checked"),
        Network::Regtest => Some("regtest: anybody can make such blocks at once, so their work proves nothing"),
    }
}

fn decode_header(bytes: &[u8]) -> Header {
    encode::deserialize(bytes).expect("any 80 bytes are a header")
}
