//! Payments through a gate that the treasury made later: shown like any other, with the note that makes the output a gate.

use althing_anchor::HeaderChain;
use althing_anchor::Treasury;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Choice, Entry, GateRefill};
use althing_governance::id::ProposalId;
use althing_governance::signing::Statement as _;
use althing_node::proof::bundle::{Bundle, EpochPart, LoggedEntry, PaymentPart, Statement, TallyPart};
use althing_node::proof::parts::AuthorisedPart;
use althing_node::proof::refill::RefilledPart;
use althing_node::proof::tallies::Tallies;
use althing_node::proof::verify;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, Network, OutPoint, Transaction, TxOut, Txid};

use crate::chain::{input, transaction};
use crate::world::{AUX, LOG, World, charter, keypair, spend};

struct Refilled {
    world: World,
    /// Position of the note, and the gate that it makes.
    note: u64,
    gate: OutPoint,
    /// Paid through the gate of the genesis transaction, and through the later one.
    payments: [ProposalId; 2],
    /// Epoch that decided both.
    epoch: u32,
}

/// Two outputs of the treasury, and one of somebody else.
pub(crate) fn treasurys(world: &World) -> Transaction {
    let charter = &world.params().charter;
    let treasury = Treasury::parse(&charter.treasury_descriptor).unwrap();
    let output = |sat, script_pubkey| TxOut { value: Amount::from_sat(sat), script_pubkey };
    let outputs = vec![
        output(charter.gate_sat, treasury.script_at(7).unwrap()),
        output(charter.gate_sat - 1, treasury.script_at(8).unwrap()),
        output(charter.gate_sat, bitcoin::ScriptBuf::from_bytes(vec![0x51])),
    ];
    transaction(vec![input(Txid::from_byte_array([66; 32]), 0)], outputs)
}

pub(crate) fn note(world: &World, tx: &Transaction, created: Vec<u32>) -> Entry {
    let p = world.params();
    let evidence = world.chain.evidence(tx.compute_txid());
    let refill = GateRefill {
        network: p.network,
        dao: p.dao_id,
        txid: tx.compute_txid(),
        mined_height: evidence.inclusion().height(),
        mined_hash: evidence.inclusion().block_hash(),
        created,
        retired: vec![],
    };
    Entry::GateRefill(refill.sign(&world.secp, &keypair(LOG), &AUX))
}

fn refilled() -> Refilled {
    let mut charter = charter();
    charter.gates = 1;
    let mut world = World::founded_under(charter);
    let tx = treasurys(&world);
    world.block(vec![tx.clone()]);
    // Too small, another's, and no output at all.
    for (wrong, why) in
        [(vec![1], "no output of the treasury"), (vec![2], "no output of the treasury"), (vec![3], "G-108")]
    {
        let refusal = world.append(&note(&world, &tx, wrong.clone())).unwrap_err().to_string();
        assert!(refusal.contains(why), "{wrong:?}: {refusal}");
    }
    let position = world.ledger.state().size();
    world.append(&note(&world, &tx, vec![0])).unwrap();
    let again = world.append(&note(&world, &tx, vec![0])).unwrap_err().to_string();
    assert!(again.contains("has a purpose already"), "{again}");
    world.block(vec![]);
    world.finish_epoch();
    let payments = [world.propose(1, spend("Nets", 5_000_000)), world.propose(2, spend("Ropes", 4_000_000))];
    world.block(vec![]);
    for id in payments {
        (1..=5).for_each(|member| world.vote(member, id, Choice::Yes));
    }
    world.finish_epoch();
    world.finish_epoch();
    let epoch = world.ledger.state().ledger().standing(&payments[1]).unwrap().decided_epoch;
    world.block(vec![]);
    Refilled { world, note: position, gate: OutPoint { txid: tx.compute_txid(), vout: 0 }, payments, epoch }
}

impl Refilled {
    fn logged(&self, position: u64) -> LoggedEntry {
        let size = self.world.closes[self.epoch as usize - 1].header.log_size;
        let path = self.world.ledger.state().tree().inclusion_proof(position, size).unwrap();
        LoggedEntry { position, bytes: self.world.log[position as usize].clone(), path }
    }

    fn bundle(&self, statement: Statement) -> Bundle {
        let epochs = self.world.closes.iter().zip(&self.world.links).take(self.epoch as usize);
        Bundle {
            charter: self.world.params().charter.clone(),
            changes: Vec::new(),
            genesis: self.world.chain.evidence(self.world.params().first_seal.txid),
            epochs: epochs
                .map(|(close, link)| EpochPart { header: close.header, link: self.world.chain.evidence(*link) })
                .collect(),
            successions: Vec::new(),
            moves: Vec::new(),
            behind: Vec::new(),
            statement,
        }
    }

