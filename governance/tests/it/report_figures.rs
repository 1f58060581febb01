//! Hazard: a report whose figures nobody can check, or that leaves money out. F-1 to F-5.

use althing_governance::ProposalId;
use althing_governance::delegation::{Delegation, Part, Scope};
use althing_governance::entry::{Choice, Entry, Execution};
use althing_governance::report::{Claim, Evidence, Facts, Flow, FundsFact, Report, ReportTree, Value, collect};
use althing_governance::signing::Statement as _;

use crate::world::{AUX, World, block_hash, hub, member_id, spend, text, txid};

struct Story {
    world: World,
    paid: ProposalId,
    /// Height of the block with the payment.
    mined: u32,
    note: u64,
}

/// A payment that is authorised in one epoch and paid in a later one, and a text that fails.
fn story() -> Story {
    let mut world = World::with_stakes(&[5000, 3000, 2000]);
    let paid = world.propose(2, spend("Nets", 20_000));
    let failed = world.propose(1, text("A new boat"));
    world.mine();
    for member in [1, 2] {
        world.vote(member, paid, Choice::Yes).unwrap();
        world.vote(member, failed, Choice::No).unwrap();
    }
    for _ in 0..3 {
        world.finish_epoch();
    }
    let mined = world.height;
    let p = world.state.params();
    let execution = Execution {
        network: p.network,
        dao: p.dao_id,
        proposal: paid,
        milestone: 0,
        txid: txid(77),
        mined_height: mined,
        mined_hash: block_hash(mined),
        amount_sat: 20_700,
    };
    let note = world.state.size();
    let signed = execution.sign(&world.secp, &hub(), &AUX);
    world.append(Entry::Execution(signed)).unwrap();
    for _ in 0..2 {
        world.finish_epoch();
    }
    Story { world, paid, mined, note }
}

fn figure<'r>(report: &'r Report, section: &str, name: &str) -> &'r Value {
    let section = report.sections.iter().find(|found| found.title == section).unwrap();
    &section.figures.iter().find(|figure| figure.name == name).unwrap().value
}

fn rows<'r>(report: &'r Report, section: &str, table: &str) -> Vec<(&'r [Value], &'r Evidence)> {
    let section = report.sections.iter().find(|found| found.title == section).unwrap();
    let table = section.tables.iter().find(|found| found.title == table).unwrap();
    assert!(table.rows.iter().all(|row| row.values.len() == table.columns.len()), "{}", table.title);
    table.rows.iter().map(|row| (&row.values[..], &row.evidence)).collect()
}

#[test]
fn money_is_told_in_the_epoch_in_which_it_moved() {
    let Story { world, paid, mined, note } = story();
    let last = world.headers.len() as u32;
    let whole = collect(&world.state, 1, last - 1, &Facts::default());
    assert_eq!(figure(&whole, "Treasury", "authorised"), &Value::Sat(21_000));
    assert_eq!(figure(&whole, "Treasury", "paid by authorisation"), &Value::Sat(20_700));
    let given = rows(&whole, "Treasury", "Authorisations");
    let [(given, evidence)] = given[..] else { panic!("{given:?}") };
    assert_eq!(given[0], Value::Words(paid.to_string()));
    // The leaf of the decision tree that first says so.
    let Value::Height(height) = given[2] else { panic!("{given:?}") };
    let header = world.headers.iter().find(|header| header.closing_height >= height).unwrap();
    let leaf = Evidence::tree(ReportTree::Decisions, header.epoch, header.hash(), Some(paid.to_string()));
    let leaf = leaf.claiming(Claim::Authorised { proposal: paid.to_string(), milestone: None });
    assert_eq!(evidence, &leaf);
    let command = format!(
        "althing proof export {paid} --statement authorised --out FILE && althing verify FILE --headers HEADERS"
    );
    assert_eq!(evidence.command(), Some(command));
    let close = &world.closes[header.epoch as usize - 1];
    let proven = close.prove_decision(&paid).unwrap().verify(header, &paid).unwrap();
    assert_eq!(proven.authorisation.unwrap().amount_sat, 21_000);
    let payments = rows(&whole, "Treasury", "Payments");
    let [(payment, evidence)] = payments[..] else { panic!("{payments:?}") };
    let expected = [
        Value::Words(paid.to_string()),
        Value::Number(1),
        Value::Height(mined),
        Value::Sat(20_700),
        Value::Number(u128::from(note)),
    ];
    assert_eq!(payment, expected);
    assert_eq!(evidence, &Evidence::Transaction { txid: txid(77).to_string(), height: Some(mined) });
    // Each in its own period, and in no other.
    for epoch in 1..last {
        let (closing, before) = (world.headers[epoch as usize - 1].closing_height, epoch.checked_sub(2));
        let since = before.map_or(0, |index| world.headers[index as usize].closing_height);
        let one = collect(&world.state, epoch, epoch, &Facts::default());
        let is_in = |height: u32| height > since && height <= closing;
        assert_eq!(rows(&one, "Treasury", "Payments").len(), usize::from(is_in(mined)), "epoch {epoch}");
        assert_eq!(rows(&one, "Treasury", "Authorisations").len(), usize::from(is_in(height)), "epoch {epoch}");
    }
}

