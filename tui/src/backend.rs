//! What the commands need beyond a running node: one thin door to [`althing_node::local`], so that tests can stand in it.

use std::path::Path;
use std::sync::Arc;

use althing_node::api::{ApiError, BackupInfo, Balance, Reply, Request, Service};
use althing_node::chain::Bitcoind;
use althing_node::config::Config;
use althing_node::keys::{KEY_FILE, Keys};
use althing_node::lease::{Lease, Purpose};
use althing_node::local::{self, Node};
use althing_node::wallet::Wallet;

pub use althing_node::audit::AuditFiles;
pub use althing_node::local::{
    Access, AuditReport, CharterDiff, CharterReport, Founded, FoundingReview, InitOptions, Initialised, Joined,
    PublicKeys, Source, TowerLimits, Verdict, VerifyReport,
};

/// What the commands ask of this machine.
pub trait Backend: Send + Sync {
    /// Makes or restores the keys of a data folder.
    ///
    /// # Errors
    /// If the folder already has keys, the words are wrong, or the Bitcoin source is of another network.
    fn init(&self, options: InitOptions) -> anyhow::Result<Initialised>;

    /// Looks whether keys can be made there with that Bitcoin source, before anybody is asked for a password.
    ///
    /// # Errors
    /// If there are keys already, or the source does not answer or is on another network.
    fn expect_init(&self, data: &Path, network: &str, bitcoind: &Access) -> anyhow::Result<()> {
        if self.has_keys(data) {
            anyhow::bail!("K-3: {} must not exist yet; a seed is never overwritten", data.join(KEY_FILE).display());
        }
        self.expect_source(network, bitcoind)
    }

    /// Looks whether the Bitcoin source answers and is on that network.
    ///
    /// # Errors
    /// If not.
    fn expect_source(&self, network: &str, bitcoind: &Access) -> anyhow::Result<()>;

    /// Whether a data folder has keys.
    fn has_keys(&self, data: &Path) -> bool {
        data.join(KEY_FILE).exists()
    }

    /// The seed words of a data folder.
    ///
    /// # Errors
    /// If there are none, or the password does not open them.
    fn words(&self, data: &Path, password: &str) -> anyhow::Result<String> {
        Ok(Keys::words(data, password)?.to_string())
    }

    /// The public keys of a data folder.
    ///
    /// # Errors
    /// If there are none, or the password does not open them.
    fn public_keys(&self, data: &Path, password: &str, number: u32) -> anyhow::Result<PublicKeys>;

    /// A fresh receiving address of the wallet in a folder on which no node runs, also before there is a DAO.
    ///
    /// # Errors
    /// If there are no keys, the password does not open them, or a node uses the folder.
    fn wallet_address(&self, data: &Path, password: &str) -> anyhow::Result<String>;

    /// The balance of that wallet, after it has read the blocks it has not seen.
    ///
    /// # Errors
    /// As [`Backend::wallet_address`], and if the Bitcoin source does not answer.
    fn wallet_balance(&self, data: &Path, password: &str) -> anyhow::Result<Balance>;

    /// A charter with comments, to start from: association, cooperative, grants or starter, for a network.
    ///
    /// # Errors
    /// Another kind or network.
    fn charter_template(&self, kind: &str, network: &str) -> anyhow::Result<String>;

    /// What another charter changes, and why a vote could not change it so.
    ///
    /// # Errors
    /// A document that cannot be read.
    fn charter_diff(&self, old: &str, new: &str) -> anyhow::Result<CharterDiff>;

    /// What a charter says, and what is wrong with it.
    fn charter_check(&self, charter: &str) -> CharterReport;

    /// What founding would do.
    ///
    /// # Errors
    /// If the charter or the wallet does not allow it.
    fn found_review(&self, data: &Path, password: &str, charter: &str) -> anyhow::Result<FoundingReview>;

    /// Founds the DAO: broadcasts the genesis transaction.
    ///
    /// # Errors
    /// If the charter, the wallet or the Bitcoin source does not allow it.
    fn found(&self, data: &Path, password: &str, charter: &str, listen: &str) -> anyhow::Result<Founded>;

    /// Verifies a DAO file against Bitcoin and stores it.
    ///
    /// # Errors
    /// If the file is not what is on Bitcoin.
    fn join(&self, data: &Path, password: &str, dao_file: &Path, name: &str) -> anyhow::Result<Joined>;

    /// Makes a folder the hub that a succession put in, and says what it is.
    ///
    /// # Errors
    /// If the certificate names other keys, or the founding file is of another DAO.
    fn take_over(
        &self,
        data: &Path,
        password: &str,
        certificate: &str,
        earlier: &[String],
        dao_file: &Path,
        listen: &str,
    ) -> anyhow::Result<Vec<String>> {
        althing_node::setup::take_over(data, password, certificate, earlier, dao_file, listen)
    }

