//! `join`: from an invitation to a stake, by plain questions. Passwords and words are asked for on the terminal, so neither is ever
//! in the history of a shell or in a log.

use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use althing_node::api::{Reply, Request};
use althing_node::dao::DaoFile;
use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::args::{Global, Login};
use super::console::{Console, Format};
use super::failure::Failure;
use super::local::{access_at, read_file, read_words};
use super::node::{Caller, other_kind};
use super::password::{TRIES, data_folder, expect_keys, new_password, opening_password};
use crate::backend::{Backend, InitOptions};
use crate::format::{grouped, sats, thousands};
use crate::invite;
use crate::untrusted::Untrusted;

/// Words of the backup that are asked for.
const WORDS_ASKED: usize = 3;

/// Epochs whose dues may come out of a stake before it is below the least.
const EPOCHS_OF_DUES: u64 = 100;

/// Time between two looks at the wallet.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Longest wait for coins, in looks.
const LOOKS: u32 = 1_800;

/// Says that the words of a folder's keys were not typed back yet.
const WORDS_UNCHECKED: &str = "words-unchecked";

/// Beside the stake, satoshis: the coin that the wallet keeps for closing the channel alone (C-77), and the funding transaction's fee.
const FEE_ROOM_SAT: u64 = 18_000;

/// `join`.
#[derive(Debug, Args)]
pub struct Join {
    /// The invitation, or a file with it, or the DAO file that the founder published; `-` reads from the standard input.
    pub invitation: String,
    /// The name the others see; asked for when absent.
    #[arg(long)]
    pub name: Option<String>,
    /// bitcoin, testnet4, signet or regtest; asked for when absent.
    #[arg(long)]
    pub network: Option<String>,
    /// Address of this machine's Bitcoin Core; asked for when absent.
    #[arg(long = "bitcoind", env = "ALTHING_BITCOIND", value_name = "URL")]
    pub url: Option<String>,
    /// The credentials.
    #[command(flatten)]
    pub login: Login,
    /// Satoshis to lock as stake; asked for when absent, and 0 locks none now.
    #[arg(long, value_name = "SAT")]
    pub stake: Option<u64>,
    /// Keep own entries and proofs only, not the log, which is read from the hub at each start.
    #[arg(long)]
    pub light: bool,
    /// File with the words of a backup, when one exists already.
    #[arg(long, value_name = "FILE")]
    pub words_file: Option<PathBuf>,
}

/// Joins, from nothing to a staked member; what is done already is not done again.
pub(super) fn join(
    global: &Global,
    options: &Join,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    let has_keys = backend.has_keys(&data);
    if data.join(WORDS_UNCHECKED).exists() || !has_keys && options.words_file.is_none() {
        console.expect_forgetful("the words of your backup")?;
    }
    let dao_file = dao_file(&options.invitation, console)?;
    let file: DaoFile = serde_json::from_str(&dao_file).context("the DAO file")?;
    // What is wrong with the charter is said when it is checked against Bitcoin.
    let charter = file.charter().ok();
    let least_sat = charter.as_ref().map_or(0, |charter| charter.admission.min_stake_sat());
    let dues_sat = charter.as_ref().map_or(0, |charter| charter.rewards.dues_sat_per_epoch);
    if let Some(stake_sat) = options.stake {
        enough(stake_sat, least_sat)?;
    }
    if let Some(charter) = &charter {
        console.say(&format!("This invites you to the DAO {}.", Untrusted::new(&charter.name)));
    }
    // In two lines: what is compared by eye must not be broken by the edge of the terminal.
    let id = Untrusted::new(&file.dao_id).line();
    let (first, second) = id.split_at_checked(id.len() / 2).unwrap_or((&id, ""));
    console.note(&format!("id  {}", grouped(first)));
    console.note(&format!("    {}", grouped(second)));
    console.note(&format!("hub {}", Untrusted::new(&file.hub)));
    console.say("Anybody can write that name: compare the id with what the founder told you by another way.");
    let password = if has_keys {
        console.say(&format!("{} has keys already; they are used.", data.display()));
        opening_password(global, &data, backend, console)?
    } else {
        let network = charter.and_then(|charter| charter.bitcoin_network()).map(|network| network.to_string());
        make_keys(global, options, network, &data, backend, console)?
    };
    if data.join(WORDS_UNCHECKED).exists() {
        check_words(&backend.words(&data, &password)?, console)?;
        std::fs::remove_file(data.join(WORDS_UNCHECKED)).context("the words are checked, and that cannot be noted")?;
    }
    let name = match &options.name {
        Some(name) => name.clone(),
        None => ask(console, "Your name, as the others see it; it becomes public with your stake", None)?,
    };
    let scratch = data.join("invitation.json");
    std::fs::write(&scratch, &dao_file).with_context(|| format!("{} cannot be written", scratch.display()))?;
    let joined = backend.join(&data, &password, &scratch, &name);
    std::fs::remove_file(&scratch).with_context(|| format!("{} cannot be removed", scratch.display()))?;
    let joined = joined?;
    console.say(&format!(
        "✓ {} is verified against Bitcoin; you are about to be a member.",
        Untrusted::new(&joined.dao_name)
    ));
    if options.light {
        backend.light(&data, Some(true))?;
        console.say("You are a light member.");
        super::light::effects().iter().for_each(|effect| console.say(effect));
    }
    let stake_sat = match options.stake {
        Some(stake) => stake,
        None => ask_stake(least_sat, dues_sat, console)?,
    };
    let value =
        json!({ "dao_id": joined.dao_id, "dao_name": joined.dao_name, "hub": joined.hub, "stake_sat": stake_sat });
    if stake_sat == 0 {
        return console
            .answer(&value, || vec!["Joined. `althing tui` opens the screens; 5, then o, locks a stake.".to_owned()]);
    }
    // The node asks no second time for the password that is known.
    let caller = Caller::connect_with(&data, &password, global, backend)?;
    // N-428: told as soon as the log is read, before coins are sent for, since the name can be another one only until the stake.
    caller.read_to_end(console)?;
    let Reply::Status(status) = caller.call(Request::Status)? else { return Err(other_kind()) };
    if let Some(taken) = &status.name_taken {
        console.say(&Untrusted::new(taken).line());
        console
            .say("Nothing is staked yet: to take another name, break off here and give the same command with --name.");
    }
    await_coins(&caller, stake_sat, console)?;
    let code = caller.stake_open(stake_sat, 2, console)?;
    console.say(
        "The stake counts after its confirmations, from the next roll on. `althing tui` runs your node with the screens, \
         `althing member run` without; one of them has to run while you vote. `althing wait on-roll` returns when you have weight.",
    );
    Ok(code)
}

