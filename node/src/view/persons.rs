//! Whom the keys in a proposal's effects belong to: its title can say anything. Clause N-212.

use althing_governance::Charter;
use althing_governance::charter::Treasurer;
use althing_governance::entry::{Effect, ElectTreasurers, ProposalContent};
use althing_governance::id::MemberId;

use super::names::name_of;
use crate::shell::Shell;

/// Sentences about the persons whom the log knows under keys that `content` names, `charter` being in force where it is proposed.
pub(crate) fn sentences(shell: &Shell, charter: &Charter, content: &ProposalContent) -> Vec<String> {
    let effects = content.options.iter().flat_map(|option| &option.effects);
    effects.flat_map(|effect| of_effect(shell, charter, effect)).collect()
}

fn of_effect(shell: &Shell, charter: &Charter, effect: &Effect) -> Vec<String> {
    match effect {
        Effect::Admit { member } | Effect::Expel { member } => member_sentence(shell, member),
        Effect::Confiscate(confiscate) => member_sentence(shell, &confiscate.member),
        Effect::ElectTreasurers(election) => treasurers(&charter.treasurers, election),
        _ => Vec::new(),
    }
}

fn member_sentence(shell: &Shell, key: &MemberId) -> Vec<String> {
    let state = shell.ledger.state();
    let member = state.member_of_key(key);
    if !state.members().contains_key(&member) {
        return vec![format!("No member has spoken with vote key {key} so far.")];
    }
    let name = name_of(shell, &member);
    vec![match name.is_empty() {
        true => format!("Vote key {key} is a member's who gave no name."),
        false => format!("Vote key {key} is that of {name:?}."),
    }]
}

/// Who of the same name has another key, and who is left out.
fn treasurers(in_office: &[Treasurer], election: &ElectTreasurers) -> Vec<String> {
    let mut told = Vec::new();
    for elected in &election.treasurers {
        match in_office.iter().find(|present| present.name == elected.name) {
            Some(present) if present.key != elected.key => told.push(format!(
                "The treasurer called {:?} gets key {}, which is another than that of the treasurer of this name in office, {}.",
                elected.name, elected.key, present.key
            )),
            _ => {}
        }
    }
    let stays = |name: &str| election.treasurers.iter().any(|elected| elected.name == name);
    let left = in_office.iter().filter(|present| !stays(&present.name));
    told.extend(left.map(|present| format!("{:?} is a treasurer no more.", present.name)));
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};

    fn key(byte: u8) -> PublicKey {
        PublicKey::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&[byte; 32]).unwrap())
    }

    #[test]
    fn an_election_tells_who_has_another_key_and_who_goes() {
        let named = |name: &str, byte| Treasurer { name: name.into(), key: key(byte) };
        let in_office = vec![named("Astrid", 1), named("Bjarni", 2), named("Gudrun", 3)];
        let elected = vec![named("Astrid", 9), named("Bjarni", 2), named("Njal", 4)];
        let told = treasurers(&in_office, &ElectTreasurers { descriptor: String::new(), treasurers: elected });
        let another = format!(
            "The treasurer called \"Astrid\" gets key {}, which is another than that of the treasurer of this name in office, {}.",
            key(9),
            key(1)
        );
        assert_eq!(told, [another, "\"Gudrun\" is a treasurer no more.".to_owned()]);
    }
}
