//! The loop between the terminal and the application.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::{Command as Program, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event as TerminalEvent,
    KeyEvent, KeyEventKind, MouseButton, MouseEventKind,
};
use ratatui::crossterm::execute;
use ratatui::{DefaultTerminal, Frame};

use crate::app::{Act, Action, App, Command, Popup, Report, update};
use crate::screen::{Rendered, render};
use crate::signals::Signals;
use crate::theme::Theme;
use crate::worker::{Errands, Open, Worker};

/// Shortest time between two pictures: 30 a second at most.
const FRAME: Duration = Duration::from_millis(33);

/// Time between two ticks while something is under way.
const TICK: Duration = Duration::from_millis(150);

/// How long the screens may take to close once a signal asked for it.
const CLOSING: Duration = Duration::from_secs(3);

/// The exit status of what a signal ended.
const TERMINATED: i32 = 143;

/// How often the reading thread looks whether it shall end.
const INPUT_WAIT: Duration = Duration::from_millis(100);

/// Whether the screens are open: then nothing else may write to the terminal.
static OPEN: AtomicBool = AtomicBool::new(false);

/// Something that wakes the loop.
enum Event {
    Action(Box<Action>),
    Key(KeyEvent),
    Resize,
    /// The operating system asks to end.
    Terminate,
    /// The terminal can no longer be read.
    InputEnded(std::io::Error),
}

/// Draws the application; [`render`] but in tests.
pub type Draw = fn(&mut Frame<'_>, &App, Theme) -> Rendered;

/// What is left when the screens are closed.
#[derive(Debug, Default)]
pub struct Left {
    /// The folder that is to be shown instead; none when a person leaves.
    pub to: Option<PathBuf>,
    /// Drafts that were put aside.
    pub drafts: Vec<Popup>,
}

/// Runs the screens until the member leaves, and gives the data folder to open next, if another was chosen.
///
/// The first picture is drawn before the node is opened.
///
/// # Errors
/// If the terminal cannot be used.
pub fn run(app: App, open: Open, errands: Errands) -> anyhow::Result<Left> {
    run_drawn_by(render, app, open, errands)
}

/// As [`run`], with another way to draw.
///
/// # Errors
/// As [`run`].
pub fn run_drawn_by(draw: Draw, app: App, open: Open, errands: Errands) -> anyhow::Result<Left> {
    let mut terminal = ratatui::try_init().context("the terminal cannot be set up for the screens")?;
    OPEN.store(true, Ordering::Relaxed);
    restore_on_panic();
    let _ = execute!(stdout(), EnableBracketedPaste);
    if app.settings.mouse {
        let _ = execute!(stdout(), EnableMouseCapture);
    }
    let result = event_loop(&mut terminal, draw, app, open, errands);
    let _ = execute!(stdout(), DisableBracketedPaste, DisableMouseCapture);
    ratatui::restore();
    OPEN.store(false, Ordering::Relaxed);
    tell_panics();
    result
}

/// Whether the screens have the terminal.
#[must_use]
pub fn is_open() -> bool {
    OPEN.load(Ordering::Relaxed)
}

/// What a key does: its meaning where the keyboard is, else it types.
#[must_use]
pub fn key_action(app: &App, key: KeyEvent) -> Option<Action> {
    match app.keymap.lookup(app.contexts(), &key) {
        // Which digit it is says the key itself.
        Some(Act::Number) => Some(Action::Type(key)),
        Some(act) => Some(Action::Act(act)),
        None if app.takes_text() => Some(Action::Type(key)),
        None => None,
    }
}

/// Draws and waits, in turns.
fn event_loop(
    terminal: &mut DefaultTerminal,
    draw: Draw,
    mut app: App,
    open: Open,
    errands: Errands,
) -> anyhow::Result<Left> {
    let picture = |terminal: &mut DefaultTerminal, app: &mut App| -> anyhow::Result<()> {
        let mut rendered = Rendered::default();
        let theme = Theme::choose(app.settings.theme, app.no_color);
        terminal.draw(|frame| rendered = draw(frame, app, theme)).context("the terminal cannot be written")?;
        (app.scroll_limit, app.hits, app.size) = (rendered.scroll_limit, rendered.hits, rendered.size);
        Ok(())
    };
    // Before anything is on the screen that could be left there.
    let signals = Signals::listen();
    picture(terminal, &mut app)?;
    let (events, queue) = mpsc::channel();
    let reports = events.clone();
    let worker = Worker::start(errands, open, move |report: Report| {
        let _ = reports.send(Event::Action(Box::new(Action::Report(report))));
    });
    let terminate = events.clone();
    thread::spawn(move || {
        if signals.and_then(Signals::wait).is_ok() {
            let _ = terminate.send(Event::Terminate);
            // A terminal that is gone can neither be read nor restored, and trying never ends. The store needs no good-bye.
            thread::sleep(CLOSING);
            std::process::exit(TERMINATED);
        }
    });
    let leaving = Arc::new(AtomicBool::new(false));
    let input = read_input(events, Arc::clone(&leaving));
    let mut drawn = Instant::now();
    let mut changed = false;
    let result = loop {
        let turns = app.is_moving();
        let wait = match (changed, turns) {
            (true, _) => Some(FRAME.saturating_sub(drawn.elapsed())),
            (false, true) => Some(TICK),
            (false, false) => None,
        };
        let event = match wait
            .map_or_else(|| queue.recv().map_err(|_| RecvTimeoutError::Disconnected), |wait| queue.recv_timeout(wait))
        {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) if !changed => Some(Event::Action(Box::new(Action::Tick))),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break Ok(()),
        };
        match event {
            Some(Event::InputEnded(error)) => break Err(error).context("the terminal cannot be read"),
            Some(Event::Terminate) => break Ok(()),
            Some(event) => {
                changed = true;
                if let Some(action) = action(&app, event) {
                    for command in update(&mut app, action) {
                        match command {
                            Command::Notify(text) => notify(&app, &text),
                            Command::Copy(text) => copy(&text),
                            command => worker.send(command),
                        }
                    }
                }
                if app.leaving {
                    break Ok(());
                }
            }
            None => {}
        }
        if changed && drawn.elapsed() >= FRAME {
            if let Err(error) = picture(terminal, &mut app) {
                break Err(error);
            }
            drawn = Instant::now();
            changed = false;
        }
    };
    leaving.store(true, Ordering::Relaxed);
    // The thread ends within `INPUT_WAIT`; a panic in it was already shown.
    let _ = input.join();
    result.map(|()| Left { to: app.switch_to, drafts: app.aside })
}

