//! The loop between the terminal and the application.

use std::io::{Write, stderr, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, EnableBracketedPaste, Event as TerminalEvent, KeyEvent, KeyEventKind,
};
use ratatui::crossterm::execute;

use crate::app::{Action, App, Report, update};
use crate::keymap::lookup;
use crate::screen::render;
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::worker::{Open, Worker};

/// Shortest time between two pictures: 30 a second at most.
const FRAME: Duration = Duration::from_millis(33);

/// How often the reading thread looks whether it shall end.
const INPUT_WAIT: Duration = Duration::from_millis(100);

/// Whether the screens are open: then nothing else may write to the terminal.
static OPEN: AtomicBool = AtomicBool::new(false);

/// Something that wakes the loop.
enum Event {
    Key(KeyEvent),
    Paste(String),
    Resize,
    Report(Report),
    /// The terminal can no longer be read.
    InputEnded(std::io::Error),
}

/// Runs the screens until the member leaves.
///
/// The first picture is drawn before the node is opened.
///
/// # Errors
/// If the terminal cannot be used.
pub fn run(open: Open, theme: Theme) -> anyhow::Result<()> {
    let mut terminal = ratatui::try_init().context("the terminal cannot be set up for the screens")?;
    OPEN.store(true, Ordering::Relaxed);
    restore_on_panic();
    let _ = execute!(stdout(), EnableBracketedPaste);
    let result = event_loop(&mut terminal, open, theme);
    let _ = execute!(stdout(), DisableBracketedPaste);
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
    match lookup(app.contexts(), &key) {
        Some(act) => Some(Action::Act(act)),
        None if app.takes_text() => Some(Action::Type(key)),
        None => None,
    }
}

/// Draws and waits, in turns.
fn event_loop(terminal: &mut DefaultTerminal, open: Open, theme: Theme) -> anyhow::Result<()> {
    let mut app = App::new();
    terminal.draw(|frame| {
        render(frame, &app, theme);
    })?;
    let (events, queue) = mpsc::channel();
    let reports = events.clone();
    let worker = Worker::start(open, move |report| {
        let _ = reports.send(Event::Report(report));
    });
    let leaving = Arc::new(AtomicBool::new(false));
    let input = read_input(events, Arc::clone(&leaving));
    let mut drawn = Instant::now();
    let mut changed = false;
    let result = loop {
        let event = if changed {
            match queue.recv_timeout(FRAME.saturating_sub(drawn.elapsed())) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break Ok(()),
            }
        } else {
            match queue.recv() {
                Ok(event) => Some(event),
                Err(_) => break Ok(()),
            }
        };
        match event {
            Some(Event::InputEnded(error)) => break Err(error).context("the terminal cannot be read"),
            Some(event) => {
                changed = true;
                if let Some(action) = action(&app, event) {
                    for command in update(&mut app, action) {
                        worker.send(command);
                    }
                }
                if app.leaving {
                    break Ok(());
                }
            }
            None => {}
        }
        if changed && drawn.elapsed() >= FRAME {
            let mut limit = 0;
            if let Err(error) = terminal.draw(|frame| limit = render(frame, &app, theme).scroll_limit) {
                break Err(error).context("the terminal cannot be written");
            }
            app.scroll_limit = limit;
            drawn = Instant::now();
            changed = false;
        }
    };
    leaving.store(true, Ordering::Relaxed);
    // The thread ends within `INPUT_WAIT`; a panic in it was already shown.
    let _ = input.join();
    result
}

/// What an event means for the application.
fn action(app: &App, event: Event) -> Option<Action> {
    match event {
        Event::Key(key) => key_action(app, key),
        Event::Paste(text) => Some(Action::Paste(text)),
        Event::Report(report) => Some(Action::Report(report)),
        Event::Resize | Event::InputEnded(_) => None,
    }
}

/// Reads the keyboard in a thread of its own.
fn read_input(events: Sender<Event>, leaving: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        while !leaving.load(Ordering::Relaxed) {
            let read = event::poll(INPUT_WAIT).and_then(|ready| if ready { event::read().map(Some) } else { Ok(None) });
            let event = match read {
                Ok(Some(TerminalEvent::Key(key))) if key.kind != KeyEventKind::Release => Event::Key(key),
                Ok(Some(TerminalEvent::Paste(text))) => Event::Paste(text),
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
        let _ = execute!(stdout(), DisableBracketedPaste);
        OPEN.store(false, Ordering::Relaxed);
        restore_and_report(info);
    }));
}

/// Tells the panics that were kept.
fn tell_panics() {
    let kept = PANICS.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default();
    for panic in kept {
        for line in Untrusted::new(&panic).lines() {
            let _ = writeln!(stderr(), "{line}");
        }
    }
}
