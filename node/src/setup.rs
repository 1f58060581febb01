//! Setting up a data directory: keys, the Bitcoin source, founding a DAO, joining one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use althing_anchor::{SuccessionCertificate, SuccessionStatement, Treasury, genesis_outputs};
use althing_governance::charter::{Charter, Class, Template, TemplateArguments, UnknownTemplate, check_change, diff};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::Entry;
use anyhow::{Context, Result, bail, ensure};
use bitcoin::{Amount, FeeRate, Network, ScriptBuf, XOnlyPublicKey};
use serde::{Deserialize, Serialize};

use crate::api::{ApiError, ErrorKind, clause_in};
use crate::chain::{Access, Bitcoind};
use crate::config::{Config, GossipSettings, LinkSettings};
use crate::dao::{Dao, genesis_params};
use crate::keys::{Keys, PublicKeys, unhex};
use crate::lease::{Lease, Purpose};
use crate::operators;
use crate::peers::PeerAddress;
use crate::replaced;
use crate::store::{DATABASE_FILE, OutboxRow, Store, SuccessionRow};
use crate::treasury::stage_problem;
use crate::wallet::Wallet;

/// What `init` needs.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// The data directory to set up.
    pub data_dir: PathBuf,
    /// `regtest`, `signet`, `testnet4` or `bitcoin`.
    pub network: String,
    /// The Bitcoin source.
    pub bitcoind: Access,
    /// Seed words to restore; new ones are made when absent.
    pub words: Option<String>,
    /// Seals the seed.
    pub password: String,
}

/// A data directory that was set up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Initialised {
    /// The seed words: shown once, to be written down.
    pub words: String,
    /// The public keys.
    pub keys: PublicKeys,
}

/// What the check of a charter found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharterReport {
    /// The charter hash, hex, when the document could be read.
    pub hash: Option<String>,
    /// The charter in plain sentences.
    pub sentences: Vec<String>,
    /// Everything wrong with it; empty when it can be used.
    pub problems: Vec<String>,
    /// What it may say but hardly should; never a reason to refuse it.
    #[serde(default)]
    pub advice: Vec<String>,
}

/// What founding would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundingReview {
    /// In sentences, from parsed values.
    pub sentences: Vec<String>,
    /// Fee of the genesis transaction at the rate used, about.
    pub fee_sat: u64,
    /// Money needed.
    pub needs_sat: u64,
    /// Confirmed money in the wallet.
    pub has_sat: u64,
}

/// A DAO that was founded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founded {
    /// Its id.
    pub dao_id: String,
    /// The genesis transaction.
    pub genesis_txid: String,
    /// `txid:vout` of the first seal.
    pub first_seal: String,
    /// `txid:vout` of the spare seal.
    pub spare_seal: String,
    /// `txid:vout` of each gate.
    pub gates: Vec<String>,
    /// The founding file, to be given to members.
    pub dao_file: PathBuf,
}

/// A DAO that was joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Its id.
    pub dao_id: String,
    /// Its name.
    pub dao_name: String,
    /// Its hub.
    pub hub: String,
}

/// Fee rate of the genesis transaction. Founding is not urgent.
const GENESIS_FEE_RATE: u64 = 2;

/// Name of the file with the member's chosen name.
const NAME_FILE: &str = "name";

/// Looks whether the Bitcoin source can be asked and is on the network named, which it gives.
///
/// # Errors
/// An unknown network, or a source that does not answer or is on another network (B-4).
pub fn expect_source(network: &str, access: &Access) -> Result<Network> {
    let network = parse_network(network)?;
    let found = Bitcoind::new(access).network()?;
    ensure!(found == network, "B-4: bitcoind at {} runs on {found}, not on {network}", access.url);
    Ok(network)
}

