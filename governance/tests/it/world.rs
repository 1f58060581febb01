//! A small DAO under full control: keys from numbers, a chain that only has heights.

use althing_governance::charter::{
    Admission, Class, ClassRule, DelegationLimits, DiscussionLimits, Guardians, Guards, Quorum, Rewards, Threshold,
    Treasurer, WeightRule,
};
use althing_governance::delegation::Delegation;
use althing_governance::entry::{
    Acceptance, Anchored, AuthorUpdate, Ballot, Bind, BindTerms, Checkpoint, CheckpointFunding, Choice, Comment,
    CommentVote, DepositHold, Effect, Entry, GuardianAct, Invitation, LaneBody, LaneEntry, LogHead, ProposalContent,
    SeenNote, SignedCheckpoint, Spend, SpendOutput, Withdrawal,
};
use althing_governance::epoch::{CloseError, close};
use althing_governance::ledger::{Fate, LedgerError, Standing};
use althing_governance::signing::{Statement, verify_all};
use althing_governance::{
    Charter, DaoParams, EntryId, EpochClose, EpochHeader, FundingFact, LogState, MemberId, NetworkId, ProposalId,
    Refusal, Roll,
};
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::{All, Keypair, Secp256k1, SecretKey};
use bitcoin::{BlockHash, Network, OutPoint, ScriptBuf, Txid};

pub(crate) const AUX: [u8; 32] = [7; 32];
pub(crate) const EPOCH: u32 = 6;

pub(crate) struct World {
    pub(crate) secp: Secp256k1<All>,
    pub(crate) state: LogState,
    pub(crate) log: Vec<Entry>,
    pub(crate) headers: Vec<EpochHeader>,
    pub(crate) closes: Vec<EpochClose>,
    pub(crate) rolls: Vec<Roll>,
    pub(crate) facts: Vec<FundingFact>,
    pub(crate) height: u32,
    pub(crate) checkpoints: u64,
}

impl World {
    /// A DAO with an empty log at height 100.
    pub(crate) fn empty() -> Self {
        Self::with_charter(charter())
    }

    pub(crate) fn with_charter(charter: Charter) -> Self {
        Self {
            secp: Secp256k1::new(),
            state: LogState::new(DaoParams::new(charter, txid(1))),
            log: Vec::new(),
            headers: Vec::new(),
            closes: Vec::new(),
            rolls: Vec::new(),
            facts: Vec::new(),
            height: 100,
            checkpoints: 0,
        }
    }

    /// A DAO whose members 1.. hold these stakes in the roll of epoch 1, which is final.
    pub(crate) fn with_stakes(stakes: &[u64]) -> Self {
        let mut world = Self::empty();
        for (member, stake) in (1..).zip(stakes) {
            world.join(member, *stake);
        }
        world.finish_epoch();
        world
    }

    /// Members 1, 2, ... with these stakes, and every class under an easy rule, as `change` changes it.
    pub(crate) fn founded(stakes: &[u64], change: impl FnOnce(&mut Charter)) -> Self {
        let mut charter = charter();
        let easy = |class| ClassRule {
            voting_blocks: 6,
            expiry_blocks: 60,
            quorum: Quorum::ParticipationBp(1000),
            ..ClassRule::new(class)
        };
        charter.classes = Class::ALL.into_iter().map(easy).collect();
        change(&mut charter);
        let mut world = Self::with_charter(charter);
        for (member, stake) in (1..).zip(stakes) {
            world.join(member, *stake);
        }
        world.finish_epoch();
        world
    }

    /// Lets epochs pass until it is clear what became of a proposal.
    pub(crate) fn fate(&mut self, id: ProposalId) -> Standing {
        for _ in 0..16 {
            match self.state.ledger().standing(&id) {
                Some(standing) if standing.fate != Fate::Waiting => {
                    let standing = standing.clone();
                    self.assert_reproducible();
                    return standing;
                }
                _ => self.finish_epoch(),
            }
        }
        unreachable!("nothing was decided: {:?}", self.state.phase(&self.state.proposals()[&id]));
    }

