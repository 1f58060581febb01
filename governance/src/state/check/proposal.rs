//! Proposals, their versions, and their withdrawal.

use super::super::refusal::{Refusal, invalid, not_now};
use super::super::{LogState, ProposalRecord};
use crate::charter::{Body, Class, check_change};
use crate::entry::{Effect, LaneEntry, ProposalContent, Version, Withdrawal};
use crate::id::{MemberId, ProposalId};
use crate::lifecycle::boundary;

impl LogState {
    pub(super) fn check_proposal(&self, e: &LaneEntry<ProposalContent>) -> Result<(), Refusal> {
        let author = self.check_speaker(&e.lane)?;
        if let Err(error) = e.body.check() {
            return invalid("G-24", error.to_string());
        }
        let id = e.body.id(e.lane.network, e.lane.dao, e.lane.member);
        if self.proposals.contains_key(&id) {
            return invalid("G-25", format!("proposal {id} is in the log already"));
        }
        // G-27: the electorate is a snapshot older than the proposal, so that nobody can buy in for it.
        if self.anchored.is_empty() {
            return not_now("G-27", "no epoch is final yet, so there is no roll to vote with".into());
        }
        self.check_class_rule(&e.body)?;
        if e.body.class == Class::Request && e.body.system.has_options() {
            return invalid("G-88", format!("a request is a question, not a choice by {}", e.body.system.name()));
        }
        if let Some(version) = e.body.version_of {
            self.check_version(&e.body, &author, version)?;
        }
        if let Some(request) = e.body.request {
            self.check_answer(&e.body, &request)?;
        }
        e.body.options.iter().flat_map(|option| &option.effects).try_for_each(|effect| self.check_effect(effect))?;
        self.check_paused(&e.body)?;
        // N-131: who holds a deposit for what is refused for good has it stuck.
        self.check_deposit(&e.body, &author, e.body.thread(id))
    }

    /// G-93: a proposal is taken back while nobody can have voted on it.
    pub(super) fn check_withdrawal(&self, e: &LaneEntry<Withdrawal>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        let Some(proposal) = self.proposals.get(&e.body.proposal) else {
            return invalid("G-93", format!("proposal {} is not in the log", e.body.proposal));
        };
        if proposal.author != member {
            return invalid("G-93", format!("proposal {} is {}'s", proposal.id, proposal.author));
        }
        self.check_in_review("G-93", proposal)
    }

    /// The height from which on answers to a request are voted on and no longer taken (G-88); `None` when it is none.
    #[must_use]
    pub fn submissions_end(&self, request: &ProposalId) -> Option<u32> {
        let proposal = self.proposals.get(request)?;
        let Some(Effect::Request(terms)) = proposal.content.effects(None).first() else { return None };
        let schedule = proposal.schedule?;
        let margin = schedule.latest_close.saturating_sub(schedule.close);
        let authorised_at = schedule.authorised_at.saturating_add(margin);
        Some(boundary(self.charter_of(proposal), authorised_at.saturating_add(terms.submission_blocks)))
    }

    /// G-16, and the systems of the rule.
    fn check_class_rule(&self, content: &ProposalContent) -> Result<(), Refusal> {
        let (class, amount) = (content.class.name(), content.amount_sat());
        let Some((_, rule)) = self.charter().rule_for(content.class, amount) else {
            return invalid("G-16", format!("the charter has no rule for class {class} with {amount} sat"));
        };
        if !rule.allows(content.system) {
            let allowed: Vec<String> = rule.systems.iter().map(|system| system.words()).collect();
            let (found, allowed) = (content.system.words(), allowed.join(", "));
            return invalid("R-21", format!("class {class} is not voted on by {found}, but by {allowed}"));
        }
        Ok(())
    }

    /// G-96: the author holds what the rule asks for.
    fn check_deposit(&self, content: &ProposalContent, author: &MemberId, thread: ProposalId) -> Result<(), Refusal> {
        let class = content.class.name();
        let needed =
            self.charter().rule_for(content.class, content.amount_sat()).map_or(0, |(_, rule)| rule.deposit_sat);
        let held = self.deposit_sat(&thread, author, self.size());
        match held < needed {
            true => not_now("G-96", format!("{held} sat are held for {thread}, class {class} needs {needed} sat")),
            false => Ok(()),
        }
    }

    /// G-89: the newest version is replaced, by its author, while it is under review.
    fn check_version(&self, content: &ProposalContent, author: &MemberId, version: Version) -> Result<(), Refusal> {
        if self.threads.get(&version.thread) != Some(&version.previous) {
            let (previous, thread) = (version.previous, version.thread);
            return invalid("G-89", format!("{previous} is not the newest version of {thread}"));
        }
        let Some(previous) = self.proposals.get(&version.previous) else {
            return invalid("G-89", format!("proposal {} is not in the log", version.previous));
        };
        if previous.author != *author || previous.content.class != content.class {
            let (author_before, class_before) = (previous.author, previous.content.class);
            let what = format!(
                "it is of class {class_before} by {author_before}, its version of class {} by {author}; both must be the same",
                content.class
            );
            return invalid("G-89", what);
        }
        if previous.content.request != content.request {
            return invalid("G-89", "a version answers the same request as the first".into());
        }
        self.check_thread_age(&version.thread)?;
        self.check_in_review("G-89", previous)
    }