/// Sets up a data directory: makes or restores the seed and notes the Bitcoin source.
///
/// # Errors
/// An existing seed, bad words, an unknown network, a Bitcoin source of another network, or I/O.
pub fn init(options: InitOptions) -> Result<Initialised> {
    let network = expect_source(&options.network, &options.bitcoind)?;
    let bitcoind = Bitcoind::new(&options.bitcoind);
    // A restored seed may have coins from any time; a new one has none before today. Regtest chains are short.
    let birthday = if options.words.is_some() || network == Network::Regtest { 1 } else { bitcoind.height()?.max(1) };
    let (keys, words) = Keys::create(&options.data_dir, network, &options.password, options.words.as_deref())?;
    let config = Config {
        network: network.to_core_arg().to_owned(),
        birthday,
        towers: Vec::new(),
        operators: Vec::new(),
        backup_file: None,
        light: false,
        funds_folder: None,
        bitcoind: options.bitcoind,
        links: LinkSettings::default(),
        gossip: GossipSettings::default(),
    };
    config.save(&options.data_dir)?;
    Ok(Initialised { words: words.to_string(), keys: keys.public() })
}

/// The public keys of a data directory, after `number` replacements of those that can be replaced; with the vote key that the stored
/// log has put in the place of the first one (N-432).
///
/// # Errors
/// A wrong password, no seed there, or a store that cannot be read.
pub fn public_keys(dir: &Path, password: &str, number: u32) -> Result<PublicKeys> {
    let keys = Keys::open(dir, password)?.public_number(number);
    Ok(PublicKeys { vote_key_in_force: replaced::vote_key_in_force(dir, &keys.vote_key)?, ..keys })
}

/// Reads a charter and says everything about it.
pub fn charter_check(toml: &str) -> CharterReport {
    let charter = match Charter::from_toml_unchecked(toml) {
        Ok(charter) => charter,
        Err(error) => {
            let problems = vec![error.to_string()];
            return CharterReport { hash: None, sentences: Vec::new(), problems, advice: Vec::new() };
        }
    };
    let mut problems: Vec<String> = charter.check().iter().map(ToString::to_string).collect();
    if let Err(error) = Treasury::parse(&charter.treasury_descriptor) {
        problems.push(format!("treasury_descriptor: {error}"));
    } else if let Err(error) = genesis_params(&charter).and_then(|params| Ok(genesis_outputs(&params)?)) {
        problems.push(format!("{error:#}"));
    }
    problems.extend(stage_problem(&charter).map(|problem| format!("staging: {problem}")));
    let mut advice: Vec<String> = charter.advice().iter().map(ToString::to_string).collect();
    let apart = crate::view::keys_apart(&charter.treasury_descriptor, &charter.treasurers);
    advice.extend(apart.into_iter().map(|words| format!("treasurers: {words}")));
    CharterReport { hash: Some(charter.hash().to_string()), sentences: in_words(&charter), problems, advice }
}

/// A charter in sentences, the treasury's descriptor too: who may spend, and when (T-13).
fn in_words(charter: &Charter) -> Vec<String> {
    let mut sections = charter.sections();
    let treasury = Treasury::parse(&charter.treasury_descriptor);
    if let (Ok(treasury), Some(identity)) = (treasury, sections.first_mut()) {
        let ways = crate::treasury::policy::ways_to_spend(&treasury, Some(charter));
        identity.sentences.extend(ways.into_iter().map(|way| format!("The treasury is spent so. {way}")));
    }
    sections.into_iter().flat_map(|section| section.sentences).collect()
}

