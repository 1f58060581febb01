//! News from the worker.

use std::collections::BTreeSet;
use std::path::PathBuf;

use althing_node::api::{
    AnchorReply, AnchorRequest, ApiError, Ballot, Proposal, Reply, Request, SessionView, Snapshot, TreasuryReply,
};

use super::{say, treasury};
use crate::app::order::{Does, Effects, Order, ReviewStep};
use crate::app::state::{App, Page, Popup, Progress};
use crate::app::{Command, FormKind, Need, Purpose, Report, Screen, Section, Urgency};
use crate::text::counted;
use crate::untrusted::Untrusted;

/// Points of the growth of the log that are remembered.
const MAX_GROWTH: usize = 512;

pub(super) fn on_report(app: &mut App, report: Report) -> Vec<Command> {
    match report {
        Report::Snapshot(snapshot) => return on_snapshot(app, snapshot),
        Report::NoSnapshot(error) => return on_trouble(app, &error),
        Report::Answer { purpose, result } => return on_answer(app, purpose, result),
        Report::Replaying { done, total } => app.progress = Some(Progress { done, total }),
        Report::Replayed(result) => {
            app.progress = None;
            app.replayed = Some(result.map_err(|error| words(&error)));
        }
        Report::Ran(ran) => return crate::app::run::on_ran(app, *ran),
        Report::Names { folder, names } => {
            let Some(Popup::Form(form)) = app.popups.last_mut() else { return Vec::new() };
            match names.map(|names| form.take_names(&folder, names)) {
                Ok(None) => {}
                Ok(Some(text)) | Err(text) => say(app, true, Untrusted::new(&text).line()),
            }
        }
        Report::Kept(settings) => app.take_the_rest(*settings),
        Report::Written(written) => on_written(app, written),
    }
    Vec::new()
}

/// A file is written, or not; the form that asked for it says why not.
fn on_written(app: &mut App, written: Result<PathBuf, String>) {
    let waits = |popup: &Popup| matches!(popup, Popup::Form(form) if matches!(form.kind, FormKind::SavePage { .. }));
    let is_waited_for = app.popups.last().is_some_and(waits);
    if is_waited_for {
        app.pending = app.pending.saturating_sub(1);
    }
    match (written, app.popups.last_mut()) {
        (Ok(path), _) => {
            if is_waited_for {
                app.popups.pop();
            }
            let path = Untrusted::new(&path.display().to_string()).line();
            say(app, false, format!("Written to {path}."));
        }
        (Err(problem), Some(Popup::Form(form))) if is_waited_for => form.problem = Some(problem),
        (Err(problem), _) => say(app, true, problem),
    }
}

/// A new snapshot: the rows keep what they were on, what is new is told, and the screen asks again for what only it shows.
fn on_snapshot(app: &mut App, snapshot: Box<Snapshot>) -> Vec<Command> {
    let proposal = app.listed().get(app.selections.proposals).map(|p| p.id.clone());
    // The first row is the newest ballot, until another is looked at.
    let is_looked_at = app.screen == Screen::Ballots || app.selections.ballots > 0;
    let ballot = app
        .snapshot
        .as_ref()
        .filter(|_| is_looked_at)
        .and_then(|s| s.ballots.get(app.selections.ballots))
        .map(|b| (b.proposal.clone(), b.sequence, b.as_treasurer));
    let a_block_came =
        app.snapshot.as_ref().is_some_and(|before| before.status.tip_height != snapshot.status.tip_height);
    if a_block_came {
        // Good news stays for a whole time between blocks; then the screens themselves tell it (N-210).
        app.notice.take_if(|notice| !notice.is_trouble && notice.is_old);
        app.notice.iter_mut().for_each(|notice| notice.is_old = true);
    }
    let first_or_block = a_block_came || app.snapshot.is_none();
    grow(app, &snapshot);
    app.snapshot = Some(snapshot);
    app.trouble = None;
    app.look_for_needs();
    if let Some(row) = proposal.and_then(|id| app.listed().iter().position(|p| p.id == id)) {
        app.selections.proposals = row;
    }
    let is_on = |b: &Ballot, (id, sequence, as_treasurer): &(String, u64, bool)| {
        b.proposal == *id && b.sequence == *sequence && b.as_treasurer == *as_treasurer
    };
    if let (Some(before), Some(snapshot)) = (ballot, &app.snapshot)
        && let Some(row) = snapshot.ballots.iter().position(|b| is_on(b, &before))
    {
        app.selections.ballots = row;
    }
    let mut commands = app.wants();
    if first_or_block && app.screen != Screen::Members {
        commands.extend(app.of_invitations());
    }
    match app.screen {
        Screen::Treasury | Screen::Home => {}
        // A signature or a payment may be asked for, whatever is on the screen.
        _ if first_or_block => commands.extend(app.of_treasurers()),
        _ => commands.extend(app.between_blocks()),
    }
    commands.extend(tell(app));
    commands
}

