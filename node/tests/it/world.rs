//! A small DAO in memory: hub, six members, and the chain that they anchor to.

use althing_anchor::{Commitment, LinkBuilder, Seal, genesis_outputs};
use althing_channels::funding_script;
use althing_governance::charter::{AssociationArguments, Charter, Class, association_template};
use althing_governance::codec::Canonical as _;
use althing_governance::dao::{DaoParams, channel_id};
use althing_governance::entry::{
    Anchored, Ballot, Bind, BindTerms, Checkpoint, CheckpointFunding, Choice, Effect, Entry, LaneEntry, LogHead,
    ProposalContent, SignedCheckpoint, Spend, SpendOutput,
};
use althing_governance::epoch::{EpochClose, EpochHeader};
use althing_governance::id::{MemberId, ProposalId};
use althing_governance::receipt::{Receipt, batch_tree};
use althing_governance::signing::{Signed, Statement as _};
use althing_node::dao::{Dao, genesis_params};
use althing_node::ledger::{Ledger, LedgerError};
use althing_node::proof::bundle::{Bundle, EpochPart, Statement, SuccessionPart};
use althing_node::store::Segment;
use bitcoin::bip32::{Xpriv, Xpub};
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::{All, Keypair, Secp256k1};
use bitcoin::{Amount, BlockHash, FeeRate, Network, OutPoint, ScriptBuf, Transaction, TxOut, Txid};

use crate::chain::{Chain, input, transaction};

pub(crate) const AUX: [u8; 32] = [7; 32];
pub(crate) const MEMBERS: u8 = 6;
const EPOCH_BLOCKS: u32 = 6;
pub(crate) const FINAL_DEPTH: u32 = 2;
const HUB: u8 = 99;
pub(crate) const LOG: u8 = 98;
pub(crate) const ANCHOR: u8 = 97;

/// Everything that hub and members know, and the keys of all of them.
pub(crate) struct World {
    pub(crate) secp: Secp256k1<All>,
    pub(crate) dao: Dao,
    pub(crate) chain: Chain,
    pub(crate) ledger: Ledger,
    pub(crate) segments: Vec<Segment>,
    /// Canonical bytes of the whole log.
    pub(crate) log: Vec<Vec<u8>>,
    /// What was anchored, epoch by epoch; of a dishonest hub not what the log gives.
    pub(crate) closes: Vec<EpochClose>,
    pub(crate) links: Vec<Txid>,
    /// Who holds the log and the links: numbers of log key and anchor key.
    pub(crate) office: (u8, u8),
    /// Hubs that a succession put in.
    pub(crate) successions: Vec<SuccessionPart>,
    pub(crate) seal: Seal,
    sealed: usize,
}

impl World {
    /// Founded at height 1, all stakes on chain and bound, nothing anchored yet.
    pub(crate) fn founded() -> Self {
        Self::founded_under(charter())
    }

