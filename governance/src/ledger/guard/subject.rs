//! What a proposal is about, told by its effects alone: another title, another amount or an output of dust does not make it
//! another (G-100).

use std::collections::BTreeSet;

use bitcoin::Script;

use crate::charter::{Charter, diff};
use crate::entry::{Effect, ProposalContent, SpendOutput};
use crate::hash::{tag, tagged_hash};
use crate::id::MemberId;
use crate::state::LogState;

/// An output is of a payment's payees if it gets at least one part in this many of what is paid: dust is nobody's payment, and
/// must not make everybody a payee who then cannot be paid.
const PAYEE_SHARE: u64 = 10;

/// A proposal, to be compared with one of the same author or of another.
pub(super) struct Subject<'a> {
    pub(super) state: &'a LogState,
    /// The charter whose rules it keeps.
    pub(super) charter: &'a Charter,
    pub(super) content: &'a ProposalContent,
    /// Its place in the log, which tells whom its keys name.
    pub(super) position: u64,
    pub(super) is_own: bool,
}

impl Subject<'_> {
    /// Keys of everything that it is about. Two proposals have a common subject if they share one.
    pub(super) fn keys(&self) -> BTreeSet<[u8; 32]> {
        let effects: Vec<&Effect> = self.content.options.iter().flat_map(|option| &option.effects).collect();
        let mut keys: BTreeSet<[u8; 32]> = effects.iter().flat_map(|effect| self.of_effect(effect)).collect();
        if keys.is_empty() && self.is_own {
            // Words can be put in any number of ways: one's own of the class are taken together.
            keys.insert(key(6, &[&[self.content.class.number()]]));
        }
        keys
    }

    fn of_effect(&self, effect: &Effect) -> Vec<[u8; 32]> {
        let of_member = |member: &MemberId| {
            let member = self.state.member_of_key_at(member, self.position);
            key(4, &[&[effect.class().number()], &member.0])
        };
        match effect {
            Effect::Spend(spend) => payees(&spend.outputs).into_iter().map(payee).collect(),
            Effect::Budget(budget) => vec![payee(&budget.payee)],
            Effect::StopBudget { proposal } => vec![key(2, &[&proposal.0])],
            Effect::RuleChange(_) | Effect::ElectTreasurers(_) | Effect::ReplaceKeys(_) => self.changed_fields(effect),
            Effect::Admit { member } | Effect::Expel { member } => vec![of_member(member)],
            Effect::Confiscate(target) => vec![key(5, &[&target.thread.0]), of_member(&target.member)],
            Effect::Pause(pause) => pause.classes.iter().map(|class| key(7, &[&[class.number()]])).collect(),
            Effect::Request(_) => Vec::new(),
        }
    }

    /// The fields of the charter that it changes; compared with others' proposals, only where it gives them the same value:
    /// else whoever asks for too much of everything would bar every other change.
    fn changed_fields(&self, effect: &Effect) -> Vec<[u8; 32]> {
        let Some(after) = effect.charter_after(self.charter) else { return Vec::new() };
        let changed = diff(self.charter, &after).into_iter();
        let value = |new: Option<String>| if self.is_own { String::new() } else { new.unwrap_or_default() };
        changed.map(|field| key(3, &[field.path.as_bytes(), &[0], value(field.new).as_bytes()])).collect()
    }
}

/// Scripts that get a considerable part of a payment.
fn payees(outputs: &[SpendOutput]) -> BTreeSet<&Script> {
    let sum = |script: Option<&Script>| {
        let own = outputs.iter().filter(|output| script.is_none_or(|script| output.script.as_script() == script));
        own.fold(0u64, |sum, output| sum.saturating_add(output.sat))
    };
    let total = sum(None);
    let scripts = outputs.iter().map(|output| output.script.as_script());
    scripts.filter(|script| sum(Some(script)).saturating_mul(PAYEE_SHARE) >= total).collect()
}

/// Whoever is paid at once is the same as whoever is paid in milestones.
fn payee(script: &Script) -> [u8; 32] {
    key(1, &[script.as_bytes()])
}

fn key(kind: u8, parts: &[&[u8]]) -> [u8; 32] {
    let kind = [kind];
    let parts: Vec<&[u8]> = std::iter::once(&kind[..]).chain(parts.iter().copied()).collect();
    tagged_hash(tag::EFFECT, &parts)
}
