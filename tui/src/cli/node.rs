//! Commands that need a node: one that already runs on the folder, else one started for the time of the command.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use althing_node::api::{ApiError, Reply, Request, Role, Service, Stake};
use althing_node::dao::{DAO_FILE, DaoFile};
use althing_node::lease::Purpose;

use super::args::{Global, Tui, Vote};
use super::console::{Console, Format};
use super::failure::{Failure, OK};
use super::newest::Newest;
use super::password::{data_folder, expect_terminal, is_asked_for, opening_password, password};
use super::say::permitted;
use super::{review, show};
use crate::app::lesson::Lesson;
use crate::app::{App, Notice, Page, Popup};
use crate::backend::{Backend, PROGRAM, Running};
use crate::format::{cost_alone, paid_from, sats, thousands, weight};
use crate::readonly::ReadOnly;
use crate::settings::Settings;
use crate::terminal::Left;
use crate::untrusted::Untrusted;
use crate::words;
use crate::worker::{Errands, Open, Replay};

/// A connection to a node, for one command.
pub(super) struct Caller {
    service: Arc<dyn Service>,
    /// The node, if it was started for this command: it is stopped with it.
    own: Option<Running>,
    pub(super) assume_yes: bool,
}

impl Caller {
    /// As [`Caller::connect_at_once`], with the password that is known already.
    pub(super) fn connect_with(
        data: &std::path::Path,
        password: &str,
        global: &Global,
        backend: &dyn Backend,
    ) -> Result<Self, Failure> {
        if let Some(running) = Self::running(data, global, backend)? {
            return Ok(running);
        }
        let own = backend.start_member(data, password, Purpose::Command)?;
        Ok(Self { service: guarded(own.service(), global), own: Some(own), assume_yes: global.yes })
    }

    /// The node that runs on the folder already, if there is one.
    pub(super) fn running(
        data: &std::path::Path,
        global: &Global,
        backend: &dyn Backend,
    ) -> Result<Option<Self>, Failure> {
        let service = backend.attach(data)?;
        Ok(service.map(|service| Self { service: guarded(service, global), own: None, assume_yes: global.yes }))
    }

    /// Finds the running node of the folder, or starts one, and lets it read the log to its end.
    pub(super) fn connect(global: &Global, backend: &dyn Backend, console: &mut Console<'_>) -> Result<Self, Failure> {
        let caller = Self::connect_at_once(global, backend, console)?;
        caller.read_to_end(console)?;
        Ok(caller)
    }

    /// The same for what does not ask about the log, or must not wait for a hub.
    pub(super) fn connect_at_once(
        global: &Global,
        backend: &dyn Backend,
        console: &mut Console<'_>,
    ) -> Result<Self, Failure> {
        let data = data_folder(global)?;
        if let Some(running) = Self::running(&data, global, backend)? {
            return Ok(running);
        }
        Self::connect_with(&data, &password(global, backend, console)?, global, backend)
    }

    /// The node that runs on the folder; none is started.
    pub(super) fn attach(global: &Global, backend: &dyn Backend) -> Result<Self, Failure> {
        let data = data_folder(global)?;
        let Some(service) = backend.attach(&data)? else {
            return Err(Failure(ApiError::not_now(format!("No node runs on {}.", data.display()))));
        };
        Ok(Self { service, own: None, assume_yes: global.yes })
    }

    /// The operator answers for the log of this folder.
    pub(super) fn hub_confirm(&self, console: &mut Console<'_>) -> Result<u8, Failure> {
        let effects = [
            "The hub begins to sign, although no member has shown that its log is the newest.".to_owned(),
            "If this folder was ever put back from a copy, two logs come to be, and whoever has both can prove fraud."
                .to_owned(),
            "Wait for a member instead, if you can.".to_owned(),
        ];
        review::confirm(console, "Answer for the log of this folder", &effects, "newest", self.assume_yes)?;
        let reply = self.call(Request::HubConfirm)?;
        console.answer(&reply, || vec!["The hub signs from now on.".to_owned()])
    }

    /// Asks the node.
    pub(super) fn call(&self, request: Request) -> Result<Reply, Failure> {
        Ok(self.service.call(request)?)
    }

