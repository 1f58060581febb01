//! What a confiscation took (N-434): it takes effect also where nothing is held any more (G-86), and "it took effect" alone would say that
//! somebody lost something.

use althing_governance::entry::Effect;
use althing_governance::ledger::{Fate, Settlement, Standing};
use althing_governance::state::ProposalRecord;
use althing_governance::voting::Outcome;

use super::names::name_of;
use crate::shell::Shell;

/// What each confiscation of a proposal that took effect came to, in sentences.
pub(super) fn sentences(shell: &Shell, record: &ProposalRecord, standing: &Standing) -> Vec<String> {
    let (Fate::Effective, Some(epoch), Outcome::Passed { option }) =
        (standing.fate, standing.enacted_epoch, standing.outcome)
    else {
        return Vec::new();
    };
    let state = shell.ledger.state();
    let ledger = super::proposals::newest_ledger(shell, &record.id).unwrap_or_else(|| state.ledger());
    let targets = record.content.effects(option).iter().filter_map(|effect| match effect {
        Effect::Confiscate(target) => Some(target),
        _ => None,
    });
    targets
        .map(|target| {
            let member = state.member_of_key(&target.member);
            let whose = match name_of(shell, &member) {
                name if name.is_empty() => member.to_string(),
                name => name,
            };
            sentence(&whose, ledger.settlement(&target.thread, &member), epoch)
        })
        .collect()
}

/// `settled` is what became of the deposit, `epoch` when the confiscation took effect.
fn sentence(whose: &str, settled: Option<&Settlement>, epoch: u32) -> String {
    match settled {
        None => format!("0 sat of {whose} were taken: nothing was held."),
        Some(settled) if settled.epoch < epoch => {
            let Settlement { epoch, returned_sat, forfeited_sat } = settled;
            format!(
                "0 sat of {whose} were taken: the deposit was settled in epoch {epoch} already, with {returned_sat} sat given back and {forfeited_sat} sat forfeited."
            )
        }
        Some(Settlement { returned_sat, forfeited_sat, .. }) => {
            format!("{forfeited_sat} sat of {whose} were taken, and {returned_sat} sat given back.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_was_taken() {
        let settled = |epoch, returned_sat, forfeited_sat| Settlement { epoch, returned_sat, forfeited_sat };
        for (found, words) in [
            (Some(settled(7, 0, 5_000)), "5000 sat of Ketill were taken, and 0 sat given back."),
            (Some(settled(7, 2_000, 3_000)), "3000 sat of Ketill were taken, and 2000 sat given back."),
            (
                Some(settled(4, 5_000, 0)),
                "0 sat of Ketill were taken: the deposit was settled in epoch 4 already, with 5000 sat given back and 0 sat forfeited.",
            ),
            (None, "0 sat of Ketill were taken: nothing was held."),
        ] {
            assert_eq!(sentence("Ketill", found.as_ref(), 7), words);
        }
    }
}
