//! What cannot be taken back, and the page before it: exact effects, and a word to type.

use std::borrow::Cow;

use althing_node::api::{BallotReview, Bump, ProposalReview, Request, SayReview, SessionView};

use crate::backend::Verdict;
use crate::deeds::{Asked, Run};

/// Something that changes the DAO or moves coins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Heading of the review page.
    pub title: String,
    /// What is done once the word is typed.
    pub does: Does,
    /// The word.
    pub word: Cow<'static, str>,
    /// Asks the node for the effects; else those given here are all.
    pub effects_from: Option<Request>,
    /// What is known without the node, in sentences of parsed values.
    pub effects: Vec<String>,
    /// A text of the member that goes with it.
    pub text: Option<String>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// The node is asked for it.
    Ask(Request),
    /// A command is run.
    Run(Run),
}

impl Order {
    /// What the node is asked for, if it is.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match &self.does {
            Does::Ask(request) => Some(request),
            Does::Run(_) => None,
        }
    }

    /// The order of a command that asks before it goes on.
    #[must_use]
    pub fn of_run(run: Run, asked: Asked) -> Self {
        let Asked { title, effects, word } = asked.clone();
        let does = Does::Run(Run { agreed: Some(asked), ..run });
        Self { title, does, word: Cow::Owned(word), effects_from: None, effects, text: None }
    }
}

/// The review page.
#[derive(Debug, Clone)]
pub struct Review {
    /// What is about to be done.
    pub order: Order,
    /// How far it is.
    pub step: ReviewStep,
    /// The word typed so far.
    pub typed: String,
    /// First line shown.
    pub scroll: u16,
    /// Why it was not done.
    pub problem: Option<String>,
}

/// How far a review is.
#[derive(Debug, Clone)]
pub enum ReviewStep {
    /// The node is working out the effects.
    Asking,
    /// The effects are on the page.
    Ready(Effects),
    /// The order was given to the node; no answer yet.
    Sending(Effects),
}

/// Effects as the node worked them out.
#[derive(Debug, Clone)]
pub enum Effects {
    /// Only what is in the order.
    Stated,
    /// Of a ballot.
    Ballot(Box<BallotReview>),
    /// Of a proposal.
    Proposal(Box<ProposalReview>),
    /// Of something said, or done in a channel.
    Said(SayReview),
    /// Of a transaction of the treasury.
    Session {
        /// The session with the check of its transaction.
        session: Box<SessionView>,
        /// Whether a signature is made; else it is only broadcast.
        signs: bool,
    },
    /// Of a fee that is raised.
    Bump(Bump),
}

impl Effects {
    /// Why it cannot be done, if so: untrusted text.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Effects::Stated => None,
            Effects::Ballot(review) => review.refusal.as_ref().map(|refused| refused.message.as_str()),
            Effects::Proposal(review) => review.refusal.as_ref().map(|refused| refused.message.as_str()),
            Effects::Said(review) => review.refusal.as_ref().map(|refused| refused.message.as_str()),
            Effects::Session { session, signs: true } => {
                let check = &session.check;
                let reason = check.reasons.first().map(|reason| reason.text.as_str());
                let why = reason.or_else(|| check.unknown.first().map(String::as_str));
                (check.verdict != Verdict::Valid).then_some(why.unwrap_or("The check does not let it pass."))
            }
            Effects::Session { signs: false, .. } | Effects::Bump(_) => None,
        }
    }
}

impl Review {
    /// Whether it cannot be done, whatever is typed: it is refused, or its effects could not be told.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        match &self.step {
            ReviewStep::Asking => self.problem.is_some(),
            ReviewStep::Ready(effects) => effects.refusal().is_some(),
            ReviewStep::Sending(_) => false,
        }
    }

    /// The page at its beginning.
    #[must_use]
    pub fn new(order: Order) -> Self {
        let step = if order.effects_from.is_some() { ReviewStep::Asking } else { ReviewStep::Ready(Effects::Stated) };
        Self { order, step, typed: String::new(), scroll: 0, problem: None }
    }
}
