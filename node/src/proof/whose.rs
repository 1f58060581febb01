//! Whose ballot a statement is about, and in which of the bodies that decide the proposal.

use althing_governance::charter::{Body, Treasurer};
use althing_governance::id::MemberId;
use althing_governance::state::ProposalRecord;

use crate::api::ApiError;
use crate::shell::Shell;
use crate::speaker::Voice;
use crate::view::find_member;

/// The holder of a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Elector {
    pub(super) body: Body,
    /// Number of the body among those of the rule, from 0.
    pub(super) place: usize,
    pub(super) member: MemberId,
}

/// The vote that is meant: in the body named, else in the first of the rule's in which whoever is named has one. Nobody named is this
/// node's own member, and of the treasurers its own treasury key.
///
/// # Errors
/// `N-53` for nobody known, `P-140` for a body that does not decide or in which they have no vote, `P-11` for who is not on the roll.
pub(super) fn elector(
    shell: &Shell,
    me: Option<MemberId>,
    record: &ProposalRecord,
    named: Option<&str>,
    body: Option<Body>,
) -> Result<Elector, ApiError> {
    let state = shell.ledger.state();
    let bodies = state.rule_of(record).map_or(&[][..], |rule| &rule.bodies);
    let (id, names) = (record.id, bodies.iter().map(|body| body.name()).collect::<Vec<_>>().join(" and the "));
    if let Some(other) = body.filter(|body| !bodies.contains(body)) {
        let message = format!("P-140: the {} are no body that decides on proposal {id}: the {names} do", other.name());
        return Err(ApiError::invalid("P-140", message));
    }
    let mut unknown = None;
    let mut known = None;
    for (place, one) in bodies.iter().enumerate().filter(|(_, one)| body.is_none_or(|body| body == **one)) {
        let found = match one {
            Body::Treasurers => treasurer(shell, record, named),
            Body::Members | Body::Founders => member(shell, me, named),
        };
        match found {
            Ok(member) if state.votes_in(record, *one, &member) != Some(false) => {
                return Ok(Elector { body: *one, place, member });
            }
            Ok(member) => known = Some(member),
            Err(error) => unknown = Some(error),
        }
    }
    Err(match (known, unknown) {
        (Some(member), _) if bodies == [Body::Members] => {
            let epoch = record.snapshot_epoch;
            ApiError::invalid("P-11", format!("P-11: {member} is not on the roll of epoch {epoch}"))
        }
        (Some(member), _) => {
            let asked = body.map_or(names, |body| body.name().to_owned());
            ApiError::invalid(
                "P-140",
                format!("P-140: of proposal {id} the {asked} decide, and {member} is none of them"),
            )
        }
        (None, Some(error)) => error,
        (None, None) => ApiError::ours(format!("proposal {id} has no rule")),
    })
}

fn member(shell: &Shell, me: Option<MemberId>, named: Option<&str>) -> Result<MemberId, ApiError> {
    match named {
        Some(text) => find_member(shell, text),
        None => me.ok_or_else(|| ApiError::invalid("N-53", "N-53: name the member who is meant with --member")),
    }
}

/// A treasurer by the name or the key that the charter gives them.
fn treasurer(shell: &Shell, record: &ProposalRecord, named: Option<&str>) -> Result<MemberId, ApiError> {
    let state = shell.ledger.state();
    let key = |treasurer: &Treasurer| MemberId::of(&treasurer.key.x_only_public_key().0);
    let Some(text) = named.map(str::trim) else {
        return Ok(MemberId::of(&shell.key_of(Voice::Treasurer).x_only_public_key().0));
    };
    let digits = text.to_ascii_lowercase();
    let is_beginning = digits.len() >= 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let is_meant = |treasurer: &&Treasurer| {
        treasurer.name == text || (is_beginning && key(treasurer).to_string().starts_with(&digits))
    };
    let meant: Vec<MemberId> = state.charter_of(record).treasurers.iter().filter(is_meant).map(key).collect();
    match meant.as_slice() {
        [one] => Ok(state.member_of_key(one)),
        _ => {
            // Somebody who is known, and holds no such office, is told so and not called unknown.
            let other = find_member(shell, text);
            other.map_err(|_| {
                let message =
                    format!("N-53: {} treasurers and no member have the name or vote key {text:?}", meant.len());
                ApiError::invalid("N-53", message)
            })
        }
    }
}