/// What founding with this charter would do, without doing it.
///
/// # Errors
/// A charter that is refused, keys that are not the charter's, or no Bitcoin source.
pub fn found_review(dir: &Path, password: &str, charter_toml: &str) -> Result<FoundingReview> {
    let _lease = Lease::take(dir, Purpose::Command)?;
    let founding = Founding::prepare(dir, password, charter_toml)?;
    let needs: u64 = founding.outputs.iter().map(|(_, amount)| amount.to_sat()).sum();
    // One key-path input, change, and 43 vB for each P2TR or P2WSH output: an upper bound for the usual case.
    let fee_sat = GENESIS_FEE_RATE * (120 + 43 * founding.outputs.len() as u64);
    let mut sentences = in_words(&founding.charter);
    for (index, (script, amount)) in founding.outputs.iter().enumerate() {
        let what = match index {
            0 => "first seal (committing to the charter, spent by link 1)".to_owned(),
            1 => "spare seal (held by the treasury)".to_owned(),
            gate => format!("gate {} (held by the treasury)", gate - 2),
        };
        let address = bitcoin::Address::from_script(script, founding.keys.network())
            .map_or_else(|_| script.to_hex_string(), |address| address.to_string());
        sentences.push(format!(
            "Output {index} of the genesis transaction pays {} sat to {address}: {what}.",
            amount.to_sat()
        ));
    }
    sentences.push(format!("The fee is about {fee_sat} sat; the rest returns to your wallet."));
    let has_sat = founding.wallet.balance().confirmed_sat;
    Ok(FoundingReview { sentences, fee_sat, needs_sat: needs + fee_sat, has_sat })
}

/// Founds a DAO: builds, signs, stores and broadcasts the genesis transaction, and writes the founding file.
///
/// Repeating it after a crash broadcasts the stored transaction again and never makes a second one.
///
/// # Errors
/// As [`found_review`], too little money, or a transaction that the network refuses.
pub fn found(dir: &Path, password: &str, charter_toml: &str, listen: &str) -> Result<Founded> {
    let _lease = Lease::take(dir, Purpose::Command)?;
    let listen: SocketAddr =
        listen.parse().with_context(|| format!("N-12: {listen:?} is not host:port with a numeric host"))?;
    let mut founding = Founding::prepare(dir, password, charter_toml)?;
    let signed = dir.join("genesis.tx");
    let tx = if signed.exists() {
        bitcoin::consensus::encode::deserialize_hex(std::fs::read_to_string(&signed)?.trim())
            .with_context(|| format!("{} is malformed", signed.display()))?
    } else {
        let rate = FeeRate::from_sat_per_vb(GENESIS_FEE_RATE).context("fee rate")?;
        let tx = founding.wallet.pay(&founding.outputs, rate, Vec::new())?;
        std::fs::write(&signed, bitcoin::consensus::encode::serialize_hex(&tx))?;
        tx
    };
    let hub = PeerAddress { node_id: founding.charter.hub_node_key, socket: listen }.to_string();
    let dao = Dao::new(founding.charter, tx.clone(), founding.birthday, hub)?;
    // Written before the broadcast: once the transaction is out, the DAO exists, and its founder must be able to find it.
    dao.save(dir)?;
    founding.bitcoind.submit(&tx)?;
    Ok(Founded {
        dao_id: dao.params.dao_id.to_string(),
        genesis_txid: dao.params.first_seal.txid.to_string(),
        first_seal: dao.params.first_seal.to_string(),
        spare_seal: dao.params.spare_seal.to_string(),
        gates: dao.params.gates.iter().map(ToString::to_string).collect(),
        dao_file: dir.join(crate::dao::DAO_FILE),
    })
}

