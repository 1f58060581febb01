//! The treasury in the shell: watch-only wallets, the check before a signature, signing sessions, alarms.
//!
//! What may be paid is in the ledger, what was paid is on Bitcoin; the rules are in the anchor core. A treasurer's key signs
//! only what [`check`] accepts, on this machine.

mod bonds;
mod budgets;
pub mod check;
mod debts;
mod desk;
pub mod exchange;
mod flows;
pub mod funds;
mod generations;
mod housekeeping;
mod intents;
pub mod key;
mod marks;
mod movements;
pub mod offline;
pub mod ownership;
mod papers;
pub mod policy;
mod requests;
mod sessions;
mod stages;
pub mod text;
pub mod ur;
mod wallet;

pub(crate) use bonds::{office_now, view as bond_view};
pub use check::{CheckReport, ReasonLine};
pub(crate) use debts::{debts, hub_debts, mark, settles};
pub use desk::{Desk, DeskStep};
pub(crate) use flows::sources;
pub use flows::{Flow, executed, housekeeping};
pub use generations::generations;
pub(crate) use generations::{scripts_in_order, scripts_of};
pub(crate) use intents::intent as payment_intent;
pub use intents::{AuthorisedPayment, authorised};
pub(crate) use marks::Mark;
pub use movements::movements;
pub(crate) use papers::Papers;
pub use requests::answer;
pub(crate) use requests::script_for_payment;
pub(crate) use sessions::{rebroadcast, waiting_payout};
pub(crate) use stages::{stage_policies, stage_problem, staging_at};

use crate::shell::Shell;

/// What is wrong with the treasury's money, in sentences: spends that nobody decided, debts that were not paid, a bond that was not brought.
pub fn alarms(shell: &Shell) -> Vec<String> {
    flows::alarms(shell).into_iter().chain(debts::alarms(shell)).chain(bonds::alarms(shell)).collect()
}
