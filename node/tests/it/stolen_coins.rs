//! Hazard: a file cannot show a theft that every node tells of, such as coins moved back to treasurers who were voted out (T-336), or shows
//! one that was none (P-15, P-146, P-147).

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::{Bond, InputOrigin, MinedSpend, SpendFinding, SpendIntent, Stage, Treasury, judge_spend};
use althing_governance::Charter;
use althing_governance::charter::{Class, ClassRule, Staging, Treasurer};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Choice, Effect, ElectTreasurers, ProposalContent};
use althing_governance::id::ProposalId;
use althing_node::proof::bundle::{Bundle, EpochPart, LoggedEntry, Statement};
use althing_node::proof::parts::SpendPart;
use althing_node::proof::theft::TheftPart;
use althing_node::proof::verify;
use bitcoin::hashes::Hash as _;
use bitcoin::script::PushBytesBuf;
use bitcoin::secp256k1::PublicKey;
use bitcoin::{Amount, FeeRate, OutPoint, Script, ScriptBuf, Transaction, TxOut, Txid};

use crate::chain::{input, transaction};
use crate::world::{World, charter, keypair, spend};

/// What the first of two payments is worth; the second has less.
const PAID: u64 = 5_000_000;
const DELAY: u16 = 12;

fn key(number: u8) -> PublicKey {
    keypair(number).public_key()
}

/// Two of three plain keys: one script.
fn plain(first: u8) -> String {
    format!("wsh(sortedmulti(2,{},{},{}))", key(first), key(first + 1), key(first + 2))
}

/// A charter whose treasurers are elected as a text is decided, with gates to spare.
fn rules(descriptor: Option<String>, staged: bool) -> Charter {
    let mut rules = charter();
    rules.treasury_descriptor = descriptor.unwrap_or(rules.treasury_descriptor);
    rules.gates = 4;
    let text = rules.classes.iter().find(|rule| rule.class == Class::Text).unwrap().clone();
    rules.classes.retain(|rule| rule.class != Class::ElectTreasurers);
    rules.classes.push(ClassRule { class: Class::ElectTreasurers, ..text });
    rules.staging = staged.then(|| Staging {
        from_sat: PAID,
        delay_blocks: DELAY,
        threshold: 2,
        keys: (60..63).map(key).collect(),
    });
    rules
}

/// A DAO that votes, is robbed, and is told of in files.
struct Robbed {
    world: World,
    payments: Vec<ProposalId>,
}

impl Robbed {
    fn founded(rules: Charter) -> Self {
        let mut world = World::founded_under(rules);
        world.finish_epoch();
        Self { world, payments: Vec::new() }
    }

    /// Decided, and in force in the epoch behind.
    fn decide(&mut self, contents: Vec<ProposalContent>) -> Vec<ProposalId> {
        let ids: Vec<ProposalId> =
            (1..).zip(contents).map(|(author, content)| self.world.propose(author, content)).collect();
        self.world.block(vec![]);
        for id in &ids {
            (1..=6).for_each(|member| self.world.vote(member, *id, Choice::Yes));
        }
        (0..3).for_each(|_| self.world.finish_epoch());
        ids
    }

    fn pay(&mut self) {
        self.payments = self.decide(vec![spend("Nets", PAID), spend("Ropes", PAID - 1_000_000)]);
    }

    fn elect(&mut self, descriptor: &str) {
        let treasurers = vec![Treasurer { name: "Next".into(), key: key(95) }];
        let effect = Effect::ElectTreasurers(ElectTreasurers { descriptor: descriptor.into(), treasurers });
        self.decide(vec![ProposalContent::question(Class::ElectTreasurers, "Elect", descriptor, vec![effect])]);
        assert_eq!(self.world.ledger.state().charter().treasury_descriptor, descriptor);
    }

    /// Mined together; the epoch behind them is closed.
    fn mine(&mut self, transactions: Vec<Transaction>) {
        self.world.block(transactions);
        self.world.finish_epoch();
    }

    fn height_of(&self, tx: &Transaction) -> u32 {
        self.world.chain.height_of(tx.compute_txid())
    }

    /// The treasuries by a height, as the log has them.
    fn treasuries(&self, height: u32) -> Vec<Treasury> {
        let versions = self.world.ledger.state().charters().iter().filter(|version| version.since_height <= height);
        let mut texts: Vec<&str> = versions.map(|version| version.charter.treasury_descriptor.as_str()).collect();
        texts.dedup();
        texts.into_iter().map(|text| Treasury::parse(text).unwrap()).collect()
    }