    /// Binds a channel of `stake` satoshis, confirmed long ago, and signs its first checkpoint.
    pub(crate) fn join(&mut self, member: u8, stake: u64) {
        let bind = self.bind(member, stake);
        let funding = bind.funding;
        self.say(member, bind).unwrap();
        self.facts.push(FundingFact {
            outpoint: funding,
            value_sat: stake,
            height: 50,
            spent_height: None,
            successor: None,
            released_height: None,
        });
        let checkpoint = self.checkpoint(member, funding, stake);
        self.append(checkpoint).unwrap();
    }

    pub(crate) fn bind(&self, member: u8, value_sat: u64) -> Bind {
        self.bind_for(member, member, value_sat)
    }

    /// A bind of output and funding key number `channel` to the vote key of `member`.
    pub(crate) fn bind_for(&self, member: u8, channel: u8, value_sat: u64) -> Bind {
        let terms = BindTerms {
            name: format!("member {member}"),
            funding: OutPoint { txid: txid(channel), vout: 0 },
            hub_funding_key: keypair(99).public_key(),
            value_sat,
        };
        let lane = self.state.next_lane_header(member_id(member), self.incarnation(member));
        Bind::sign_funding(&self.secp, &lane, terms, &keypair(100 + channel), &AUX)
    }

    pub(crate) fn checkpoint(&mut self, member: u8, funding: OutPoint, member_sat: u64) -> Entry {
        self.checkpoints += 1;
        let p = self.state.params();
        let id = member_id(member);
        let lane = self.state.lane(&id).copied().unwrap();
        let checkpoint = Checkpoint {
            network: p.network,
            dao: p.dao_id,
            channel: althing_governance::dao::channel_id(p.dao_id, funding),
            member: id,
            number: self.checkpoints,
            fundings: vec![CheckpointFunding {
                outpoint: funding,
                member_commitment: txid(201),
                hub_commitment: txid(202),
            }],
            tip_height: self.height,
            tip_hash: block_hash(self.height),
            member_sat,
            hub_sat: 0,
            forfeited_sat: 0,
            incarnation: lane.incarnation,
            sequence: lane.sequence,
            head: lane.head,
        };
        self.sign_checkpoint(member, checkpoint)
    }

    pub(crate) fn sign_checkpoint(&self, member: u8, checkpoint: Checkpoint) -> Entry {
        let member_signature = checkpoint.sign(&self.secp, &keypair(member), &AUX);
        let hub_signature = checkpoint.sign(&self.secp, &hub(), &AUX);
        Entry::Checkpoint(SignedCheckpoint { checkpoint, member_signature, hub_signature })
    }

    /// The member's next entry, signed.
    pub(crate) fn sign<B: LaneBody>(&self, member: u8, body: B) -> LaneEntry<B> {
        let lane = self.state.next_lane_header(member_id(member), self.incarnation(member));
        LaneEntry::sign(&self.secp, lane, body, &keypair(member), &AUX)
    }

    fn incarnation(&self, member: u8) -> u32 {
        self.state.lane(&member_id(member)).map_or(1, |lane| lane.incarnation)
    }

    pub(crate) fn say<B: LaneBody>(&mut self, member: u8, body: B) -> Result<EntryId, Refusal>
    where
        LaneEntry<B>: IntoEntry,
    {
        let entry = self.sign(member, body).into_entry();
        self.append(entry)
    }

    /// Checks signatures and rules, then appends.
    pub(crate) fn append(&mut self, entry: Entry) -> Result<EntryId, Refusal> {
        let key = self.state.hub_log_key();
        verify_all(&self.secp, &entry.signature_checks(&key)).expect("the world signs honestly");
        let id = self.state.apply(self.state.size(), entry.clone())?;
        self.log.push(entry);
        Ok(id)
    }

    pub(crate) fn log_head(&self) -> LogHead {
        let p = self.state.params();
        LogHead {
            network: p.network,
            dao: p.dao_id,
            size: self.state.size(),
            root: self.state.root(),
            tip_height: self.height,
            tip_hash: block_hash(self.height),
        }
    }

    /// One more block and its head.
    pub(crate) fn mine(&mut self) {
        self.mine_without_heads(self.height);
    }

    /// Blocks up to one above `height`, of which only the last has a head.
    pub(crate) fn mine_without_heads(&mut self, height: u32) {
        self.height = height + 1;
        let head = self.log_head().sign(&self.secp, &hub(), &AUX);
        self.append(Entry::Head(head)).unwrap();
    }