/// Joins the DAO of a founding file: checks the file and notes it, with the name the member goes by.
///
/// # Errors
/// A file that does not hold, a genesis transaction that is not on Bitcoin, another network, a name longer than 32 bytes or other
/// than that of a stake that was made, no Bitcoin source, or I/O.
pub fn join(dir: &Path, password: &str, dao_file: &Path, name: &str) -> Result<Joined> {
    let _lease = Lease::take(dir, Purpose::Command)?;
    let keys = Keys::open(dir, password)?;
    let text = std::fs::read_to_string(dao_file).with_context(|| format!("reading {}", dao_file.display()))?;
    let dao = Dao::from_json(&text).with_context(|| format!("checking {}", dao_file.display()))?;
    ensure!(
        dao.network() == keys.network(),
        ApiError::invalid(
            "D-7",
            format!("D-7: the DAO is on {}, this seed was made for {}", dao.network(), keys.network())
        )
    );
    let max = althing_governance::entry::MAX_MEMBER_NAME;
    ensure!(
        !name.trim().is_empty() && name.len() <= max,
        ApiError::invalid("D-8", format!("D-8: the name must have 1 to {max} bytes, {name:?} has {}", name.len()))
    );
    // What the log would refuse, or another member's node would have to mark, is no name to begin with.
    althing_governance::entry::check_member_name(name).map_err(|e| ApiError::invalid("G-82", format!("G-82: {e}")))?;
    let mut config = Config::load(dir)?;
    check_founded(&Bitcoind::new(&config.bitcoind), &dao)?;
    check_rename(dir, name)?;
    config.birthday = config.birthday.min(dao.birthday);
    config.save(dir)?;
    dao.save(dir)?;
    std::fs::write(dir.join(NAME_FILE), name)?;
    Ok(Joined { dao_id: dao.params.dao_id.to_string(), dao_name: dao.params.charter.name.clone(), hub: dao.hub })
}

/// D-9: a name is bound with the stake, and can be another one until there is a stake that may bind it.
fn check_rename(dir: &Path, name: &str) -> Result<()> {
    let Ok(known) = member_name(dir) else { return Ok(()) };
    if known == name || !dir.join(DATABASE_FILE).exists() {
        return Ok(());
    }
    let store = Store::open(dir)?;
    let binds = |row: &OutboxRow| Entry::from_bytes(&row.entry).is_ok_and(|entry| matches!(entry, Entry::Bind(_)));
    let is_bound = !store.channels()?.is_empty() || store.outbox()?.iter().any(binds);
    let reason = format!(
        "D-9: this member goes by {known:?} and has made a stake under that name, which binds it; {name:?} would be another"
    );
    ensure!(!is_bound, ApiError::invalid("D-9", reason));
    Ok(())
}

/// Makes a data directory the hub that a succession put in. What the certificate says is judged when the log is back.
///
/// # Errors
/// A certificate that names other keys than this seed's, a founding file that does not hold or is of another DAO, an address
/// that is none, or I/O.
pub fn take_over(
    dir: &Path,
    password: &str,
    certificate: &str,
    earlier: &[String],
    dao_file: &Path,
    listen: &str,
) -> Result<Vec<String>> {
    let _lease = Lease::take(dir, Purpose::Command)?;
    let socket: SocketAddr =
        listen.parse().with_context(|| format!("N-12: {listen:?} is not host:port with a numeric host"))?;
    let bytes = unhex(certificate.trim())?;
    let decoded = SuccessionCertificate::decode(&bytes).context("A-102: this is no certificate of a succession")?;
    let statement = *decoded.statement();
    let rows = earlier.iter().map(|text| earlier_succession(text, &statement)).collect::<Result<Vec<_>>>()?;
    let keys = Keys::open(dir, password)?;
    let public = keys.public();
    let anchor_key = anchor_key_here(&Config::load(dir)?, &keys, &statement.anchor_key)?;
    for (what, named, ours) in [
        ("node id", statement.hub_node_key.to_string(), public.node_id),
        ("log key", statement.hub_key.to_string(), public.log_key),
        ("anchor key", statement.anchor_key.to_string(), anchor_key),
    ] {
        let reason = format!("A-305: the succession's {what} is {named}, this seed's is {ours}");
        ensure!(named == ours, ApiError::invalid("A-305", reason));
    }
    let text = std::fs::read_to_string(dao_file).with_context(|| format!("reading {}", dao_file.display()))?;
    let mut dao = Dao::from_json(&text).with_context(|| format!("checking {}", dao_file.display()))?;
    let reason = format!("A-104: the succession is of another DAO than {}", dao.params.dao_id);
    ensure!(dao.params.dao_id.0 == statement.dao, ApiError::invalid("A-104", reason));
    let mut config = Config::load(dir)?;
    ensure!(dao.network() == parse_network(&config.network)?, "D-7: the DAO is on {}", dao.network());
    config.birthday = config.birthday.min(dao.birthday);
    config.save(dir)?;
    dao.hub = PeerAddress { node_id: statement.hub_node_key, socket }.to_string();
    dao.save(dir)?;
    let row = SuccessionRow { certificate: bytes, address: listen.to_owned() };
    Store::open(dir)?.write(|writer| {
        for (statement, row) in rows.iter().chain([&(statement, row.clone())]) {
            writer.put_succession(statement, row)?;
        }
        Ok(())
    })?;
    Ok(vec![
        format!("This is the hub of DAO {} now, behind link {}.", dao.params.dao_id, statement.last_link),
        format!("Start it with `althing hub run`; members find it at {}.", dao.hub),
        format!("It takes the log of {} entries back from them before it signs anything.", statement.log_size),
    ])
}