    fn intents(&self) -> Vec<(ProposalId, SpendIntent)> {
        let staging = self.world.params().charter.staging.clone();
        let ledger = self.world.ledger.state().ledger();
        let of = |id: &ProposalId| {
            let payment = &ledger.standing(id).unwrap().payments[0];
            let (authorisation, spend) = (payment.authorisation.unwrap(), &payment.spend);
            let output = |output: &althing_governance::entry::SpendOutput| TxOut {
                value: Amount::from_sat(output.sat),
                script_pubkey: output.script.clone(),
            };
            let staged = staging.as_ref().filter(|staging| spend.outputs[0].sat >= staging.from_sat);
            let intent = SpendIntent {
                id: authorisation.intent,
                gate: payment.gate.unwrap(),
                outputs: spend.outputs.iter().map(output).collect(),
                fee_cap: Amount::from_sat(spend.fee_cap_sat),
                from_height: authorisation.height,
                expiry_height: authorisation.expires_height,
                stage: staged.map(|_| stage()),
            };
            (*id, intent)
        };
        self.payments.iter().map(of).collect()
    }

    /// The first epoch that closed at a height or above.
    fn epoch(&self, height: u32) -> usize {
        self.world.closes.iter().position(|close| close.header.closing_height >= height).unwrap()
    }

    fn bundle(&self, epoch: usize, statement: Statement) -> Bundle {
        let world = &self.world;
        let mut changes: Vec<Charter> = Vec::new();
        let mut in_force = world.params().charter_hash;
        for close in &world.closes[..=epoch] {
            if close.header.charter != in_force {
                in_force = close.header.charter;
                let version = world.ledger.state().charters().iter().find(|version| version.hash == in_force);
                changes.push(version.unwrap().charter.clone());
            }
        }
        let epochs = world.closes.iter().zip(&world.links).take(epoch + 1);
        Bundle {
            charter: world.params().charter.clone(),
            changes,
            successions: Vec::new(),
            moves: Vec::new(),
            genesis: world.chain.evidence(world.params().first_seal.txid),
            epochs: epochs
                .map(|(close, link)| EpochPart { header: close.header, link: world.chain.evidence(*link) })
                .collect(),
            behind: Vec::new(),
            statement,
        }
    }

    fn logged(&self, id: &ProposalId, epoch: usize) -> LoggedEntry {
        let state = self.world.ledger.state();
        let (position, size) = (state.proposals()[id].position, self.world.closes[epoch].header.log_size);
        let path = state.tree().inclusion_proof(position, size).unwrap();
        LoggedEntry { position, bytes: self.world.log[position as usize].clone(), path }
    }

    /// P-146 with these sources.
    fn theft(&self, tx: &Transaction, sources: Vec<Transaction>) -> Bundle {
        let epoch = self.epoch(self.height_of(tx));
        let intents = self.intents();
        let mut proposals = Vec::new();
        for txin in &tx.input {
            let assigned = intents.iter().find(|(_, intent)| intent.gate == txin.previous_output);
            proposals.extend(assigned.map(|(id, _)| self.logged(id, epoch)));
        }
        let part = TheftPart {
            spending: self.world.chain.evidence(tx.compute_txid()),
            sources,
            decisions: self.world.closes[epoch].decisions.leaves().to_vec(),
            proposals,
        };
        self.bundle(epoch, Statement::Theft(Box::new(part)))
    }

    /// P-15 about a gate.
    fn by_gate(&self, tx: &Transaction, gate: OutPoint) -> Bundle {
        let epoch = self.epoch(self.height_of(tx));
        let assigned = self.intents().into_iter().find(|(_, intent)| intent.gate == gate);
        let part = SpendPart {
            gate,
            spending: self.world.chain.evidence(tx.compute_txid()),
            decisions: self.world.closes[epoch].decisions.leaves().to_vec(),
            proposal: assigned.map(|(id, _)| self.logged(&id, epoch)),
        };
        self.bundle(epoch, Statement::UnauthorisedSpend(Box::new(part)))
    }

    fn judged(&self, bundle: &Bundle) -> Result<String, String> {
        let found = verify(&bundle.to_bytes(), &self.world.chain);
        found.map(|finding| finding.statement).map_err(|rejection| rejection.to_string())
    }