/// The DAO file that an invitation, or a file with either, stands for.
fn dao_file(given: &str, console: &mut Console<'_>) -> Result<String, Failure> {
    let text = match given {
        "-" => {
            let mut line = String::new();
            std::io::BufRead::read_line(&mut std::io::Read::take(&mut *console.input, 1 << 20), &mut line)
                .context("the standard input cannot be read")?;
            line
        }
        given if invite::is_one(given) => given.to_owned(),
        file if !Path::new(file).exists() => {
            return Err(Failure::rule(
                "N-91",
                format!(
                    "N-91: {file:?} is neither an invitation, which begins with {}, nor a file with one, nor a DAO file. \
                     The founder makes one with `althing dao invitation`.",
                    invite::PREFIX
                ),
            ));
        }
        file => read_file(Path::new(file))?,
    };
    if text.trim_start().starts_with('{') {
        return Ok(text);
    }
    // What is wrong with it stays wrong: a letter is missing, or another one.
    invite::decode(&text).map_err(|error| Failure::rule("N-91", format!("{error}; ask for it again")))
}

/// Whether a stake is none, or as much as the charter asks for.
fn enough(stake_sat: u64, least_sat: u64) -> Result<(), Failure> {
    if stake_sat == 0 || stake_sat >= least_sat {
        return Ok(());
    }
    let (stake, least) = (sats(stake_sat), sats(least_sat));
    Err(Failure::rule("G-32", format!("G-32: a stake of {stake} is below the charter's minimum of {least}")))
}

/// What who presses enter locks: as little as it takes to be in, and to stay in while dues come out of it. A review with a word of its own
/// comes before it is locked.
fn usual_stake(least_sat: u64, dues_sat: u64) -> u64 {
    least_sat.saturating_add(dues_sat.saturating_mul(EPOCHS_OF_DUES))
}

/// Asks for the stake, and again when it is no number or too little.
fn ask_stake(least_sat: u64, dues_sat: u64, console: &mut Console<'_>) -> Result<u64, Failure> {
    let least = if least_sat > 0 { format!(", at least {}", sats(least_sat)) } else { String::new() };
    let dues = match dues_sat {
        0 => String::new(),
        _ => format!(", but for dues of {} an epoch", sats(dues_sat)),
    };
    let question =
        format!("How many satoshis do you want to lock as stake{least}? They stay yours{dues}; 0 for none now");
    for attempt in 1..=TRIES {
        let usual = thousands(u128::from(usual_stake(least_sat, dues_sat)));
        let typed = ask(console, &question, Some(&usual))?.replace([',', '_', ' '], "");
        let stake = typed.parse().map_err(|_| Failure::usage("That is not a number of satoshis."));
        match stake.and_then(|stake_sat| enough(stake_sat, least_sat).map(|()| stake_sat)) {
            Ok(stake_sat) => return Ok(stake_sat),
            Err(failure) if attempt == TRIES => return Err(failure),
            Err(failure) => console.note(&format!("✗ {}", failure.0.message)),
        }
    }
    Ok(0)
}

