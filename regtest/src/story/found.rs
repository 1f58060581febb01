//! Founding: keys, charter, genesis transaction.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use althing_governance::Charter;
use althing_governance::charter::{AssociationArguments, association_template};
use althing_node::keys::PublicKeys;
use althing_node::setup::{CharterReport, Founded, Initialised};
use anyhow::{Context, Result, ensure};
use bitcoin::{Address, Amount};
use serde::Deserialize;

use super::assembly::{Assembly, at_once};
use super::cli::Cli;

/// What differs in the charter between tests and a demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// Blocks of an epoch, confirmations of a stake, and depth of a final link.
    pub epoch_blocks: u32,
    /// Least blocks of a vote.
    pub voting_blocks: u32,
    /// Blocks from a passed vote to the authorisation of its payment.
    pub veto_blocks: u32,
    /// Whether any member can pay for a stuck link.
    pub anchored_links: bool,
}

impl Periods {
    /// As short as results at depth six allow.
    pub const SHORT: Self = Self { epoch_blocks: 6, voting_blocks: 6, veto_blocks: 1, anchored_links: false };
    /// Time for a person to look around and vote while a block comes every few seconds.
    pub const LEISURELY: Self = Self { epoch_blocks: 6, voting_blocks: 60, veto_blocks: 2, anchored_links: false };
    /// An hour for every vote at a block every four seconds: whoever learns reads slowly, and nothing may be over when they get there.
    pub const UNHURRIED: Self = Self { voting_blocks: 900, ..Self::LEISURELY };
}

/// How many members hold a key of the treasury, and how many of these must sign.
const TREASURERS: usize = 3;
const TREASURERS_MUST_SIGN: usize = 2;

/// Enough for the genesis transaction: seals, gates and fees.
const HUB_FUNDS: Amount = Amount::from_sat(2_000_000);

/// Smallest stake that the charter admits.
const MIN_STAKE_SAT: u64 = 10_000;

/// Sets up all data directories, writes and checks the charter, funds the hub, founds the DAO and confirms its genesis
/// transaction.
///
/// # Errors
/// When a command fails, or answers something wrong.
pub fn found(assembly: &Assembly, periods: Periods) -> Result<Founded> {
    found_from(assembly, periods, own_treasury, Ok)
}

/// As [`found`], with the story's charter as `rules` changes it.
///
/// # Errors
/// As [`found`].
pub fn found_by(assembly: &Assembly, periods: Periods, rules: impl FnOnce(Charter) -> Charter) -> Result<Founded> {
    found_from(assembly, periods, own_treasury, |document| Ok(rules(Charter::from_toml(&document)?).to_toml()?))
}

/// As [`found`], with a treasury of the caller's: its descriptor, and the treasurers' keys in the order of the members.
///
/// # Errors
/// As [`found`].
pub fn found_with(
    assembly: &Assembly,
    periods: Periods,
    treasury: impl FnOnce(&Assembly, &[PublicKeys]) -> Result<(String, Vec<String>)>,
) -> Result<Founded> {
    found_from(assembly, periods, treasury, Ok)
}

/// As [`found_with`], with the charter as `rules` changes it.
///
/// # Errors
/// As [`found`].
pub fn found_under(
    assembly: &Assembly,
    periods: Periods,
    treasury: impl FnOnce(&Assembly, &[PublicKeys]) -> Result<(String, Vec<String>)>,
    rules: impl FnOnce(Charter) -> Charter,
) -> Result<Founded> {
    found_from(assembly, periods, treasury, |document| Ok(rules(Charter::from_toml(&document)?).to_toml()?))
}

/// The story's treasury: two of the first three members.
///
/// # Errors
/// Never.
pub fn own_treasury(_: &Assembly, members: &[PublicKeys]) -> Result<(String, Vec<String>)> {
    let keys: Vec<&str> = members.iter().take(TREASURERS).map(|keys| keys.treasury_key.as_str()).collect();
    let treasurers = keys.iter().map(|key| (*key).to_owned()).collect();
    Ok((format!("wsh(sortedmulti({TREASURERS_MUST_SIGN},{}))", keys.join(",")), treasurers))
}