    fn shown(&self, bundle: &Bundle, words: &str) {
        let finding = self.judged(bundle).unwrap_or_else(|why| panic!("{words}: {why}"));
        assert!(
            finding.starts_with("Unauthorised spend: transaction ") && finding.contains(words),
            "{words}: {finding}"
        );
    }

    fn refused(&self, bundle: &Bundle, words: &str) {
        let why = self.judged(bundle).err().unwrap_or_else(|| panic!("shown: {words}"));
        assert!(why.contains(words), "{words}: {why}");
    }
}

fn stage() -> Stage {
    Stage { delay_blocks: DELAY, threshold: 2, guardians: (60..63).map(key).collect() }
}

fn to(script_pubkey: ScriptBuf, sat: u64) -> TxOut {
    TxOut { value: Amount::from_sat(sat), script_pubkey }
}

fn of(descriptor: &str, index: u32) -> ScriptBuf {
    Treasury::parse(descriptor).unwrap().script_at(index).unwrap()
}

fn stranger() -> ScriptBuf {
    ScriptBuf::from_bytes(vec![0x51])
}

/// Outputs made by a transaction of nobody's coins.
fn made(salt: u8, outputs: Vec<TxOut>) -> Transaction {
    transaction(vec![input(Txid::from_byte_array([salt; 32]), 1)], outputs)
}

fn spending(coins: &[(&Transaction, u32)], outputs: Vec<TxOut>) -> Transaction {
    transaction(coins.iter().map(|(tx, vout)| input(tx.compute_txid(), *vout)).collect(), outputs)
}

/// Behind an election: what was moved in which way, and all that made coins of it.
struct Election {
    dao: Robbed,
    coin: Transaction,
    early: Transaction,
    back: Transaction,
    beside: Transaction,
    home: Transaction,
    stays: Transaction,
    within: Transaction,
    taken: Transaction,
}

/// The first treasury has a thousand scripts.
fn elected() -> Election {
    let mut dao = Robbed::founded(rules(None, false));
    let (first, second) = (dao.world.params().charter.treasury_descriptor.clone(), plain(31));
    let coin = made(70, vec![to(of(&first, 7), 90_000), to(of(&second, 0), 80_000), to(of(&first, 999), 70_000)]);
    let early = spending(&[(&coin, 0)], vec![to(of(&second, 0), 89_000)]);
    dao.mine(vec![coin.clone(), early.clone()]);
    dao.elect(&second);
    let back = spending(&[(&coin, 1)], vec![to(of(&first, 8), 79_000)]);
    let beside = spending(&[(&coin, 0), (&coin, 1)], vec![to(of(&second, 0), 169_000), to(of(&first, 8), 500)]);
    let home = spending(&[(&coin, 0)], vec![to(of(&second, 0), 88_000)]);
    let stays = spending(&[(&coin, 0), (&coin, 2)], vec![to(of(&first, 999), 159_000)]);
    let within = spending(&[(&coin, 1)], vec![to(of(&second, 0), 79_000)]);
    let taken = spending(&[(&coin, 2)], vec![to(stranger(), 1), to(of(&first, 3), 69_000)]);
    dao.mine([&back, &beside, &home, &stays, &within, &taken].map(Clone::clone).to_vec());
    dao.mine(vec![]);
    Election { dao, coin, early, back, beside, home, stays, within, taken }
}

