//! Which ballot of a person "why is this true?" walks, and whether it is the one that counts (N-92).

use althing_governance::ballots::{BallotRecord, Ballots};
use althing_governance::id::{MemberId, ProposalId};

use crate::api::ApiError;

/// A ballot in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walked {
    pub(super) position: u64,
    /// Why it is not the one that counts, in a sentence.
    pub(super) uncounted: Option<String>,
    /// Position of the one that counts by now; `None` where none does.
    pub(super) counted: Option<u64>,
    /// What is to be said of one behind it that does not count.
    pub(super) behind: Option<String>,
}

/// The end of a vote: its height, and the position below which ballots count (G-42).
pub(super) type Ended = Option<(u32, u64)>;

/// The ballot at the position that is asked for; without one, the ballot that counts.
///
/// # Errors
/// `G-42` when nothing is asked for and the only ballot came too late, `P-8` when there is none.
pub(super) fn walked(
    ballots: &Ballots,
    (member, proposal): (&MemberId, &ProposalId),
    ended: Ended,
    asked: Option<u64>,
) -> Result<Walked, ApiError> {
    let cutoff = ended.map_or(u64::MAX, |(_, cutoff)| cutoff);
    let counted = ballots.counted(member, cutoff);
    let found = match asked {
        Some(position) => ballots.of(member).find(|ballot| ballot.position == position),
        None => counted,
    };
    let newest = ballots.of(member).next().filter(|newest| newest.void_from.is_none());
    let Some(ballot) = found else {
        let whose = format!("ballot of member {member} on proposal {proposal}");
        return Err(match (asked, newest.zip(ended)) {
            (Some(position), _) => ApiError::not_now(format!("P-8: entry {position} of the log is no {whose}")),
            (None, Some((late, (end, _)))) => ApiError::invalid(
                "G-42",
                format!(
                    "G-42: the {whose} does not count: it is entry {}, and the vote ended at height {end} before it",
                    late.position
                ),
            ),
            (None, None) => ApiError::not_now(format!("P-8: the log has no {whose}")),
        });
    };
    let counted = counted.map(|counted| counted.position);
    let late = newest.filter(|newest| newest.position > ballot.position && newest.position >= cutoff).zip(ended);
    let behind = late.map(|(late, (end, _))| {
        format!("A later one, entry {}, came after the vote ended at height {end} and does not count.", late.position)
    });
    let uncounted = (counted != Some(ballot.position)).then(|| why_not(&ballot, ended, cutoff, counted));
    Ok(Walked { position: ballot.position, behind: behind.filter(|_| uncounted.is_none()), uncounted, counted })
}

/// Why a ballot is not the one that counts.
fn why_not(ballot: &BallotRecord<'_>, ended: Ended, cutoff: u64, counted: Option<u64>) -> String {
    match (ballot.void_from.filter(|proof| *proof < cutoff), ended.filter(|_| ballot.position >= cutoff), counted) {
        (Some(proof), ..) => {
            format!("This ballot does not count: entry {proof} proves that two were signed for its place (G-98).")
        }
        (None, Some((end, _)), _) => {
            format!("This ballot does not count: the vote had ended at height {end} when the log took it (G-42).")
        }
        (None, None, Some(later)) => {
            format!("This ballot was replaced and does not count: a later one of the same key, entry {later}, does.")
        }
        (None, None, None) => "This ballot does not count.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ErrorKind;

    /// Three ballots of one person at 4, 7 and 11; another's at 5.
    fn three() -> (Ballots, MemberId, ProposalId) {
        let (member, other) = (MemberId([1; 32]), MemberId([2; 32]));
        let mut ballots = Ballots::new();
        for (who, position) in [(member, 4), (other, 5), (member, 7), (member, 11)] {
            ballots.push(who, position, &[1]);
        }
        (ballots, member, ProposalId([3; 32]))
    }

    /// Hazard: the replaced ballot is asked about and the later one is walked.
    #[test]
    fn the_very_ballot_that_is_asked_for_is_walked() {
        let (ballots, member, proposal) = three();
        let walk = |ended, asked| walked(&ballots, (&member, &proposal), ended, asked);
        let newest = walk(None, None).unwrap();
        assert_eq!((newest.position, newest.uncounted, newest.behind), (11, None, None));
        let first = walk(None, Some(4)).unwrap();
        assert_eq!((first.position, first.counted), (4, Some(11)));
        let told = first.uncounted.unwrap();
        assert!(told.contains("replaced") && told.contains("entry 11, does"), "{told}");
        assert_eq!(walk(None, Some(11)).unwrap().uncounted, None);
        // Somebody else's, and what is no ballot at all.
        for strange in [5, 6] {
            let refused = walk(None, Some(strange)).unwrap_err();
            assert!(refused.kind == ErrorKind::NotNow && refused.message.contains(&format!("P-8: entry {strange}")));
        }
    }

    /// G-42: what came too late is walked as that, and the one before it counts.
    #[test]
    fn a_late_ballot_is_walked_as_one_that_does_not_count() {
        let (ballots, member, proposal) = three();
        let walk = |ended, asked| walked(&ballots, (&member, &proposal), ended, asked);
        let late = walk(Some((40, 9)), Some(11)).unwrap();
        assert_eq!((late.position, late.counted), (11, Some(7)));
        assert!(late.uncounted.unwrap().contains("ended at height 40"));
        let counted = walk(Some((40, 9)), None).unwrap();
        assert_eq!((counted.position, counted.uncounted), (7, None));
        assert!(counted.behind.unwrap().contains("entry 11, came after the vote ended at height 40"));
        assert!(walk(Some((40, 9)), Some(4)).unwrap().uncounted.unwrap().contains("entry 7, does"));
        let refused = walk(Some((40, 2)), None).unwrap_err();
        assert!(refused.message.starts_with("G-42: ") && refused.message.contains("entry 11"), "{}", refused.message);
    }
}