/// a hub that takes over reads the whole log, also across the successions before its own.
fn earlier_succession(text: &str, own: &SuccessionStatement) -> Result<(SuccessionStatement, SuccessionRow)> {
    let certificate = unhex(text.trim())?;
    let decoded =
        SuccessionCertificate::decode(&certificate).context("A-102: this is no certificate of a succession")?;
    let statement = decoded.statement();
    let reason = format!(
        "A-306: a succession behind {} entries and link {} is not before the one behind {} entries and link {}",
        statement.log_size, statement.last_link, own.log_size, own.last_link
    );
    // Behind one size of the log there can be several, each over another spare seal.
    let is_before = statement.log_size <= own.log_size && statement.spare_seal != own.spare_seal;
    ensure!(
        statement.dao == own.dao && is_before && statement.last_link <= own.last_link,
        ApiError::invalid("A-306", reason)
    );
    // Nobody is looked for where that hub was.
    Ok((*statement, SuccessionRow { certificate, address: String::new() }))
}

/// D-12: Bitcoin knows the genesis transaction, mined or about to be.
fn check_founded(bitcoind: &Bitcoind, dao: &Dao) -> Result<()> {
    let seal = dao.params.first_seal;
    if bitcoind.in_mempool(&seal.txid)? {
        return Ok(());
    }
    let found = crate::facts::locate(None, bitcoind, seal, dao.birthday, bitcoind.height()?)?;
    ensure!(found.is_some(), "D-12: the genesis transaction {} is not on Bitcoin as this node sees it", seal.txid);
    Ok(())
}

/// The name that the member chose when joining.
///
/// # Errors
/// When none was chosen.
pub fn member_name(dir: &Path) -> Result<String> {
    std::fs::read_to_string(dir.join(NAME_FILE)).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ApiError {
            kind: ErrorKind::NotNow,
            rule: Some("D-9".to_owned()),
            message: format!(
                "D-9: no hub runs on {}, and no member's name is in it: a hub is started with `althing hub run`; a member joins \
                 with `althing dao join`",
                dir.display()
            ),
        }
        .into(),
        _ => anyhow::Error::from(error).context(format!("reading {}", dir.join(NAME_FILE).display())),
    })
}

/// A network by the name that bitcoind uses, or `mainnet`.
///
/// # Errors
/// When it is none of them.
pub fn parse_network(name: &str) -> Result<Network> {
    match name {
        "regtest" => Ok(Network::Regtest),
        "signet" => Ok(Network::Signet),
        "testnet4" => Ok(Network::Testnet4),
        "bitcoin" | "mainnet" | "main" => Ok(Network::Bitcoin),
        other => bail!("N-13: network {other:?} is none of regtest, signet, testnet4, bitcoin"),
    }
}

