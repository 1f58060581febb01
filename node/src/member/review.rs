//! What saying something would do, told before it is signed.

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Entry, ProposalContent};

use super::Member;
use super::lane::{Speech as _, refused};
use crate::api::{ApiError, ProposalDraft, ProposalReview, Refused, Reply, SayReview, Saying};
use crate::view;

impl Member {
    pub(super) fn review_saying(&self, saying: Saying) -> Result<Reply, ApiError> {
        let (speech, sentences) = self.speech(saying)?;
        let refusal = speech.rehearse(self).and_then(|bytes| self.permit(&bytes)).err().map(Refused::from);
        Ok(Reply::SayReview(SayReview { sentences, refusal }))
    }

    pub(super) fn review_proposal(&self, draft: ProposalDraft) -> Result<Reply, ApiError> {
        let content = view::draft_content(&self.shell, draft)?;
        let refusal = self.refusal_of(&content).map(Refused::from);
        let state = self.shell.ledger.state();
        let charter = state.charter();
        let id = state.id_if_said(&content, &self.me);
        let author = (&self.me, content.thread(id));
        let deposit_sat = state.ledger().deposit_needed(state, charter, &content, author, state.size());
        let rule = charter.rule_for(content.class, content.amount_sat()).map(|(_, rule)| rule);
        let rules = rule.map_or_else(Vec::new, |rule| {
            let mut told = vec![
                format!("It is voted on by {}.", content.system.words()),
                format!(
                    "Review takes {} blocks, voting {}, the veto window {}.",
                    rule.review_blocks, rule.voting_blocks, rule.veto_blocks
                ),
                format!("To pass: {}.", view::threshold_sentence(rule, content.system)),
                format!("Quorum: {}.", view::quorum_sentence(rule, content.system)),
            ];
            told.extend(view::bodies_sentence(rule));
            if rule.min_proposer_weight > 0 {
                let least = rule.min_proposer_weight;
                told.push(format!(
                    "Whoever proposes it weighs at least {least} on the roll by their own stake (R-23)."
                ));
            }
            told
        });
        Ok(Reply::ProposalReview(Box::new(ProposalReview {
            id: id.to_string(),
            thread: content.thread(id).to_string(),
            class: content.class.name().to_owned(),
            title: content.title.clone(),
            effects: content.sentences_against(charter, self.shell.dao.network()),
            options: match content.system.has_options() {
                true => content.options.iter().map(|option| option.label.clone()).collect(),
                false => Vec::new(),
            },
            rules,
            warnings: view::draft_warnings(&self.shell, &content, &self.me),
            deposit_sat,
            refusal,
        })))
    }

    /// Why it cannot be proposed now. What a deposit would not mend comes before the deposit (N-131).
    fn refusal_of(&self, content: &ProposalContent) -> Option<ApiError> {
        let bytes = match content.rehearse(self) {
            Ok(bytes) => bytes,
            Err(error) => return Some(error),
        };
        let refusal = self.permit(&bytes).err()?;
        let for_good = Entry::from_bytes(&bytes).ok().and_then(|entry| {
            let weight = self.shell.ledger.state().check_electorate(&entry);
            weight.err().filter(|_| refusal.rule.as_deref() == Some("G-96"))
        });
        Some(for_good.map_or(refusal, refused))
    }
}
