//! Deposits, rewards and dues.

use althing_governance::id::MemberId;
use althing_governance::ledger::{AccountEntry, AccountKind};

use super::names::name_of;
use crate::api::{Deposit, Reward};
use crate::shell::Shell;

/// Deposits in the order of the log, with what became of them.
pub(super) fn deposits(shell: &Shell) -> Vec<Deposit> {
    let state = shell.ledger.state();
    let holds = state.holds().iter().map(|hold| {
        let settled = state.ledger().settlement(&hold.thread, &hold.member);
        let settled = settled.filter(|settled| settled.returned_sat.saturating_add(settled.forfeited_sat) > 0);
        Deposit {
            member: hold.member.to_string(),
            member_name: name_of(shell, &hold.member),
            thread: hold.thread.to_string(),
            amount_sat: hold.amount_sat,
            state: match settled {
                Some(settled) if settled.forfeited_sat > 0 && settled.returned_sat > 0 => "forfeited in part",
                Some(settled) if settled.forfeited_sat > 0 => "forfeited",
                Some(_) => "returned",
                None => "held",
            }
            .to_owned(),
            epoch: settled.map(|settled| settled.epoch),
        }
    });
    holds.collect()
}

/// What the member gets and owes, by epoch.
pub(super) fn rewards(shell: &Shell, me: Option<MemberId>) -> Vec<Reward> {
    let Some(me) = me else { return Vec::new() };
    let is_mine = |entry: &&AccountEntry| entry.member == me && entry.kind == AccountKind::Reward;
    let accounts = shell.ledger.state().ledger().accounts().iter().map(|account| {
        let on_roll = shell.ledger.state().roll(account.epoch).is_some_and(|roll| roll.weight(&me) > 0);
        Reward {
            epoch: account.epoch,
            reward_sat: account.entries.iter().filter(is_mine).map(|entry| entry.sat).sum(),
            dues_sat: if on_roll { account.dues_sat } else { 0 },
        }
    });
    accounts.filter(|reward| reward.reward_sat > 0 || reward.dues_sat > 0).collect()
}
