//! Fixed keys, a small regtest chain with real proof of work, and a founded DAO with links on it.

use althing_anchor::{
    BlockHashes, ClaimedLink, Commitment, Genesis, GenesisParams, HeaderChain, LinkBuilder, LinkEvidence, NonceRound,
    Operators, Seal, SealPledge, SessionEntropy, SignedLink, Treasury, TxInclusion, UnsignedLink, genesis_outputs,
    verify_genesis,
};
use bitcoin::absolute::LockTime;
use bitcoin::bip32::{Xpriv, Xpub};
use bitcoin::block::{Header, Version as BlockVersion};
use bitcoin::consensus::encode;
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{All, Keypair, Secp256k1};
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, FeeRate, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut, Txid, Witness,
    XOnlyPublicKey, merkle_tree,
};

pub(crate) const CAP: FeeRate = FeeRate::from_sat_per_vb_u32(100);

pub(crate) fn secp() -> Secp256k1<All> {
    Secp256k1::new()
}

/// The keypair whose secret is `n` repeated.
pub(crate) fn keypair(n: u8) -> Keypair {
    Keypair::from_seckey_slice(&secp(), &[n; 32]).unwrap()
}

pub(crate) fn key(n: u8) -> XOnlyPublicKey {
    keypair(n).x_only_public_key().0
}

pub(crate) fn commitment(n: u8) -> Commitment {
    Commitment::new([n; 32])
}

/// Extended public key of a test treasurer.
pub(crate) fn xpub(n: u8) -> Xpub {
    Xpub::from_priv(&secp(), &Xpriv::new_master(Network::Regtest, &[n; 32]).unwrap())
}

pub(crate) fn treasury_text() -> String {
    format!("wsh(sortedmulti(2,{}/0/*,{}/0/*,{}/0/*))", xpub(1), xpub(2), xpub(3))
}

pub(crate) fn treasury() -> Treasury {
    Treasury::parse(&treasury_text()).unwrap()
}

pub(crate) fn genesis_params() -> GenesisParams {
    GenesisParams {
        anchor_key: key(11),
        founding_commitment: commitment(0xf0),
        treasury: treasury(),
        seal: Amount::from_sat(100_000),
        spare_seal: Amount::from_sat(10_000),
        gate: Amount::from_sat(1_000),
        gates: 3,
    }
}

pub(crate) fn input(txid: Txid, vout: u32) -> TxIn {
    TxIn {
        previous_output: OutPoint { txid, vout },
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    }
}

pub(crate) fn transaction(input: Vec<TxIn>, output: Vec<TxOut>) -> Transaction {
    Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output }
}

/// The genesis transaction as a wallet makes it: the asked-for outputs, then change.
pub(crate) fn genesis_transaction(params: &GenesisParams) -> Transaction {
    let mut outputs = genesis_outputs(params).unwrap();
    outputs.push(TxOut { value: Amount::from_sat(77_777), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) });
    transaction(vec![input(Txid::from_byte_array([9; 32]), 4)], outputs)
}

/// Some transaction that has nothing to do with the DAO.
pub(crate) fn stranger(n: u32) -> Transaction {
    let output = TxOut { value: Amount::from_sat(546), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) };
    transaction(vec![input(Txid::from_byte_array([0xee; 32]), n)], vec![output])
}

pub(crate) fn signed(seal: Seal, signer: u8, next: u8, commits: Commitment, sat_per_vb: u32) -> SignedLink {
    LinkBuilder::new(seal, key(next), commits)
        .build(FeeRate::from_sat_per_vb_u32(sat_per_vb), CAP)
        .unwrap()
        .sign(&keypair(signer), &[7; 32])
        .unwrap()
}

/// Test operators by the number of their key.
pub(crate) fn operators(numbers: &[u8]) -> Operators {
    Operators::new(numbers.iter().map(|n| keypair(*n).public_key()).collect()).unwrap()
}

/// Runs a whole signing session among operators, each with entropy made of `seed` and its number.
pub(crate) fn signed_by_all(unsigned: &UnsignedLink, numbers: &[u8], seed: u8) -> SignedLink {
    let mut begun: Vec<_> = numbers
        .iter()
        .map(|n| {
            let entropy = SessionEntropy::new([seed.wrapping_add(*n).max(1); 32]).unwrap();
            let pledge = SealPledge::of(unsigned);
            NonceRound::begin(operators(numbers), unsigned.clone(), &pledge, keypair(*n), entropy).unwrap()
        })
        .collect();
    let nonces: Vec<_> = begun.iter().map(|(_, nonce)| *nonce).collect();
    for (round, _) in &mut begun {
        for (n, nonce) in numbers.iter().zip(&nonces) {
            round.receive(&keypair(*n).public_key(), *nonce).unwrap();
        }
    }
    let mut shared: Vec<_> = begun.into_iter().map(|(round, _)| round.sign().unwrap()).collect();
    let shares: Vec<_> = shared.iter().map(|(_, share)| *share).collect();
    for (round, _) in &mut shared {
        for (n, share) in numbers.iter().zip(&shares) {
            round.receive(&keypair(*n).public_key(), *share).unwrap();
        }
    }
    let links: Vec<_> = shared.into_iter().map(|(round, _)| round.finish().unwrap()).collect();
    assert!(links.windows(2).all(|pair| pair[0] == pair[1]));
    links[0].clone()
}

