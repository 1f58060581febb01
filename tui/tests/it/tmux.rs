//! A real terminal around a program: tmux, with its own server for each test.

use std::process::{Command, Output};
use std::sync::Once;
use std::time::{Duration, Instant};

/// Longest wait for something that must show.
const DEADLINE: Duration = Duration::from_secs(60);

/// A session; dropping it ends it and what runs in it.
pub(crate) struct Tmux {
    server: String,
}

impl Tmux {
    /// Runs a shell command in a terminal of that size. When the command has ended, its terminal stays to be looked at.
    pub(crate) fn run(name: &str, size: (u16, u16), command: &str) -> Self {
        ensure_installed();
        let server = format!("althing-{name}-{}", std::process::id());
        let tmux = Self { server };
        let (width, height) = (size.0.to_string(), size.1.to_string());
        let held = format!("{command}; code=$?; echo; echo \"[ended with $code]\"; exec sleep 3600");
        let session = ["-f", "/dev/null", "new-session", "-d", "-x", &width, "-y", &height, "sh", "-c", &held];
        let started = tmux.tell(&session);
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        tmux
    }

    /// Presses keys, as tmux spells them: `Enter`, `Escape`, `C-c`; other words are typed letter by letter.
    pub(crate) fn press(&self, keys: &[&str]) -> &Self {
        for key in keys {
            let named =
                matches!(*key, "Enter" | "Escape" | "Tab" | "Up" | "Down" | "Left" | "Right" | "C-s" | "C-c" | "C-u");
            let sent = if named { self.tell(&["send-keys", key]) } else { self.tell(&["send-keys", "-l", key]) };
            assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
        }
        self
    }

    /// What the terminal shows.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.tell(&["capture-pane", "-p"]).stdout).into_owned()
    }

    /// Waits until the terminal shows that.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_for_within(text, DEADLINE)
    }

    /// The same for what takes its time.
    pub(crate) fn wait_for_within(&self, text: &str, deadline: Duration) -> String {
        let begin = Instant::now();
        loop {
            let seen = self.text();
            if seen.contains(text) {
                return seen;
            }
            assert!(begin.elapsed() < deadline, "waited for {text:?} in\n{seen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the terminal shows that no longer. Whoever presses a letter right behind escape has pressed alt and the letter.
    #[allow(dead_code, reason = "one of the two test programs closes windows over what it waits for")]
    pub(crate) fn wait_until_gone(&self, text: &str) -> String {
        let begin = Instant::now();
        loop {
            let seen = self.text();
            if !seen.contains(text) {
                return seen;
            }
            assert!(begin.elapsed() < DEADLINE, "{text:?} stays in\n{seen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the terminal shows that as many times.
    #[allow(dead_code, reason = "one of the two test programs asks several questions")]
    pub(crate) fn wait_for_count(&self, text: &str, times: usize) -> String {
        let begin = Instant::now();
        loop {
            let seen = self.text();
            if seen.matches(text).count() >= times {
                return seen;
            }
            assert!(begin.elapsed() < DEADLINE, "waited for {text:?} {times} times in\n{seen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A variable of tmux about the terminal, such as `alternate_on`.
    pub(crate) fn variable(&self, name: &str) -> String {
        let shown = self.tell(&["display-message", "-p", &format!("#{{{name}}}")]);
        String::from_utf8_lossy(&shown.stdout).trim().to_owned()
    }

    /// Nothing of the screens is left in the terminal's modes.
    pub(crate) fn assert_restored(&self) {
        for (mode, wanted) in [("alternate_on", "0"), ("mouse_any_flag", "0"), ("cursor_flag", "1")] {
            assert_eq!(self.variable(mode), wanted, "{mode} in\n{}", self.text());
        }
    }

    fn tell(&self, arguments: &[&str]) -> Output {
        Command::new("tmux").args(["-L", &self.server]).args(arguments).output().unwrap()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.tell(&["kill-server"]);
    }
}

/// Installs tmux where that needs nobody, else says what to run.
fn ensure_installed() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let there = || Command::new("tmux").arg("-V").output().is_ok_and(|output| output.status.success());
        if there() {
            return;
        }
        for arguments in [&["update"][..], &["install", "-y", "--no-install-recommends", "tmux"]] {
            let _ = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").output();
        }
        assert!(there(), "these tests need tmux: apt-get install tmux, brew install tmux, or your package manager");
    });
}
