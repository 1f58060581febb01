//! Hazard: a decision that several bodies made, or an office alone, and that nobody can show, or that is shown by the sums of one of
//! them; a treasurer's vote that nobody can show as counted. P-130, P-131, P-140.

use althing_anchor::HeaderChain;
use althing_governance::charter::{Body, Class, ClassRule, Treasurer};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Choice, Effect, Entry, Pause, ProposalContent};
use althing_governance::epoch::{BallotRoot, BodyProof, EpochClose};
use althing_governance::id::ProposalId;
use althing_governance::tally::{BallotLeaf, CountedBallot};
use althing_governance::tree::SumLeaf;
use althing_governance::voting::{Outcome, System};
use althing_node::proof::bundle::{LoggedEntry, PaymentPart, Statement, TallyPart};
use althing_node::proof::office::OfficePart;
use althing_node::proof::tallies::Tallies;
use althing_node::proof::verify;
use bitcoin::Network;

use crate::forger::{changed, forge_ballots, forge_decision, forge_leaves};
use crate::world::{World, charter, keypair, member_id, spend};

const TREASURERS: [u8; 3] = [94, 95, 96];
/// A member, and no treasurer.
const STRANGER: u8 = 1;
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
            let effect = Effect::Pause(Pause { blocks: 12, classes: vec![Class::Request] });
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
    fn told(change: impl FnOnce(&Self, &mut EpochClose)) -> Self {
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

    fn close(&self) -> &EpochClose {
        &self.world.closes[self.epoch as usize - 1]
    }

    fn logged(&self, position: u64) -> LoggedEntry {
        let path = self.world.ledger.state().tree().inclusion_proof(position, self.close().header.log_size).unwrap();
        LoggedEntry { position, bytes: self.world.log[position as usize].clone(), path }
    }

    /// How a treasurer voted.
    fn vote(&self, proposal: ProposalId, treasurer: u8) -> OfficePart {
        let state = self.world.ledger.state();
        let record = &state.proposals()[&proposal];
        let member = member_id(treasurer);
        let body = Body::Treasurers;
        let place = state.rule_of(record).unwrap().bodies.iter().position(|one| *one == body).unwrap();
        OfficePart {
            proposal: self.logged(record.position),
            body,
            member,
            ballot: state.counted_ballot(record, &member).map(|ballot| self.logged(ballot.position)),
            counted: self.close().prove_ballot_in(&proposal, body, place, &member).unwrap(),
        }
    }

    fn shown(&self, part: OfficePart) -> Result<String, String> {
        self.judged(&self.file(Statement::Office(Box::new(part))))
    }

    fn part(&self, proposal: ProposalId) -> TallyPart {
        let (close, state) = (self.close(), self.world.ledger.state());
        let record = &state.proposals()[&proposal];
        let bodies = &state.rule_of(record).unwrap().bodies;
        TallyPart {
            entry: self.logged(record.position),
            tally: Tallies::Bodies(close.prove_bodies(&proposal, bodies).unwrap()),
            decision: close.prove_decision(&proposal).unwrap(),
        }
    }

    fn payment(&self) -> Statement {
        let payment = self.close().prove_decision(&self.agreed).unwrap();
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
        ("a treasurer's ballot beside the members'", told.file(office(told.vote(told.stopped, TREASURERS[2])))),
        ("one where the treasurers alone decide", told.file(office(told.vote(told.tied, TREASURERS[1])))),
        ("a treasurer who did not vote", told.file(office(told.vote(told.tied, TREASURERS[2])))),
    ];
    (told.world.chain.header_bytes(), files)
}

