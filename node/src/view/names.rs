//! What people call proposals, members and entries, and what is meant by it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use althing_governance::id::{EntryId, MemberId, ProposalId};
use althing_governance::state::LogState;
use bitcoin::secp256k1::XOnlyPublicKey;

use super::reading::perhaps_later;
use crate::api::ApiError;
use crate::shell::Shell;

/// Digits of a vote key that tell members of one name apart.
const KEY_DIGITS: usize = 8;

/// The proposal that a person means: by its number in the log (`#3`, or `3` where a shell would read a comment), or by its id
/// or an unambiguous beginning of it. Three digits at most are a number, since four may begin an id.
///
/// # Errors
/// `N-50` for text that is neither, `N-51` when none or several are meant.
pub fn find_proposal(shell: &Shell, text: &str) -> Result<ProposalId, ApiError> {
    let found = find_in_log(shell, text);
    if !found.as_ref().is_err_and(|error| error.rule.as_deref() == Some("N-51")) {
        return found;
    }
    match shell.light_status().filter(|light| light.reads_anew) {
        // N-221: what is not read again yet may be there.
        Some(light) => Err(ApiError { rule: Some("N-221".into()), ..ApiError::not_now(light.words(None)) }),
        None => perhaps_later(shell, found),
    }
}

fn find_in_log(shell: &Shell, text: &str) -> Result<ProposalId, ApiError> {
    let text = text.trim().to_ascii_lowercase();
    if let Some(number) = text.strip_prefix('#') {
        return by_number(shell, number);
    }
    if (1..4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
        return by_number(shell, &text);
    }
    if text.len() < 4 || text.len() > 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        let message = format!(
            "a proposal is named by its number, like 3 or '#3', or by 4 to 64 hexadecimal digits of its id, not by {text:?}"
        );
        return Err(ApiError::invalid("N-50", message));
    }
    by_beginning(shell.ledger.state().proposals().keys().copied(), &text, "N-51", "proposal")
}

/// The member that a person means: by vote key or an unambiguous beginning of it, or by a name that one member has.
///
/// # Errors
/// `N-53` when none or several are meant.
pub fn find_member(shell: &Shell, text: &str) -> Result<MemberId, ApiError> {
    let text = text.trim();
    if let Ok(key) = text.parse::<MemberId>() {
        return Ok(shell.ledger.state().member_of_key(&key));
    }
    let digits = text.to_ascii_lowercase();
    let is_beginning = digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let meant = shell
        .ledger
        .state()
        .members()
        .iter()
        .filter(|(id, record)| record.name == text || (is_beginning && id.to_string().starts_with(&digits)));
    let found: Vec<MemberId> = meant.map(|(id, _)| *id).collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            let message = format!("no member has the name or vote key {text:?}; `althing members` lists them");
            perhaps_later(shell, Err(ApiError::invalid("N-53", message)))
        }
        several => {
            Err(ApiError::invalid("N-53", format!("{} members are called {text:?}; give a vote key", several.len())))
        }
    }
}

/// Whom one lets in has to have a key: whoever has none can never come.
///
/// # Errors
/// `N-54` when no point of the curve has that x (BIP340).
pub fn expect_key(member: &MemberId) -> Result<(), ApiError> {
    match XOnlyPublicKey::from_slice(&member.0) {
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::invalid(
            "N-54",
            format!("N-54: {member} is nobody's vote key: it is not on the curve (BIP340)"),
        )),
    }
}

/// The comment that a person means, by its id or an unambiguous beginning of it.
///
/// # Errors
/// `N-52` when none or several are meant.
pub fn find_comment(shell: &Shell, text: &str) -> Result<EntryId, ApiError> {
    let text = text.trim().to_ascii_lowercase();
    let comments = shell.ledger.state().proposals().values().flat_map(|proposal| &proposal.comments);
    let known = comments.map(|comment| comment.entry).filter(|_| text.len() >= 4);
    perhaps_later(shell, by_beginning(known, &text, "N-52", "comment"))
}