/// The network of the DAO; it is asked for only where the charter does not tell it.
fn network_of(options: &Join, of_dao: Option<String>, console: &mut Console<'_>) -> Result<String, Failure> {
    let network = match (&options.network, of_dao) {
        (Some(given), Some(of_dao)) => {
            let wanted = althing_node::setup::parse_network(given)?.to_string();
            if wanted != of_dao {
                return Err(Failure::rule("D-7", format!("D-7: the DAO is on {of_dao}, not on {wanted}")));
            }
            wanted
        }
        (Some(given), None) => given.clone(),
        (None, Some(of_dao)) => {
            console.note(&format!("It lives on the Bitcoin network {of_dao}."));
            of_dao
        }
        (None, None) => ask(console, "Bitcoin network (bitcoin, testnet4, signet or regtest)", Some("bitcoin"))?,
    };
    if network == "bitcoin" {
        console.say("Its coins are real money.");
    }
    Ok(network)
}

/// Makes or restores the keys.
fn make_keys(
    global: &Global,
    options: &Join,
    of_dao: Option<String>,
    data: &Path,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<String, Failure> {
    let network = network_of(options, of_dao, console)?;
    let port = match network.as_str() {
        "testnet4" => 48_332,
        "signet" => 38_332,
        "regtest" => 18_443,
        _ => 8_332,
    };
    let url = match &options.url {
        Some(url) => url.clone(),
        None => ask(console, "Address of your own Bitcoin Core", Some(&format!("http://127.0.0.1:{port}")))?,
    };
    let mut login = options.login.clone();
    if login.cookie.is_none() && login.rpc_user.is_none() {
        let guess = cookie(&network);
        login.cookie = Some(PathBuf::from(ask(console, "Its cookie file", guess.as_deref())?));
    }
    let bitcoind = access_at(&url, &login)?;
    backend.expect_init(data, &network, &bitcoind)?;
    console.say(match options.words_file {
        Some(_) => "The password seals your keys on this machine. Nobody can restore it; the words of your backup can replace it.",
        None => "The password seals your keys on this machine. Nobody can restore it; the backup words that come next can replace it.",
    });
    let password = new_password(global, console)?;
    let words = options.words_file.as_deref().map(read_words).transpose()?;
    let restored = words.is_some();
    backend.init(InitOptions { data_dir: data.to_owned(), network, bitcoind, words, password: password.clone() })?;
    if !restored {
        // Whoever breaks off before the words are on paper sees them again, with the password.
        std::fs::write(data.join(WORDS_UNCHECKED), "")
            .context("the keys are made, and no note can be written beside them")?;
    }
    Ok(password)
}

/// Shows the words once, on a page that leaves no trace in the terminal, and asks for some of them.
fn check_words(words: &str, console: &mut Console<'_>) -> Result<(), Failure> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let start = usize::try_from(std::hash::RandomState::new().build_hasher().finish() % 1_000_003).unwrap_or(0);
    // A stride that shares no divisor with 12 or 24 words: three different places.
    let places: Vec<usize> = (0..WORDS_ASKED).map(|n| (start + n * 5) % words.len().max(1)).collect();
    for attempt in 1..=TRIES {
        console.hide_after(|console| {
            console.say("Write these words on paper. With them, and only with them, all is restored.");
            console.note("");
            for (row, chunk) in words.chunks(4).enumerate() {
                let numbered: Vec<String> =
                    chunk.iter().enumerate().map(|(n, word)| format!("{:>2} {word:<10}", row * 4 + n + 1)).collect();
                console.note(&format!("    {}", numbered.join(" ")));
            }
            console.note("");
            ask(console, "Press enter when they are on paper", Some("")).map(|_| ())
        })?;
        console.say("Now type three of them back; what you type is not shown.");
        let mut right = true;
        for place in &places {
            let typed = (console.ask_password)(&format!("Word number {}", place + 1))?;
            right &= words.get(*place).is_some_and(|word| *word == typed.trim().to_lowercase());
        }
        if right {
            console.note("✓ The words are right.");
            return Ok(());
        }
        if attempt < TRIES {
            console.say("✗ That is not what was shown. Here they are again.");
        }
    }
    Err(Failure::usage(
        "The words were not typed back. The keys are made, but do not put coins on them before the words are on paper: \
         the same command shows them again.",
    ))
}

/// Waits until the wallet has the coins, telling where to send them.
fn await_coins(caller: &Caller, stake_sat: u64, console: &mut Console<'_>) -> Result<(), Failure> {
    let needed = stake_sat.saturating_add(FEE_ROOM_SAT);
    let mut told = None;
    for look in 0..LOOKS {
        let Reply::Balance(balance) = caller.call(Request::WalletBalance)? else { return Err(other_kind()) };
        if balance.confirmed_sat >= needed {
            return Ok(());
        }
        if look == 0 {
            let Reply::Address { address } = caller.call(Request::WalletAddress)? else { return Err(other_kind()) };
            let theme = crate::theme::Theme::mono();
            let uri = crate::widget::address_uri(&address);
            for line in crate::widget::qr_lines(&uri, 100, &theme).into_iter().flatten() {
                console.note(&line.to_string());
            }
            // Below the code, so that a low terminal has both.
            console.say(&format!(
                "Send at least {} to this address of your wallet; what is not staked stays yours and pays fees:",
                sats(needed)
            ));
            console.note(&format!("    {}", Untrusted::new(&address)));
        }
        let now = (balance.confirmed_sat, balance.pending_sat);
        if told != Some(now) {
            console.say(&format!("the wallet has {} confirmed and {} on their way; waiting", sats(now.0), sats(now.1)));
            told = Some(now);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Err(Failure(althing_node::api::ApiError::not_now(format!(
        "No {} came within an hour. Nothing is lost: the same command goes on where this one stopped.",
        sats(needed)
    ))))
}

/// Asks a question on the standard error and reads the answer from the standard input.
fn ask(console: &mut Console<'_>, question: &str, default: Option<&str>) -> Result<String, Failure> {
    for _ in 0..TRIES {
        match default.filter(|default| !default.is_empty()) {
            Some(default) => console.say(&format!("{question} [{}]:", Untrusted::new(default))),
            None => console.say(&format!("{question}:")),
        }
        let mut line = String::new();
        let mut input = std::io::Read::take(&mut *console.input, 4_096);
        let read = std::io::BufRead::read_line(&mut input, &mut line).context("the standard input cannot be read")?;
        let answer = line.trim();
        match (answer.is_empty(), default) {
            (false, _) => return Ok(answer.to_owned()),
            (true, Some(default)) => return Ok(default.to_owned()),
            (true, None) if read == 0 => break,
            (true, None) => {}
        }
    }
    Err(Failure::usage(format!("{question}: there was no answer.")))
}

/// Where Bitcoin Core usually keeps its cookie.
fn cookie(network: &str) -> Option<String> {
    let home = std::env::var_os("HOME").map(PathBuf::from)?;
    let folder = match network {
        "bitcoin" => home.join(".bitcoin"),
        other => home.join(".bitcoin").join(other),
    };
    Some(folder.join(".cookie").display().to_string())
}

/// The invitation to the DAO of this folder.
pub(super) fn invitation(global: &Global, backend: &dyn Backend, console: &mut Console<'_>) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    let file = data.join(althing_node::dao::DAO_FILE);
    if !file.exists() {
        expect_keys(&data, backend)?;
        return Err(Failure::rule(
            "D-5",
            format!(
                "D-5: {} belongs to no DAO yet, so there is none to invite to; found one with `althing dao found`, or join one \
                 with `althing join INVITATION`.",
                data.display()
            ),
        ));
    }
    let text = read_file(&file)?;
    let invitation = invite::encode(&text)?;
    let format = console.format;
    let code = console.answer(&json!({ "invitation": invitation }), || vec![invitation.clone()])?;
    // A code is for a camera before a terminal; in a file it would be the invitation once more, where nobody asked for it (N-202).
    if format == Format::Words
        && let Some((columns, rows)) = console.room()
    {
        // In capital letters a code is smaller, and they make no difference (N-91).
        let text = invitation.to_uppercase();
        match crate::widget::qr_room(&text) {
            Some((wide, high)) if wide <= columns && high <= rows => {
                let lines = crate::widget::qr_lines(&text, wide, &crate::theme::Theme::mono());
                lines.iter().flatten().for_each(|line| console.note(&line.to_string()));
            }
            // A code of which a part is out of sight cannot be scanned.
            Some((wide, high)) => console.note(&format!(
                "Send it as text or as a file. A QR code of it needs {wide} columns and {high} rows, here are {columns} and {rows}: \
                 make the letters of the terminal smaller and ask again."
            )),
            None => console.note("It is too long for any QR code; send it as text."),
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody who pressed enter was off the roll with the first dues.
    #[test]
    fn the_usual_stake_stays_enough_while_dues_are_paid() {
        assert_eq!(usual_stake(0, 0), 0);
        assert_eq!(usual_stake(50_000, 0), 50_000);
        assert_eq!(usual_stake(50_000, 100), 60_000);
        assert!(usual_stake(50_000, 100) - EPOCHS_OF_DUES * 100 >= 50_000);
        assert_eq!(usual_stake(u64::MAX, 1), u64::MAX);
    }
}