/// No newer snapshot comes: what is shown is old, which is said before everything else.
fn on_trouble(app: &mut App, error: &ApiError) -> Vec<Command> {
    let trouble = Untrusted::new(&error.message).line();
    // It is tried several times a second.
    if app.trouble.as_ref() == Some(&trouble) {
        return Vec::new();
    }
    app.trouble = Some(trouble);
    if app.snapshot.is_none() {
        return Vec::new();
    }
    app.look_for_needs();
    tell(app).into_iter().collect()
}

/// How the log grows from block to block.
fn grow(app: &mut App, snapshot: &Snapshot) {
    let (height, size) = (snapshot.status.tip_height, snapshot.status.log_size);
    match app.growth.last_mut() {
        Some(last) if last.0 == height => last.1 = size,
        _ => app.growth.push((height, size)),
    }
    if app.growth.len() > MAX_GROWTH {
        app.growth.remove(0);
    }
}

/// What is asked of the member, or broken, and was not told yet. What was there at the start is on the screen anyway.
fn tell(app: &mut App) -> Option<Command> {
    let urgent = || app.needs().iter().filter(|need| need.urgency != Urgency::Waiting);
    let keys: BTreeSet<String> = urgent().map(|need| need.key.clone()).collect();
    let is_new = |need: &&Need| app.told.as_ref().is_some_and(|before| !before.contains(&need.key));
    let more = urgent().filter(is_new).count().saturating_sub(1);
    let text = urgent().find(is_new).map(|need| match more {
        0 => need.text.clone(),
        more => format!("{} (and {more} more)", need.text),
    });
    app.told = Some(keys);
    text.map(Command::Notify)
}