    fn tally(&self, payment: ProposalId) -> TallyPart {
        let close = &self.world.closes[self.epoch as usize - 1];
        TallyPart {
            entry: self.logged(self.world.ledger.state().proposals()[&payment].position),
            tally: Tallies::Members(Box::new(close.prove_tally(&payment).unwrap())),
            decision: close.prove_decision(&payment).unwrap(),
        }
    }

    /// The three statements about a payment.
    fn statements(&self, payment: ProposalId) -> [Statement; 3] {
        let tally = self.tally(payment);
        let (entry, decision) = (tally.entry.clone(), tally.decision.clone());
        let part =
            PaymentPart { decided: self.epoch, tally: tally.clone(), milestone: None, payment: decision.clone() };
        [
            Statement::Tally(Box::new(tally)),
            Statement::Authorised(Box::new(AuthorisedPart { entry, milestone: None, decision })),
            Statement::Payment(Box::new(part)),
        ]
    }

    fn over(&self, position: u64, statement: Statement) -> Statement {
        Statement::Refilled(Box::new(RefilledPart { refill: self.logged(position), statement }))
    }

    fn judged(&self, statement: Statement) -> Result<String, String> {
        let headers = HeaderChain::from_bytes(Network::Regtest, &self.world.chain.header_bytes()).unwrap();
        let found = verify(&self.bundle(statement).to_bytes(), &headers);
        found.map(|finding| finding.statement).map_err(|rejection| rejection.to_string())
    }
}

/// Headers of the chain, and files about payments (P-20, P-300).
pub(crate) fn vectors() -> (Vec<u8>, Vec<(&'static str, Vec<u8>)>) {
    let refilled = refilled();
    let [first, second] = refilled.payments;
    let file = |statement| refilled.bundle(statement).to_bytes();
    let over = |statement| file(refilled.over(refilled.note, statement));
    let [_, _, plain] = refilled.statements(first);
    let [tally, authorised, payment] = refilled.statements(second);
    let files = vec![
        ("a payment through a gate of the genesis transaction", file(plain.clone())),
        ("a tally, over the refill that made the gate", over(tally)),
        ("that it is authorised, over the refill", over(authorised)),
        ("a payment, over the refill", over(payment.clone())),
        ("the same without the refill", file(payment)),
        ("a refill that does not make the gate", over(plain)),
    ];
    (refilled.world.chain.header_bytes(), files)
}

#[test]
fn a_payment_through_a_later_gate_is_shown_with_its_note() {
    let refilled = refilled();
    let [first, second] = refilled.payments;
    let gates: Vec<OutPoint> = refilled.world.ledger.gates_in_use().collect();
    assert!(gates.contains(&refilled.gate) && gates.contains(&refilled.world.params().gates[0]), "{gates:?}");
    for statement in refilled.statements(second) {
        // Alone it speaks of an output that is no gate as far as the file shows.
        assert!(refilled.judged(statement.clone()).is_err());
        let shown = refilled.judged(refilled.over(refilled.note, statement)).unwrap();
        assert!(shown.contains(&refilled.gate.to_string()) || shown.contains("Authorised"), "{shown}");
    }
    for statement in refilled.statements(first) {
        refilled.judged(statement.clone()).unwrap();
        // The note says nothing about this one.
        let refusal = refilled.judged(refilled.over(refilled.note, statement)).unwrap_err();
        assert!(refusal.contains("P-300"), "{refusal}");
    }
}

#[test]
fn another_entry_is_no_note_and_no_byte_of_it_can_be_changed() {
    let refilled = refilled();
    let [statement, ..] = refilled.statements(refilled.payments[1]);
    let refusal = refilled.judged(refilled.over(refilled.note - 1, statement.clone())).unwrap_err();
    assert!(refusal.contains("P-300"), "{refusal}");
    let twice = refilled.over(refilled.note, refilled.over(refilled.note, statement.clone()));
    assert!(refilled.judged(twice).is_err(), "one inside another");
    let bundle = refilled.bundle(refilled.over(refilled.note, statement)).to_bytes();
    let headers = HeaderChain::from_bytes(Network::Regtest, &refilled.world.chain.header_bytes()).unwrap();
    verify(&bundle, &headers).unwrap();
    for at in (0..bundle.len()).step_by(13) {
        let mut flipped = bundle.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(verify(&flipped, &headers).is_err(), "byte {at} flipped");
    }
}
