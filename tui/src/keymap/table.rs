//! The table.

use std::borrow::Cow;

use ratatui::crossterm::event::{KeyCode, KeyModifiers};

use super::{Binding, Context, Key};
use crate::app::{Act, Screen};

/// A character key.
const fn ch(c: char) -> Key {
    Key(KeyCode::Char(c), KeyModifiers::NONE)
}

/// A named key.
const fn code(code: KeyCode) -> Key {
    Key(code, KeyModifiers::NONE)
}

/// Control and a character.
const fn ctrl(c: char) -> Key {
    Key(KeyCode::Char(c), KeyModifiers::CONTROL)
}

/// One row of the table.
const fn bind(
    context: Context,
    keys: &'static [Key],
    act: Act,
    help: &'static str,
    footer: Option<&'static str>,
) -> Binding {
    Binding { context, keys: Cow::Borrowed(keys), act, help, footer }
}

const ENTER: Key = code(KeyCode::Enter);
const ESC: Key = code(KeyCode::Esc);
const UP: Key = code(KeyCode::Up);
const DOWN: Key = code(KeyCode::Down);
const LEFT: Key = code(KeyCode::Left);
const RIGHT: Key = code(KeyCode::Right);
const TAB: Key = code(KeyCode::Tab);
const BACK_TAB: Key = code(KeyCode::BackTab);
const PAGE_UP: Key = code(KeyCode::PageUp);
const PAGE_DOWN: Key = code(KeyCode::PageDown);
const HOME: Key = code(KeyCode::Home);
const END: Key = code(KeyCode::End);

