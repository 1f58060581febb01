//! A treasurer's or founder's own ballot, as it counts in the body of their office (docs/spec/proofs.md, P-140).

use althing_governance::Charter;
use althing_governance::charter::Body;
use althing_governance::codec::{Canonical, DecodeError, Reader, Writer};
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Entry, ProposalContent};
use althing_governance::epoch::{BallotProof, BallotRoot, BallotStatement, EpochHeader};
use althing_governance::id::{MemberId, ProposalId};

use super::authorised::proposal_of;
use super::bundle::LoggedEntry;
use super::verify::{Rejection, check_same_ballot, check_snapshot, fail, logged};
use super::words::{ballot_words, sums_words};

/// Evidence of how the holder of an office voted on a proposal that the office decides, or that they did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficePart {
    /// The proposal in the log: its rule names the bodies.
    pub proposal: LoggedEntry,
    /// Which office.
    pub body: Body,
    /// Whose vote: the first vote key of whoever holds the seat.
    pub member: MemberId,
    /// Their ballot in the log, if they cast one that counts.
    pub ballot: Option<LoggedEntry>,
    /// Their leaf in the ballot tree of the office, up to the header.
    pub counted: BallotProof,
}

impl Canonical for OfficePart {
    fn encode(&self, w: &mut Writer) {
        self.proposal.encode(w);
        self.body.encode(w);
        self.member.encode(w);
        w.option(self.ballot.as_ref(), |w, ballot| ballot.encode(w));
        self.counted.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (proposal, body, member) = (Canonical::decode(r)?, Canonical::decode(r)?, Canonical::decode(r)?);
        if body == Body::Members {
            let problem = "the members are no office; their ballots are shown by a ballot statement (P-6)".to_owned();
            return Err(DecodeError::Rule { rule: "P-140", field: "body", problem });
        }
        Ok(Self {
            proposal,
            body,
            member,
            ballot: r.option("ballot", Canonical::decode)?,
            counted: Canonical::decode(r)?,
        })
    }
}

/// P-140: the ballot of an office is counted as cast, or its holder did not vote.
pub(super) fn check_office(
    params: &DaoParams,
    charters: &[&Charter],
    header: &EpochHeader,
    part: &OfficePart,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("ballot");
    let (content, proposal) = proposal_of(params, header, &part.proposal)?;
    let (charter, place) = bodies_of(charters, header, part, &content)?;
    let (office, member) = (part.body.name(), &part.member);
    let shown =
        part.counted.verify_in(header, &proposal, part.body, place, member).map_err(|error| rule(error.to_string()))?;
    check_totals(part.body, charter, &content, &shown)?;
    let cast = part.ballot.as_ref().map(|entry| cast(params, header, entry, proposal, &shown)).transpose()?;
    let key = cast.as_ref().map_or(*member, |cast| cast.key);
    let Some(name) = seat(charter, part.body, &[*member, key]) else {
        let epoch = shown.snapshot;
        return Err(rule(format!("P-140: by the charter of epoch {epoch} key {key} is none of the {office}")));
    };
    checked.push(format!(
        "By the charter of epoch {} {name} is one of {} {office}, of whom each has one vote.",
        shown.snapshot, shown.electorate
    ));
    checked.push(format!(
        "The charter's rule asks the {office}: the proposal is entry {} of the log.",
        part.proposal.position
    ));
    let sums = sums_words(&shown.totals);
    let Some(cast) = cast else {
        if let Some(ballot) = shown.leaf.ballot() {
            return Err(rule(format!("P-140: {name} voted, with entry {}", ballot.entry)));
        }
        if !shown.stage.is_final() {
            let epoch = header.epoch;
            return Err(rule(format!("P-140: voting on proposal {proposal} had not closed in epoch {epoch}")));
        }
        checked.push(format!("{name} has a leaf without ballot in the final tally of the {office}."));
        return Ok(format!("{name} did not vote on proposal {proposal} as one of the {office} ({sums})."));
    };
    checked.push(format!("The ballot is signed by vote key {key} and is entry {} of the log.", cast.position));
    checked.push(format!("It is the one ballot of {name} in the tally of the {office} on proposal {proposal}."));
    let standing = match shown.stage.is_final() {
        true => "in the final tally",
        false => "in the tally so far, which a later ballot may still replace",
    };
    Ok(format!(
        "Ballot of {name} on proposal {proposal}: {}, one of {} votes of the {office}, counted as cast {standing} ({sums}).",
        ballot_words(&shown.totals, &cast.fields),
        shown.electorate
    ))
}

