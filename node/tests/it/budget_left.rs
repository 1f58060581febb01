//! What is left of a budget: told from every milestone's leaf, or not at all. P-335.

use althing_anchor::HeaderChain;
use althing_governance::charter::{Class, ClassRule};
use althing_governance::entry::{Budget, Choice, Effect, Milestone, ProposalContent};
use althing_governance::id::ProposalId;
use althing_node::proof::budget::BudgetPart;
use althing_node::proof::bundle::{LoggedEntry, Statement};
use althing_node::proof::parts::AuthorisedPart;
use althing_node::proof::verify;
use bitcoin::{Network, ScriptBuf};

use crate::world::{World, charter};

const MILESTONES: [(u64, u32); 3] = [(10_000, 0), (20_000, 12), (40_000, 5000)];

struct Year {
    world: World,
    budget: ProposalId,
}

fn budget() -> ProposalContent {
    let milestone = |(amount_sat, after_blocks)| Milestone { description: "Nets".into(), amount_sat, after_blocks };
    let budget = Budget {
        payee: ScriptBuf::from_bytes([vec![0x51, 0x20], vec![0x42; 32]].concat()),
        milestones: MILESTONES.map(milestone).into(),
        fee_cap_sat: 1000,
        expiry_blocks: 30,
    };
    ProposalContent::question(Class::Budget, "A year of nets", "In parts.", vec![Effect::Budget(budget)])
}

impl Year {
    fn begun() -> Self {
        let mut rules = charter();
        let spend = rules.classes.iter().find(|rule| rule.class == Class::Spend).unwrap().clone();
        rules.classes.retain(|rule| rule.class != Class::Budget);
        rules.classes.push(ClassRule { class: Class::Budget, max_amount_sat: None, ..spend });
        rules.classes.sort_by_key(|rule| rule.class);
        let mut world = World::founded_under(rules);
        world.finish_epoch();
        let budget = world.propose(2, budget());
        let mut year = Self { world, budget };
        year.decide(budget);
        year
    }

    fn decide(&mut self, proposal: ProposalId) {
        self.world.block(vec![]);
        (1..=5).for_each(|member| self.world.vote(member, proposal, Choice::Yes));
        (0..4).for_each(|_| self.world.finish_epoch());
        self.world.block(vec![]);
    }

    fn part(&self) -> BudgetPart {
        let close = self.world.closes.last().unwrap();
        let position = self.world.ledger.state().proposals()[&self.budget].position;
        let path = self.world.ledger.state().tree().inclusion_proof(position, close.header.log_size).unwrap();
        let entry = LoggedEntry { position, bytes: self.world.log[position as usize].clone(), path };
        let milestones = (0..3).map(|index| close.prove_milestone(&self.budget, index).unwrap()).collect();
        BudgetPart { entry, milestones }
    }

    fn file(&self, part: BudgetPart) -> Vec<u8> {
        self.world.file(self.world.closes.len(), Statement::Budget(Box::new(part)))
    }

    fn judged(&self, file: &[u8]) -> Result<String, String> {
        let headers = HeaderChain::from_bytes(Network::Regtest, &self.world.chain.header_bytes()).unwrap();
        verify(file, &headers).map(|finding| finding.statement).map_err(|rejection| rejection.to_string())
    }
}

/// Headers of the chain, and proof files: of what is left, and of the first milestone.
pub(crate) fn vectors() -> (Vec<u8>, [Vec<u8>; 2]) {
    let year = Year::begun();
    let part = year.part();
    let first = part.milestones[0].clone();
    let first = AuthorisedPart { entry: part.entry.clone(), milestone: Some(0), decision: first };
    let first = year.world.file(year.world.closes.len(), Statement::Authorised(Box::new(first)));
    (year.world.chain.header_bytes(), [year.file(part), first])
}

#[test]
fn what_is_left_is_told_until_a_vote_stops_it() {
    let mut year = Year::begun();
    let told = year.judged(&year.file(year.part())).unwrap();
    let expected = "0 sat paid, 30000 sat authorised and not paid, 40000 sat to come, 0 sat that will not be paid. 70000 sat are left.";
    assert!(told.ends_with(expected), "{told}");
    let stop = vec![Effect::StopBudget { proposal: year.budget }];
    let stop = year.world.propose(1, ProposalContent::question(Class::Budget, "No more nets", "", stop));
    year.decide(stop);
    let told = year.judged(&year.file(year.part())).unwrap();
    assert!(told.contains("0 sat to come, ") && told.ends_with("sat are left."), "{told}");
    assert!(!told.contains(" 40000 sat to come"), "{told}");
}

#[test]
fn no_milestone_can_be_left_out_or_shown_twice() {
    let year = Year::begun();
    let part = year.part();
    let refused = |part: &BudgetPart| year.judged(&year.file(part.clone())).unwrap_err();
    for count in 0..3 {
        let mut fewer = part.clone();
        fewer.milestones.truncate(count);
        assert!(refused(&fewer).contains("P-335"), "{count} milestones");
    }
    let mut more = part.clone();
    more.milestones.push(part.milestones[0].clone());
    refused(&more);
    let mut twice = part.clone();
    twice.milestones[2] = part.milestones[1].clone();
    refused(&twice);
    let mut swapped = part.clone();
    swapped.milestones.swap(0, 1);
    refused(&swapped);
    let file = year.file(part);
    for at in (0..file.len()).step_by(7) {
        let mut flipped = file.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(year.judged(&flipped).is_err(), "byte {at} flipped");
    }
}