    /// Opens a stake channel after the review.
    pub(super) fn stake_open(&self, amount_sat: u64, fee_rate: u64, console: &mut Console<'_>) -> Result<u8, Failure> {
        let Reply::Status(status) = self.call(Request::Status)? else { return Err(other_kind()) };
        if let Some(refusal) = words::stake_refusal(&status, amount_sat) {
            return Err(refusal.into());
        }
        let mut effects = vec![
            format!("Locks {} in a Taproot channel with the hub. They stay yours.", sats(amount_sat)),
            format!("Pays the funding transaction's fee at {fee_rate} sat/vB besides."),
            words::staked_from(&status, amount_sat),
            "The amount, your vote key and your name become public to the DAO.".to_owned(),
            "It counts as stake after its confirmations, from the next roll on.".to_owned(),
        ];
        effects.extend(words::before_a_stake(&status));
        review::confirm(console, "Open a stake channel", &effects, "stake", self.assume_yes)?;
        let reply = self.call(Request::StakeOpen { amount_sat, fee_rate_sat_vb: fee_rate })?;
        console.answer(&reply, || show::reply(&reply))
    }

    /// Closes a stake channel after the review.
    pub(super) fn stake_close(&self, channel: &str, fee_sat: u64, console: &mut Console<'_>) -> Result<u8, Failure> {
        let stake = self.named_stake(channel)?;
        let own_sat = self.own_part(&stake)?;
        let effects = [
            format!("Closes the channel that holds {} of the member's.", sats(stake.amount_sat)),
            format!("The closing transaction costs {}, out of the output of the side that proposes it.", sats(fee_sat)),
            format!(
                "Of your {} at most {} return to your wallet, less what the channel owes.",
                sats(own_sat),
                sats(own_sat.saturating_sub(fee_sat))
            ),
            weight_lost(&stake),
        ];
        review::confirm(console, "Close a stake channel", &effects, "close", self.assume_yes)?;
        let reply = self.call(Request::StakeClose { channel: channel.to_owned(), fee_sat })?;
        console.answer(&reply, || show::reply(&reply))
    }

    /// Closes a channel alone after the review.
    pub(super) fn channel_force_close(
        &self,
        channel: &str,
        newest: bool,
        console: &mut Console<'_>,
    ) -> Result<u8, Failure> {
        let stake = self.known_stake(self.named_stake(channel)?)?;
        let votes = stake.detail.as_ref().map_or(0, |detail| detail.votes_with);
        if votes > 0 {
            let effects = [
                format!("Takes home now what the other side's close has left you of {}.", sats(stake.amount_sat)),
                format!("It no longer weighs in the votes under way that it is on the roll of: {votes}."),
            ];
            review::confirm(console, "Take home what a close left", &effects, "take home", self.assume_yes)?;
            let reply = self.call(Request::StakeForceClose { channel: stake.channel, newest: false })?;
            return console.answer(&reply, || show::reply(&reply));
        }
        let mut effects = vec![
            format!("Closes the channel that holds {}, without the other side.", sats(stake.amount_sat)),
            match stake.detail.as_ref() {
                Some(detail) => format!(
                    "Your wallet pays {}; your part comes home by itself after {} blocks.",
                    cost_alone(detail),
                    thousands(u128::from(detail.lock_blocks))
                ),
                None => "Your wallet pays for it, and your part waits for its lock.".to_owned(),
            },
            weight_lost(&stake),
            "This cannot be taken back.".to_owned(),
        ];
        let newest = Newest::of(&stake, newest, self.assume_yes)?;
        effects.extend_from_slice(newest.doubts());
        review::confirm(console, "Close a channel alone", &effects, newest.word("close alone"), self.assume_yes)?;
        let reply = self.call(Request::StakeForceClose { channel: stake.channel, newest: newest.is_answered() })?;
        console.answer(&reply, || show::reply(&reply))
    }

    /// Pays the other side out of a channel after the review.
    pub(super) fn channel_pay(&self, channel: &str, amount_sat: u64, console: &mut Console<'_>) -> Result<u8, Failure> {
        let stake = self.named_stake(channel)?;
        let effects = [
            format!("Gives {} of the channel to the other side; it cannot be taken back.", sats(amount_sat)),
            paid_from(
                stake.detail.as_deref().map_or(0, |detail| detail.spendable_sat),
                stake.detail.as_deref().map_or(0, |detail| detail.paying_sat),
                amount_sat,
            ),
            "The new balances are signed by both sides and become public to the DAO.".to_owned(),
        ];
        review::confirm(console, "Pay out of a channel", &effects, "pay", self.assume_yes)?;
        let reply = self.call(Request::ChannelPay { channel: stake.channel, amount_sat })?;
        console.answer(&reply, || show::reply(&reply))
    }