/// Every key of the program.
pub const KEYMAP: &[Binding] = &[
    bind(Context::Always, &[ctrl('c')], Act::Quit, "leave Althing", None),
    bind(Context::Always, &[code(KeyCode::F(1))], Act::Help, "help, also while typing", None),
    // One proposal.
    bind(Context::Proposal, &[ch('v')], Act::Vote, "cast or change my ballot", Some("vote")),
    bind(Context::Proposal, &[ch('V')], Act::VoteAsTreasurer, "cast or change my ballot as a treasurer", None),
    bind(Context::Proposal, &[ch('w')], Act::Why, "why is this true? every step recomputed here", Some("why")),
    bind(Context::Proposal, &[ch('c')], Act::Comment, "write a comment", Some("comment")),
    bind(Context::Proposal, &[ch('r')], Act::Reply, "answer the marked comment", None),
    bind(Context::Proposal, &[ch(']')], Act::NextComment, "mark the next comment", None),
    bind(Context::Proposal, &[ch('[')], Act::PreviousComment, "mark the comment before", None),
    bind(Context::Proposal, &[ch('+')], Act::Agree, "approve of the marked comment", None),
    bind(Context::Proposal, &[ch('-')], Act::Disagree, "disapprove of the marked comment", None),
    bind(Context::Proposal, &[ch('d')], Act::Diff, "what changed since the version before", Some("diff")),
    bind(Context::Proposal, &[ch('e')], Act::Export, "write a proof file", Some("proof")),
    bind(Context::Proposal, &[ch('a')], Act::Remark, "add a remark as the author", None),
    bind(Context::Proposal, &[ch('D')], Act::Deposit, "hold the deposit that it needs", None),
    bind(Context::Proposal, &[ch('X')], Act::Withdraw, "take my proposal back", None),
    bind(Context::Proposal, &[ch('G')], Act::Guard, "speak as a guardian against it", None),
    bind(Context::Proposal, &[ch('x')], Act::Hide, "hide it on this machine, or show it again", None),
    bind(Context::Proposal, &[ch('E')], Act::Run("proof export"), "write a proof file of any statement", None),
    bind(Context::Proposal, &[ch('O')], Act::Run("ots export"), "write an OpenTimestamps file of a ballot on it", None),
    bind(Context::Proposal, &[ch('j'), DOWN], Act::Down, "scroll down", None),
    bind(Context::Proposal, &[ch('k'), UP], Act::Up, "scroll up", None),
    bind(Context::Proposal, &[ch(' '), PAGE_DOWN], Act::PageDown, "a page down", Some("page")),
    bind(Context::Proposal, &[ch('b'), PAGE_UP], Act::PageUp, "a page up", None),
    // The list of proposals.
    bind(Context::Proposals, &[ch('v')], Act::Vote, "cast or change my ballot", Some("vote")),
    bind(Context::Proposals, &[ch('V')], Act::VoteAsTreasurer, "cast or change my ballot as a treasurer", None),
    bind(Context::Proposals, &[ch('n')], Act::Propose, "write a proposal", Some("new")),
    // My ballots.
    bind(Context::Ballots, &[ch('w')], Act::Why, "why is this true? every step recomputed here", Some("why")),
    bind(Context::Ballots, &[ch('v')], Act::Vote, "change my ballot", Some("vote")),
    bind(Context::Ballots, &[ch('e')], Act::Export, "write a proof file", Some("proof")),
    bind(Context::Ballots, &[ch('R')], Act::Run("proof receipt"), "write the hub's receipt to a file", None),
    bind(
        Context::Ballots,
        &[ch('F')],
        Act::Run("force"),
        "put an entry on Bitcoin that the hub keeps out of the log",
        Some("force"),
    ),
    // The treasury.
    bind(Context::Payments, &[ch('o')], Act::SessionOpen, "open a signing session for the payment", Some("session")),
    bind(
        Context::Payments,
        &[ch('a')],
        Act::TreasuryAddress,
        "a fresh address of the treasury, as text and QR code",
        Some("address"),
    ),
    bind(Context::Payments, &[ch('i')], Act::TakeSession, "take a PSBT in from a file", Some("take in")),
    bind(Context::Sessions, &[ch('s')], Act::Sign, "check the transaction and sign it with my key", Some("sign")),
    bind(Context::Sessions, &[ch('r')], Act::Refuse, "say why I do not sign", Some("refuse")),
    bind(Context::Sessions, &[ch('B')], Act::Broadcast, "broadcast what has enough signatures", Some("broadcast")),
    bind(Context::Sessions, &[ch('e')], Act::SaveSession, "write the PSBT to a file, for other signers", Some("file")),
    bind(Context::Sessions, &[ch('i')], Act::TakeSession, "take a PSBT in from a file", Some("take in")),
    bind(Context::Sessions, &[ch('c')], Act::SessionComment, "comment on the session", None),
    bind(Context::Sessions, &[ch('+')], Act::Bump, "a higher fee, by a replacement or a child", None),
    bind(Context::Coins, &[ch('f')], Act::Freeze, "freeze the coin, or thaw it", Some("freeze")),
    bind(Context::Coins, &[ch('H')], Act::Housekeeping, "move the treasury's own coins: consolidate, sweep", None),
    bind(Context::Treasury, &[ENTER, ch('l')], Act::Open, "open the row in full", Some("open")),
    bind(Context::Treasury, &[ch(']'), RIGHT], Act::NextSection, "next part of the treasury", Some("next part")),
    bind(Context::Treasury, &[ch('['), LEFT], Act::PreviousSection, "part before", None),
    bind(
        Context::Treasury,
        &[ch('O')],
        Act::Run("treasury bond"),
        "the hub's bond: shown, brought, or given back",
        None,
    ),
    bind(Context::Treasury, &[ch('E')], Act::Run("treasury export"), "write the policy for another program", None),
    bind(
        Context::Treasury,
        &[ch('u')],
        Act::Run("treasury labels export"),
        "write the labels to a file (BIP329)",
        None,
    ),
    bind(Context::Treasury, &[ch('U')], Act::Run("treasury labels import"), "read labels from a file (BIP329)", None),
    bind(Context::Treasury, &[ch('K')], Act::Run("treasury key"), "my public keys as a treasurer", None),
    bind(
        Context::Treasury,
        &[ch('p')],
        Act::Run("treasury session papers"),
        "what treasurers said to each other over the hub",
        None,
    ),
    bind(
        Context::Treasury,
        &[ch('Y')],
        Act::Run("treasury ownership newest"),
        "check the proofs of funds in a folder",
        None,
    ),
    // My channels.
    bind(
        Context::Channels,
        &[ENTER, ch('l')],
        Act::Open,
        "the channel in full: balances, backup, towers",
        Some("open"),
    ),
    bind(Context::Channels, &[ch('t')], Act::TopUp, "put more into the channel while it votes on", Some("more")),
    bind(Context::Channels, &[ch('w')], Act::TakeOut, "take something out of the channel", Some("less")),
    bind(Context::Channels, &[ch('B')], Act::Backup, "write a backup of the channels to a file", None),
    bind(Context::Channels, &[ch('o')], Act::StakeOpen, "lock bitcoin in a stake channel", Some("lock")),
    bind(Context::Channels, &[ch('p')], Act::Pay, "pay dues out of the channel", None),
    bind(Context::Channels, &[ch('c')], Act::StakeClose, "close the channel together with the hub", Some("close")),
    bind(Context::Channels, &[ch('F')], Act::ForceClose, "close the channel alone", None),
    bind(
        Context::Channels,
        &[ch('a')],
        Act::Address,
        "a fresh address of my wallet, as text and QR code",
        Some("address"),
    ),
    bind(Context::Channels, &[ch('s')], Act::SendCoins, "send coins of my wallet to an address", Some("send")),
    bind(
        Context::Channels,
        &[ch('+')],
        Act::Run("channel bump"),
        "a higher fee for a top-up or withdrawal that waits",
        None,
    ),
    bind(
        Context::Channels,
        &[ch('m')],
        Act::Run("channel migrate"),
        "move the channel to another hub, or take that back",
        None,
    ),
    bind(Context::Channels, &[ch('W')], Act::Run("tower add"), "let a watchtower watch for me", None),
    bind(Context::Channels, &[ch('D')], Act::Run("tower remove"), "give a watchtower nothing more", None),
    bind(Context::Channels, &[ch('K')], Act::Run("backup keep"), "keep a second copy of the backup in a file", None),
    bind(Context::Channels, &[ch('I')], Act::Run("backup inspect"), "what a backup holds", None),
    bind(Context::Channels, &[ch('R')], Act::Run("restore"), "take my channels up again from a backup", None),
    // The members.
    bind(
        Context::Members,
        &[ENTER, ch('l')],
        Act::Open,
        "what the member did: votes, proposals, who trusts them",
        Some("open"),
    ),
    bind(Context::Members, &[ch('d')], Act::Delegate, "hand my weight on", Some("delegate")),
    bind(Context::Members, &[ch('D')], Act::Revoke, "take a delegation back", None),
    bind(Context::Members, &[ch('i')], Act::Invite, "invite somebody", None),
    bind(Context::Members, &[ch('R')], Act::RotateKey, "replace my vote key", None),
    bind(Context::Members, &[ch('x')], Act::Hide, "hide what the member writes, or show it again", None),
    bind(Context::Members, &[ch('A')], Act::Run("accept"), "accept an invitation", None),
    bind(Context::Members, &[ch('J')], Act::Run("dao invitation"), "the invitation to this DAO, to pass on", None),
    bind(
        Context::Members,
        &[ch('E')],
        Act::Run("equivocation"),
        "prove that a member signed two entries for one place",
        None,
    ),
    bind(Context::Members, &[ch('K')], Act::Run("keys show"), "the public keys of this folder", None),
    // The links.
    bind(Context::Chain, &[ENTER, ch('l')], Act::Open, "the link in full, with a QR code", Some("open")),
    bind(Context::Chain, &[ch('w')], Act::Why, "verify the link here: header, link, block", Some("verify")),
    bind(Context::Chain, &[ch('+')], Act::Bump, "pay more for the link that waits", Some("bump")),
    bind(Context::Chain, &[ch('e')], Act::Timestamp, "write an OpenTimestamps file of the link", Some("timestamp")),
    bind(Context::Chain, &[ch('o')], Act::Run("link operators"), "the operators who sign every link together", None),
    bind(
        Context::Chain,
        &[ch('H')],
        Act::Run("headers export"),
        "write the block headers of a Bitcoin Core to a file",
        None,
    ),
    bind(Context::Chain, &[ch('t')], Act::Run("tiles export"), "write the log as static files for a web host", None),
    // The audit.
    bind(Context::Audit, &[ch('a')], Act::Replay, "replay and check the whole log now", Some("replay")),
    bind(Context::Audit, &[ch('s')], Act::SaveReport, "write the report to a file", Some("save report")),
    bind(
        Context::Audit,
        &[ch('r')],
        Act::Run("audit"),
        "look at some entries that a block chose, or resume a replay",
        Some("random audit"),
    ),
    bind(Context::Audit, &[ch('v')], Act::Run("verify"), "check a proof file", Some("verify")),
    bind(Context::Audit, &[ch('p')], Act::Run("proof export"), "write a proof file of any statement", Some("prove")),
    bind(Context::Audit, &[ch('F')], Act::Run("fraud"), "prove the hub's fraud to the log", None),
    bind(
        Context::Audit,
        &[ch('E')],
        Act::Run("equivocation"),
        "prove that a member signed two entries for one place",
        None,
    ),
    bind(Context::Audit, &[ch('u')], Act::Run("seen"), "state that I have seen an entry that the log leaves out", None),
    // The node, the hub, and another hub in its place.
    bind(
        Context::Operator,
        &[ch('H')],
        Act::Run("health"),
        "what is wrong: fraud, withheld data, the reserve",
        Some("health"),
    ),
    bind(Context::Operator, &[ch('o')], Act::Run("link operators"), "the operators who sign every link together", None),
    bind(
        Context::Operator,
        &[ch('L')],
        Act::Run("gates list"),
        "the gates of the treasury, and what each is for",
        Some("gates"),
    ),
    bind(
        Context::Operator,
        &[ch('r')],
        Act::Run("gates refill"),
        "note in the log which gates a transaction made",
        None,
    ),
    bind(
        Context::Operator,
        &[ch('B')],
        Act::Run("treasury bond"),
        "the hub's bond: shown, brought, or given back",
        Some("bond"),
    ),
    bind(
        Context::Operator,
        &[ch('N')],
        Act::Run("hub confirm"),
        "answer for it that the log of this folder is the newest",
        None,
    ),
    bind(Context::Operator, &[ch('I')], Act::Run("info"), "where data, settings and log are", None),
    bind(Context::Operator, &[ch('X')], Act::Run("stop"), "end the node of this folder in good order", None),
    bind(
        Context::Operator,
        &[ch('p')],
        Act::Run("succession propose"),
        "another hub: write the statement",
        Some("succession"),
    ),
    bind(Context::Operator, &[ch('s')], Act::Run("succession sign"), "another hub: sign a statement as a member", None),
    bind(
        Context::Operator,
        &[ch('c')],
        Act::Run("succession collect"),
        "another hub: put statement and signatures together",
        None,
    ),
    bind(Context::Operator, &[ch('v')], Act::Run("succession check"), "another hub: judge a certificate", None),
    bind(
        Context::Operator,
        &[ch('x')],
        Act::Run("succession spend"),
        "another hub: the transaction that spends the spare seal",
        None,
    ),
    bind(
        Context::Operator,
        &[ch('C')],
        Act::Run("succession cosign"),
        "another hub: sign that transaction as a treasurer",
        None,
    ),
    bind(
        Context::Operator,
        &[ch('P')],
        Act::Run("succession publish"),
        "another hub: broadcast that transaction",
        None,
    ),
    bind(Context::Operator, &[ch('F')], Act::Run("succession follow"), "another hub: follow it from now on", None),
    // Lists and texts.
    bind(Context::Opens, &[ENTER, ch('l')], Act::Open, "open what the row is about", Some("open")),
    bind(Context::List, &[ch('j'), DOWN], Act::Down, "next row", None),
    bind(Context::List, &[ch('k'), UP], Act::Up, "previous row", None),
    bind(Context::List, &[ch(' '), PAGE_DOWN], Act::PageDown, "ten rows down", None),
    bind(Context::List, &[ch('b'), PAGE_UP], Act::PageUp, "ten rows up", None),
    bind(Context::List, &[ch('g'), HOME], Act::First, "first row", None),
    bind(Context::List, &[ch('G'), END], Act::Last, "last row", None),
    bind(Context::List, &[ch('/')], Act::Filter, "show only what matches some letters", Some("filter")),
    bind(Context::Text, &[ch('j'), DOWN], Act::Down, "scroll down", None),
    bind(Context::Text, &[ch('k'), UP], Act::Up, "scroll up", None),
    bind(Context::Text, &[ch(' '), PAGE_DOWN], Act::PageDown, "a page down", Some("page")),
    bind(Context::Text, &[ch('b'), PAGE_UP], Act::PageUp, "a page up", None),
    bind(Context::Text, &[ch('g'), HOME], Act::First, "to the top", None),
    bind(Context::Text, &[ch('G'), END], Act::Last, "to the end", None),
    // Every screen.
    bind(Context::Screens, &[ch('1')], Act::Go(Screen::Home), "Home", None),
    bind(Context::Screens, &[ch('2')], Act::Go(Screen::Proposals), "Proposals", None),
    bind(Context::Screens, &[ch('3')], Act::Go(Screen::Ballots), "My ballots", None),
    bind(Context::Screens, &[ch('4')], Act::Go(Screen::Treasury), "Treasury", None),
    bind(Context::Screens, &[ch('5')], Act::Go(Screen::Channels), "Channels", None),
    bind(Context::Screens, &[ch('6')], Act::Go(Screen::Members), "Members", None),
    bind(Context::Screens, &[ch('7')], Act::Go(Screen::Chain), "Chain", None),
    bind(Context::Screens, &[ch('8')], Act::Go(Screen::Audit), "Audit", None),
    bind(Context::Screens, &[ch('9')], Act::Go(Screen::Learn), "Learn", None),
    bind(Context::Screens, &[ch('0')], Act::Go(Screen::Operator), "Operator", None),
    bind(Context::Screens, &[TAB], Act::NextScreen, "next screen", Some("next screen")),
    bind(Context::Screens, &[BACK_TAB], Act::PreviousScreen, "previous screen", None),
    bind(Context::Screens, &[ch('z')], Act::Undo, "bring back the draft put aside last", None),
    bind(Context::Screens, &[ch('T')], Act::Theme, "next theme", None),
    bind(Context::Screens, &[ch('@')], Act::Folders, "another DAO", None),
    bind(Context::Screens, &[ESC, ch('h')], Act::Back, "back", Some("back")),
    bind(Context::Screens, &[ch(':')], Act::Palette, "every command by its name", Some("commands")),
    bind(Context::Screens, &[ch('?')], Act::Help, "this help", Some("help")),
    bind(Context::Screens, &[ch('q')], Act::Quit, "leave Althing", Some("quit")),
    // Typing a filter.
    bind(Context::Filter, &[ENTER, DOWN], Act::Confirm, "keep the filter", Some("keep")),
    bind(Context::Filter, &[ESC], Act::Back, "show all again", Some("show all")),
    // Ballots.
    bind(Context::Choose, &[ch('y')], Act::Choose(0), "yes", Some("yes")),
    bind(Context::Choose, &[ch('n')], Act::Choose(1), "no", Some("no")),
    bind(Context::Choose, &[ch('a')], Act::Choose(2), "abstain", Some("abstain")),
    bind(Context::Choose, &[TAB], Act::NextScreen, "to the public reason; the choice stays", Some("reason")),
    bind(Context::Choose, &[ch('j'), DOWN], Act::Down, "next line", None),
    bind(Context::Choose, &[ch('k'), UP], Act::Up, "previous line", None),
    bind(Context::Choose, &[ENTER], Act::Confirm, "go on to the review page", Some("review")),
    bind(Context::Choose, &[ESC], Act::Back, "do not vote", Some("cancel")),
    bind(Context::Fill, &[TAB], Act::NextScreen, "to the public reason; the marks stay", None),
    bind(Context::Fill, &[ch('j'), DOWN], Act::Down, "next line", None),
    bind(Context::Fill, &[ch('k'), UP], Act::Up, "previous line", None),
    bind(Context::Fill, &[ch(' ')], Act::Mark, "mark this line, or take the mark back", Some("mark")),
    bind(Context::Fill, &[ch('+'), ch('l'), RIGHT], Act::More, "give this line more", Some("more")),
    bind(Context::Fill, &[ch('-'), ch('h'), LEFT], Act::Less, "give this line less", Some("less")),
    bind(Context::Fill, &[ch('z')], Act::Undo, "undo", None),
    bind(Context::Fill, &[ctrl('r')], Act::Redo, "redo", None),
    bind(Context::Fill, &[ENTER], Act::Confirm, "go on to the review page", Some("review")),
    bind(Context::Fill, &[ESC], Act::Back, "do not vote", Some("cancel")),
    bind(Context::Rank, &[TAB], Act::NextScreen, "to the public reason; the ranking stays", None),
    bind(Context::Rank, &[ch('j'), DOWN], Act::Down, "next line", None),
    bind(Context::Rank, &[ch('k'), UP], Act::Up, "previous line", None),
    bind(Context::Rank, &[ch(' ')], Act::Mark, "rank this line, or take it out of the ranking", Some("rank")),
    bind(Context::Rank, &[ch('K'), ch('u')], Act::Raise, "move this line up", Some("up")),
    bind(Context::Rank, &[ch('J'), ch('d')], Act::Lower, "move this line down", Some("down")),
    bind(Context::Rank, &[ch('z')], Act::Undo, "undo", Some("undo")),
    bind(Context::Rank, &[ctrl('r')], Act::Redo, "redo", None),
    bind(Context::Rank, &[ENTER], Act::Confirm, "go on to the review page", Some("review")),
    bind(Context::Rank, &[ESC], Act::Back, "do not vote", Some("cancel")),
    bind(Context::Reason, &[UP, TAB, BACK_TAB], Act::Up, "back to the choices", Some("choices")),
    bind(Context::Reason, &[ENTER], Act::Confirm, "go on to the review page", Some("review")),
    bind(Context::Reason, &[ESC], Act::Back, "do not vote", Some("cancel")),
    // Forms.
    bind(Context::Field, &[ENTER], Act::Open, "next field; after the last one, the review page", Some("next")),
    bind(Context::Field, &[TAB, DOWN], Act::NextScreen, "next field", None),
    bind(Context::Field, &[BACK_TAB, UP], Act::PreviousScreen, "field before", None),
    bind(Context::Field, &[RIGHT], Act::More, "next choice of this field", None),
    bind(Context::Field, &[LEFT], Act::Less, "choice before", Some("change")),
    bind(Context::Field, &[ctrl('s')], Act::Confirm, "to the review page, or do what needs none", Some("go on")),
    bind(Context::Field, &[ctrl('z')], Act::Undo, "undo", Some("undo")),
    bind(Context::Field, &[ctrl('y')], Act::Redo, "redo", None),
    bind(Context::Field, &[ESC], Act::Back, "put it aside", Some("put aside")),
    bind(Context::Write, &[ctrl('s')], Act::Confirm, "go on to the review page", Some("review")),
    bind(Context::Write, &[TAB], Act::NextScreen, "next field", None),
    bind(Context::Write, &[BACK_TAB], Act::PreviousScreen, "field before", Some("field before")),
    bind(Context::Write, &[ctrl('z')], Act::Undo, "undo", Some("undo")),
    bind(Context::Write, &[ctrl('y')], Act::Redo, "redo", None),
    bind(Context::Write, &[ESC], Act::Back, "put it aside", Some("put aside")),
    // The review page.
    bind(Context::Review, &[ENTER], Act::Confirm, "do it, once the word is typed", Some("do it")),
    bind(Context::Review, &[DOWN], Act::Down, "scroll down", Some("scroll")),
    bind(Context::Review, &[UP], Act::Up, "scroll up", None),
    bind(Context::Review, &[PAGE_DOWN], Act::PageDown, "a page down", None),
    bind(Context::Review, &[PAGE_UP], Act::PageUp, "a page up", None),
    bind(Context::Review, &[ESC], Act::Back, "do nothing", Some("cancel")),
    bind(Context::Refused, &[ch('j'), DOWN], Act::Down, "scroll down", Some("scroll")),
    bind(Context::Refused, &[ch('k'), UP], Act::Up, "scroll up", None),
    bind(Context::Refused, &[ch(' '), PAGE_DOWN], Act::PageDown, "a page down", None),
    bind(Context::Refused, &[ch('b'), PAGE_UP], Act::PageUp, "a page up", None),
    bind(Context::Refused, &[ESC, ch('q')], Act::Back, "back to where it was asked for", Some("back")),
    // Lists to pick from.
    bind(Context::Pick, &[ENTER], Act::Confirm, "do it", Some("do it")),
    bind(Context::Pick, &[DOWN, TAB, ctrl('n')], Act::Down, "next row", None),
    bind(Context::Pick, &[UP, BACK_TAB, ctrl('p')], Act::Up, "previous row", Some("choose")),
    bind(Context::Pick, &[ESC], Act::Back, "close", Some("close")),
    // Why.
    bind(Context::Why, &[ch('j'), DOWN, TAB], Act::Down, "next step", Some("step")),
    bind(Context::Why, &[ch('k'), UP, BACK_TAB], Act::Up, "step before", None),
    bind(Context::Why, &[ENTER, ch(' ')], Act::Open, "open or close the step", Some("open")),
    bind(Context::Why, &[ch('e')], Act::Export, "write a proof file that others can check", Some("proof")),
    bind(Context::Why, &[ESC, ch('q'), ch('h')], Act::Back, "close", Some("close")),
    // Pages.
    bind(Context::Page, &[ch('j'), DOWN], Act::Down, "scroll down", Some("scroll")),
    bind(Context::Page, &[ch('k'), UP], Act::Up, "scroll up", None),
    bind(Context::Page, &[ch(' '), PAGE_DOWN], Act::PageDown, "a page down", None),
    bind(Context::Page, &[ch('b'), PAGE_UP], Act::PageUp, "a page up", None),
    bind(Context::Page, &[ch('1')], Act::Go(Screen::Home), "close, and go to Home", None),
    bind(Context::Page, &[ch('2')], Act::Go(Screen::Proposals), "close, and go to Proposals", None),
    bind(Context::Page, &[ch('3')], Act::Go(Screen::Ballots), "close, and go to My ballots", None),
    bind(Context::Page, &[ch('4')], Act::Go(Screen::Treasury), "close, and go to Treasury", None),
    bind(Context::Page, &[ch('5')], Act::Go(Screen::Channels), "close, and go to Channels", None),
    bind(Context::Page, &[ch('6')], Act::Go(Screen::Members), "close, and go to Members", None),
    bind(Context::Page, &[ch('7')], Act::Go(Screen::Chain), "close, and go to Chain", None),
    bind(Context::Page, &[ch('8')], Act::Go(Screen::Audit), "close, and go to Audit", None),
    bind(Context::Page, &[ch('9')], Act::Go(Screen::Learn), "close, and go to Learn", None),
    bind(Context::Page, &[ch('0')], Act::Go(Screen::Operator), "close, and go to Operator", None),
    bind(Context::Page, &[ESC, ch('q'), ch('?'), ch('h')], Act::Back, "close", Some("close")),
];
