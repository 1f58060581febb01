//! The totals that a tally statement rests on: the members' alone (P-7), or those of each body of the rule (P-130).

use althing_governance::charter::{Body, Charter, ClassRule};
use althing_governance::codec::{Canonical, DecodeError, Reader, Writer};
use althing_governance::entry::ProposalContent;
use althing_governance::epoch::{BodyProof, EpochHeader, TallyProof, TallyStatement, Totals};
use althing_governance::id::ProposalId;
use althing_governance::ledger::together;
use althing_governance::voting::Outcome;

use super::verify::{Rejection, fail};
use super::words::sums_words;

/// Most bodies of a rule.
const MAX_BODIES: usize = 3;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tallies {
    /// By a rule under which the members alone decide.
    Members(Box<TallyProof>),
    /// Of each body, in the order of the rule.
    Bodies(Vec<BodyProof>),
}

impl Tallies {
    pub(super) fn encode(&self, w: &mut Writer) {
        match self {
            Self::Members(proof) => proof.encode(w),
            Self::Bodies(bodies) => w.list(bodies),
        }
    }

    pub(super) fn decode(r: &mut Reader<'_>, by_bodies: bool) -> Result<Self, DecodeError> {
        Ok(match by_bodies {
            false => Self::Members(Box::new(Canonical::decode(r)?)),
            true => Self::Bodies(r.list("bodies", MAX_BODIES)?),
        })
    }

    pub(super) const fn by_bodies(&self) -> bool {
        matches!(self, Self::Bodies(_))
    }

    /// What each body's totals show under a header, in the order of the file; at least one.
    pub(super) fn verify(&self, header: &EpochHeader, proposal: &ProposalId) -> Result<Vec<BodyTotals>, Rejection> {
        let wrong = |error: &dyn ToString| fail("tally")(error.to_string());
        let shown: Vec<BodyTotals> = match self {
            Self::Members(proof) => {
                let shown = proof.verify(header, proposal).map_err(|error| wrong(&error))?;
                vec![BodyTotals { body: Body::Members, shown }]
            }
            Self::Bodies(proofs) => {
                let one = |(place, proof): (usize, &BodyProof)| {
                    let shown = proof.verify(header, proposal, place).map_err(|error| wrong(&error))?;
                    Ok(BodyTotals { body: proof.body(), shown })
                };
                proofs.iter().enumerate().map(one).collect::<Result<_, Rejection>>()?
            }
        };
        let Some(first) = shown.first() else { return Err(fail("tally")("P-130: the file names no body".into())) };
        // Trees of one vote are made together (G-63).
        let key = |body: &BodyTotals| (body.shown.stage, body.shown.snapshot);
        if let Some(other) = shown.iter().find(|other| key(other) != key(first)) {
            let (one, other) = (first.body.name(), other.body.name());
            return Err(fail("tally")(format!("P-130: the totals of {one} and {other} are not of one count")));
        }
        Ok(shown)
    }
}

/// The totals of one body, as a proof shows them.
pub(super) struct BodyTotals {
    pub(super) body: Body,
    pub(super) shown: TallyStatement,
}

/// The bodies are those of the rule, and each is as large as the charter makes it.
pub(super) fn check_bodies(
    shown: &[BodyTotals],
    content: &ProposalContent,
    charter: &Charter,
    rule: &ClassRule,
) -> Result<(), Rejection> {
    let wrong = |reason: String| Err(fail("tally")(reason));
    let names = |bodies: &mut dyn Iterator<Item = Body>| bodies.map(Body::name).collect::<Vec<_>>().join(", ");
    if !shown.iter().map(|one| one.body).eq(rule.bodies.iter().copied()) {
        let (found, wanted) = (names(&mut shown.iter().map(|one| one.body)), names(&mut rule.bodies.iter().copied()));
        return wrong(format!("P-130: the file has the totals of {found}, the rule asks {wanted}"));
    }
    for BodyTotals { body, shown } in shown {
        if (shown.totals.system, shown.totals.options) != (content.system, content.option_count()) {
            let (found, wanted) = (shown.totals.system.name(), content.system.name());
            return wrong(format!("P-7: the sums are by {found}, the proposal is voted on by {wanted}"));
        }
        let seats = match body {
            Body::Members => continue,
            Body::Treasurers => charter.treasurers.len(),
            Body::Founders => charter.founders.len(),
        };
        // Fewer where two keys speak for one member by now (G-90).
        if shown.electorate > seats as u64 {
            let (found, name) = (shown.electorate, body.name());
            return wrong(format!("P-130: {found} {name} have a vote, the charter names {seats}"));
        }
    }
    Ok(())
}

/// What each body says by its totals, and all of them together (G-45); `None` where an outcome does not follow from sums.
pub(super) fn outcome_of_bodies(shown: &[BodyTotals], rule: &ClassRule, dormant_weight: u128) -> Option<Outcome> {
    let outcome = |(place, one): (usize, &BodyTotals)| {
        // Only members are dormant, and where they are a body they are the first.
        let dormant = if place == 0 { dormant_weight } else { 0 };
        let count = one.shown.totals.count()?;
        count.without_roll(dormant).outcome(&rule.voting_rule_of(one.body), None).ok()
    };
    let outcomes: Vec<Outcome> = shown.iter().enumerate().map(outcome).collect::<Option<_>>()?;
    together(&outcomes)
}

/// The totals in words: each body by its name where there are several, or where it is an office.
pub(super) fn totals_words(shown: &[BodyTotals]) -> String {
    let one = |totals: &Totals| {
        format!("{} of total weight {}, {} ballots", sums_words(totals), totals.weight(), totals.ballots())
    };
    let body = |one_of: &BodyTotals| match one_of.body {
        Body::Members if shown.len() == 1 => one(&one_of.shown.totals),
        body => format!("{}: {}", body.name(), one(&one_of.shown.totals)),
    };
    shown.iter().map(body).collect::<Vec<_>>().join("; ")
}
