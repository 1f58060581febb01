//! What a proposal is about, told by its effects alone: another title, another amount or an output of dust does not make it
//! another (G-100).

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::Script;

use super::Common;
use crate::charter::{Charter, Class, diff};
use crate::entry::{Effect, ProposalContent, SpendOutput};
use crate::hash::{tag, tagged_hash};
use crate::id::MemberId;
use crate::state::LogState;

/// The payees of a payment are those who get all of it but at most one part in this many: dust is nobody's payment, and must
/// not make everybody a payee who then cannot be paid.
const REST_SHARE: u128 = 10;

/// Whom the members have paid by proposals that took effect.
pub(super) type Paid<'a> = BTreeSet<&'a Script>;

/// Whose proposals are compared, and which of them this is.
#[derive(Clone, Copy)]
pub(super) enum Side<'a> {
    /// Of another author.
    Others,
    /// Of one author; the one that failed.
    OwnFailed,
    /// Of one author; the one that comes after, with those who were paid by then.
    OwnNew(&'a Paid<'a>),
}

/// A proposal, to be compared with one of the same author or of another.
pub(super) struct Subject<'a> {
    pub(super) state: &'a LogState,
    /// The charter whose rules it keeps.
    pub(super) charter: &'a Charter,
    pub(super) content: &'a ProposalContent,
    /// Its place in the log, which tells whom its keys name.
    pub(super) position: u64,
    pub(super) side: Side<'a>,
}

impl Subject<'_> {
    /// Keys of everything that it is about. Two proposals have a common subject if they share one.
    pub(super) fn keys(&self) -> BTreeSet<[u8; 32]> {
        let effects: Vec<&Effect> = self.content.options.iter().flat_map(|option| &option.effects).collect();
        let mut keys: BTreeSet<[u8; 32]> = effects.iter().flat_map(|effect| self.of_effect(effect)).collect();
        if self.is_payment_to_anybody(&effects) {
            keys.insert(unknown_payee());
        }
        if keys.is_empty() && self.is_own() {
            // Words can be put in any number of ways: one's own of the class are taken together.
            keys.insert(words(self.content.class));
        }
        keys
    }

    fn is_own(&self) -> bool {
        !matches!(self.side, Side::Others)
    }

    /// A fresh address may be anybody's, also that of who was refused: between proposals of one author, a payment to somebody
    /// whom the members never paid is the one that failed. Others may not be barred by that: whoever lets one payment fail
    /// would bar all first payments.
    fn is_payment_to_anybody(&self, effects: &[&Effect]) -> bool {
        let mut payees = effects.iter().flat_map(|effect| payees_of(effect));
        match self.side {
            Side::Others => false,
            Side::OwnFailed => payees.next().is_some(),
            Side::OwnNew(paid) => payees.any(|payee| !paid.contains(payee)),
        }
    }

    fn of_effect(&self, effect: &Effect) -> Vec<[u8; 32]> {
        let of_member = |member: &MemberId| {
            let member = self.state.member_of_key_at(member, self.position);
            key(4, &[&[effect.class().number()], &member.0])
        };
        match effect {
            Effect::Spend(_) | Effect::Budget(_) => payees_of(effect).into_iter().map(payee).collect(),
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
        let value = |new: Option<String>| if self.is_own() { String::new() } else { new.unwrap_or_default() };
        changed.map(|field| key(3, &[field.path.as_bytes(), &[0], value(field.new).as_bytes()])).collect()
    }
}

/// Whom an effect pays.
fn payees_of(effect: &Effect) -> BTreeSet<&Script> {
    match effect {
        Effect::Spend(spend) => payees(&spend.outputs),
        Effect::Budget(budget) => BTreeSet::from([budget.payee.as_script()]),
        _ => BTreeSet::new(),
    }
}

/// Scripts that get all but a small rest of a payment: those that get the most, until the rest is small, and those that get as
/// much as the last of them. However finely a payment is divided, it has payees.
pub(super) fn payees(outputs: &[SpendOutput]) -> BTreeSet<&Script> {
    let mut sums: BTreeMap<&Script, u128> = BTreeMap::new();
    for output in outputs {
        *sums.entry(output.script.as_script()).or_default() += u128::from(output.sat);
    }
    let total: u128 = sums.values().sum();
    let mut by_sum: Vec<(u128, &Script)> = sums.into_iter().map(|(script, sat)| (sat, script)).collect();
    by_sum.sort_unstable_by(|a, b| b.cmp(a));
    let (mut rest, mut last) = (total, None);
    let is_payee = |(sat, _): &&(u128, &Script)| {
        let goes_on = rest * REST_SHARE > total || last == Some(*sat);
        (rest, last) = (rest - sat, Some(*sat));
        goes_on
    };
    by_sum.iter().take_while(is_payee).map(|(_, script)| *script).collect()
}

/// Whoever is paid at once is the same as whoever is paid in milestones.
fn payee(script: &Script) -> [u8; 32] {
    key(1, &[script.as_bytes()])
}

/// What two proposals have in common whose subjects share this key; the class is that of both if it is words.
pub(super) fn common_by(key: &[u8; 32], class: Class) -> Common {
    match key {
        key if *key == unknown_payee() => Common::UnknownPayee,
        key if *key == words(class) => Common::Words,
        _ => Common::Subject,
    }
}

fn unknown_payee() -> [u8; 32] {
    key(8, &[])
}

fn words(class: Class) -> [u8; 32] {
    key(6, &[&[class.number()]])
}

fn key(kind: u8, parts: &[&[u8]]) -> [u8; 32] {
    let kind = [kind];
    let parts: Vec<&[u8]> = std::iter::once(&kind[..]).chain(parts.iter().copied()).collect();
    tagged_hash(tag::EFFECT, &parts)
}