    pub(crate) fn mine_to(&mut self, height: u32) {
        while self.height < height {
            self.mine();
        }
    }

    /// Mines to the next boundary and closes the epoch there.
    pub(crate) fn close_epoch(&mut self) -> EpochHeader {
        let boundary = (self.height / EPOCH + 1) * EPOCH;
        self.mine_to(boundary);
        // As a node does: nobody looks for what no claim names.
        let size = self.state.first_head_at(boundary).unwrap().head.size;
        let claimed: Vec<OutPoint> = self.state.stake_claims(size).iter().map(|claim| claim.outpoint).collect();
        let facts: Vec<FundingFact> =
            self.facts.iter().filter(|fact| claimed.contains(&fact.outpoint)).copied().collect();
        let roll = self.state.roll_at(&facts, boundary).unwrap();
        let closed = loop {
            match close(&self.state, &self.headers, boundary, block_hash(boundary), &roll) {
                Err(CloseError::Ledger(LedgerError::BlockHashMissing { height, .. })) => {
                    self.state.set_block_hash(height, block_hash(height));
                }
                closed => break closed.unwrap(),
            }
        };
        self.state.set_roll(closed.header.epoch, roll.clone());
        self.rolls.push(roll);
        self.headers.push(closed.header);
        self.closes.push(closed);
        *self.headers.last().unwrap()
    }

    /// Every epoch closed so far comes out the same when it is computed again now, whatever was logged since.
    pub(crate) fn assert_reproducible(&self) {
        for (index, closed) in self.closes.iter().enumerate() {
            let (height, roll) = (closed.header.closing_height, &self.rolls[index]);
            let again = close(&self.state, &self.headers[..index], height, closed.header.closing_hash, roll).unwrap();
            assert_eq!(again.header.difference(&closed.header), None, "epoch {}", closed.header.epoch);
        }
    }

    pub(crate) fn anchored(&self, header: EpochHeader, mined_height: u32) -> Anchored {
        let p = self.state.params();
        Anchored {
            network: p.network,
            dao: p.dao_id,
            header,
            link: txid(250),
            mined_height,
            mined_hash: block_hash(mined_height),
        }
    }

    /// Closes an epoch, mines its link and waits until it is final.
    pub(crate) fn finish_epoch(&mut self) {
        let header = self.close_epoch();
        let mined = self.height + 1;
        let depth = self.state.params().charter.final_depth;
        self.mine_to(mined + depth - 1);
        let anchored = self.anchored(header, mined);
        self.note_anchored(anchored);
    }

    pub(crate) fn note_anchored(&mut self, anchored: Anchored) {
        let signed = anchored.sign(&self.secp, &hub(), &AUX);
        self.append(Entry::Anchored(signed)).unwrap();
    }

    pub(crate) fn propose(&mut self, author: u8, content: ProposalContent) -> ProposalId {
        let p = self.state.params();
        let id = content.id(p.network, p.dao_id, member_id(author));
        self.say(author, content).unwrap();
        id
    }

    /// Proposes and mines the head that opens the vote.
    pub(crate) fn open_vote(&mut self, author: u8, content: ProposalContent) -> ProposalId {
        let id = self.propose(author, content);
        self.mine();
        id
    }

    /// Holds satoshis of the member's first channel for a proposal that is not logged yet.
    pub(crate) fn hold(&mut self, member: u8, content: &ProposalContent, amount_sat: u64) {
        let p = self.state.params();
        let thread = content.id(p.network, p.dao_id, member_id(member));
        let channel = althing_governance::dao::channel_id(p.dao_id, OutPoint { txid: txid(member), vout: 0 });
        self.say(member, DepositHold { thread, channel, amount_sat }).unwrap();
    }

    pub(crate) fn vote(&mut self, member: u8, proposal: ProposalId, choice: Choice) -> Result<EntryId, Refusal> {
        self.say(member, Ballot::new(proposal, choice, None))
    }
}

/// Wraps a lane entry of each kind.
pub(crate) trait IntoEntry {
    fn into_entry(self) -> Entry;
}

macro_rules! into_entry {
    ($($body:ty => $kind:ident),* $(,)?) => {
        $(impl IntoEntry for LaneEntry<$body> {
            fn into_entry(self) -> Entry {
                Entry::$kind(self)
            }
        })*
    };
}