    /// Starts a hub.
    ///
    /// # Errors
    /// If another node uses the folder, or the store or the Bitcoin source fails.
    fn start_hub(&self, data: &Path, password: &str, listen: Option<&str>) -> anyhow::Result<Running>;

    /// Starts a member's node.
    ///
    /// # Errors
    /// As [`Backend::start_hub`].
    fn start_member(&self, data: &Path, password: &str, purpose: Purpose) -> anyhow::Result<Running>;

    /// Starts a watchtower.
    ///
    /// # Errors
    /// As [`Backend::start_hub`].
    fn start_tower(&self, data: &Path, password: &str, listen: &str, limits: &TowerLimits) -> anyhow::Result<Running>;

    /// The towers that watch for a folder, after one was added (`true`) or removed.
    ///
    /// # Errors
    /// If the folder is not set up, a node uses it, or the address is none.
    fn towers(&self, data: &Path, change: Option<(&str, bool)>) -> anyhow::Result<Vec<String>>;

    /// Adds a set of operators who hold an anchor key together; says which, in sentences.
    ///
    /// # Errors
    /// If the folder is not set up, or none of the keys is of its seed.
    fn operators_add(&self, data: &Path, password: &str, keys: &[String]) -> anyhow::Result<Vec<String>>;

    /// What a sealed backup holds.
    ///
    /// # Errors
    /// If it is of other seed words, or damaged.
    fn backup_inspect(&self, data: &Path, password: &str, sealed: &[u8]) -> anyhow::Result<BackupInfo>;

    /// Names the file that a second copy of the backup is kept in.
    ///
    /// # Errors
    /// If the folder is not set up, or a node uses it.
    fn backup_keep(&self, data: &Path, file: Option<&Path>) -> anyhow::Result<()>;

    /// Whether a folder keeps own entries and proofs only from its next start on, after a change if there is one.
    ///
    /// # Errors
    /// If the folder is not set up, or is a hub's.
    fn light(&self, data: &Path, change: Option<bool>) -> anyhow::Result<bool>;

    /// The node that already runs on the folder, if one does.
    ///
    /// # Errors
    /// If there is one, and it cannot be reached.
    fn attach(&self, data: &Path) -> anyhow::Result<Option<Arc<dyn Service>>>;

    /// Verifies a proof file offline, a short one with the file that has its links.
    fn verify(&self, bundle: &[u8], links: Option<&[u8]>, source: &Source) -> VerifyReport;

    /// Replays the whole log.
    ///
    /// # Errors
    /// If the store cannot be read; a log that breaks a rule is a report, not an error.
    fn audit(&self, data: &Path, source: &Source, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<AuditReport>;

    /// As [`Backend::audit`], going on where an earlier run was stopped, and with a proof of what differs.
    ///
    /// # Errors
    /// As [`Backend::audit`], and if one of the files cannot be read or written.
    fn audit_with(
        &self,
        data: &Path,
        source: &Source,
        files: &AuditFiles,
        progress: &mut dyn FnMut(u64, u64),
    ) -> anyhow::Result<AuditReport> {
        althing_node::audit::audit_with(data, source, files, progress)
    }

    /// Replays the whole log against the Bitcoin source of the folder's own settings.
    ///
    /// # Errors
    /// As [`Backend::audit`], and if the folder has no settings.
    fn audit_here(&self, data: &Path, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<AuditReport>;
    /// Looks at some entries, chosen by the block that anchors the log.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn audit_random(&self, data: &Path, source: &Source, count: u32) -> anyhow::Result<AuditReport> {
        althing_node::audit::audit_random(data, source, count)
    }

    /// Writes the block headers to a file and says how many.
    ///
    /// # Errors
    /// If the Bitcoin source or the file fails.
    fn export_headers(&self, access: &Access, path: &Path) -> anyhow::Result<u32>;
}

/// A node of this process.
#[derive(Clone)]
pub struct Running(Arc<dyn Stoppable>);

/// A service whose end can be waited for.
pub trait Stoppable: Service {
    /// Waits until it has stopped.
    fn wait_stopped(&self);
}

impl Running {
    /// Wraps a node.
    pub fn new(node: impl Stoppable + 'static) -> Self {
        Self(Arc::new(node))
    }

    /// The node as a service.
    #[must_use]
    pub fn service(&self) -> Arc<dyn Service> {
        Arc::clone(&self.0) as Arc<dyn Service>
    }

    /// Waits until it has stopped by itself or by [`Request::Stop`].
    pub fn wait_stopped(&self) {
        self.0.wait_stopped();
    }

    /// Asks it to stop and waits for it.
    ///
    /// # Errors
    /// If it does not want to.
    pub fn stop(&self) -> Result<(), ApiError> {
        self.0.call(Request::Stop)?;
        self.0.wait_stopped();
        Ok(())
    }
}

/// A node that runs until it is stopped: it tells the person what its start waits for (N-1).
pub const PROGRAM: Purpose = Purpose::Program { say: crate::log::say };

/// The real machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThisMachine;

impl Backend for ThisMachine {
    fn init(&self, options: InitOptions) -> anyhow::Result<Initialised> {
        local::init(options)
    }

