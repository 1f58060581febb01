//! What a proposal does, in sentences made from its parsed data and never from its prose.

use bitcoin::hex::DisplayHex as _;
use bitcoin::{Address, Network, Script};

use super::{Budget, Effect, ElectTreasurers, ReplaceKeys, Spend};
use crate::charter::{Charter, diff};
use crate::entry::ProposalContent;

impl ProposalContent {
    /// Every effect of every option, one sentence each; addresses as on `network`.
    #[must_use]
    pub fn sentences(&self, network: Network) -> Vec<String> {
        self.sentences_with(|effect| effect.sentences(network))
    }

    /// As [`ProposalContent::sentences`], and of a change also what is replaced, seen from the charter in force.
    #[must_use]
    pub fn sentences_against(&self, charter: &Charter, network: Network) -> Vec<String> {
        self.sentences_with(|effect| effect.sentences_against(charter, network))
    }

    fn sentences_with(&self, of_effect: impl Fn(&Effect) -> Vec<String>) -> Vec<String> {
        let mut out = Vec::new();
        for option in &self.options {
            let mut sentences: Vec<String> = option.effects.iter().flat_map(&of_effect).collect();
            if sentences.is_empty() {
                sentences.push("Nothing outside the log changes.".to_owned());
            }
            // Each by itself, wherever it is shown.
            let when = if self.system.has_options() { format!("If {:?} wins: ", option.label) } else { String::new() };
            out.extend(sentences.into_iter().map(|sentence| format!("{when}{sentence}")));
        }
        out
    }
}

impl Effect {
    /// What it does, in full sentences; addresses as on `network`.
    #[must_use]
    pub fn sentences(&self, network: Network) -> Vec<String> {
        match self {
            Self::Spend(spend) => spend_sentences(spend, network),
            Self::Budget(budget) => budget_sentences(budget, network),
            Self::StopBudget { proposal } => {
                vec![format!("The budget of proposal {proposal} ends; nothing more of it is authorised.")]
            }
            Self::RuleChange(change) => vec![
                format!("The charter {} comes into force.", change.charter.hash()),
                format!(
                    "It replaces the charter {}; if another is in force by then, nothing changes.",
                    change.replaces
                ),
            ],
            Self::Admit { member } => vec![format!("Vote key {member} becomes a member.")],
            Self::Expel { member } => vec![format!("Vote key {member} loses its vote.")],
            Self::ElectTreasurers(election) => treasurer_sentences(election),
            Self::ReplaceKeys(keys) => key_sentences(keys),
            Self::Confiscate(confiscate) => vec![format!(
                "Up to {} sat of the deposit that {} holds for proposal {} go to the treasury.",
                confiscate.amount_sat, confiscate.member, confiscate.thread
            )],
            Self::Pause(pause) => {
                let classes: Vec<&str> = pause.classes.iter().map(|class| class.name()).collect();
                vec![format!(
                    "For {} blocks no proposal of class {} is authorised. Nothing is paid by this.",
                    pause.blocks,
                    classes.join(", ")
                )]
            }
            Self::Request(request) => vec![
                format!("For {} blocks proposals that answer this request are taken.", request.submission_blocks),
                format!(
                    "Then all are voted on at once; at most one of them passes, and it moves at most {} sat.",
                    request.budget_cap_sat
                ),
            ],
        }
    }

    /// As [`Effect::sentences`], of a change also every value before and after, and of a pause how much of it counts (G-87): seen
    /// from the charter in force.
    #[must_use]
    pub fn sentences_against(&self, charter: &Charter, network: Network) -> Vec<String> {
        let mut out = self.sentences(network);
        match (self, self.charter_after(charter)) {
            (_, Some(after)) => {
                out.extend(diff(charter, &after).iter().map(|change| format!("Of the charter: {change}.")));
            }
            (Self::RuleChange(_), None) => {
                out.push(format!("It lapses: the charter in force is {}.", charter.hash()));
            }
            (Self::Pause(pause), _) if pause.blocks > charter.guards.pause_max_blocks => {
                out.push(format!("The charter ends it after {} blocks.", charter.guards.pause_max_blocks));
            }
            _ => {}
        }
        out
    }
}

fn spend_sentences(spend: &Spend, network: Network) -> Vec<String> {
    let mut out: Vec<String> = spend
        .outputs
        .iter()
        .map(|output| format!("The treasury pays {} sat to {}.", output.sat, payee(&output.script, network)))
        .collect();
    out.push(format!("The fee is at most {} sat.", spend.fee_cap_sat));
    out.push(format!("At most {} sat leave the treasury.", spend.amount_sat().unwrap_or(u64::MAX)));
    out.push(format!("If it is not paid within {} blocks of its authorisation, it expires.", spend.expiry_blocks));
    out
}

fn budget_sentences(budget: &Budget, network: Network) -> Vec<String> {
    let payee = payee(&budget.payee, network);
    let mut out: Vec<String> = (1..)
        .zip(&budget.milestones)
        .map(|(number, milestone)| {
            format!(
                "Milestone {number}, {:?}: the treasury pays {} sat to {payee}, {} blocks after the authorisation at the earliest.",
                milestone.description, milestone.amount_sat, milestone.after_blocks
            )
        })
        .collect();
    out.push(format!("The fee of each payment is at most {} sat.", budget.fee_cap_sat));
    out.push(format!("At most {} sat leave the treasury.", budget.amount_sat().unwrap_or(u64::MAX)));
    out.push(format!("A milestone that is not paid within {} blocks of being due expires.", budget.expiry_blocks));
    out.push("A later vote can stop the milestones that are not yet due.".to_owned());
    out
}

fn treasurer_sentences(election: &ElectTreasurers) -> Vec<String> {
    let mut out =
        vec![format!("The treasury becomes {}.", election.descriptor), "The old treasury is swept to it.".to_owned()];
    out.extend(election.treasurers.iter().map(|t| format!("{:?} is a treasurer, with key {}.", t.name, t.key)));
    out
}

fn key_sentences(keys: &ReplaceKeys) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(keys.hub_node_key.map(|key| format!("The hub's node key becomes {key}.")));
    out.extend(keys.hub_log_key.map(|key| format!("The hub signs the log with key {key}.")));
    out.extend(keys.anchor_key.map(|key| format!("The anchor links are held by key {key}.")));
    out
}

fn payee(script: &Script, network: Network) -> String {
    match Address::from_script(script, network) {
        Ok(address) => format!("address {address}"),
        Err(_) => format!("the script {} (no address)", script.as_bytes().as_hex()),
    }
}
