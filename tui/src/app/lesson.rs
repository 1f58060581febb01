//! The tutorial: ten steps on a private DAO. A step is done when the node or the screens show that it was done, not when a
//! key was pressed.

use althing_node::api::Snapshot;

use super::{App, Popup, Screen};

/// The tutorial under way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lesson {
    /// Steps done so far, from the first.
    pub done: usize,
    seen: Seen,
}

/// What the screens showed at any time since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    channels: bool,
    proposal: bool,
    ballots: bool,
    why: bool,
    replay: bool,
    stake_at_start: Option<u64>,
    dues_paid: bool,
}

/// One step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// What is learnt, in a few words.
    pub title: &'static str,
    /// What to do, and why.
    pub text: &'static str,
    is_done: fn(&App, &Snapshot, &Seen) -> bool,
}

/// The steps.
pub const STEPS: [Step; 10] = [
    Step {
        title: "Join",
        text: "You are a member because bitcoin of yours is locked in a channel with the hub. It stays yours. Press 5 to see it.",
        is_done: |_, _, seen| seen.channels,
    },
    Step {
        title: "Read",
        text: "Press 2, choose a proposal that is open for voting, and press enter. What follows if it passes is computed from its \
               data, never taken from its prose.",
        is_done: |_, _, seen| seen.proposal,
    },
    Step {
        title: "Delegate",
        text: "Press 6, choose a member you trust (j goes down), press d, then ctrl-s for the review page, and type its word. Where you \
               do not vote yourself, your weight goes to them.",
        is_done: |app, _, _| app.desk.delegations.as_ref().is_some_and(|found| !found.mine.is_empty()),
    },
    Step {
        title: "Vote",
        text: "Open a proposal again (2, enter) and press v. The review page lists exactly what you sign; the word you type is the \
               only thing that casts it. Your own ballot goes before any delegation.",
        is_done: |_, snapshot, _| !snapshot.ballots.is_empty(),
    },
    Step {
        title: "Change the vote",
        text: "Press v on the same proposal and choose otherwise. Until the vote closes, the last ballot counts.",
        is_done: |_, snapshot, _| snapshot.ballots.iter().any(|ballot| ballot.replaced),
    },
    Step {
        title: "Follow it",
        text: "Press 3. Promised, logged, anchored, confirmed, final: each word is a check that your own machine made.",
        is_done: |_, _, seen| seen.ballots,
    },
    Step {
        title: "Verify",
        text: "Press w on your ballot: receipt, leaf, root, header, link, block, each computed here. Nobody has to be believed.",
        is_done: |_, _, seen| seen.why,
    },
    Step {
        title: "Audit",
        text: "Press 8, then a. Your machine replays the whole log, every signature and every rule, from the first entry on.",
        is_done: |_, _, seen| seen.replay,
    },
    Step {
        title: "Sign a payment",
        text: "Press 5, then p, type 1000, the satoshis of dues to pay out of your channel, then ctrl-s and the word. No transaction \
               on Bitcoin: both sides sign new balances.",
        is_done: |_, _, seen| seen.dues_paid,
    },
    Step {
        title: "Leave",
        text: "Press 5, then c, ctrl-s and the word. Closing gives the rest back to your wallet, and the hub cannot keep you. Then q leaves the screens.",
        is_done: |_, snapshot, _| {
            snapshot.stakes.iter().any(|stake| matches!(stake.state.as_str(), "closing" | "closed"))
        },
    },
];

impl Lesson {
    /// The step that is next.
    #[must_use]
    pub fn step(&self) -> Option<&'static Step> {
        STEPS.get(self.done)
    }
}

/// Looks whether the next step is done.
pub(super) fn follow(app: &mut App) {
    let Some(mut lesson) = app.lesson.take() else { return };
    let why = matches!(app.popups.last(), Some(Popup::Why { .. })) && app.desk.why.is_some();
    let seen = &mut lesson.seen;
    seen.channels |= app.screen == Screen::Channels;
    seen.proposal |= app.screen == Screen::Proposal;
    seen.ballots |= app.screen == Screen::Ballots && lesson.done >= 4;
    seen.why |= why;
    seen.replay |= app.replayed.as_ref().is_some_and(Result::is_ok);
    if let Some(snapshot) = app.snapshot.as_deref() {
        let staked: u64 = snapshot.stakes.iter().map(|stake| stake.amount_sat).sum();
        let at_start = *seen.stake_at_start.get_or_insert(staked);
        seen.dues_paid |= staked < at_start;
        while let Some(step) = STEPS.get(lesson.done)
            && (step.is_done)(app, snapshot, &lesson.seen)
        {
            lesson.done += 1;
        }
    }
    app.lesson = Some(lesson);
}