/// A charter with problems is its author's fault, by the rule that the first of them names.
fn refuse(problems: &[String]) -> Result<(), ApiError> {
    let Some(first) = problems.first() else { return Ok(()) };
    let refused = format!("the charter is refused: {}", problems.join("; "));
    Err(ApiError::invalid(clause_in(first).unwrap_or("D-10"), refused))
}

struct Founding {
    charter: Charter,
    keys: Keys,
    bitcoind: Bitcoind,
    wallet: Wallet,
    outputs: Vec<(ScriptBuf, Amount)>,
    birthday: u32,
}

impl Founding {
    fn prepare(dir: &Path, password: &str, charter_toml: &str) -> Result<Self> {
        let report = charter_check(charter_toml);
        refuse(&report.problems)?;
        let charter = Charter::from_toml(charter_toml)?;
        let config = Config::load(dir)?;
        let keys = Keys::open(dir, password)?;
        let public = keys.public();
        let network = parse_network(&config.network)?;
        let wanted = charter.bitcoin_network().context("the charter's network is unknown")?;
        let reason = format!("D-10: the charter is for {wanted}, this data directory is set up for {network}");
        ensure!(wanted == network, ApiError::invalid("D-10", reason));
        let others: Vec<String> = [
            ("hub_node_key", charter.hub_node_key.to_string(), public.node_id),
            ("hub_log_key", charter.hub_log_key.to_string(), public.log_key),
            ("anchor_key", charter.anchor_key.to_string(), anchor_key_here(&config, &keys, &charter.anchor_key)?),
        ]
        .into_iter()
        .filter(|(_, in_charter, ours)| in_charter != ours)
        .map(|(what, in_charter, ours)| format!("{what} is {in_charter}, this hub's is {ours}"))
        .collect();
        let reason = format!("D-11: the charter's {}", others.join("; "));
        ensure!(others.is_empty(), ApiError::invalid("D-11", reason));
        let bitcoind = Bitcoind::new(&config.bitcoind);
        let mut wallet = Wallet::open(dir, &keys)?;
        wallet.catch_up(&bitcoind, config.birthday)?;
        let outputs = genesis_outputs(&genesis_params(&charter)?)?;
        let outputs = outputs.into_iter().map(|output| (output.script_pubkey, output.value)).collect();
        let birthday = bitcoind.height()?;
        Ok(Self { charter, keys, bitcoind, wallet, outputs, birthday })
    }
}

/// The anchor key that this folder can sign with: the one wanted, if operators make it of whom this seed is one, else its own.
fn anchor_key_here(config: &Config, keys: &Keys, wanted: &XOnlyPublicKey) -> Result<String> {
    let place = operators::own_place(config, keys, wanted)?;
    Ok(place.map_or_else(|| keys.public().anchor_key, |_| wanted.to_string()))
}

/// What another charter changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharterDiff {
    /// Every field that differs, a sentence each.
    pub changes: Vec<String>,
    /// Why no vote could change it so, naming the rules; empty when one could.
    pub problems: Vec<String>,
}