/// An answer, put where it belongs. An answer nobody waits for any more is dropped.
fn on_answer(app: &mut App, purpose: Purpose, result: Result<Reply, ApiError>) -> Vec<Command> {
    if !matches!(purpose, Purpose::Desk | Purpose::Discussion | Purpose::Review | Purpose::Charter) {
        app.pending = app.pending.saturating_sub(1);
    }
    match (purpose, result) {
        (Purpose::Discussion, Ok(Reply::Proposal(proposal))) => {
            if app.open.as_deref() == Some(proposal.id.as_str()) {
                app.discussion = Some(proposal);
            }
        }
        (Purpose::Desk, Ok(reply)) => {
            // Sessions and payments come behind the first snapshot; those of the start are no news either.
            let known = |app: &App| (app.desk.sessions.is_some(), app.desk.treasury.is_some());
            let before = known(app);
            app.keep(reply);
            let news = tell(app);
            return news.into_iter().filter(|_| before == known(app)).collect();
        }
        (Purpose::Desk, Err(error)) => match app.screen {
            Screen::Audit | Screen::Operator => app.desk.no_report = Some(words(&error)),
            Screen::Treasury => app.desk.no_treasury = Some(words(&error)),
            _ => {}
        },
        (Purpose::Review, Ok(reply)) => return on_effects(app, reply),
        (Purpose::Order | Purpose::Session, Ok(reply)) => {
            done(app, &reply);
            if let Reply::Treasury { reply: TreasuryReply::Session(session) } = reply {
                show_session(app, session);
                return app.wants();
            }
        }
        (Purpose::Say, Ok(_)) => {
            // What asked for it is done with.
            app.popups.retain(|popup| !matches!(popup, Popup::Form(_)));
            say(app, false, "Done.");
            return app.wants();
        }
        (Purpose::Diff, Ok(Reply::Proposal(before))) => {
            if let Some(now) = app.open_proposal() {
                let lines = differences(&before, now);
                app.desk.before = Some(before);
                app.popups.push(Popup::Page { page: Page::Diff(lines), scroll: 0 });
            }
        }
        (Purpose::Why, Ok(Reply::Why(why))) => app.desk.why = Some(*why),
        (Purpose::Address, Ok(Reply::Address { address })) => {
            app.popups.push(Popup::Page { page: Page::Address { address, treasury: false }, scroll: 0 });
        }
        (Purpose::Address, Ok(Reply::Treasury { reply: TreasuryReply::Address { address, .. } })) => {
            app.popups.push(Popup::Page { page: Page::Address { address, treasury: true }, scroll: 0 });
        }
        (Purpose::SaveSession, Ok(Reply::Treasury { reply: TreasuryReply::Session(session) })) => {
            let file = match app.popups.last() {
                Some(Popup::Form(form)) => form.file(),
                _ => return Vec::new(),
            };
            return match (file, session.psbt) {
                (Ok(path), Some(text)) => {
                    app.popups.pop();
                    vec![Command::Write { path, text }]
                }
                (Err(problem), _) => {
                    failed(app, Purpose::SaveSession, problem);
                    Vec::new()
                }
                (Ok(_), None) => {
                    failed(app, Purpose::SaveSession, "The node gave no PSBT.".to_owned());
                    Vec::new()
                }
            };
        }
        (Purpose::Charter, Ok(Reply::Text { text })) => {
            if let Some(Popup::Form(form)) = app.popups.last_mut()
                && form.wants_charter()
            {
                form.take_charter(&text);
            }
        }
        (Purpose::SaveReport, Ok(Reply::Text { text })) => return save_report(app, text),
        (purpose, Ok(_)) => {
            failed(app, purpose, "The node gave an answer of another kind than was asked.".to_owned());
        }
        (purpose, Err(error)) => failed(app, purpose, words(&error)),
    }
    Vec::new()
}

/// What went wrong, with the rule, safe to show.
fn words(error: &ApiError) -> String {
    let text = Untrusted::new(&error.message).line();
    match &error.rule {
        Some(rule) if !error.message.contains(rule.as_str()) => format!("{text} ({})", Untrusted::new(rule)),
        _ => text,
    }
}

/// The effects come to the page that waits for them, and to no other.
fn on_effects(app: &mut App, reply: Reply) -> Vec<Command> {
    let Some(Popup::Review(review)) = app.popups.last_mut() else { return Vec::new() };
    if !matches!(review.step, ReviewStep::Asking) {
        return Vec::new();
    }
    use althing_node::api::Request;
    let effects = match (reply, review.order.request()) {
        (Reply::BallotReview(effects), Some(Request::Vote { proposal, choice, .. }))
            if effects.proposal.id == *proposal && effects.choice == *choice =>
        {
            Effects::Ballot(effects)
        }
        (Reply::ProposalReview(effects), Some(Request::Propose { draft })) if effects.title == draft.title => {
            Effects::Proposal(effects)
        }
        (
            Reply::SayReview(effects),
            Some(
                Request::Say { .. }
                | Request::WalletSend { .. }
                | Request::ChannelTopUp { .. }
                | Request::ChannelWithdraw { .. },
            ),
        ) => Effects::Said(effects),
        (Reply::Treasury { reply: TreasuryReply::Session(session) }, order) => {
            let Some(signs) = treasury::is_of(order, &session) else { return Vec::new() };
            Effects::Session { session, signs }
        }
        (Reply::Anchoring(AnchorReply::Bump(bump)), Some(Request::Anchoring(AnchorRequest::Bump { .. }))) => {
            Effects::Bump(bump)
        }
        _ => return Vec::new(),
    };
    review.step = ReviewStep::Ready(effects);
    Vec::new()
}