/// The charter whose rule decides the proposal, and which of the rule's bodies the file speaks of.
fn bodies_of<'a>(
    charters: &[&'a Charter],
    header: &EpochHeader,
    part: &OfficePart,
    content: &ProposalContent,
) -> Result<(&'a Charter, usize), Rejection> {
    let rule = fail("ballot");
    // Which tree it is hangs on the rule, and the rule on the snapshot: it is read here, and traced to the header with the tree.
    let root = BallotRoot::from_bytes(&part.counted.root.leaf.value).map_err(|error| rule(error.to_string()))?;
    check_snapshot(header, root.snapshot)?;
    let charter = usize::try_from(root.snapshot).ok().and_then(|epoch| charters.get(epoch.checked_sub(1)?));
    let class_rule =
        charter.and_then(|charter| Some((*charter, charter.rule_for(content.class, content.amount_sat())?)));
    let (class, amount) = (content.class.name(), content.amount_sat());
    let Some((charter, (_, class_rule))) = class_rule else {
        return Err(rule(format!("P-140: the charter has no rule for a {class} proposal of {amount} sat")));
    };
    let place = class_rule.bodies.iter().position(|body| *body == part.body);
    let place = place.ok_or_else(|| {
        let office = part.body.name();
        rule(format!("P-140: the {office} are no body of the rule for a {class} proposal of {amount} sat"))
    })?;
    Ok((charter, place))
}

/// The totals are the proposal's, and one seat has one vote.
fn check_totals(
    body: Body,
    charter: &Charter,
    content: &ProposalContent,
    shown: &BallotStatement,
) -> Result<(), Rejection> {
    let rule = fail("ballot");
    let (office, totals) = (body.name(), &shown.totals);
    if (totals.system, totals.options) != (content.system, content.option_count()) {
        let (found, wanted) = (totals.system.name(), content.system.name());
        return Err(rule(format!("P-140: the sums are by {found}, the proposal is voted on by {wanted}")));
    }
    let seats = seats(charter, body).count() as u64;
    let (votes, keys) = (totals.weight(), shown.electorate);
    if keys > seats || votes != u128::from(keys) || shown.weight != 1 {
        return Err(rule(format!(
            "P-140: {keys} {office} have {votes} votes and this one has {}; the charter names {seats}, one key one vote",
            shown.weight
        )));
    }
    Ok(())
}

/// A ballot that counts as it was cast.
struct Cast {
    position: u64,
    /// By which it is signed.
    key: MemberId,
    fields: Vec<u16>,
}

fn cast(
    params: &DaoParams,
    header: &EpochHeader,
    entry: &LoggedEntry,
    proposal: ProposalId,
    shown: &BallotStatement,
) -> Result<Cast, Rejection> {
    let rule = fail("ballot");
    let Entry::Ballot(ballot) = logged(params, header, entry, "ballot")? else {
        return Err(rule("P-140: the entry is not a ballot".into()));
    };
    if ballot.body.proposal != proposal {
        let found = ballot.body.proposal;
        return Err(rule(format!("P-140: the ballot is on proposal {found}, the file is about {proposal}")));
    }
    check_same_ballot(shown, entry.position, &ballot)?;
    Ok(Cast { position: entry.position, key: ballot.lane.member, fields: ballot.body.fields })
}

/// Who holds a seat by one of these keys, in words.
fn seat(charter: &Charter, body: Body, keys: &[MemberId]) -> Option<String> {
    seats(charter, body).find(|(key, _)| keys.contains(key)).map(|(key, name)| match name {
        Some(name) => format!("treasurer {name} ({key})"),
        None => format!("founder {key}"),
    })
}

/// The keys that a charter names for an office, with the names that it gives them.
fn seats(charter: &Charter, body: Body) -> impl Iterator<Item = (MemberId, Option<&str>)> {
    let treasurers = charter.treasurers.iter().filter(move |_| body == Body::Treasurers);
    let founders = charter.founders.iter().filter(move |_| body == Body::Founders);
    let treasurers = treasurers.map(|one| (MemberId::of(&one.key.x_only_public_key().0), Some(one.name.as_str())));
    treasurers.chain(founders.map(|key| (*key, None)))
}
