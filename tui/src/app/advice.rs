//! What to do about an alarm: the words of the node are shown in full, and after them what follows for the person.

/// Words that the node's alarms have in them, and what to do next, each step a sentence. The first that fits is taken.
const ADVICE: &[(&str, &[&str])] = &[
    (
        "UNAUTHORISED SPEND",
        &[
            "Look at it: 4, then ] to Flows, then enter. The keys that signed are named there, and on the other members' nodes too.",
            "Make the proof that anybody can check: althing proof export --statement unauthorised-spend --transaction TXID --out theft.althing.",
            "Give it to every member, and propose other treasurers: althing propose elect.",
        ],
    ),
    (
        "signed two different logs",
        &[
            "Do not trust what the hub says from here on. The proof file is named above; althing verify FILE shows it to anybody.",
            "Give the file to every member by another way than the hub.",
            "Members can go on without this hub: althing succession --help.",
        ],
    ),
    (
        "N-132",
        &[
            "Nothing more is decided or anchored until whoever has that key runs the hub with the words it comes from.",
            "Your stake is safe: 5, then F closes a channel without the hub.",
            "If nobody has the key, members can go on without this hub: althing succession --help.",
        ],
    ),
    (
        "N-244",
        &[
            "Ask other members, by another way than this hub, whether they put another one in its place, and for the certificate.",
            "Judge it here: 0, then v; it holds or it does not, whoever gives it to you. Then follow the new hub: 0, then F.",
            "If nobody has one, vote about the treasurers who are named above: althing propose elect.",
        ],
    ),
    (
        "althing succession propose",
        &[
            "Wait as long as the chain may come back; your stake is safe, and the alarm ends by itself then.",
            "Else members and treasurers put a hub in: 0, then p begins it, each signs by 0, then s. Nobody's word is needed for it but theirs.",
        ],
    ),
    (
        "data is withheld",
        &[
            "Do not sign payments: nothing from that epoch on is authorised.",
            "Ask other members whether they have the log; a node takes it from any of them.",
            "If nobody has it, members can go on without this hub: althing succession --help.",
        ],
    ),
    (
        "Bitcoin source",
        &[
            "Start Bitcoin Core, or mend its address and cookie in config.toml (althing info names the file).",
            "Until then nothing newer is verified here, and a breach of a channel is not seen. The node goes on by itself.",
        ],
    ),
    (
        "hub cannot be reached",
        &[
            "Nothing is lost: what you sign is stored here, and sent when the hub is back.",
            "If it stays away: 5, then F closes a channel without it; your coins come home by themselves.",
        ],
    ),
    (
        "newest verified log head",
        &[
            "A block or two is usual. If it grows, compare with another member: either the hub does not sign, or this node does not hear it.",
            "Your stake is safe; votes close by the height of the newest signed head, not by the clock.",
        ],
    ),
    (
        "no confirmed coin",
        &[
            "5, then a shows an address of this wallet. Send the amount named above to it, so that a close without the hub can be paid.",
        ],
    ),
    (
        "revoked commitment",
        &[
            "Leave this node running until the channel says that it is closed: it takes the coins by itself.",
            "5 and enter show how far it is.",
        ],
    ),
    (
        "has proved that this node's channel state is old",
        &["Leave this node running: the other side closes, and your coins come to the wallet by the seed alone."],
    ),
    ("lost data", &["5, then c closes the channel together, F alone. Your part is yours either way."]),
    (
        "A-312",
        &[
            "Ask the operators named above to start their nodes: a link needs the signature of each. Votes go on meanwhile.",
            "If one is gone for good while links are still made, members vote for other keys: althing propose replace-keys; else they put another hub in: althing succession --help.",
        ],
    ),
    (
        "refuses to sign a link",
        &[
            "An operator's node found something else in its own copy of the log, or is bound to another link for the same seal. The reason is above.",
            "Compare the two: althing audit on either node names the first difference.",
        ],
    ),
    ("A-82", &["The operator pays coins into the hub's wallet; any member may bump a link that waits: 7, then +."]),
    ("A-80", &["7, then + pays more for the link that waits. No header is skipped, whatever the fees are."]),
    (
        "receipt",
        &[
            "althing proof receipt keeps the hub's promise as a file, and althing proof export --statement receipt-fraud makes the proof.",
        ],
    ),
    (
        "N-443",
        &[
            "If another computer or folder with your seed words runs, decide which of the two is the newest, and stop the other.",
            "If there is none, the hub has not noticed yet that an earlier connection was cut: wait a minute.",
            "Do not close a channel alone here before you know: an older folder would lose its stake.",
        ],
    ),
    (
        "copy",
        &[
            "Two copies of one folder must not run. Stop this one, or the other.",
            "To move for good, move the folder as a whole, or begin anew from the words: althing restore.",
        ],
    ),
];

/// What to do about whatever has no advice of its own.
const ELSE: &[&str] =
    &["althing health says it again with the rule, and ends with 1 for a fraud, with 2 for what cannot be told yet."];

/// What to do next.
#[must_use]
pub(super) fn advice(alarm: &str) -> &'static [&'static str] {
    ADVICE.iter().find(|(words, _)| alarm.contains(words)).map_or(ELSE, |(_, steps)| steps)
}
