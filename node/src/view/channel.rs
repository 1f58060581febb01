//! One stake channel in detail.

use althing_channels::monitor::{fee_for_closing, rate_for_closing};
use althing_channels::{Ledger, Phase, Side};
use althing_governance::charter::WeightRule;
use bitcoin::{Amount, FeeRate};

use super::{confirmations_of, holds};
use crate::api::{ChannelDetail, PendingFunding};
use crate::shell::Shell;
use crate::stakes::{DEFAULT_CLOSE_FEE_SAT, StakeChannel, splice_words};

/// Commitment 167 vB, child 153 vB, sweep 130 vB.
const CLOSE_ALONE_VB: u64 = 450;

/// What is in a channel, where it stands, and what leaving it costs.
pub(super) fn detail(shell: &Shell, channel: &StakeChannel) -> ChannelDetail {
    let machine = &channel.machine;
    let ledger = machine.ledger();
    let sat = |of: fn(&Ledger) -> u64| ledger.map_or(0, of);
    let params = machine.params();
    ChannelDetail {
        peer: channel.peer.to_string(),
        checkpoint: machine.number(),
        hub_sat: machine.balances().hub_sat,
        held_sat: sat(Ledger::held_sat),
        spendable_sat: channel.to_spend_sat(),
        paying_sat: channel.paying_sat(),
        reserve_sat: sat(Ledger::reserve_sat),
        lock_blocks: match machine.side() {
            Side::Member => params.member_csv_blocks,
            Side::Hub => params.hub_csv_blocks,
        },
        splices: splices(shell, channel),
        close_fee_sat: DEFAULT_CLOSE_FEE_SAT,
        close_alone_vb: CLOSE_ALONE_VB,
        close_alone_sat: shell.fees.map(|market| {
            let cost = |rate: FeeRate| rate.fee_vb(CLOSE_ALONE_VB).map_or(0, Amount::to_sat);
            (cost(market.economical), cost(market.urgent))
        }),
        close_alone_most_sat: shell.fees.map(|market| {
            let balances = machine.balances();
            let own_sat = if machine.side() == Side::Member { balances.member_sat } else { balances.hub_sat };
            fee_for_closing(rate_for_closing(Amount::from_sat(own_sat), &market)).to_sat()
        }),
        votes_with: if shell.has_part_left(channel.number) { shell.votes_with(channel) } else { 0 },
        doubts: shell.doubts(channel),
        weight_lost: weight_lost(shell, channel).map(|weight| weight.to_string()),
        migration: shell.migration_state(channel.number),
        balances: None,
    }
}

/// How far the funding of a channel is. The Bitcoin source may have been asked before it took the transaction; a block says more than that.
pub(super) fn funding_words((confirmations, needed): (u32, u32), was_taken: bool, opening_ends: Option<u32>) -> String {
    match (confirmations, opening_ends) {
        (0, Some(ends)) => {
            format!("The funding is named and in no block yet; at height {ends} this hub lets go of the opening (N-35).")
        }
        (0, None) if !was_taken => {
            "The funding transaction is signed, but the Bitcoin source has not taken it yet; it is sent again with every block.".to_owned()
        }
        (0, None) => "The funding transaction is broadcast and waits for its first confirmation.".to_owned(),
        (some, _) => {
            let so_many = some.min(needed);
            format!("The funding has {so_many} of {needed} confirmations; the channel is in use when the hub says so too.")
        }
    }
}

fn splices(shell: &Shell, channel: &StakeChannel) -> Vec<PendingFunding> {
    let in_use = channel.machine.phase() == Phase::Ready;
    let pending = shell.stakes.living_splices(channel).into_iter().map(|splice| {
        let confirmations = confirmations_of(shell, splice.funding);
        PendingFunding {
            funding_outpoint: splice.funding.to_string(),
            added_sat: splice.added_sat,
            removed_sat: splice.removed_sat,
            confirmations,
            words: splice_words(&splice, confirmations, in_use),
        }
    });
    pending.collect()
}

/// By G-34 of what the member's other channels hold. Age makes a stake weigh more, never less, so there it is the whole part.
fn weight_lost(shell: &Shell, channel: &StakeChannel) -> Option<u128> {
    let state = shell.ledger.state();
    let roll = state.roll(state.newest_anchored()?.header.epoch)?;
    let id = channel.machine.id()?;
    let claims = state.stake_claims(u64::MAX);
    let member = claims.iter().find(|claim| claim.channel.0 == id.0)?.member;
    let entry = roll.entry(&member)?;
    let others = claims.iter().filter(|claim| claim.member == member && claim.channel.0 != id.0 && holds(shell, claim));
    let left_sat = others.map(|claim| claim.member_sat).fold(0u64, u64::saturating_add).min(entry.stake_sat);
    let charter = state.charter();
    if left_sat < charter.admission.min_stake_sat() || left_sat == 0 {
        return Some(entry.weight);
    }
    let left = match charter.weight_rule {
        WeightRule::Stake => u128::from(left_sat),
        WeightRule::OneMemberOneVote => 1,
        WeightRule::SqrtStake => u128::from(left_sat.isqrt()),
        _ => 0,
    };
    Some(entry.weight.saturating_sub(charter.per_member_cap.map_or(left, |cap| left.min(u128::from(cap)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hazard: one answer says that a funding is deep, and that it waits for its first confirmation.
    #[test]
    fn a_funding_in_a_block_waits_for_no_first_confirmation() {
        for confirmations in [1, 5, 6, 700] {
            for (was_taken, ends) in [(true, None), (false, None), (true, Some(9))] {
                let words = funding_words((confirmations, 6), was_taken, ends);
                assert!(words.contains(&format!("{} of 6 confirmations", confirmations.min(6))), "{words}");
                assert!(
                    !words.contains("first") && !words.contains("not taken") && !words.contains("no block"),
                    "{words}"
                );
            }
        }
        assert!(funding_words((0, 6), true, None).contains("waits for its first confirmation"));
        assert!(funding_words((0, 6), false, None).contains("has not taken it yet"));
        assert!(funding_words((0, 6), true, Some(77)).contains("at height 77"));
    }
}
