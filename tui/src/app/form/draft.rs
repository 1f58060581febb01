//! A proposal as the form has it.

use althing_node::api::{Class, DraftEffect, DraftOption, DraftOutput, ProposalDraft, System};

use super::order::amount;
use super::{Form, MAX_BODY_BYTES, MAX_TITLE_BYTES, SYSTEMS};

impl Form {
    pub(super) fn draft(&self) -> Result<ProposalDraft, String> {
        let (title, body) = (self.get("Title").to_owned(), self.text());
        if title.is_empty() {
            return Err("The title is empty.".to_owned());
        }
        if title.len() > MAX_TITLE_BYTES {
            return Err(format!("The title has {} bytes, at most {MAX_TITLE_BYTES} are allowed.", title.len()));
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(format!("The text has {} bytes, at most {MAX_BODY_BYTES} are allowed.", body.len()));
        }
        let mut effects = Vec::new();
        if !self.get("Pay to").is_empty() {
            effects.push(DraftEffect::Spend {
                outputs: vec![DraftOutput {
                    address: self.get("Pay to").to_owned(),
                    amount_sat: amount(self.get("Amount"))?,
                }],
                fee_cap_sat: amount(self.get("Fee up to"))?,
            });
        } else if !self.get("Amount").is_empty() {
            return Err("There is an amount, and no address to pay it to.".to_owned());
        }
        let mut draft = ProposalDraft::question(title, body, Vec::new());
        draft.tags =
            self.get("Tags").split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        draft.version_of = Some(self.get("Version of").to_owned()).filter(|version| !version.is_empty());
        draft.system = match SYSTEMS.iter().position(|name| *name == self.get("Vote by")) {
            Some(1) => System::YesNoVeto,
            Some(2) => System::SingleChoice,
            Some(3) => System::Approval,
            Some(4) => System::Score { max: 5 },
            Some(5) => System::InstantRunoff,
            Some(6) => System::Schulze,
            Some(7) => System::Split,
            Some(8) => System::Quadratic { credits: 100 },
            _ => System::YesNoAbstain,
        };
        let labels: Vec<&str> =
            self.get("Options").split(';').map(str::trim).filter(|label| !label.is_empty()).collect();
        if draft.system.has_options() {
            if labels.len() < 2 {
                return Err("A choice needs two options at least, with ; between them.".to_owned());
            }
            // A payment goes with the first option: what comes with others is written in a proposal file.
            let mut payment = effects.into_iter();
            draft.options = labels
                .into_iter()
                .map(|label| DraftOption { label: label.to_owned(), effects: payment.next().into_iter().collect() })
                .collect();
        } else {
            if !labels.is_empty() {
                return Err("Options need a way to vote that chooses among them.".to_owned());
            }
            draft.class = if effects.is_empty() { Some(Class::Text) } else { None };
            draft.effects = effects;
        }
        Ok(draft)
    }
}