/// A header with regtest proof of work.
pub(crate) fn mine_header(mut header: Header) -> Header {
    while !header.target().is_met_by(header.block_hash()) {
        header.nonce += 1;
    }
    header
}

/// A regtest chain whose blocks are kept.
pub(crate) struct Sim {
    pub(crate) chain: HeaderChain,
    pub(crate) headers: Vec<Header>,
    blocks: Vec<Vec<Transaction>>,
}

impl Sim {
    pub(crate) fn new() -> Self {
        let genesis = bitcoin::blockdata::constants::genesis_block(Network::Regtest);
        Self { chain: HeaderChain::new(Network::Regtest), headers: vec![genesis.header], blocks: vec![genesis.txdata] }
    }

    /// Mines a block with a coinbase and these transactions; returns its height.
    pub(crate) fn mine(&mut self, transactions: Vec<Transaction>) -> u32 {
        let height = self.chain.tip_height() + 1;
        let mut block = vec![coinbase(height)];
        block.extend(transactions);
        let root = merkle_tree::calculate_root(block.iter().map(Transaction::compute_txid)).unwrap();
        let previous = self.headers.last().unwrap();
        let header = mine_header(Header {
            version: BlockVersion::from_consensus(0x2000_0000),
            prev_blockhash: previous.block_hash(),
            merkle_root: TxMerkleNode::from_raw_hash(root.to_raw_hash()),
            time: previous.time + 600,
            bits: previous.bits,
            nonce: 0,
        });
        self.chain.connect(&header).unwrap();
        self.headers.push(header);
        self.blocks.push(block);
        height
    }

    pub(crate) fn mine_empty(&mut self, count: u32) {
        for _ in 0..count {
            self.mine(vec![]);
        }
    }

    /// Inclusion of a mined transaction.
    pub(crate) fn inclusion(&self, txid: Txid) -> TxInclusion {
        let ids = |block: &Vec<Transaction>| block.iter().map(Transaction::compute_txid).collect::<Vec<_>>();
        let height = self.blocks.iter().position(|block| ids(block).contains(&txid)).unwrap();
        TxInclusion::from_block_txids(self.headers[height], height as u32, &ids(&self.blocks[height]), txid).unwrap()
    }

    pub(crate) fn evidence(&self, transaction: &Transaction) -> LinkEvidence {
        LinkEvidence::new(transaction.clone(), self.inclusion(transaction.compute_txid()))
    }

    pub(crate) fn header_bytes(&self) -> Vec<u8> {
        self.headers.iter().flat_map(encode::serialize).collect()
    }
}

fn coinbase(height: u32) -> Transaction {
    let mut reward = transaction(vec![input(Txid::all_zeros(), u32::MAX)], vec![]);
    reward.input[0].script_sig = ScriptBuf::builder().push_int(height.into()).push_int(0).into_script();
    reward.output.push(TxOut { value: Amount::from_sat(50), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) });
    reward
}

/// A founded DAO with links on a regtest chain.
pub(crate) struct Story {
    pub(crate) sim: Sim,
    pub(crate) genesis: Genesis,
    pub(crate) genesis_evidence: LinkEvidence,
    pub(crate) links: Vec<(Commitment, XOnlyPublicKey, LinkEvidence)>,
    /// The seal after the last link.
    pub(crate) seal: Seal,
}

impl Story {
    /// The genesis transaction at height 1, link i at height 2 i + 1 among strangers, then two empty blocks.
    pub(crate) fn with_links(count: u8) -> Self {
        let params = genesis_params();
        let founding = genesis_transaction(&params);
        let genesis = verify_genesis(&founding, &params).unwrap();
        let mut sim = Sim::new();
        sim.mine(vec![stranger(0), founding.clone()]);
        let genesis_evidence = sim.evidence(&founding);
        let mut seal = genesis.first_seal;
        let mut links = vec![];
        for number in 1..=count {
            let signer = 10 + number;
            let link = signed(seal, signer, signer + 1, commitment(number), 2);
            sim.mine_empty(1);
            let others = (0..u32::from(number) + 2).map(|n| stranger(u32::from(number) * 100 + n));
            sim.mine(others.chain([link.transaction().clone()]).collect());
            links.push((commitment(number), key(signer + 1), sim.evidence(link.transaction())));
            seal = link.seal();
        }
        sim.mine_empty(2);
        Self { sim, genesis, genesis_evidence, links, seal }
    }

    pub(crate) fn claims(&self) -> Vec<ClaimedLink<'_>> {
        self.links
            .iter()
            .map(|(commitment, anchor_key, evidence)| ClaimedLink {
                commitment: *commitment,
                anchor_key: *anchor_key,
                evidence,
            })
            .collect()
    }
}