into_entry! {
    Bind => Bind,
    ProposalContent => Proposal,
    Comment => Comment,
    Ballot => Ballot,
    Delegation => Delegation,
    CommentVote => CommentVote,
    AuthorUpdate => AuthorUpdate,
    Withdrawal => Withdrawal,
    Invitation => Invitation,
    Acceptance => Acceptance,
    GuardianAct => GuardianAct,
    DepositHold => DepositHold,
    SeenNote => SeenNote,
}

pub(crate) fn charter() -> Charter {
    let rule = |class, max_amount_sat, veto_blocks, threshold, quorum, distinct_voters_min| ClassRule {
        max_amount_sat,
        voting_blocks: 6,
        veto_blocks,
        expiry_blocks: 144,
        threshold,
        quorum,
        distinct_voters_min,
        ..ClassRule::new(class)
    };
    Charter {
        name: "Fjord Fishers".into(),
        network: NetworkId::of(Network::Regtest),
        hub_node_key: keypair(98).public_key(),
        hub_log_key: hub().x_only_public_key().0,
        anchor_key: keypair(97).x_only_public_key().0,
        treasury_descriptor: "tr(placeholder)".into(),
        treasurers: vec![Treasurer { name: "Ása".into(), key: keypair(96).public_key() }],
        founders: vec![member_id(1)],
        admission: Admission::Open { min_stake_sat: 1000 },
        epoch_blocks: EPOCH,
        stake_confirmations: 3,
        final_depth: 2,
        hub_funding_sat: 0,
        weight_rule: WeightRule::Stake,
        per_member_cap: None,
        gates: 2,
        gate_sat: 10_000,
        seal_sat: 1_000_000,
        spare_seal_sat: 10_000,
        max_link_fee_rate_sat_vb: 50,
        gossip_peers: vec!["127.0.0.1:9735".into()],
        classes: vec![
            rule(Class::Text, None, 0, Threshold::Majority, Quorum::ParticipationBp(2000), 0),
            rule(Class::Spend, Some(100_000), 0, Threshold::Majority, Quorum::ParticipationBp(2000), 1),
            rule(Class::Spend, None, 12, Threshold::PercentBp(6667), Quorum::YesOfTotalBp(3000), 2),
        ],
        guards: Guards::default(),
        guardians: Guardians::default(),
        rewards: Rewards::default(),
        delegation: DelegationLimits { enabled: true, ..DelegationLimits::default() },
        discussion: DiscussionLimits::default(),
        hub_bond_sat: 0,
        dormant_after_epochs: 0,
        equivocation_suspension_epochs: 4,
        forced_entry_delay_blocks: 144,
        anchored_links: false,
        succession_window_blocks: 4320,
        staging: None,
    }
}

pub(crate) fn text(title: &str) -> ProposalContent {
    ProposalContent::question(Class::Text, title, "Why not.", Vec::new())
}

pub(crate) fn spend(title: &str, sat: u64) -> ProposalContent {
    let script = ScriptBuf::new_p2tr_tweaked(bitcoin::key::TweakedPublicKey::dangerous_assume_tweaked(
        keypair(42).x_only_public_key().0,
    ));
    let spend = Spend { outputs: vec![SpendOutput { script, sat }], fee_cap_sat: 1000, expiry_blocks: 100 };
    ProposalContent::question(Class::Spend, title, "New nets.", vec![Effect::Spend(spend)])
}

pub(crate) fn hub() -> Keypair {
    keypair(99)
}

pub(crate) fn keypair(number: u8) -> Keypair {
    let secret = SecretKey::from_slice(&[number; 32]).unwrap();
    Keypair::from_secret_key(&Secp256k1::new(), &secret)
}

pub(crate) fn member_id(number: u8) -> MemberId {
    MemberId::of(&keypair(number).x_only_public_key().0)
}

pub(crate) fn txid(number: u8) -> Txid {
    Txid::from_byte_array([number; 32])
}

pub(crate) fn block_hash(height: u32) -> BlockHash {
    let mut bytes = [0xb0; 32];
    bytes[..4].copy_from_slice(&height.to_be_bytes());
    BlockHash::from_byte_array(bytes)
}