/// The one id that begins with these digits; no guess where several do.
fn by_beginning<I: ToString>(
    ids: impl Iterator<Item = I>,
    digits: &str,
    rule: &str,
    what: &str,
) -> Result<I, ApiError> {
    let mut meant = ids.filter(|id| id.to_string().starts_with(digits));
    let Some(one) = meant.next() else {
        return Err(ApiError::invalid(rule, format!("no {what} in the log begins with {digits:?}")));
    };
    match meant.count() {
        0 => Ok(one),
        others => {
            let several = others + 1;
            Err(ApiError::invalid(rule, format!("{several} {what}s begin with {digits:?}; give more digits")))
        }
    }
}

/// What a member is called, with the beginning of the key where others are called the same (N-428); empty for somebody who never bound
/// a stake.
pub fn name_of(shell: &Shell, member: &MemberId) -> String {
    let Some(record) = shell.ledger.state().members().get(member) else { return String::new() };
    match has_double(shell, &record.name) {
        true => format!("{} ({})", record.name, &member.to_string()[..KEY_DIGITS]),
        false => record.name.clone(),
    }
}

/// Whether several members have that name.
pub(super) fn has_double(shell: &Shell, name: &str) -> bool {
    shell.doubles.have(shell.ledger.state(), name)
}

/// Whether a member has that name.
pub(super) fn is_taken(shell: &Shell, name: &str) -> bool {
    let name = folded(name);
    shell.ledger.state().members().values().any(|record| folded(&record.name) == name)
}

/// Names that several members have, found again when the log has grown: a search through all members for each name that is shown would
/// grow with the square of a DAO.
#[derive(Debug, Default)]
pub struct Doubles(RefCell<(u64, BTreeSet<String>)>);

impl Doubles {
    fn have(&self, state: &LogState, name: &str) -> bool {
        let mut found = self.0.borrow_mut();
        if found.0 != state.size() {
            *found = (state.size(), several(state.members().values().map(|record| record.name.as_str())));
        }
        found.1.contains(&folded(name))
    }
}

/// The names that come more than once.
fn several<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !name.is_empty()).map(folded).filter(|name| !seen.insert(name.clone())).collect()
}

/// Names that a person would take for each other at a glance.
fn folded(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Numbers count the proposals in the order of the log, from 1: the log only grows, so they never change.
fn by_number(shell: &Shell, digits: &str) -> Result<ProposalId, ApiError> {
    let records = super::proposals::in_order(shell);
    let number: usize = digits.parse().map_err(|_| {
        ApiError::invalid("N-50", format!("#{digits} is not the number of a proposal, which is like #3"))
    })?;
    let found = number.checked_sub(1).and_then(|index| records.get(index));
    found.map(|record| record.id).ok_or_else(|| {
        ApiError::invalid("N-51", format!("there is no proposal #{digits}; the log has {}", records.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ids: &[[u8; 32]], digits: &str) -> Result<ProposalId, ApiError> {
        by_beginning(ids.iter().map(|id| ProposalId(*id)), digits, "N-51", "proposal")
    }

    /// Hazard: two members of one name are one to whoever reads it (N-428).
    #[test]
    fn names_that_look_alike_are_double() {
        let found = several(["Bjarni", "Astrid", " bjarni ", "", "", "Unnur"].into_iter());
        assert_eq!(found, BTreeSet::from(["bjarni".to_owned()]));
    }

    /// Hazard: a beginning that several ids have is taken for one of them.
    #[test]
    fn a_beginning_of_several_ids_is_none_of_them() {
        let id = |tail: u8| {
            let mut id = [0xab; 32];
            id[2] = tail;
            id
        };
        let ids = [id(0x10), id(0x11), id(0x20)];
        for (digits, several) in [("abab", 3), ("abab1", 2)] {
            let refused = found(&ids, digits).unwrap_err();
            assert_eq!(refused.rule.as_deref(), Some("N-51"));
            assert!(refused.message.contains(&format!("{several} proposals begin with")), "{refused:?}");
        }
        assert_eq!(found(&ids, "abab2"), Ok(ProposalId(ids[2])));
        assert_eq!(found(&ids, "abab11"), Ok(ProposalId(ids[1])));
        assert_eq!(found(&ids, &ProposalId(ids[0]).to_string()), Ok(ProposalId(ids[0])));
        assert!(found(&ids, "abab3").unwrap_err().message.contains("no proposal in the log begins with"));
        assert!(found(&[], "abab").is_err());
    }
}