fn office(part: OfficePart) -> Statement {
    Statement::Office(Box::new(part))
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
    let close = told.close();
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
fn a_treasurers_vote_is_shown_as_counted_or_as_not_cast() {
    let told = Assembly::honest();
    let on = |proposal: ProposalId| format!("on proposal {proposal}");
    for (proposal, treasurer, starts, ends) in [
        (
            told.agreed,
            0,
            "Ballot of treasurer Ása",
            "yes, one of 3 votes of the treasurers, counted as cast in the final tally (yes 2, no 0, abstain 0).",
        ),
        (told.stopped, 2, "Ballot of treasurer Dís", "(yes 1, no 2, abstain 0)."),
        (
            told.paused,
            2,
            "Ballot of treasurer Dís",
            ": no, one of 3 votes of the treasurers, counted as cast in the final tally (yes 2, no 1, abstain 0).",
        ),
        (
            told.tied,
            1,
            "Ballot of treasurer Björn",
            ": no, one of 3 votes of the treasurers, counted as cast in the final tally (yes 1, no 1, abstain 0).",
        ),
        (told.tied, 2, "treasurer Dís", "as one of the treasurers (yes 1, no 1, abstain 0)."),
        (told.agreed, 2, "treasurer Dís", "did not vote"),
    ] {
        let shown = told.shown(told.vote(proposal, TREASURERS[treasurer])).unwrap();
        assert!(shown.starts_with(starts) && shown.contains(ends) && shown.contains(&on(proposal)), "{shown}\n{ends}");
    }
}

#[test]
fn a_treasurers_vote_cannot_be_another() {
    let told = Assembly::honest();
    let state = told.world.ledger.state();
    let ballot_of = |proposal: ProposalId, member: u8| {
        let ballot = state.counted_ballot(&state.proposals()[&proposal], &member_id(member)).unwrap();
        Some(told.logged(ballot.position))
    };
    let [first, second, third] = TREASURERS;
    let honest = || told.vote(told.paused, first);
    let members = told.close().prove_ballot(&told.agreed, &member_id(1)).unwrap();
    let other = state.proposals()[&told.tied].position;
    let comes_to = |part: OfficePart| told.shown(part).unwrap_err();
    for (what, part, why) in [
        ("who voted is called silent", OfficePart { ballot: None, ..honest() }, "voted, with entry"),
        (
            "who did not vote is given a ballot",
            OfficePart { ballot: ballot_of(told.tied, first), ..told.vote(told.tied, third) },
            "has no ballot",
        ),
        (
            "another treasurer's ballot",
            OfficePart { ballot: ballot_of(told.paused, second), ..honest() },
            "P-6: the tally counts entry",
        ),
        (
            "a ballot on another proposal",
            OfficePart { ballot: ballot_of(told.tied, first), ..honest() },
            "P-140: the ballot is on proposal",
        ),
        (
            "no ballot at all",
            OfficePart { ballot: Some(told.logged(other)), ..honest() },
            "P-140: the entry is not a ballot",
        ),
        ("another's leaf", OfficePart { member: member_id(second), ..honest() }, "G-73"),
        ("another proposal", OfficePart { proposal: told.logged(other), ..honest() }, "G-73"),
        (
            "an office that does not decide",
            OfficePart { body: Body::Founders, ..honest() },
            "P-140: the founders are no body",
        ),
        (
            "the members' tree",
            OfficePart {
                ballot: ballot_of(told.agreed, 1),
                member: member_id(1),
                counted: members,
                ..told.vote(told.agreed, first)
            },
            "G-73",
        ),
    ] {
        let said = comes_to(part);
        assert!(said.contains(why), "{what}: {said}\n{why}");
    }
    // The members are no office, and a file that says so is none.
    let said = comes_to(OfficePart { body: Body::Members, ..honest() });
    assert!(said.contains("P-140: ") && said.contains("P-6"), "{said}");
}

#[test]
fn while_the_vote_is_open_a_ballot_may_still_be_replaced_and_nobody_is_silent() {
    let told = Assembly::told(|told, close| forge_ballots(close, told.tied, false, |_| ()));
    let shown = told.shown(told.vote(told.tied, TREASURERS[0])).unwrap();
    assert!(shown.contains("in the tally so far, which a later ballot may still replace"), "{shown}");
    let said = told.shown(told.vote(told.tied, TREASURERS[2])).unwrap_err();
    assert!(said.contains("P-140: voting on proposal") && said.contains("had not closed"), "{said}");
}

#[test]
fn sums_of_another_system_show_nothing() {
    let told = Assembly::told(|told, close| {
        close.ballot_roots = changed(&close.ballot_roots, |leaf| {
            if leaf.key == told.tied.0 {
                // Of as many sums, and with yes and no in the same places.
                let root = BallotRoot::from_bytes(&leaf.value).unwrap();
                leaf.value = BallotRoot { system: System::Optimistic, ..root }.to_bytes();
            }
        });
        close.header.ballots_root = close.ballot_roots.commitment();
    });
    let said = told.shown(told.vote(told.tied, TREASURERS[0])).unwrap_err();
    assert!(said.contains("P-140: the sums are by optimistic"), "{said}");
}

/// A hub that seats whom it likes in an office: the charter says who they are, how many, and that each has one vote.
#[test]
fn nobody_is_seated_by_the_hub() {
    let stranger = |told: &Assembly, weight: u128| {
        let record = &told.world.ledger.state().proposals()[&told.paused];
        let cast = told.world.ledger.state().counted_ballot(record, &member_id(STRANGER)).unwrap();
        let entry = Entry::from_bytes(&told.world.log[cast.position as usize]).unwrap().id();
        let fields = cast.fields.to_vec();
        let leaf = BallotLeaf::Own(CountedBallot { position: cast.position, entry, fields, weight });
        let sums = leaf.sums(System::YesNoAbstain, 0, weight).unwrap();
        SumLeaf { key: member_id(STRANGER).0, value: leaf.to_bytes(), sums }
    };
    for (seats, weight, why) in [
        (2, 1, "is none of the treasurers"),
        (3, 1, "4 treasurers have 4 votes and this one has 1; the charter names 3"),
        (2, 2, "3 treasurers have 4 votes and this one has 2"),
    ] {
        let told = Assembly::told(|told, close| {
            let mut leaves: Vec<SumLeaf> = close.ballots[&told.paused].leaves().cloned().collect();
            leaves.truncate(seats);
            leaves.push(stranger(told, weight));
            forge_leaves(close, told.paused, leaves);
        });
        let state = told.world.ledger.state();
        let cast = state.counted_ballot(&state.proposals()[&told.paused], &member_id(STRANGER)).unwrap().position;
        let part = OfficePart {
            member: member_id(STRANGER),
            ballot: Some(told.logged(cast)),
            counted: told.close().prove_ballot_in(&told.paused, Body::Treasurers, 0, &member_id(STRANGER)).unwrap(),
            ..told.vote(told.tied, TREASURERS[0])
        };
        let proposal = told.logged(state.proposals()[&told.paused].position);
        let said = told.shown(OfficePart { proposal, ..part }).unwrap_err();
        assert!(said.contains(why), "{said}\n{why}");
    }
}

#[test]
fn no_byte_of_it_can_be_changed() {
    let told = Assembly::honest();
    for (what, file) in [
        told.tally(told.agreed),
        told.tally(told.tied),
        told.file(told.payment()),
        told.file(office(told.vote(told.stopped, TREASURERS[0]))),
        told.file(office(told.vote(told.tied, TREASURERS[2]))),
    ]
    .into_iter()
    .enumerate()
    {
        for at in (what..file.len()).step_by(89) {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(told.judged(&flipped).is_err(), "file {what} with byte {at} flipped");
        }
    }
}