    fn expect_source(&self, network: &str, bitcoind: &Access) -> anyhow::Result<()> {
        local::expect_source(network, bitcoind).map(|_| ())
    }

    fn public_keys(&self, data: &Path, password: &str, number: u32) -> anyhow::Result<PublicKeys> {
        local::public_keys(data, password, number)
    }

    fn wallet_address(&self, data: &Path, password: &str) -> anyhow::Result<String> {
        let _lease = Lease::take(data, Purpose::Command)?;
        let mut wallet = Wallet::open(data, &Keys::open(data, password)?)?;
        Ok(wallet.fresh_address()?.to_string())
    }

    fn wallet_balance(&self, data: &Path, password: &str) -> anyhow::Result<Balance> {
        let _lease = Lease::take(data, Purpose::Command)?;
        let config = Config::load(data)?;
        let mut wallet = Wallet::open(data, &Keys::open(data, password)?)?;
        wallet.catch_up(&Bitcoind::new(&config.bitcoind), config.birthday)?;
        Ok(wallet.balance())
    }

    fn charter_template(&self, kind: &str, network: &str) -> anyhow::Result<String> {
        local::charter_template(kind, network)
    }

    fn charter_diff(&self, old: &str, new: &str) -> anyhow::Result<CharterDiff> {
        local::charter_diff(old, new)
    }

    fn charter_check(&self, charter: &str) -> CharterReport {
        local::charter_check(charter)
    }

    fn found_review(&self, data: &Path, password: &str, charter: &str) -> anyhow::Result<FoundingReview> {
        local::found_review(data, password, charter)
    }

    fn found(&self, data: &Path, password: &str, charter: &str, listen: &str) -> anyhow::Result<Founded> {
        local::found(data, password, charter, listen)
    }

    fn join(&self, data: &Path, password: &str, dao_file: &Path, name: &str) -> anyhow::Result<Joined> {
        local::join(data, password, dao_file, name)
    }

    fn start_hub(&self, data: &Path, password: &str, listen: Option<&str>) -> anyhow::Result<Running> {
        Ok(Running::new(Boxed(local::start_hub(data, password, PROGRAM, listen)?)))
    }

    fn start_member(&self, data: &Path, password: &str, purpose: Purpose) -> anyhow::Result<Running> {
        Ok(Running::new(Boxed(local::start_member(data, password, purpose)?)))
    }

    fn start_tower(&self, data: &Path, password: &str, listen: &str, limits: &TowerLimits) -> anyhow::Result<Running> {
        Ok(Running::new(Boxed(local::start_tower(data, password, PROGRAM, listen, limits)?)))
    }

    fn towers(&self, data: &Path, change: Option<(&str, bool)>) -> anyhow::Result<Vec<String>> {
        local::towers(data, change)
    }

    fn operators_add(&self, data: &Path, password: &str, keys: &[String]) -> anyhow::Result<Vec<String>> {
        althing_node::operators::add(data, password, keys)
    }

    fn backup_inspect(&self, data: &Path, password: &str, sealed: &[u8]) -> anyhow::Result<BackupInfo> {
        althing_node::stakes::inspect_backup(&Keys::open(data, password)?, sealed)
    }

    fn backup_keep(&self, data: &Path, file: Option<&Path>) -> anyhow::Result<()> {
        local::backup_keep(data, file)
    }

    fn light(&self, data: &Path, change: Option<bool>) -> anyhow::Result<bool> {
        local::light(data, change)
    }

    fn attach(&self, data: &Path) -> anyhow::Result<Option<Arc<dyn Service>>> {
        Ok(local::attach(data)?.map(Arc::from))
    }

    fn verify(&self, bundle: &[u8], links: Option<&[u8]>, source: &Source) -> VerifyReport {
        local::verify(bundle, links, source)
    }

    fn audit(&self, data: &Path, source: &Source, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<AuditReport> {
        local::audit(data, source, progress)
    }

    fn audit_here(&self, data: &Path, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<AuditReport> {
        local::audit(data, &Source::Bitcoind(Config::load(data)?.bitcoind), progress)
    }

    fn export_headers(&self, access: &Access, path: &Path) -> anyhow::Result<u32> {
        local::export_headers(access, path)
    }
}

/// The node as the crate below hands it out.
struct Boxed(Box<dyn Node>);

impl Service for Boxed {
    fn call(&self, request: Request) -> Result<Reply, ApiError> {
        self.0.call(request)
    }
}

impl Stoppable for Boxed {
    fn wait_stopped(&self) {
        self.0.wait_stopped();
    }
}