    /// G-89: versions must not keep a thread, and with it an old electorate, in review for ever.
    fn check_thread_age(&self, thread: &ProposalId) -> Result<(), Refusal> {
        let Some(first) = self.proposals.get(thread) else { return Ok(()) };
        let review = self.rule_of(first).map_or(0, |rule| rule.review_blocks);
        let end = first.schedule.map(|schedule| schedule.open.saturating_add(review));
        match end.zip(self.tip_height()) {
            Some((end, tip)) if tip >= end => {
                invalid("G-89", format!("versions of {thread} ended at height {end}, the log is at {tip}"))
            }
            _ => Ok(()),
        }
    }

    fn check_in_review(&self, rule: &'static str, proposal: &ProposalRecord) -> Result<(), Refusal> {
        if let Some(dropped) = proposal.dropped {
            return invalid(rule, format!("proposal {} {} already", proposal.id, dropped.cause.words()));
        }
        match (proposal.schedule, self.tip_height()) {
            (Some(schedule), Some(tip)) if tip >= schedule.open => {
                invalid(rule, format!("voting opened at height {}, the log is at {tip}", schedule.open))
            }
            _ => Ok(()),
        }
    }

    /// G-88: what a request asks for, in time.
    fn check_answer(&self, content: &ProposalContent, request: &ProposalId) -> Result<(), Refusal> {
        let terms = self.proposals.get(request).and_then(|p| p.content.effects(None).first());
        let Some(Effect::Request(terms)) = terms else {
            return invalid("G-88", format!("{request} is no request for proposals"));
        };
        if !matches!(content.class, Class::Spend | Class::Budget) || content.system.has_options() {
            return invalid("G-88", "an answer to a request is a question of class spend or budget".into());
        }
        let amount = content.amount_sat();
        if amount > terms.budget_cap_sat {
            return invalid("G-88", format!("{amount} sat are more than the request's {}", terms.budget_cap_sat));
        }
        match (self.submissions_end(request), self.tip_height()) {
            (Some(end), Some(tip)) if tip < end => Ok(()),
            (Some(end), _) => invalid("G-88", format!("submissions to {request} ended at height {end}")),
            (None, _) => not_now("G-88", format!("no head covers the request {request} yet")),
        }
    }

    /// What an effect refers to is there.
    fn check_effect(&self, effect: &Effect) -> Result<(), Refusal> {
        match effect {
            Effect::StopBudget { proposal } => match self.proposals.get(proposal) {
                Some(target) if target.content.class == Class::Budget => Ok(()),
                _ => invalid("G-84", format!("{proposal} is no budget")),
            },
            Effect::RuleChange(change) => self.check_rule_change(change),
            Effect::Confiscate(target) => {
                match self.deposit_sat(&target.thread, &self.member_of_key(&target.member), self.size()) {
                    1.. => Ok(()),
                    0 => {
                        let (member, thread) = (target.member, target.thread);
                        invalid("G-86", format!("{member} holds no deposit for {thread}"))
                    }
                }
            }
            _ => Ok(()),
        }
    }

    /// G-87: who decides a pause without the members holds back what pays, and never who decides or what the rules are: treasurers could
    /// else keep themselves in office.
    fn check_paused(&self, content: &ProposalContent) -> Result<(), Refusal> {
        let rule = self.charter().rule_for(content.class, content.amount_sat());
        if rule.is_none_or(|(_, rule)| rule.bodies.contains(&Body::Members)) {
            return Ok(());
        }
        let effects = content.options.iter().flat_map(|option| &option.effects);
        let paused = effects.filter_map(|effect| match effect {
            Effect::Pause(pause) => Some(&pause.classes),
            _ => None,
        });
        match paused.flatten().find(|class| !class.pays()) {
            Some(class) => {
                let what = "a pause that the members do not decide holds back spend, budget and request only";
                invalid("G-87", format!("it holds back {}; {what}", class.name()))
            }
            None => Ok(()),
        }
    }

    /// G-85: the change names the charter in force, and is a step that the guards allow.
    fn check_rule_change(&self, change: &crate::entry::RuleChange) -> Result<(), Refusal> {
        let in_force = self.version_in_force();
        if change.replaces != in_force.hash {
            return invalid("G-85", format!("it replaces charter {}, in force is {}", change.replaces, in_force.hash));
        }
        // Boundaries are told by the founding charter, for headers long past too.
        if change.charter.epoch_blocks != self.params.charter.epoch_blocks {
            return invalid("G-85", format!("epoch_blocks is {}, and cannot change", change.charter.epoch_blocks));
        }
        match check_change(Class::RuleChange, &in_force.charter, &change.charter).first() {
            Some(problem) => invalid("G-85", problem.to_string()),
            None => Ok(()),
        }
    }
}