/// What was ordered is done: the page and the form under it go, and it is said.
fn done(app: &mut App, reply: &Reply) {
    let paid_sat = app.popups.iter().rev().find_map(|popup| match popup {
        Popup::Review(review) => paid_sat(&review.order),
        _ => None,
    });
    app.popups.retain(|popup| !matches!(popup, Popup::Review(_) | Popup::Choose(_) | Popup::Form(_)));
    let text = match reply {
        // What that means stands on the proposal and on the screen of the ballots.
        Reply::Ballot(ballot) => {
            format!("Ballot cast: {}; {}. Press 3 to follow it.", ballot.choice, crate::words::path(&ballot.path))
        }
        Reply::Comment(_) | Reply::Proposal(_) => "Published to the log.".to_owned(),
        Reply::Said(said) => match said.sentences.first() {
            Some(sentence) => format!("In the log: {}", counted(&Untrusted::new(sentence).line())),
            None => "It is in the log.".to_owned(),
        },
        Reply::Stake(stake) => {
            let words = counted(&Untrusted::new(&stake.words).line());
            match paid_sat {
                // What is staked is told by the newest checkpoint: without this the sum before would look like the answer.
                Some(sat) => format!("{} are paid to the hub. {words}", crate::format::sats(sat)),
                None => words,
            }
        }
        Reply::Sent { txid, amount_sat, .. } => {
            format!("{} sent by the transaction {}.", crate::format::sats(*amount_sat), crate::format::short_id(txid))
        }
        Reply::Proof { path, bytes, .. } => format!(
            "Proof file of {} bytes: {}; althing verify checks it anywhere.",
            crate::format::thousands(u128::from(*bytes)),
            Untrusted::new(&path.display().to_string())
        ),
        Reply::Backup(backup) => match &backup.path {
            Some(path) => format!("Backup written to {}.", Untrusted::new(&path.display().to_string())),
            None => "Backup written.".to_owned(),
        },
        Reply::Treasury { reply: TreasuryReply::Session(session) } => {
            let id = crate::format::short_id(&session.id);
            match session.state.as_str() {
                "broadcast" => format!("Broadcast: {id}."),
                "complete" => format!("Session {id} has enough signatures: B broadcasts it."),
                _ => format!(
                    "Session {id}: {} more needed.",
                    crate::format::count_of(session.needed as u64, "signature")
                ),
            }
        }
        Reply::Anchoring(AnchorReply::Bump(bump)) => {
            format!("The link of epoch {} now pays {}.", bump.epoch, crate::format::sats(bump.fee_sat))
        }
        Reply::Anchoring(AnchorReply::Timestamp(stamp)) => {
            let file = Untrusted::new(&stamp.path.display().to_string()).line();
            match &stamp.stamped {
                Some(stamped) => {
                    format!("Written. ots verify -f {} {file}", Untrusted::new(&stamped.display().to_string()))
                }
                None => format!("Written. ots verify -d {} {file}", Untrusted::new(&stamp.digest)),
            }
        }
        _ => "Done.".to_owned(),
    };
    say(app, false, text);
}

/// What an order pays out of a channel.
fn paid_sat(order: &Order) -> Option<u64> {
    match &order.does {
        Does::Ask(Request::ChannelPay { amount_sat, .. } | Request::ChannelVoucher { amount_sat, .. }) => {
            Some(*amount_sat)
        }
        _ => None,
    }
}