    /// What a close of the channel brings this side.
    fn own_part(&self, stake: &Stake) -> Result<u64, Failure> {
        let Reply::Status(status) = self.call(Request::Status)? else { return Err(other_kind()) };
        Ok(match (status.role, stake.detail.as_deref()) {
            (Role::Hub, Some(detail)) => detail.hub_sat,
            _ => stake.amount_sat,
        })
    }

    /// The channel whose id begins with what was typed.
    pub(super) fn named_stake(&self, channel: &str) -> Result<Stake, Failure> {
        let Reply::Stakes { stakes } = self.call(Request::Stakes)? else {
            return Err(other_kind());
        };
        let count = stakes.len();
        let typed = channel.to_ascii_lowercase();
        if typed.len() < 4 {
            return Err(Failure::usage(format!(
                "A stake channel is named by 4 digits of its id or more; {channel:?} is shorter."
            )));
        }
        let mut named = stakes.into_iter().filter(|stake| stake.channel.starts_with(&typed));
        match (named.next(), named.next()) {
            (Some(stake), None) => Ok(stake),
            (None, _) => {
                Err(Failure::usage(format!("No stake channel has the id {channel}; this folder has {count}.")))
            }
            (Some(_), Some(_)) => Err(Failure::usage(format!("More than one stake channel begins with {channel}."))),
        }
    }

    /// Casts a ballot after the review.
    pub(super) fn vote(&self, vote: Vote, console: &mut Console<'_>) -> Result<u8, Failure> {
        let choice = vote.choice()?;
        let (proposal, reason) = (vote.proposal, vote.reason.clone());
        let request = Request::BallotReview { proposal, choice: choice.clone(), reason };
        let Reply::BallotReview(effects) = self.call(request)? else {
            return Err(other_kind());
        };
        permitted(effects.refusal.as_ref())?;
        let mut lines = vec![
            format!("Proposal #{} {}", effects.proposal.number, effects.proposal.title),
            format!("Its id is {}.", effects.proposal.id),
        ];
        lines.extend(effects.proposal.effects.iter().map(|effect| format!("If it passes: {effect}")));
        let options = effects.proposal.vote.options.iter().map(|option| option.label.as_str());
        lines.extend(show::numbered(options));
        lines.push(match &effects.replaces {
            Some(before) => format!("Your ballot is {choice}; it replaces {before}."),
            None => format!("Your ballot is {choice}."),
        });
        lines.push(format!("Your weight is {}.", weight(&effects.weight)));
        if let Some(reason) = &vote.reason {
            lines.push(format!("Your public reason: {reason}"));
        }
        lines.extend(effects.sentences);
        review::confirm(console, "Cast a ballot", &lines, crate::app::CASTING_WORD, self.assume_yes)?;
        // By the full id: a beginning that was unambiguous at the review need not be so now.
        let reply = self.call(Request::Vote { proposal: effects.proposal.id, choice, reason: vote.reason })?;
        console.answer(&reply, || show::reply(&reply))
    }
}

fn guarded(service: Arc<dyn Service>, global: &Global) -> Arc<dyn Service> {
    if global.readonly { Arc::new(ReadOnly(service)) } else { service }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            // The command's own result matters more than how the node went down; the store is durable either way.
            let _ = own.stop();
        }
    }
}

/// Runs the hub until it is stopped.
pub(super) fn run_hub(
    global: &Global,
    listen: Option<&str>,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    let password = password(global, backend, console)?;
    let node = backend.start_hub(&data, &password, listen)?;
    run(&node, "hub", console)
}

/// Runs the member's node until it is stopped.
pub(super) fn run_member(global: &Global, backend: &dyn Backend, console: &mut Console<'_>) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    let password = password(global, backend, console)?;
    let node = backend.start_member(&data, &password, PROGRAM)?;
    run(&node, "member", console)
}