#[test]
fn movements_are_told_with_their_signers() {
    let Story { world, mined, .. } = story();
    let flow = |number: u8, height: u32, in_sat: u64, out_sat: u64| Flow {
        txid: txid(number),
        height,
        in_sat,
        out_sat,
        signers: vec!["Ása".to_owned()],
    };
    let facts = Facts { flows: vec![flow(80, mined, 90_000, 0), flow(81, mined, 0, 20_700)], ..Facts::default() };
    let report = collect(&world.state, 1, world.headers.len() as u32 - 1, &facts);
    assert_eq!(figure(&report, "Treasury", "received"), &Value::Sat(90_000));
    assert_eq!(rows(&report, "Treasury", "Movements and who signed them").len(), 2);
    let signatures = rows(&report, "Treasury", "Signatures by treasurer");
    assert_eq!(signatures[0].0, [Value::Quoted("Ása".to_owned()), Value::Number(2)]);
    let later = Facts { flows: vec![flow(80, world.height + 1, 90_000, 0)], ..Facts::default() };
    let report = collect(&world.state, 1, world.headers.len() as u32 - 1, &later);
    assert_eq!(figure(&report, "Treasury", "received"), &Value::Sat(0));
}

/// F-11: of covered epochs only, and no table without one.
#[test]
fn proofs_of_funds_are_told_of_the_epochs_covered() {
    let Story { world, .. } = story();
    let last = world.headers.len() as u32 - 1;
    let proof = |epoch: u32| FundsFact { epoch, coins: 3, total_sat: 70_000 + u64::from(epoch), signed: (2, 3) };
    let facts = Facts { proofs: vec![proof(last + 1), proof(2), proof(1)], ..Facts::default() };
    let report = collect(&world.state, 2, last, &facts);
    let [(values, evidence)] = rows(&report, "Treasury", "Proofs of funds")[..] else { panic!("one of the period") };
    let number = Value::Number;
    assert_eq!(values, [number(2), number(3), Value::Sat(70_002), number(2), number(3)]);
    assert!(evidence.sentence().contains("--funds=2"), "{}", evidence.sentence());
    let without = collect(&world.state, 3, last, &facts);
    let treasury = without.sections.iter().find(|found| found.title == "Treasury").unwrap();
    assert!(treasury.tables.iter().all(|table| table.title != "Proofs of funds"));
}

#[test]
fn every_figure_names_what_backs_it() {
    let Story { world, .. } = story();
    let report = collect(&world.state, 1, world.headers.len() as u32 - 1, &Facts::default());
    let header_of = |epoch: u32| world.headers[epoch as usize - 1].hash().to_string();
    let mut figures = 0;
    for section in &report.sections {
        let tables: Vec<String> = section.tables.iter().map(|table| table.title.to_lowercase()).collect();
        let evidence = section.figures.iter().map(|figure| &figure.evidence);
        for evidence in evidence.chain(section.tables.iter().flat_map(|t| t.rows.iter().map(|row| &row.evidence))) {
            figures += 1;
            match evidence {
                // A table of the same section, by a word of its title.
                Evidence::Computed { from } => {
                    let word = from.rsplit(' ').next().unwrap();
                    let known = tables.iter().any(|table| table.contains(word));
                    assert!(known, "{}: {from:?} is none of {tables:?}", section.title);
                }
                Evidence::Tree { epoch, header, .. } | Evidence::Replay { epoch, header } => {
                    assert_eq!(*header, header_of(*epoch), "{}", section.title);
                }
                Evidence::Entry { position, .. } => assert!(*position < world.state.size()),
                Evidence::Transaction { txid, .. } => assert_eq!(txid.len(), 64),
            }
        }
    }
    assert!(figures > 20, "{figures}");
}

/// F-7. Each epoch brings news of what the one before decided: a vote takes effect, a deposit comes back, somebody delegates.
#[test]
fn what_was_reported_of_an_epoch_stays() {
    let mut world = World::with_stakes(&[5000, 3000, 2000]);
    let report = |world: &World, first: u32, last: u32| collect(&world.state, first, last, &Facts::default());
    let mut told = Vec::new();
    for round in 0..7u8 {
        if round % 2 == 0 {
            // So much that it waits for the end of a veto window.
            let proposal = world.open_vote(2, spend(&format!("Nets {round}"), 120_000));
            world.vote(1, proposal, Choice::Yes).unwrap();
            world.vote(2, proposal, Choice::Yes).unwrap();
        } else {
            let parts = vec![Part { to: member_id(1 + round / 2 % 2), share_bp: 10_000 }];
            world.say(3, Delegation { scope: Scope::All, parts, expires_height: None }).unwrap();
        }
        world.finish_epoch();
        let newest = world.state.newest_anchored().unwrap().header.epoch;
        told.extend((1..=newest).map(|first| (first, newest, report(&world, first, newest))));
    }
    for (first, last, before) in &told {
        assert_eq!(&report(&world, *first, *last), before, "epochs {first} to {last}");
    }
    // There was something that could have changed.
    let (_, _, first_told) = told.iter().find(|(_, _, r)| !rows(r, "Decisions", "Decisions").is_empty()).unwrap();
    let waits = rows(first_told, "Decisions", "Decisions")[0].0.last().cloned();
    assert_eq!(waits, Some(Value::Words("waits".to_owned())));
    let whole = report(&world, 1, world.state.newest_anchored().unwrap().header.epoch);
    assert_eq!(rows(&whole, "Decisions", "Decisions")[0].0.last(), Some(&Value::Words("in effect".to_owned())));
    assert!(!rows(&whole, "Delegation", "Delegation graph").is_empty());
}
