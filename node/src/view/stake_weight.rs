//! What a stake counts for by now, in words (G-32, G-33, G-38).

use althing_governance::charter::Charter;
use althing_governance::{ChannelId, MemberId};

use super::Shell;
use crate::stakes::StakeChannel;

/// Whether and since when the stake in a channel counts. A roll was made by the log that its epoch covers.
pub(super) fn counts(shell: &Shell, channel: &StakeChannel, amount_sat: u64) -> String {
    let state = shell.ledger.state();
    let Some(id) = channel.machine.id().map(|id| ChannelId(id.0)) else {
        return words(amount_sat, &Counted::default());
    };
    let claims = state.stake_claims(u64::MAX);
    let Some(member) = claims.iter().find(|claim| claim.channel == id).map(|claim| claim.member) else {
        return words(amount_sat, &Counted::default());
    };
    let on_roll_sat = || {
        let header = state.newest_anchored()?.header;
        state.roll(header.epoch)?.entry(&member)?;
        state.stake_claims(header.log_size).into_iter().find(|claim| claim.channel == id).map(|claim| claim.member_sat)
    };
    let counted = Counted {
        on_roll_sat: on_roll_sat().unwrap_or(0),
        has_sat: channel.machine.balances().member_sat,
        missing_sat: missing_sat(shell, &member),
        is_shut_out: !state.is_admitted(&member),
    };
    words(amount_sat, &counted)
}

/// An alarm for who has a stake, and too little of it to count.
pub(super) fn alarm(shell: &Shell, me: &MemberId) -> Option<String> {
    let state = shell.ledger.state();
    let missing_sat = missing_sat(shell, me);
    let is_member = state.is_admitted(me) && state.stake_claims(u64::MAX).iter().any(|claim| claim.member == *me);
    (is_member && missing_sat > 0).then(|| {
        format!(
            "Your stake is {missing_sat} sat below the least that the charter takes (G-32), and does not count. A top-up of an open channel brings it back."
        )
    })
}

/// What whoever stakes has to know of dues.
pub(super) fn dues(charter: &Charter) -> Option<String> {
    let (dues_sat, least_sat) = (charter.rewards.dues_sat_per_epoch, charter.admission.min_stake_sat());
    match (dues_sat, least_sat) {
        (0, _) => None,
        (_, 0) => Some(format!("Dues of {dues_sat} sat an epoch come out of it.")),
        _ => Some(format!(
            "Dues of {dues_sat} sat an epoch come out of it. Whoever has less than {least_sat} sat left in all does not vote (G-32)."
        )),
    }
}

/// How much a member's stake is below the least of the charter.
fn missing_sat(shell: &Shell, member: &MemberId) -> u64 {
    let state = shell.ledger.state();
    let claims = state.stake_claims(u64::MAX);
    let has = claims.iter().filter(|claim| claim.member == *member).map(|claim| claim.member_sat);
    state.charter().admission.min_stake_sat().saturating_sub(has.fold(0, u64::saturating_add))
}

#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    /// What the newest final roll counts of it.
    on_roll_sat: u64,
    /// What it holds now.
    has_sat: u64,
    /// What the member's stake is short of the least.
    missing_sat: u64,
    /// Whether nothing of the member's counts (G-38).
    is_shut_out: bool,
}

fn words(amount_sat: u64, counted: &Counted) -> String {
    let Counted { on_roll_sat, has_sat, missing_sat, is_shut_out } = *counted;
    match (on_roll_sat, missing_sat) {
        _ if is_shut_out => format!(
            "{amount_sat} sat are staked and do not count: the member is not admitted yet, was expelled or is excluded (G-38)."
        ),
        (_, 1..) => format!(
            "{amount_sat} sat are staked. The member's stake is {missing_sat} sat below the least that the charter takes (G-32): it does not count on rolls to come."
        ),
        (0, _) => format!("{amount_sat} sat are staked and count from the next roll on."),
        (1.., _) if on_roll_sat < has_sat => {
            format!("{amount_sat} sat are staked; {on_roll_sat} sat of them count, the rest from the next roll on.")
        }
        _ => format!("{amount_sat} sat are staked and count."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_what_counts() {
        let counted = |on_roll_sat, has_sat, missing_sat, is_shut_out| {
            words(has_sat, &Counted { on_roll_sat, has_sat, missing_sat, is_shut_out })
        };
        // Dues since the roll take nothing away from it; a top-up waits for the next one.
        assert_eq!(counted(10_000, 9_990, 0, false), "9990 sat are staked and count.");
        assert_eq!(counted(10_000, 10_000, 0, false), "10000 sat are staked and count.");
        assert_eq!(
            counted(10_000, 15_000, 0, false),
            "15000 sat are staked; 10000 sat of them count, the rest from the next roll on."
        );
        assert_eq!(counted(0, 10_000, 0, false), "10000 sat are staked and count from the next roll on.");
        for (on_roll, shut_out, rule) in
            [(10_000, false, "G-32"), (0, false, "G-32"), (0, true, "G-38"), (9, true, "G-38")]
        {
            let said = counted(on_roll, 9_990, 10, shut_out);
            assert!(said.contains("not count") && said.contains(rule), "{said}");
        }
        assert!(counted(0, 9_990, 10, false).contains(" 10 sat below"));
    }
}
