//! Hazard: a decision that several bodies made, or an office alone, and that nobody can show, or that is shown by the sums of one of
//! them. P-130, P-131.

use althing_anchor::HeaderChain;
use althing_governance::charter::{Body, Class, ClassRule, Treasurer};
use althing_governance::entry::{Choice, Effect, Pause, ProposalContent};
use althing_governance::epoch::BodyProof;
use althing_governance::id::ProposalId;
use althing_governance::voting::Outcome;
use althing_node::proof::bundle::{LoggedEntry, PaymentPart, Statement, TallyPart};
use althing_node::proof::tallies::Tallies;
use althing_node::proof::verify;
use bitcoin::Network;

use crate::forger::forge_decision;
use crate::world::{World, charter, keypair, spend};

const TREASURERS: [u8; 3] = [94, 95, 96];
/// Above what the members alone decide.
const LARGE_SAT: u64 = 50_000_000;

/// Three treasurers, who decide beside the members on large payments and alone on a pause.
struct Assembly {
    world: World,
    agreed: ProposalId,
    /// The treasurers said no.
    stopped: ProposalId,
    /// The members said no.
    unwanted: ProposalId,
    /// One treasurer each way, and all members for it.
    tied: ProposalId,
    paused: ProposalId,
    /// Epoch that decided all.
    epoch: u32,
}

impl Assembly {
    fn voted() -> Self {
        let mut rules = charter();
        let treasurer = |(name, key): (&str, u8)| Treasurer { name: name.into(), key: keypair(key).public_key() };
        rules.treasurers = ["Ása", "Björn", "Dís"].into_iter().zip(TREASURERS).map(treasurer).collect();
        let large = rules.classes.iter_mut().filter(|rule| rule.class == Class::Spend && rule.max_amount_sat.is_none());
        large.for_each(|rule| rule.bodies = vec![Body::Members, Body::Treasurers]);
        let alone = ClassRule { voting_blocks: 6, bodies: vec![Body::Treasurers], ..ClassRule::new(Class::Pause) };
        rules.classes.push(alone);
        rules.classes.sort_by_key(|rule| rule.class);
        let mut world = World::founded_under(rules);
        world.finish_epoch();
        let pause = |title: &str| {
            let effect = Effect::Pause(Pause { blocks: 12, classes: vec![Class::Text] });
            ProposalContent::question(Class::Pause, title, "", vec![effect])
        };
        let agreed = world.propose(1, spend("A ship", LARGE_SAT));
        let stopped = world.propose(2, spend("A fleet", LARGE_SAT + 1));
        let unwanted = world.propose(3, spend("A fortress", LARGE_SAT + 2));
        let tied = world.propose(4, pause("Perhaps"));
        let paused = world.propose(5, pause("Wait"));
        world.block(vec![]);
        for member in 1..=6 {
            for (id, choice) in [
                (agreed, Choice::Yes),
                (stopped, Choice::Yes),
                (unwanted, Choice::No),
                (tied, Choice::Yes),
                (paused, Choice::No),
            ] {
                world.vote(member, id, choice);
            }
        }
        for (treasurer, choices) in TREASURERS.into_iter().zip([
            [Some(Choice::Yes), Some(Choice::No), Some(Choice::Yes), Some(Choice::Yes), Some(Choice::Yes)],
            [Some(Choice::Yes), Some(Choice::No), Some(Choice::Yes), Some(Choice::No), Some(Choice::Yes)],
            [None, Some(Choice::Yes), Some(Choice::Yes), None, Some(Choice::No)],
        ]) {
            for (id, choice) in [agreed, stopped, unwanted, tied, paused].into_iter().zip(choices) {
                choice.into_iter().for_each(|choice| world.vote(treasurer, id, choice));
            }
        }
        Self { world, agreed, stopped, unwanted, tied, paused, epoch: 0 }
    }

    /// Decided, anchored and final; the hub anchors what `change` makes of it.
    fn told(change: impl FnOnce(&Self, &mut althing_governance::epoch::EpochClose)) -> Self {
        let mut told = Self::voted();
        told.world.finish_epoch();
        let mut close = told.world.close();
        change(&told, &mut close);
        told.epoch = close.header.epoch;
        let _not_logged = told.world.anchor(close);
        told.world.block(vec![]);
        told
    }

    fn honest() -> Self {
        Self::told(|_, _| {})
    }

    fn part(&self, proposal: ProposalId) -> TallyPart {
        let (close, state) = (&self.world.closes[self.epoch as usize - 1], self.world.ledger.state());
        let record = &state.proposals()[&proposal];
        let position = record.position;
        let path = state.tree().inclusion_proof(position, close.header.log_size).unwrap();
        let bodies = &state.rule_of(record).unwrap().bodies;
        TallyPart {
            entry: LoggedEntry { position, bytes: self.world.log[position as usize].clone(), path },
            tally: Tallies::Bodies(close.prove_bodies(&proposal, bodies).unwrap()),
            decision: close.prove_decision(&proposal).unwrap(),
        }
    }

    fn payment(&self) -> Statement {
        let close = &self.world.closes[self.epoch as usize - 1];
        let payment = close.prove_decision(&self.agreed).unwrap();
        let tally = self.part(self.agreed);
        Statement::Payment(Box::new(PaymentPart { decided: self.epoch, tally, milestone: None, payment }))
    }

    fn file(&self, statement: Statement) -> Vec<u8> {
        self.world.file(self.epoch as usize, statement)
    }

    fn tally(&self, proposal: ProposalId) -> Vec<u8> {
        self.file(Statement::Tally(Box::new(self.part(proposal))))
    }