fn found_from(
    assembly: &Assembly,
    periods: Periods,
    treasury: impl FnOnce(&Assembly, &[PublicKeys]) -> Result<(String, Vec<String>)>,
    document: impl FnOnce(String) -> Result<String>,
) -> Result<Founded> {
    assembly.narrator.step("making keys for a hub and five members");
    let hub_keys = init(&assembly.hub.cli(), assembly)?;
    let member_keys = at_once(&assembly.members, |_, member| init(&member.cli(), assembly))?;

    assembly.narrator.step("writing the charter and checking it");
    let charter_path = assembly.data_dir.join("charter.toml");
    let treasury = treasury(assembly, &member_keys)?;
    std::fs::write(&charter_path, document(charter(&hub_keys, &member_keys, treasury, periods)?)?)
        .with_context(|| format!("writing {}", charter_path.display()))?;
    let charter_file = utf8(&charter_path)?;
    let cli = assembly.hub.cli();
    let report: CharterReport = cli.json(&["charter", "check", &charter_file])?;
    ensure!(report.problems.is_empty(), "the charter is refused: {}", report.problems.join("; "));
    assembly.narrator.say(&format!("charter hash {}", report.hash.unwrap_or_default()));

    assembly.narrator.step("founding the DAO");
    let WalletAddress { address } = cli.json(&["wallet", "address"])?;
    assembly.node.fund(&regtest_address(&address)?, HUB_FUNDS)?;
    let listen = format!("127.0.0.1:{}", free_port()?);
    let founded: Founded = cli.json(&["dao", "found", "--charter", &charter_file, "--listen", &listen, "--yes"])?;
    assembly.node.mine(1)?;
    assembly.narrator.say(&format!("DAO {}", founded.dao_id));
    assembly.narrator.say(&format!("genesis transaction {}", founded.genesis_txid));
    Ok(founded)
}

/// An address that must be of regtest.
///
/// # Errors
/// When it is not an address, or is one of another network.
pub fn regtest_address(text: &str) -> Result<Address> {
    let address = Address::from_str(text).with_context(|| format!("{text:?} is not an address"))?;
    address.require_network(bitcoin::Network::Regtest).with_context(|| format!("{text} is not an address of regtest"))
}

#[derive(Deserialize)]
struct WalletAddress {
    address: String,
}

fn init(cli: &Cli, assembly: &Assembly) -> Result<PublicKeys> {
    let (url, cookie) = (assembly.node.rpc_url(), utf8(&assembly.node.cookie_file())?);
    let made: Initialised = cli.json(&["init", "--network", "regtest", "--bitcoind", &url, "--cookie", &cookie])?;
    Ok(made.keys)
}

/// The charter of an association whose first members are its treasurers.
fn charter(
    hub: &PublicKeys,
    members: &[PublicKeys],
    (treasury_descriptor, treasurer_keys): (String, Vec<String>),
    periods: Periods,
) -> Result<String> {
    let treasurers = treasurer_keys.iter().zip(super::assembly::MEMBER_NAMES);
    let treasurers = treasurers
        .map(|(key, name)| Ok((name.to_owned(), key.parse()?)))
        .collect::<Result<Vec<(String, bitcoin::secp256k1::PublicKey)>>>()?;
    let founders = members.iter().map(|keys| Ok(keys.vote_key.parse()?)).collect::<Result<Vec<_>>>()?;
    let document = association_template(&AssociationArguments {
        name: "Association of Lake Thingvellir".to_owned(),
        network: "regtest".to_owned(),
        hub_node_key: hub.node_id.parse()?,
        hub_log_key: hub.log_key.parse()?,
        anchor_key: hub.anchor_key.parse()?,
        treasury_descriptor,
        treasurers,
        founders,
        min_stake_sat: MIN_STAKE_SAT,
        epoch_blocks: periods.epoch_blocks,
        stake_confirmations: periods.epoch_blocks,
        final_depth: periods.epoch_blocks,
        voting_blocks: periods.voting_blocks,
        veto_blocks: periods.veto_blocks,
    });
    let document = match periods.anchored_links {
        true => document.replacen("gossip_peers = []\n", "gossip_peers = []\nanchored_links = true\n", 1),
        false => document,
    };
    Ok(with_choices(&document) + &rule_change(periods))
}

/// Resolutions are voted on in every way that there is, but for quadratic votes, which need members who were let in one by one.
fn with_choices(document: &str) -> String {
    let rule = "class = \"text\"\n";
    let systems = "systems = [\"yes_no_abstain\", \"yes_no_veto\", \"optimistic\", \"single_choice\", \"approval\", \
                   { score = { max = 5 } }, \"instant_runoff\", \"schulze\", \"split\"]\n";
    document.replacen(rule, &format!("{rule}{systems}"), 1)
}

/// The charter and the hub's keys can be changed by two thirds.
fn rule_change(periods: Periods) -> String {
    let Periods { voting_blocks, veto_blocks, .. } = periods;
    let rule = |class| {
        format!(
            "\n[[classes]]\nclass = \"{class}\"\nvoting_blocks = {voting_blocks}\nveto_blocks = {veto_blocks}\nexpiry_blocks = 4320\n\
         threshold = {{ percent_bp = 6600 }}\nquorum = {{ participation_bp = 4000 }}\ndistinct_voters_min = 3\n"
        )
    };
    rule("rule_change") + &rule("replace_keys")
}

/// A port that is free now. The hub's address is part of the founding file, so it cannot choose one when it starts.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port")?.local_addr()?.port())
}

/// A path as an argument of a command.
pub(super) fn utf8(path: &Path) -> Result<String> {
    PathBuf::from(path).into_os_string().into_string().map_err(|path| anyhow::anyhow!("{path:?} is not UTF-8"))
}