/// Compares two charters field by field.
///
/// # Errors
/// A document that cannot be read.
pub fn charter_diff(old: &str, new: &str) -> Result<CharterDiff> {
    let read = |toml| Charter::from_toml_unchecked(toml).map_err(|error| ApiError::invalid("R-1", error.to_string()));
    let (old, new) = (read(old)?, read(new)?);
    let mut problems: Vec<String> = new.check().iter().map(ToString::to_string).collect();
    for problem in check_change(Class::RuleChange, &old, &new) {
        let problem = problem.to_string();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    Ok(CharterDiff { changes: diff(&old, &new).iter().map(ToString::to_string).collect(), problems })
}

/// A commented charter of a kind for a network, with keys of nobody in it: every key and name is to be replaced. Where money is at
/// stake its first lines name those that R-78 refuses.
///
/// # Errors
/// A kind or a network that there is not.
pub fn template(kind: &str, network: &str) -> Result<String> {
    use althing_governance::charter::{example_key, example_public_key};
    use althing_governance::id::MemberId;

    let (key, x_only) = (example_public_key, example_key);
    let treasurers = [("first treasurer", key(4)), ("second treasurer", key(5)), ("third treasurer", key(6))];
    let template: Template =
        kind.parse().map_err(|error: UnknownTemplate| ApiError::invalid("N-64", format!("N-64: {error}")))?;
    // Blocks of an epoch, of a vote and of a veto window: a day and two times three; on regtest the least that tests need.
    let (epoch_blocks, voting_blocks, veto_blocks) = match network {
        "regtest" => (6, 6, 0),
        "signet" | "testnet4" | "bitcoin" => (144, 432, 432),
        other => {
            let message = format!("R-51: network is {other:?}; must be regtest, signet, testnet4 or bitcoin");
            return Err(ApiError::invalid("R-51", message).into());
        }
    };
    let filled = |network: &str| {
        template.document(&TemplateArguments {
            name: "Our association".into(),
            network: network.into(),
            hub_node_key: key(1),
            hub_log_key: x_only(2),
            anchor_key: x_only(3),
            treasury_descriptor: format!("wsh(sortedmulti(2,{},{},{}))", key(4), key(5), key(6)),
            treasurers: treasurers.iter().map(|(name, key)| ((*name).to_owned(), *key)).collect(),
            founders: vec![MemberId::of(&x_only(7))],
            min_stake_sat: 10_000,
            epoch_blocks,
            stake_confirmations: 6,
            final_depth: 6,
            voting_blocks,
            veto_blocks,
        })
    };
    // Where nothing is at stake R-78 refuses none of them; they are nobody's all the same.
    let is_regtest = network == "regtest";
    let charter = Charter::from_toml_unchecked(&filled(if is_regtest { "signet" } else { network }))?;
    let examples: Vec<String> =
        charter.check().into_iter().filter(|problem| problem.rule == "R-78").map(|problem| problem.field).collect();
    let document = filled(network);
    Ok(match examples.as_slice() {
        [] => document,
        fields => {
            let leave = if is_regtest { "; regtest alone takes them as they are" } else { "" };
            let fields = fields.join(", ");
            format!("# Put your own in place of these, which are nobody's (R-78{leave}): {fields}.\n{document}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ChannelRow;

    /// Hazard: whoever is told that the name is another's too cannot take another one, though nothing was staked (D-9).
    #[test]
    fn a_name_can_be_another_one_until_there_is_a_stake() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        check_rename(dir, "astrid").unwrap();
        std::fs::write(dir.join(NAME_FILE), "astrid").unwrap();
        check_rename(dir, "Unnur").unwrap();
        let mut store = Store::open(dir).unwrap();
        check_rename(dir, "Unnur").unwrap();
        let row = ChannelRow {
            number: 1,
            peer: vec![2; 33],
            state: vec![1],
            funding_tx: None,
            note: String::new(),
            orders: Vec::new(),
            refusal: String::new(),
            close_fee_sat: None,
        };
        store.write(|writer| writer.put_channel(&row)).unwrap();
        drop(store);
        let refused = ApiError::from(check_rename(dir, "Unnur").unwrap_err());
        assert_eq!((refused.kind, refused.rule.as_deref()), (ErrorKind::Invalid, Some("D-9")), "{refused:?}");
        assert!(refused.message.contains("\"astrid\"") && refused.message.contains("\"Unnur\""), "{refused:?}");
        check_rename(dir, "astrid").unwrap();
    }

    #[test]
    fn a_charter_with_problems_is_refused_by_its_rule() {
        assert!(refuse(&[]).is_ok());
        for (toml, rule) in [("x".to_owned(), "R-1"), (template("association", "bitcoin").unwrap(), "R-78")] {
            let error = refuse(&charter_check(&toml).problems).unwrap_err();
            assert_eq!((error.kind, error.rule.as_deref()), (ErrorKind::Invalid, Some(rule)), "{error:?}");
        }
    }
}