    fn judged(&self, file: &[u8]) -> Result<String, String> {
        let headers = HeaderChain::from_bytes(Network::Regtest, &self.world.chain.header_bytes()).unwrap();
        verify(file, &headers).map(|finding| finding.statement).map_err(|rejection| rejection.to_string())
    }
}

/// Headers of the chain, and what each file shows.
pub(crate) fn vectors() -> (Vec<u8>, Vec<(&'static str, Vec<u8>)>) {
    let told = Assembly::honest();
    let files = vec![
        ("a payment that members and treasurers agreed on", told.tally(told.agreed)),
        ("one that the treasurers stopped", told.tally(told.stopped)),
        ("a pause that the treasurers alone tied", told.tally(told.tied)),
        ("the payment, which may be made", told.file(told.payment())),
    ];
    (told.world.chain.header_bytes(), files)
}

#[test]
fn every_bodys_sums_are_shown_and_give_the_outcome() {
    let told = Assembly::honest();
    let members =
        |yes: u32, no: u32| format!("members: yes {yes}, no {no}, abstain 0 of total weight 2100000, 6 ballots; ");
    for (proposal, words) in [
        (
            told.agreed,
            format!(
                "(spend): passed; {}treasurers: yes 2, no 0, abstain 0 of total weight 3, 2 ballots.",
                members(2_100_000, 0)
            ),
        ),
        (told.stopped, format!("(spend): rejected; {}treasurers: yes 1, no 2", members(2_100_000, 0))),
        (told.unwanted, format!("(spend): no_quorum; {}treasurers: yes 3, no 0", members(0, 2_100_000))),
        (told.tied, "(pause): tied; treasurers: yes 1, no 1, abstain 0 of total weight 3, 2 ballots".to_owned()),
        (told.paused, "(pause): passed; treasurers: yes 2, no 1".to_owned()),
    ] {
        let shown = told.judged(&told.tally(proposal)).unwrap();
        assert!(shown.contains(&words), "{shown}\n{words}");
    }
    let shown = told.judged(&told.file(told.payment())).unwrap();
    assert!(shown.contains("Authorised from height"), "{shown}");
}

#[test]
fn the_sums_of_one_body_show_nothing() {
    let told = Assembly::honest();
    let close = &told.world.closes[told.epoch as usize - 1];
    let refused = |tally: Tallies, proposal| {
        let part = TallyPart { tally, ..told.part(proposal) };
        told.judged(&told.file(Statement::Tally(Box::new(part)))).unwrap_err()
    };
    let of = |proposal| match told.part(proposal).tally {
        Tallies::Bodies(bodies) => bodies,
        Tallies::Members(_) => unreachable!("treasurers decide"),
    };
    // What the members passed, without the treasurers who stopped it.
    let alone = Tallies::Members(Box::new(close.prove_tally(&told.stopped).unwrap()));
    assert!(refused(alone, told.stopped).contains("P-130: the file has the totals of members"));
    let both = of(told.stopped);
    for (some, why) in [
        (vec![], "P-130: the file names no body"),
        (both[..1].to_vec(), "the rule asks members, treasurers"),
        (vec![both[1].clone(), both[0].clone()], "G-73"),
        (vec![both[0].clone(), both[0].clone()], "the rule asks"),
        (vec![both[0].clone(), of(told.agreed)[1].clone()], "G-73"),
        ([both.clone(), vec![both[1].clone()]].concat(), "the rule asks"),
    ] {
        let said = refused(Tallies::Bodies(some), told.stopped);
        assert!(said.contains(why), "{said}\n{why}");
    }
    // Of a pause the members are no body, whatever they said.
    let said = refused(Tallies::Bodies(of(told.agreed)), told.tied);
    assert!(said.contains("G-73") || said.contains("P-130"), "{said}");
}

#[test]
fn a_hub_cannot_decide_otherwise_than_the_bodies() {
    for (choose, wrong) in [
        ((|told: &Assembly| told.stopped) as fn(&Assembly) -> ProposalId, Outcome::Passed { option: None }),
        (|told| told.tied, Outcome::Passed { option: None }),
        (|told| told.paused, Outcome::Tied),
        (|told| told.unwanted, Outcome::Rejected),
    ] {
        let told = Assembly::told(|told, close| forge_decision(close, choose(told), |leaf| leaf.outcome = wrong));
        let said = told.judged(&told.tally(choose(&told))).unwrap_err();
        assert!(said.contains("P-130: the decision is"), "{said}");
    }
}

#[test]
fn an_office_has_no_more_votes_than_the_charter_names() {
    let told = Assembly::honest();
    let Tallies::Bodies(mut bodies) = told.part(told.tied).tally else { unreachable!() };
    let BodyProof::Office(body, mut office) = bodies.remove(0) else { unreachable!() };
    assert_eq!(body, Body::Treasurers);
    office.ballots.count += 1;
    let part = TallyPart { tally: Tallies::Bodies(vec![BodyProof::Office(body, office)]), ..told.part(told.tied) };
    let said = told.judged(&told.file(Statement::Tally(Box::new(part)))).unwrap_err();
    assert!(said.contains("another ballot tree"), "{said}");
}

#[test]
fn no_byte_of_it_can_be_changed() {
    let told = Assembly::honest();
    for (what, file) in
        [told.tally(told.agreed), told.tally(told.tied), told.file(told.payment())].into_iter().enumerate()
    {
        for at in (what..file.len()).step_by(89) {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(told.judged(&flipped).is_err(), "file {what} with byte {at} flipped");
        }
    }
}