/// What an event means for the application.
fn action(app: &App, event: Event) -> Option<Action> {
    match event {
        Event::Key(key) => key_action(app, key),
        Event::Action(action) => Some(*action),
        Event::Resize | Event::Terminate | Event::InputEnded(_) => None,
    }
}

/// Rings the bell, and runs the member's own program with what happened as its last argument, which no shell ever sees.
fn notify(app: &App, text: &str) {
    if app.settings.bell {
        let mut out = stdout();
        let _ = out.write_all(b"\x07").and_then(|()| out.flush());
    }
    let Some((program, arguments)) = app.settings.notify.split_first() else { return };
    let (program, arguments, text) = (program.clone(), arguments.to_vec(), text.to_owned());
    thread::spawn(move || {
        let mut program = Program::new(program);
        program.args(arguments).arg(text).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Whether it is there and works is for who set it.
        let _ = program.status();
    });
}

/// Gives a text to the clipboard of the terminal, also over ssh (N-198, OSC 52 of xterm).
/// It is base64, so nothing of it is obeyed.
fn copy(text: &str) {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let mut out = stdout();
    let _ = write!(out, "\x1b]52;c;{encoded}\x07").and_then(|()| out.flush());
}

/// Reads keyboard and mouse in a thread of its own.
fn read_input(events: Sender<Event>, leaving: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        while !leaving.load(Ordering::Relaxed) {
            let read = event::poll(INPUT_WAIT).and_then(|ready| if ready { event::read().map(Some) } else { Ok(None) });
            let event = match read {
                Ok(Some(TerminalEvent::Key(key))) if key.kind != KeyEventKind::Release => Event::Key(key),
                Ok(Some(TerminalEvent::Paste(text))) => Event::Action(Box::new(Action::Paste(text))),
                Ok(Some(TerminalEvent::Mouse(mouse))) => match mouse.kind {
                    MouseEventKind::Down(MouseButton::Left) => {
                        Event::Action(Box::new(Action::Click { x: mouse.column, y: mouse.row }))
                    }
                    MouseEventKind::ScrollDown => Event::Action(Box::new(Action::Wheel { down: true })),
                    MouseEventKind::ScrollUp => Event::Action(Box::new(Action::Wheel { down: false })),
                    _ => continue,
                },
                Ok(Some(TerminalEvent::Resize(..))) => Event::Resize,
                Ok(_) => continue,
                Err(error) => {
                    let _ = events.send(Event::InputEnded(error));
                    return;
                }
            };
            if events.send(event).is_err() {
                return;
            }
        }
    })
}

/// Panics of other threads while the screens are open, to be told after they are closed.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A panic of the drawing thread restores the terminal and is told there; one of another thread must not write over the
/// screens, which go on: it is kept.
fn restore_on_panic() {
    let drawing = thread::current().id();
    // `ratatui::try_init` has set the hook that restores the terminal and then reports.
    let restore_and_report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if OPEN.load(Ordering::Relaxed) && thread::current().id() != drawing {
            if let Ok(mut kept) = PANICS.lock() {
                kept.push(info.to_string());
            }
            return;
        }
        let _ = execute!(stdout(), DisableBracketedPaste, DisableMouseCapture);
        OPEN.store(false, Ordering::Relaxed);
        restore_and_report(info);
    }));
}

/// Tells the panics that were kept.
fn tell_panics() {
    let kept = PANICS.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default();
    for panic in kept {
        crate::log::tell_panic(&panic);
    }
}