/// Asks the running node to stop.
pub(super) fn stop(global: &Global, backend: &dyn Backend, console: &mut Console<'_>) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    let Some(service) = backend.attach(&data)? else {
        return Err(Failure(ApiError::not_now(format!("No node runs on {}.", data.display()))));
    };
    let reply = service.call(Request::Stop)?;
    console.answer(&reply, || vec!["The node stops.".to_owned()])
}

/// Opens the screens, of one DAO after the other. The node is started behind the first picture; only the password is asked for
/// before.
pub(super) fn screens(
    global: &Global,
    options: &Tui,
    backend: &Arc<dyn Backend>,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let mut global = global.clone();
    let settings_file = crate::settings::file();
    // Where the screens were before, and why they are there again.
    let mut before: Option<std::path::PathBuf> = None;
    let mut trouble: Option<String> = None;
    let mut visited: Vec<std::path::PathBuf> = Vec::new();
    // Drafts that were put aside, by folder (N-201).
    let mut drafts: BTreeMap<std::path::PathBuf, Vec<Popup>> = BTreeMap::new();
    loop {
        // Whoever cannot read a settings file can vote all the same; the file stays as it is (N-440).
        let (mut settings, mistake) = match settings_file.as_deref().map(Settings::load) {
            Some(Ok(settings)) => (settings, None),
            Some(Err(mistake)) => (Settings::default(), Some(format!("{mistake:#}"))),
            None => (Settings::default(), None),
        };
        if let Some(theme) = options.theme {
            settings.theme = theme;
        }
        settings.reduced_motion |= is_set("ALTHING_REDUCED_MOTION")?;
        settings.mouse &= !options.no_mouse;
        let data = std::path::absolute(data_folder(&global)?).map_err(anyhow::Error::from)?;
        let place = Place {
            data: &data,
            visited: visited.clone(),
            settings_file: settings_file.clone(),
            trouble: trouble.take(),
            mistake,
            drafts: drafts.remove(&data).unwrap_or_default(),
        };
        match (screens_of(&global, options, settings, place, backend, console), before.take()) {
            (Ok(Left { to: None, .. }), _) => return Ok(OK),
            (Ok(Left { to: Some(next), drafts: kept }), _) => {
                drafts.insert(data.clone(), kept);
                global.data = Some(next);
                if !visited.contains(&data) {
                    visited.push(data.clone());
                }
                before = Some(data);
            }
            (Err(failure), Some(back)) => {
                trouble = Some(format!("{} cannot be opened: {}", data.display(), failure.0.message));
                global.data = Some(back);
            }
            (Err(failure), None) => return Err(failure),
        }
    }
}

fn is_set(name: &'static str) -> Result<bool, Failure> {
    let value = std::env::var_os(name).unwrap_or_default();
    super::parse::switch(name)(&value.to_string_lossy())
        .map_err(|problem| Failure::usage(format!("invalid value {value:?}: {problem}")))
}

/// Which folder the screens show.
struct Place<'a> {
    data: &'a std::path::Path,
    /// Which it showed before.
    visited: Vec<std::path::PathBuf>,
    settings_file: Option<std::path::PathBuf>,
    /// Why another folder could not be shown.
    trouble: Option<String>,
    /// What is wrong with the settings, if something is.
    mistake: Option<String>,
    /// What was put aside there before.
    drafts: Vec<Popup>,
}