    /// As [`Self::founded`] with a charter of the caller's.
    pub(crate) fn founded_under(charter: Charter) -> Self {
        let params = genesis_params(&charter).unwrap();
        let mut outputs = genesis_outputs(&params).unwrap();
        outputs.push(TxOut { value: Amount::from_sat(77_777), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) });
        let founding = transaction(vec![input(Txid::from_byte_array([9; 32]), 4)], outputs);
        let dao = Dao::new(charter, founding.clone(), 0, "hub".into()).unwrap();
        let mut chain = Chain::new();
        chain.mine(vec![founding]);
        let seal = dao.genesis.first_seal;
        let ledger = Ledger::new(dao.params.clone());
        let (log, segments, closes, links) = Default::default();
        let secp = Secp256k1::new();
        let (office, successions) = ((LOG, ANCHOR), Vec::new());
        let mut world =
            Self { secp, dao, chain, ledger, segments, log, closes, links, office, successions, seal, sealed: 0 };
        world.block(vec![]);
        let fundings: Vec<Transaction> = (1..=MEMBERS).map(funding_transaction).collect();
        world.block(fundings.clone());
        for (member, funding) in (1..).zip(fundings) {
            world.join(member, OutPoint { txid: funding.compute_txid(), vout: 0 });
        }
        world
    }

    pub(crate) fn params(&self) -> &DaoParams {
        &self.dao.params
    }

    /// The file that shows a statement by the links of the first `epochs` epochs.
    pub(crate) fn file(&self, epochs: usize, statement: Statement) -> Vec<u8> {
        let parts = self.closes.iter().zip(&self.links).take(epochs);
        let evidence = |link| self.chain.evidence(link);
        let bundle = Bundle {
            charter: self.params().charter.clone(),
            changes: Vec::new(),
            successions: Vec::new(),
            moves: Vec::new(),
            genesis: evidence(self.params().first_seal.txid),
            epochs: parts.map(|(close, link)| EpochPart { header: close.header, link: evidence(*link) }).collect(),
            behind: Vec::new(),
            statement,
        };
        bundle.to_bytes()
    }

    /// Takes an entry in as a hub does: every check first.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let bytes = entry.to_bytes();
        let entry = self.ledger.examine(&bytes)?;
        self.ledger.append(entry, &mut self.chain)?;
        self.log.push(bytes);
        Ok(())
    }

    /// A block, its head, and the segment of all that was logged since the last one.
    pub(crate) fn block(&mut self, transactions: Vec<Transaction>) {
        self.chain.mine(transactions);
        self.head();
    }

    /// The head of the newest block, and the segment of all that was logged since the last one.
    pub(crate) fn head(&mut self) {
        let head = self.head_of(self.chain.hash(self.chain.height()));
        self.append(&head).unwrap();
        self.seal_segment();
    }

    /// The hub's head over the log as it is, at the chain's height, of a block that may be made up.
    pub(crate) fn head_of(&self, tip_hash: BlockHash) -> Entry {
        let (state, p) = (self.ledger.state(), self.params());
        let head = LogHead {
            network: p.network,
            dao: p.dao_id,
            size: state.size(),
            root: state.root(),
            tip_height: self.chain.height(),
            tip_hash,
        };
        Entry::Head(head.sign(&self.secp, &keypair(self.office.0), &AUX))
    }

    pub(crate) fn blocks_to(&mut self, height: u32) {
        while self.chain.height() < height {
            self.block(vec![]);
        }
    }

    /// Closes the next epoch at the coming boundary. Not anchored yet.
    pub(crate) fn close(&mut self) -> EpochClose {
        let boundary = (self.chain.height() / EPOCH_BLOCKS + 1) * EPOCH_BLOCKS;
        self.blocks_to(boundary + FINAL_DEPTH - 1);
        let (epoch, hash) = (self.closes.len() as u32 + 1, self.chain.hash(boundary));
        self.ledger.close_epoch(epoch, boundary, hash, &mut self.chain).unwrap().clone()
    }

    /// Anchors this, whatever it is, with a real link, and returns the entry that states it.
    pub(crate) fn anchor(&mut self, close: EpochClose) -> Entry {
        let header = close.header;
        let key = self.ledger.link_key(header.epoch);
        let rate = FeeRate::from_sat_per_vb(2).unwrap();
        let link = LinkBuilder::new(self.seal, key, commitment(&header)).build(rate, rate).unwrap();
        let link = link.sign(&keypair(self.office.1), &AUX).unwrap();
        self.seal = link.seal();
        self.block(vec![link.transaction().clone()]);
        let mined_height = self.chain.height();
        self.blocks_to(mined_height + FINAL_DEPTH - 1);
        let txid = link.transaction().compute_txid();
        self.links.push(txid);
        self.closes.push(close);
        self.sign_anchored(header, txid, mined_height)
    }

    pub(crate) fn sign_anchored(&self, header: EpochHeader, link: Txid, mined_height: u32) -> Entry {
        let (network, dao) = (self.params().network, self.params().dao_id);
        let mined_hash = self.chain.hash(mined_height);
        let anchored = Anchored { network, dao, header, link, mined_height, mined_hash };
        self.sign_statement(anchored)
    }

    pub(crate) fn sign_statement(&self, anchored: Anchored) -> Entry {
        Entry::Anchored(anchored.sign(&self.secp, &keypair(self.office.0), &AUX))
    }

    /// Closes, anchors and logs an epoch.
    pub(crate) fn finish_epoch(&mut self) {
        let close = self.close();
        let entry = self.anchor(close);
        self.append(&entry).unwrap();
    }

    pub(crate) fn propose(&mut self, author: u8, content: ProposalContent) -> ProposalId {
        let id = content.id(self.params().network, self.params().dao_id, member_id(author));
        let lane = self.ledger.state().next_lane_header(member_id(author), 1);
        let entry = LaneEntry::sign(&self.secp, lane, content, &keypair(author), &AUX);
        self.append(&Entry::Proposal(entry)).unwrap();
        id
    }

    pub(crate) fn ballot(&self, member: u8, proposal: ProposalId, choice: Choice) -> Entry {
        let lane = self.ledger.state().next_lane_header(member_id(member), 1);
        Entry::Ballot(LaneEntry::sign(&self.secp, lane, Ballot::new(proposal, choice, None), &keypair(member), &AUX))
    }

    pub(crate) fn vote(&mut self, member: u8, proposal: ProposalId, choice: Choice) {
        let entry = self.ballot(member, proposal, choice);
        self.append(&entry).unwrap();
    }

    /// The receipt as the hub makes it, for entries at `first` when the log is then as `log`.
    pub(crate) fn receipt(&self, first: u64, entries: &[Vec<u8>], log: &[Vec<u8>], signer: u8) -> Signed<Receipt> {
        let receipt = Receipt {
            network: self.params().network,
            dao: self.params().dao_id,
            first_position: first,
            count: entries.len() as u32,
            batch_root: batch_tree(entries.iter().map(Vec::as_slice)).root(),
            log_size: log.len() as u64,
            log_root: batch_tree(log.iter().map(Vec::as_slice)).root(),
            tip_height: self.chain.height(),
            tip_hash: self.chain.hash(self.chain.height()),
            anchored_by_height: self.chain.height() + 20,
        };
        receipt.sign(&self.secp, &keypair(signer), &AUX)
    }

    /// As [`Self::receipt`] with the hub's log key.
    pub(crate) fn hub_receipt(&self, first: u64, entries: &[Vec<u8>], log: &[Vec<u8>]) -> Signed<Receipt> {
        self.receipt(first, entries, log, self.office.0)
    }

    fn seal_segment(&mut self) {
        let (first_position, entries) = (self.sealed as u64, self.log[self.sealed..].to_vec());
        let receipt = self.hub_receipt(first_position, &entries, &self.log);
        self.segments.push(Segment { first_position, entries, receipt });
        self.sealed = self.log.len();
    }

    fn join(&mut self, member: u8, funding: OutPoint) {
        let (network, dao) = (self.params().network, self.params().dao_id);
        let lane = self.ledger.state().next_lane_header(member_id(member), 1);
        let terms = BindTerms {
            name: format!("member {member}"),
            funding,
            hub_funding_key: keypair(HUB).public_key(),
            value_sat: stake(member),
        };
        let bind = Bind::sign_funding(&self.secp, &lane, terms, &keypair(100 + member), &AUX);
        let entry = LaneEntry::sign(&self.secp, lane, bind, &keypair(member), &AUX);
        self.append(&Entry::Bind(entry)).unwrap();
        let known = *self.ledger.state().lane(&member_id(member)).unwrap();
        let commitment = Txid::from_byte_array([200 + member; 32]);
        let checkpoint = Checkpoint {
            network,
            dao,
            channel: channel_id(dao, funding),
            member: member_id(member),
            number: 1,
            fundings: vec![CheckpointFunding {
                outpoint: funding,
                member_commitment: commitment,
                hub_commitment: commitment,
            }],
            tip_height: self.chain.height(),
            tip_hash: self.chain.hash(self.chain.height()),
            member_sat: stake(member),
            hub_sat: 0,
            forfeited_sat: 0,
            incarnation: known.incarnation,
            sequence: known.sequence,
            head: known.head,
        };
        let member_signature = checkpoint.sign(&self.secp, &keypair(member), &AUX);
        let hub_signature = checkpoint.sign(&self.secp, &keypair(LOG), &AUX);
        self.append(&Entry::Checkpoint(SignedCheckpoint { checkpoint, member_signature, hub_signature })).unwrap();
    }
}

