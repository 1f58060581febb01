//! Commands that the screens have no place for, each with the reason (N-170).

/// The command, and why it is none of the screens'.
pub const OUTSIDE: &[(&str, &str)] = &[
    ("init", "makes the folder that screens are opened on"),
    ("join", "makes the folder that screens are opened on, by questions of its own"),
    ("dao found", "makes the DAO that screens are opened on"),
    ("dao join", "makes the folder a member's before screens are opened on it"),
    ("hub run", "is the node that screens are opened on"),
    ("member run", "is the node that screens are opened on"),
    ("tower run", "runs in a folder of its own, which has no screens"),
    ("tower status", "speaks of a tower's own folder, which has no screens"),
    ("treasurer", "signs unattended until it is stopped, with nobody before a screen"),
    ("succession take-over", "makes the folder of a new hub before screens are opened on it"),
    ("wait", "makes scripts wait; screens show what comes when it comes"),
    ("bench load", "measures the machine, which screens would disturb"),
    ("tui", "opens the screens"),
    ("learn", "opens screens on a private DAO; the screen Learn says so"),
    ("completions", "writes for the shell"),
    ("man", "writes for the manual"),
];

/// Commands that only take effect with a word, which the command line does not ask for: the word, and what it does.
pub(super) const WORDS: &[(&str, &str, &str)] = &[
    ("accept", "accept", "Your vote key accepts the invitation: you are a member once a stake is bound to it."),
    ("stop", "stop", "The node of this folder ends in good order. These screens show nothing new until it runs again."),
    (
        "restore",
        "restore",
        "The channels of this folder are taken up from the newest backup there is. Only for a folder made from the seed words.",
    ),
    (
        "succession publish",
        "publish",
        "The treasurers' signatures are put together, and the transaction that spends the spare seal is broadcast. It cannot be taken back.",
    ),
];

/// Commands that open the keys themselves: for these the form asks for the password.
pub(super) const OPEN_KEYS: &[&str] =
    &["keys show", "backup inspect", "link operators", "treasury import", "treasury ownership sign"];