fn screens_of(
    global: &Global,
    options: &Tui,
    settings: Settings,
    place: Place<'_>,
    backend: &Arc<dyn Backend>,
    console: &mut Console<'_>,
) -> Result<Left, Failure> {
    let data = place.data.to_owned();
    let mut app = App::with(settings)?;
    app.notice = place.trouble.map(|text| Notice::new(true, Untrusted::new(&text).line()));
    app.no_color = super::about::is_without_color();
    app.readonly = global.readonly;
    app.folder = Some(data.clone());
    app.visited = place.visited;
    let known = app.settings.folders.iter().chain(&app.visited).chain(&app.folder);
    app.dao_names = known.filter_map(|folder| Some((folder.clone(), dao_name(folder)?))).collect();
    app.aside = place.drafts;
    app.lesson = options.learn.then(Lesson::default);
    app.popups.extend(place.mistake.map(|mistake| in_full("The settings cannot be read", &mistake)));
    let replay: Replay = {
        let (backend, data) = (Arc::clone(backend), data.clone());
        Arc::new(move |progress| backend.audit_here(&data, progress))
    };
    // Whatever is wrong with the folder is said first: then a terminal would not help.
    if backend.has_keys(&data) {
        expect_terminal("The program with the screens")?;
    }
    let own: Arc<OnceLock<Running>> = Arc::default();
    let open: Open = match backend.attach(&data)? {
        Some(service) => Box::new(move || Ok(service)),
        None => {
            // One that is typed may be typed wrong: it is asked for again here, not behind screens that show nothing.
            let password = match is_asked_for(global) {
                true => opening_password(global, &data, &**backend, console)?,
                false => password(global, &**backend, console)?,
            };
            let (backend, started) = (Arc::clone(backend), Arc::clone(&own));
            Box::new(move || {
                let node = backend.start_member(&data, &password, PROGRAM)?;
                let service = node.service();
                // Nobody else sets it: this closure runs once.
                let _ = started.set(node);
                Ok(service)
            })
        }
    };
    let readonly = global.readonly;
    let open: Open = Box::new(move || {
        let service = open()?;
        Ok(if readonly { Arc::new(ReadOnly(service)) } else { service })
    });
    let run = super::screens::runner(place.data.to_owned(), global, Arc::clone(backend));
    let errands = Errands { replay: Some(replay), run: Some(run), settings_file: place.settings_file };
    let result = crate::terminal::run(app, open, errands);
    if let Some(own) = own.get() {
        // It may have been stopped from the screens already; the store is durable either way.
        if let Err(error) = own.stop() {
            tracing::warn!("the node did not take the order to stop: {}", error.message);
        }
    }
    Ok(result?)
}

/// What the DAO of a data folder is called: untrusted text, where there is one.
fn dao_name(folder: &std::path::Path) -> Option<String> {
    let text = super::local::read_file(&folder.join(DAO_FILE)).ok()?;
    let file: DaoFile = serde_json::from_str(&text).ok()?;
    Some(file.charter().ok()?.name)
}

/// A page with something that the foot of the screen has no room for.
fn in_full(title: &str, text: &str) -> Popup {
    let lines = vec![
        Untrusted::new(text).line(),
        String::new(),
        "Until then the usual settings hold here, and what you change is not kept: nothing is written over that file."
            .to_owned(),
    ];
    Popup::Page { page: Page::Told { title: title.to_owned(), lines, code: 0 }, scroll: 0 }
}

fn run(node: &Running, role: &str, console: &mut Console<'_>) -> Result<u8, Failure> {
    let Reply::Status(status) = node.service().call(Request::Status)? else {
        return Err(other_kind());
    };
    run_named(node, role, serde_json::json!({ "running": role, "dao_id": status.dao_id }), console)
}

/// Waits for the node's end; the usual signals ask it to stop in good order.
pub(super) fn run_named(
    node: &Running,
    role: &str,
    running: serde_json::Value,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    // Before anybody hears that it runs, and could ask it to end.
    let signals = crate::signals::Signals::listen();
    match console.format {
        Format::Json => console.text(&running.to_string()),
        Format::Words | Format::Plain => {
            console.note(&format!("The {role} runs. Ctrl-C or `althing stop` stops it in good order."))
        }
    }
    let service = node.service();
    std::thread::spawn(move || {
        if signals.and_then(crate::signals::Signals::wait).is_ok() {
            // If it cannot stop by itself the next signal ends the process: the store is durable either way.
            let _ = service.call(Request::Stop);
        }
    });
    node.wait_stopped();
    Ok(OK)
}

/// A node of another version.
pub(super) fn other_kind() -> Failure {
    Failure(ApiError::ours("The node gave an answer of another kind than was asked."))
}

/// What weight a close takes from the member.
fn weight_lost(stake: &Stake) -> String {
    let lost = stake.detail.as_deref().and_then(|detail| detail.weight_lost.as_deref()).filter(|lost| *lost != "0");
    match lost {
        Some(lost) => format!(
            "Up to {} of the member's weight is lost from the next roll on, and votes decided after the coins are spent do not count it.",
            weight(lost)
        ),
        None => "What counts of it stops counting when the coins are spent.".to_owned(),
    }
}