pub(crate) fn commitment(header: &EpochHeader) -> Commitment {
    Commitment::new(*header.hash().as_bytes())
}

/// Stake of a member in satoshis, which is their weight.
pub(crate) fn stake(member: u8) -> u64 {
    u64::from(member) * 100_000
}

/// The key whose secret is a number: members from 1 on, their funding keys from 101 on.
pub(crate) fn keypair(number: u8) -> Keypair {
    Keypair::from_seckey_slice(&Secp256k1::new(), &[number; 32]).unwrap()
}

pub(crate) fn member_id(member: u8) -> MemberId {
    MemberId::of(&keypair(member).x_only_public_key().0)
}

pub(crate) fn text(title: &str) -> ProposalContent {
    ProposalContent::question(Class::Text, title, "Why not.", Vec::new())
}

pub(crate) fn spend(title: &str, sat: u64) -> ProposalContent {
    let script = ScriptBuf::from_bytes([vec![0x51, 0x20], vec![0x42; 32]].concat());
    let effect =
        Effect::Spend(Spend { outputs: vec![SpendOutput { script, sat }], fee_cap_sat: 1000, expiry_blocks: 100 });
    ProposalContent::question(Class::Spend, title, "New nets.", vec![effect])
}

/// The charter of the world's DAO.
pub(crate) fn charter() -> Charter {
    charter_for("Fjord Fishers")
}

/// The same for a DAO of another name.
pub(crate) fn charter_for(name: &str) -> Charter {
    let xpub = |n| Xpub::from_priv(&Secp256k1::new(), &Xpriv::new_master(Network::Regtest, &[n; 32]).unwrap());
    let document = association_template(&AssociationArguments {
        name: name.into(),
        network: "regtest".into(),
        hub_node_key: keypair(HUB).public_key(),
        hub_log_key: keypair(LOG).x_only_public_key().0,
        anchor_key: keypair(ANCHOR).x_only_public_key().0,
        treasury_descriptor: format!("wsh(sortedmulti(2,{}/0/*,{}/0/*,{}/0/*))", xpub(1), xpub(2), xpub(3)),
        treasurers: vec![("Ása".into(), keypair(96).public_key())],
        founders: vec![member_id(1)],
        min_stake_sat: 1000,
        epoch_blocks: EPOCH_BLOCKS,
        stake_confirmations: 2,
        final_depth: FINAL_DEPTH,
        voting_blocks: 6,
        veto_blocks: 0,
    });
    Charter::from_toml(&document).unwrap()
}

fn funding_transaction(member: u8) -> Transaction {
    let script_pubkey = funding_script(&keypair(100 + member).public_key(), &keypair(HUB).public_key());
    let output = TxOut { value: Amount::from_sat(stake(member)), script_pubkey };
    transaction(vec![input(Txid::from_byte_array([10 + member; 32]), 0)], vec![output])
}