/// Files for the vectors, with the headers to check them by.
pub(crate) fn vectors() -> (Vec<u8>, Vec<(&'static str, Vec<u8>)>) {
    let Election { dao, coin, back, home, beside, .. } = elected();
    let file = |tx: &Transaction, sources: &[&Transaction]| {
        dao.theft(tx, sources.iter().map(|source| (*source).clone()).collect()).to_bytes()
    };
    let files = vec![
        ("a coin moved back to a former treasury", file(&back, &[&coin])),
        ("a part of two coins moved back", file(&beside, &[&coin])),
        ("the same, showing no coin", file(&beside, &[])),
        ("a coin of the former treasury brought home", file(&home, &[&coin])),
    ];
    (dao.world.chain.header_bytes(), files)
}

/// T-336: what no gate is asked for.
#[test]
fn coins_moved_back_after_an_election_are_shown_as_stolen() {
    let Election { dao, coin, early, back, beside, home, stays, within, taken } = elected();
    let file = |tx: &Transaction| dao.theft(tx, vec![coin.clone()]);
    dao.shown(
        &file(&back),
        "took at least 80000 sat out of the treasury; no decision allows output 0 of 79000 sat to a former treasury",
    );
    dao.shown(
        &file(&beside),
        "at least 1000 sat out of the treasury; no decision allows output 1 of 500 sat to a former treasury",
    );
    dao.shown(&file(&taken), "at least 1000 sat");
    // What was to be a treasury, and was none yet.
    dao.shown(&file(&early), "no decision allows output 0 of 89000 sat");
    for tx in [&home, &stays, &within] {
        dao.refused(&file(tx), "back into the treasury");
    }
    // Nothing is shown of coins that the file does not show, and each is shown once, for an input.
    dao.refused(&dao.theft(&back, Vec::new()), "P-147");
    dao.refused(&dao.theft(&back, vec![coin.clone(), coin.clone()]), "P-146");
    dao.refused(&dao.theft(&back, vec![coin.clone(), home.clone()]), "P-146");
    let founding = dao.world.chain.evidence(dao.world.params().first_seal.txid).transaction().clone();
    dao.refused(&dao.theft(&back, vec![founding, coin.clone()]), "P-146");
    // A decision that allows it could be in an epoch that closed later.
    let mut sooner = file(&back);
    let last = sooner.epochs.len() - 1;
    sooner.epochs.truncate(last);
    let Statement::Theft(part) = &mut sooner.statement else { unreachable!() };
    part.decisions = dao.world.closes[last - 1].decisions.leaves().to_vec();
    dao.refused(&sooner, "a decision may be missing");
}

/// P-147: the spare seal goes on without a vote, and a bond goes back to its hub.
#[test]
fn a_seal_that_goes_on_and_a_bond_that_goes_back_are_no_theft() {
    let mut dao = Robbed::founded(rules(None, false));
    let treasury = dao.world.params().charter.treasury_descriptor.clone();
    let (id, spare) = (dao.world.params().dao_id, dao.world.params().spare_seal);
    let mark = |id: [u8; 32]| {
        let mut pushed = PushBytesBuf::new();
        for part in [&b"althing/bond/v1"[..], &id, &[0, 0, 0, 0]] {
            pushed.extend_from_slice(part).unwrap();
        }
        ScriptBuf::new_op_return(pushed)
    };
    let bond = made(71, vec![to(of(&treasury, 5), 90_000), to(mark(id.0), 0), to(stranger(), 600)]);
    let others = made(72, vec![to(of(&treasury, 6), 90_000), to(mark([9; 32]), 0), to(stranger(), 600)]);
    let moved = made(73, vec![to(of(&treasury, 0), 90_000)]);
    let back = spending(&[(&bond, 0)], vec![to(stranger(), 89_000)]);
    let taken = spending(&[(&others, 0)], vec![to(stranger(), 89_000)]);
    let seal = |input_of: OutPoint, second: ScriptBuf| {
        transaction(vec![input(input_of.txid, input_of.vout)], vec![to(stranger(), 1_000), to(second, 2_000)])
    };
    let own = of(&treasury, 0);
    let (kept, lost) = (seal(spare, own.clone()), seal(spare, stranger()));
    let newer = OutPoint { txid: moved.compute_txid(), vout: 0 };
    let (later, gone) = (seal(newer, own.clone()), seal(newer, of(&treasury, 1)));
    let mut both = later.clone();
    both.input.push(input(others.compute_txid(), 0));
    let all = [&bond, &others, &moved, &back, &taken, &kept, &lost, &later, &gone, &both].map(Clone::clone).to_vec();
    dao.mine(all);
    dao.mine(vec![]);

    dao.refused(&dao.theft(&back, vec![bond]), "P-147");
    dao.shown(&dao.theft(&taken, vec![others.clone()]), "90000 sat");
    dao.refused(&dao.theft(&kept, Vec::new()), "P-147");
    dao.shown(&dao.theft(&lost, Vec::new()), "no decision allows output 0");
    dao.refused(&dao.theft(&later, vec![moved.clone()]), "P-147");
    dao.shown(&dao.theft(&gone, vec![moved.clone()]), "no decision allows output 0");
    dao.shown(&dao.theft(&both, vec![moved, others]), "no decision allows output 0");
}

/// T-22: one transaction for several decisions is no theft by the gate of the second.
#[test]
fn who_pays_several_decisions_at_once_cannot_be_accused_by_one() {
    let mut dao = Robbed::founded(rules(None, false));
    dao.pay();
    let treasury = dao.world.params().charter.treasury_descriptor.clone();
    let intents: Vec<SpendIntent> = dao.intents().into_iter().map(|(_, intent)| intent).collect();
    let free = *dao.world.params().gates.last().unwrap();
    let batch = |order: [usize; 2], more: &[OutPoint], beside: Option<TxOut>| {
        let gates = order.iter().map(|at| intents[*at].gate).chain(more.iter().copied());
        let outputs = order.iter().flat_map(|at| intents[*at].outputs.clone());
        transaction(gates.map(|gate| input(gate.txid, gate.vout)).collect(), outputs.chain(beside).collect())
    };
    let honest = batch([0, 1], &[], Some(to(of(&treasury, 9), 700)));
    let turned = batch([1, 0], &[], None);
    let siphoned = batch([0, 1], &[], Some(to(stranger(), 700)));
    let mixed = batch([0, 1], &[free], None);
    let mut crossed = turned.clone();
    crossed.output.swap(0, 1);
    dao.mine([&honest, &turned, &siphoned, &mixed, &crossed].map(Clone::clone).to_vec());
    dao.mine(vec![]);
    for tx in [&honest, &turned] {
        dao.refused(&dao.theft(tx, Vec::new()), "is what the decision allows");
        for intent in &intents {
            dao.refused(&dao.by_gate(tx, intent.gate), "P-146");
        }
    }
    dao.shown(&dao.theft(&siphoned, Vec::new()), "output 2 pays 700 sat to somebody who was not decided on");
    dao.shown(&dao.theft(&crossed, Vec::new()), "output 0 is not the decided");
    dao.shown(&dao.theft(&mixed, Vec::new()), "which no decision was assigned");
    dao.shown(&dao.by_gate(&mixed, free), "no decision was assigned it");
    // Every decision has to be shown, in the order of the gates, and none besides.
    let mut fewer = dao.theft(&siphoned, Vec::new());
    let Statement::Theft(part) = &mut fewer.statement else { unreachable!() };
    part.proposals.pop();
    dao.refused(&fewer, "1 proposals are shown, 2 gates");
    let Statement::Theft(part) = &mut fewer.statement else { unreachable!() };
    part.proposals.push(part.proposals[0].clone());
    dao.refused(&fewer, "the gate was not assigned to proposal");
}

/// A small generator: the cases are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// Whatever was mined before, between and behind two elections: a file shows it as theft only if the judge who knows every coin, seal and
/// bond finds it unauthorised; and if that is not for a fee of housekeeping and every coin is shown, the file shows it.
#[test]
fn a_file_shows_what_is_theft_and_nothing_else() {
    let (mut shown, mut silent) = (BTreeMap::new(), BTreeMap::new());
    for staged in [false, true] {
        random_thefts(staged, &mut shown, &mut silent);
    }
    assert!(shown.values().sum::<usize>() > 100 && shown.len() >= 8, "{shown:?}");
    for honest in ["decided", "housekeeping", "seal", "bond", "staged"] {
        assert!(silent.get(honest).is_some_and(|count| *count >= 2), "{honest}: {silent:?}");
    }
}

fn random_thefts(staged: bool, shown: &mut BTreeMap<String, usize>, silent: &mut BTreeMap<&'static str, usize>) {
    let descriptors = [plain(21), plain(31), plain(41)];
    let mut dao = Robbed::founded(rules(Some(descriptors[0].clone()), staged));
    let mut dice = Dice(0x5eed_0000_0001 + u64::from(staged));
    let scripts: Vec<ScriptBuf> = descriptors.iter().map(|text| of(text, 0)).collect();
    let id = dao.world.params().dao_id;
    let mut pushed = PushBytesBuf::new();
    for part in [&b"althing/bond/v1"[..], &id.0, &[0, 0, 0, 0]] {
        pushed.extend_from_slice(part).unwrap();
    }
    let bond_mark = ScriptBuf::new_op_return(pushed);
    let outputs = || scripts.iter().map(|script| to(script.clone(), 60_000)).chain([to(stranger(), 60_000)]);
    let coins: Vec<Transaction> = (80..84).map(|salt| made(salt, outputs().collect())).collect();
    let back = ScriptBuf::from_bytes(vec![0x52]);
    let bonds: Vec<Transaction> = (90..92)
        .map(|salt| made(salt, outputs().chain([to(bond_mark.clone(), 0), to(back.clone(), 600)]).collect()))
        .collect();
    dao.mine(coins.iter().chain(&bonds).cloned().collect());
    dao.pay();
    let intents: Vec<SpendIntent> = dao.intents().into_iter().map(|(_, intent)| intent).collect();
    let params = dao.world.params().clone();

    let mut mined = Vec::new();
    for elected in [None, Some(&descriptors[1]), Some(&descriptors[2])] {
        if let Some(descriptor) = elected {
            dao.elect(descriptor);
        }
        let mut block: Vec<Transaction> = Vec::new();
        while block.len() < 70 {
            let tx = random_spend(
                &mut dice,
                &params.gates,
                params.spare_seal,
                &intents,
                &coins,
                &bonds,
                &scripts,
                &back,
                &dao,
            );
            if !block.iter().chain(&mined).any(|other| *other == tx) {
                block.push(tx);
            }
        }
        dao.mine(block.clone());
        mined.extend(block);
    }
    dao.mine(vec![]);

    let founding = dao.world.chain.evidence(params.first_seal.txid).transaction().clone();
    let made: BTreeMap<Txid, &Transaction> =
        coins.iter().chain(&bonds).chain([&founding]).map(|tx| (tx.compute_txid(), tx)).collect();
    let bond_coins = |height: u32| -> BTreeMap<OutPoint, Bond> {
        let own = dao.treasuries(height).len();
        let places = bonds.iter().flat_map(|tx| (0..own as u32).map(|vout| OutPoint { txid: tx.compute_txid(), vout }));
        places.map(|outpoint| (outpoint, Bond { back: back.clone(), is_free: Some(outpoint.vout == 0) })).collect()
    };
    for tx in &mined {
        let height = dao.height_of(tx);
        let generations = dao.treasuries(height);
        let owner = |script: &Script| -> Option<InputOrigin> {
            let generation = (0..generations.len()).rev().find(|at| *scripts[*at] == *script)?;
            Some(InputOrigin { generation, index: 0 })
        };
        let output = |outpoint: &OutPoint| made.get(&outpoint.txid)?.output.get(outpoint.vout as usize).cloned();
        let outpoints: Vec<OutPoint> = tx.input.iter().map(|txin| txin.previous_output).collect();
        let prevouts: Vec<Option<TxOut>> = outpoints.iter().map(output).collect();
        let bonds_there = bond_coins(height);
        let full = MinedSpend {
            transaction: tx,
            height,
            prevouts: &prevouts,
            generations: &generations,
            lately: 0,
            spare_seals: &BTreeSet::from([params.spare_seal]),
            bonds: &bonds_there,
            owner: &owner,
        };
        let gates: BTreeSet<OutPoint> = params.gates.iter().copied().collect();
        let decided = |gate: &OutPoint| intents.iter().find(|intent| intent.gate == *gate).cloned();
        let at_rate = |rate| judge_spend(&full, &gates, decided, rate);
        let is_theft = |finding: &SpendFinding| matches!(finding, SpendFinding::Unauthorised { .. });
        let alarm = at_rate(FeeRate::from_sat_per_vb_u32(50));
        let is_own = prevouts.iter().flatten().any(|output| owner(&output.script_pubkey).is_some());

        // All that a node would put in, or some of it.
        let mut sources: Vec<Transaction> = Vec::new();
        for outpoint in &outpoints {
            let own = output(outpoint).is_some_and(|output| owner(&output.script_pubkey).is_some());
            let source = made.get(&outpoint.txid).filter(|_| own && outpoint.txid != founding.compute_txid());
            if let Some(source) = source.filter(|source| !sources.contains(source)) {
                sources.push((*source).clone());
            }
        }
        let mut fewer = sources.clone();
        fewer.retain(|_| dice.below(2) == 0);
        let gate = outpoints.iter().find(|outpoint| gates.contains(outpoint));
        let mut files = vec![dao.theft(tx, sources.clone()), dao.theft(tx, fewer)];
        files.extend(gate.map(|gate| dao.by_gate(tx, *gate)));
        for (number, file) in files.iter().enumerate() {
            let found = dao.judged(file);
            assert!(
                found.is_err() || (is_own && is_theft(&alarm)),
                "file {number} of {tx:?}: {found:?}, but {alarm:?}"
            );
        }

        let whole = dao.judged(&files[0]);
        let sure = outpoints.iter().zip(&prevouts).any(|(outpoint, prevout)| {
            let own = prevout.as_ref().is_some_and(|output| owner(&output.script_pubkey).is_some());
            own && *outpoint != params.spare_seal && !bonds.iter().any(|bond| bond.compute_txid() == outpoint.txid)
        });
        let owned = prevouts.iter().flatten().filter(|output| owner(&output.script_pubkey).is_some()).count();
        let looks_sealed = owned == 1
            && tx.output.get(1).map(|output| &output.script_pubkey)
                == prevouts[0].as_ref().map(|output| &output.script_pubkey);
        match at_rate(FeeRate::MAX) {
            SpendFinding::Unauthorised { reason, .. }
                if sure && !looks_sealed && !reason.contains("spare seal") && !reason.contains("bond") =>
            {
                assert!(whole.is_ok(), "{tx:?} is not shown: {whole:?}, but {reason}");
                let kind: String = reason.chars().filter(|c| !c.is_ascii_hexdigit()).collect();
                *shown.entry(kind.chars().take(40).collect()).or_default() += 1;
            }
            other => {
                let name = match other {
                    SpendFinding::Unauthorised { .. } => "not sure",
                    SpendFinding::Decided { .. } => "decided",
                    SpendFinding::Staged { .. } => "staged",
                    SpendFinding::Housekeeping { .. } => "housekeeping",
                    SpendFinding::SpareSeal => "seal",
                    SpendFinding::BondReturned { .. } => "bond",
                    _ => "other",
                };
                *silent.entry(name).or_default() += 1;
            }
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "a test's ingredients")]
fn random_spend(
    dice: &mut Dice,
    gates: &[OutPoint],
    seal: OutPoint,
    intents: &[SpendIntent],
    coins: &[Transaction],
    bonds: &[Transaction],
    scripts: &[ScriptBuf],
    back: &ScriptBuf,
    dao: &Robbed,
) -> Transaction {
    let coin = |dice: &mut Dice| OutPoint { txid: dice.pick(coins).compute_txid(), vout: dice.below(4) as u32 };
    let mut inputs = Vec::new();
    let mut outputs = Vec::new();
    // What the transaction is about.
    match dice.below(8) {
        0 => inputs.push(dice.pick(gates)),
        1 | 2 => {
            let count = 1 + dice.below(2);
            let first = dice.below(2);
            for at in 0..count {
                let intent = &intents[(first + at) % 2];
                inputs.push(intent.gate);
                outputs.extend(intent.outputs.iter().cloned());
            }
            let own = dao.treasuries(u32::MAX).pop().unwrap();
            if intents[0].stage.is_some() && dice.below(4) != 0 {
                let sat: u64 = outputs.iter().map(|output| output.value.to_sat()).sum();
                outputs = vec![to(stage().policy(&own).unwrap().script_at(0).unwrap(), sat + dice.below(3) as u64)];
            }
        }
        3 => {
            inputs.push(seal);
            outputs.push(to(dice.pick(&[stranger(), scripts[1].clone(), scripts[2].clone()]), 4_000));
            if dice.below(2) == 0 {
                outputs.push(to(scripts[0].clone(), 2_000));
            }
        }
        4 => {
            let of = dice.pick(bonds).compute_txid();
            inputs.push(OutPoint { txid: of, vout: dice.below(2) as u32 });
            if dice.below(2) == 0 {
                outputs.push(to(back.clone(), 59_000));
            }
        }
        _ => inputs.push(coin(dice)),
    }
    for _ in 0..dice.below(3) {
        let more = match dice.below(8) {
            0 => dice.pick(gates),
            1 => seal,
            _ => coin(dice),
        };
        if !inputs.contains(&more) {
            inputs.push(more);
        }
    }
    let least = usize::from(outputs.is_empty());
    for _ in 0..least + dice.below(2) {
        let script = if dice.below(5) == 0 { stranger() } else { dice.pick(scripts) };
        outputs.push(to(script, 1_000 + dice.below(60_000) as u64));
    }
    transaction(inputs.into_iter().map(|outpoint| input(outpoint.txid, outpoint.vout)).collect(), outputs)
}
