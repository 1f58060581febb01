//! Ballots of the treasurers: a class can ask for their consent as a body of its own, one key one vote (G-45). The charter
//! names their treasury keys, and a treasury key is not the vote key of the same person.

use althing_governance::charter::Body;
use althing_governance::entry::Ballot;
use althing_governance::id::MemberId;
use althing_governance::tally::Sums;

use super::Member;
use super::lane::{Speech, TreasurersBallot};
use crate::api::{ApiError, Choice};
use crate::speaker::Voice;
use crate::view::find_proposal;

impl Member {
    /// The ballot of this seed's treasury key, with the same in sentences.
    pub(super) fn treasurers_ballot(
        &self,
        proposal: &str,
        choice: &Choice,
        reason: Option<String>,
    ) -> Result<(Box<dyn Speech>, Vec<String>), ApiError> {
        let invalid = |message: String| ApiError::invalid("G-45", format!("G-45: {message}"));
        let id = find_proposal(&self.shell, proposal)?;
        let state = self.shell.ledger.state();
        let record = &state.proposals()[&id];
        let (class, charter) = (record.content.class.name(), state.charter_of(record));
        if !state.rule_of(record).is_some_and(|rule| rule.bodies.contains(&Body::Treasurers)) {
            return Err(invalid(format!("the treasurers are no body that decides on proposal {id} of class {class}")));
        }
        let key = MemberId::of(&self.shell.key_of(Voice::Treasurer).x_only_public_key().0);
        let named =
            charter.treasurers.iter().find(|treasurer| MemberId::of(&treasurer.key.x_only_public_key().0) == key);
        let Some(treasurer) = named else {
            return Err(invalid(format!(
                "the treasury key of this folder, {key}, is none of the treasurers by whose charter proposal {id} is decided"
            )));
        };
        let fields = crate::view::ballot_fields(&record.content, choice)?;
        let mut sentences = vec![
            format!("You vote {choice} on proposal {id} as treasurer {}.", treasurer.name),
            format!("Your treasury key {key} signs it; choice, reason and key are public to the DAO for ever."),
            format!("It is one of {} votes of the treasurers, and none of the members'.", charter.treasurers.len()),
        ];
        let before = state.counted_ballot(record, &key);
        if let Some(before) = before.and_then(|b| crate::view::ballot_choice(&record.content, b.fields)) {
            sentences.push(format!("It replaces your ballot \"{before}\"."));
        }
        sentences.extend(state.rule_of(record).and_then(crate::view::bodies_sentence));
        let after = state.bodies_with(record, Some((&key, &fields)));
        let after = after.iter().find(|vote| vote.body == Body::Treasurers).and_then(|vote| Sums::of(&vote.count));
        if let Some(Sums { yes, no, abstain, weight, .. }) = after {
            sentences
                .push(format!("With it the treasurers stand at yes {yes}, no {no}, abstain {abstain}, of {weight}."));
        }
        Ok((Box::new(TreasurersBallot(Ballot { proposal: id, fields, reason })), sentences))
    }
}
