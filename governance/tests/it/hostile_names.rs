//! Hazard: somebody who joins, or is elected, or an option, under a name that looks like another's or steers a screen. G-24, G-82.

use althing_governance::charter::{Class, Treasurer};
use althing_governance::entry::{Bind, Effect, ElectTreasurers, Entry, ProposalContent, ProposalOption};
use althing_governance::voting::System;
use althing_governance::{Canonical as _, DecodeError};

use crate::world::{IntoEntry as _, World, keypair};

const HOSTILE: &[&str] =
    &["a\u{1b}[2Jb", "\u{202e}asÁ", "Á\u{200b}sa", "Ása\u{2066}", "Á\nsa", "\u{e0041}", "Ása\u{fe0f}"];
const HARMLESS: &[&str] = &["Ása", "Þórr Óðinsson", "山田", "O'Neil-Ng"];

fn joined_as(name: &str) -> Result<Entry, DecodeError> {
    let world = World::with_stakes(&[5000]);
    let bind = Bind { name: name.to_owned(), ..world.bind(1, 5000) };
    Entry::from_bytes(&world.sign(1, bind).into_entry().to_bytes())
}

fn elected(descriptor: &str, name: &str) -> Result<ProposalContent, DecodeError> {
    let treasurers = vec![Treasurer { name: name.to_owned(), key: keypair(50).public_key() }];
    let election = ElectTreasurers { descriptor: descriptor.to_owned(), treasurers };
    let effect = Effect::ElectTreasurers(election);
    let content = ProposalContent::question(effect.class(), "New treasurers", "", vec![effect]);
    ProposalContent::from_bytes(&content.to_bytes())
}

fn assert_names_the_rule<T: std::fmt::Debug>(refused: Result<T, DecodeError>, field: &str) {
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("G-82") && error.contains(field) && error.contains("U+"), "{error}");
    assert!(
        !error.contains(|c: char| HOSTILE.iter().any(|h| !c.is_ascii() && !c.is_alphabetic() && h.contains(c))),
        "{error:?}"
    );
}

#[test]
fn nobody_joins_under_a_name_that_misleads() {
    for name in HOSTILE {
        assert_names_the_rule(joined_as(name), "member name");
    }
    for name in HARMLESS.iter().chain(&[""]) {
        joined_as(name).unwrap();
    }
}

#[test]
fn nobody_is_elected_under_a_name_that_misleads() {
    for name in HOSTILE {
        assert_names_the_rule(elected("wsh(placeholder)", name), "treasurer name");
    }
    assert_names_the_rule(elected("wsh(\u{202e})", "Ása"), "treasury descriptor");
    for name in HARMLESS {
        elected("wsh(placeholder)", name).unwrap();
    }
    assert!(elected("wsh(placeholder)", "").is_err());
}

fn offered(title: &str, labels: &[&str]) -> Result<ProposalContent, DecodeError> {
    let option = |label: &&str| ProposalOption { label: (*label).to_owned(), effects: Vec::new() };
    let mut content = ProposalContent::question(Class::Text, title, "", Vec::new());
    (content.system, content.options) = (System::Approval, labels.iter().map(option).collect());
    ProposalContent::from_bytes(&content.to_bytes())
}

#[test]
fn no_option_passes_for_another_or_for_what_every_ballot_has() {
    offered("Where to", &["Lake", "Booth", "None of the two"]).unwrap();
    for name in HOSTILE {
        assert_names_the_rule(offered("Where to", &["Lake", name]), "option label");
    }
    let same = [["Lake", "lake"], ["Lake", "Lake "], ["Lake", " Lake"], ["Lake", "None of these"], ["Lake", "NONE"]];
    for labels in same.into_iter().chain([["Lake", "abstain"]]) {
        let error = offered("Where to", &labels).unwrap_err().to_string();
        assert!(error.contains("G-24") && error.contains("option label"), "{error}");
    }
    for title in [" ", "\u{3000}"] {
        assert!(offered(title, &["Lake", "Booth"]).unwrap_err().to_string().contains("is blank"));
    }
}