/// Shows a session in full, once.
fn show_session(app: &mut App, session: Box<SessionView>) {
    if app.open_session() != Some(session.id.as_str()) {
        app.popups.retain(|popup| !matches!(popup, Popup::Page { page: Page::Session(_), .. }));
        app.popups.push(Popup::Page { page: Page::Session(session.id.clone()), scroll: 0 });
    }
    app.section = Section::Sessions;
    app.desk.session = Some(session);
}

fn save_report(app: &mut App, text: String) -> Vec<Command> {
    let file = match app.popups.last() {
        Some(Popup::Form(form)) if form.kind == FormKind::SaveReport => PathBuf::from(form.get("File")),
        _ => return Vec::new(),
    };
    app.popups.pop();
    vec![Command::Write { path: file, text }]
}

/// Says what went wrong where the question was asked; what was typed stays.
fn failed(app: &mut App, purpose: Purpose, text: String) {
    match (purpose, app.popups.last_mut()) {
        (Purpose::Review | Purpose::Order, Some(Popup::Review(review))) => {
            review.problem = Some(text);
            review.step = match std::mem::replace(&mut review.step, ReviewStep::Asking) {
                ReviewStep::Sending(effects) => ReviewStep::Ready(effects),
                other => other,
            };
        }
        (
            Purpose::Order | Purpose::Say | Purpose::SaveReport | Purpose::Session | Purpose::SaveSession,
            Some(Popup::Form(form)),
        ) => form.problem = Some(text),
        (Purpose::Why, Some(Popup::Why { .. })) => {
            app.popups.pop();
            say(app, true, text);
        }
        _ => say(app, true, text),
    }
}

/// What differs between two versions, old before new; safe to show.
fn differences(old: &Proposal, new: &Proposal) -> Vec<String> {
    let mut lines = Vec::new();
    let mut field = |name: &str, old: &str, new: &str| {
        if old != new {
            lines.push(format!("- {name}: {}", Untrusted::new(old)));
            lines.push(format!("+ {name}: {}", Untrusted::new(new)));
        }
    };
    field("title", &old.title, &new.title);
    field("class", &old.class, &new.class);
    field("vote by", old.vote.system.name(), new.vote.system.name());
    field("tags", &old.vote.tags.join(", "), &new.vote.tags.join(", "));
    let labels = |p: &Proposal| p.vote.options.iter().map(|o| o.label.clone()).collect::<Vec<_>>();
    for (name, old, new) in [
        ("option", labels(old), labels(new)),
        ("effect", old.effects.clone(), new.effects.clone()),
        ("text", old.body.lines().map(str::to_owned).collect(), new.body.lines().map(str::to_owned).collect()),
    ] {
        lines.extend(
            changed_lines(&old, &new)
                .into_iter()
                .map(|(sign, line)| format!("{sign} {name}: {}", Untrusted::new(line))),
        );
    }
    lines
}

/// Lines taken away and added, in the order of reading: a longest common subsequence of both.
fn changed_lines<'a>(old: &'a [String], new: &'a [String]) -> Vec<(char, &'a str)> {
    /// Longer texts than that are shown as all gone and all new: the table grows with the product of both.
    const MAX_LINES: usize = 1_000;
    let too_long = old.len() > MAX_LINES || new.len() > MAX_LINES;
    let common = |i: usize, j: usize| !too_long && old[i] == new[j];
    let mut longest = vec![vec![0u32; new.len() + 1]; if too_long { 0 } else { old.len() + 1 }];
    for i in (0..longest.len().saturating_sub(1)).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] = match common(i, j) {
                true => longest[i + 1][j + 1] + 1,
                false => longest[i + 1][j].max(longest[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut changes) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && common(i, j) {
            (i, j) = (i + 1, j + 1);
        } else if j >= new.len() || i < old.len() && (too_long || longest[i + 1][j] >= longest[i][j + 1]) {
            changes.push(('-', old[i].as_str()));
            i += 1;
        } else {
            changes.push(('+', new[j].as_str()));
            j += 1;
        }
    }
    changes
}
