//! A machine for the commands: its node is a script, its keys and proofs are made up.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use althing_node::api::*;
use althing_node::lease::Purpose;
use althing_tui::backend::*;
use althing_tui::cli::{Console, Format, run};

use crate::dao::Script;

/// What the machine was asked beside its node.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    pub(crate) runs: bool,
    pub(crate) node: Arc<Node>,
    pub(crate) did: Mutex<Vec<String>>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) charter_problem: Option<String>,
    /// Whether the standard error is a file.
    pub(crate) err_is_kept: bool,
    /// Whether the folder has no keys yet.
    pub(crate) is_new: bool,
    /// Why no Bitcoin source can be asked.
    pub(crate) no_source: Option<String>,
    /// The vote key that came in the place of the first one.
    pub(crate) vote_key_in_force: Option<String>,
    /// Whether nothing was ever sent to the wallet.
    pub(crate) is_poor: bool,
}

/// A node that remembers whether it was stopped.
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) script: Script,
    pub(crate) stopped: Mutex<bool>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Node")
    }
}

/// The node as the machine hands it out.
struct Handle(Arc<Node>);

impl Service for Handle {
    fn call(&self, request: Request) -> Result<Reply, ApiError> {
        if request == Request::Stop {
            *self.0.stopped.lock().unwrap() = true;
            return Ok(Reply::Done);
        }
        self.0.script.call(request)
    }
}

impl Stoppable for Handle {
    fn wait_stopped(&self) {}
}

impl Backend for Stage {
    fn init(&self, options: InitOptions) -> anyhow::Result<Initialised> {
        self.note(format!(
            "init {} {} {:?} {:?} {:?} {}",
            options.network,
            options.bitcoind.url,
            options.bitcoind.cookie_file,
            options.bitcoind.user_pass,
            options.words,
            options.password
        ));
        let file = options.data_dir.join("keys.json");
        if options.data_dir.exists() {
            std::fs::write(file, "sealed")?;
        }
        Ok(Initialised { words: words(), keys: keys() })
    }

    fn expect_source(&self, network: &str, bitcoind: &Access) -> anyhow::Result<()> {
        match &self.no_source {
            Some(why) => anyhow::bail!("{why}: {network} {}", bitcoind.url),
            None => Ok(()),
        }
    }

    fn has_keys(&self, data: &Path) -> bool {
        !self.is_new && (data == Path::new("/data") || data.join("keys.json").exists())
    }

    fn words(&self, data: &Path, _password: &str) -> anyhow::Result<String> {
        self.note(format!("words {}", data.display()));
        Ok(words())
    }

    fn public_keys(&self, data: &Path, password: &str, _number: u32) -> anyhow::Result<PublicKeys> {
        self.note(format!("keys {} {password}", data.display()));
        Ok(PublicKeys { vote_key_in_force: self.vote_key_in_force.clone(), ..keys() })
    }

    fn wallet_address(&self, _: &Path, password: &str) -> anyhow::Result<String> {
        self.note(format!("wallet_address {password}"));
        Ok("bcrt1qfresh".to_owned())
    }

    fn wallet_balance(&self, _: &Path, password: &str) -> anyhow::Result<Balance> {
        self.note(format!("wallet_balance {password}"));
        Ok(Balance { confirmed_sat: 7, pending_sat: 0 })
    }

    fn charter_template(&self, _kind: &str, _network: &str) -> anyhow::Result<String> {
        Ok("name = \"Þing\"\n".to_owned())
    }

    fn charter_diff(&self, old: &str, new: &str) -> anyhow::Result<CharterDiff> {
        let changes = if old == new { Vec::new() } else { vec!["name: \"Þing\" becomes \"Alþing\"".to_owned()] };
        Ok(CharterDiff { changes, problems: self.charter_problem.clone().into_iter().collect() })
    }

    fn charter_check(&self, charter: &str) -> CharterReport {
        CharterReport {
            hash: Some("ab".repeat(32)),
            sentences: vec![format!("The charter has {} bytes.", charter.len())],
            problems: self.charter_problem.clone().into_iter().collect(),
            advice: vec!["guards.cooldown_blocks (R-82): is 0".to_owned()],
        }
    }

    fn found_review(&self, _: &Path, _: &str, _: &str) -> anyhow::Result<FoundingReview> {
        Ok(FoundingReview {
            sentences: vec!["Founds Þing on regtest.".to_owned()],
            fee_sat: 300,
            needs_sat: 10_300,
            has_sat: if self.is_poor { 200 } else { 50_000 },
        })
    }

    fn found(&self, _: &Path, _: &str, _: &str, listen: &str) -> anyhow::Result<Founded> {
        self.note(format!("found {listen}"));
        Ok(Founded {
            dao_id: "d0".repeat(32),
            genesis_txid: "01".repeat(32),
            first_seal: format!("{}:0", "01".repeat(32)),
            spare_seal: format!("{}:1", "01".repeat(32)),
            gates: vec![format!("{}:2", "01".repeat(32))],
            dao_file: PathBuf::from("/data/dao.json"),
        })
    }

    fn join(&self, _: &Path, _: &str, file: &Path, name: &str) -> anyhow::Result<Joined> {
        self.note(format!("join {} {name}", file.display()));
        Ok(Joined { dao_id: "d0".repeat(32), dao_name: "Þing\u{202e}".to_owned(), hub: "127.0.0.1:9735".to_owned() })
    }

    fn start_hub(&self, _: &Path, password: &str, listen: Option<&str>) -> anyhow::Result<Running> {
        self.note(format!("start_hub {password} {listen:?}"));
        Ok(Running::new(Handle(Arc::clone(&self.node))))
    }

    fn start_member(&self, _: &Path, password: &str, _: Purpose) -> anyhow::Result<Running> {
        self.note(format!("start_member {password}"));
        Ok(Running::new(Handle(Arc::clone(&self.node))))
    }

    fn start_tower(&self, _: &Path, password: &str, listen: &str, limits: &TowerLimits) -> anyhow::Result<Running> {
        self.note(format!("start_tower {password} {listen} {limits:?}"));
        Ok(Running::new(Handle(Arc::clone(&self.node))))
    }

    fn towers(&self, _: &Path, change: Option<(&str, bool)>) -> anyhow::Result<Vec<String>> {
        self.note(format!("towers {change:?}"));
        Ok(change.into_iter().filter(|(_, add)| *add).map(|(tower, _)| tower.to_owned()).collect())
    }

    fn operators_add(&self, _: &Path, password: &str, keys: &[String]) -> anyhow::Result<Vec<String>> {
        self.note(format!("operators_add {password} {keys:?}"));
        Ok(keys.to_vec())
    }

    fn backup_inspect(&self, _: &Path, password: &str, sealed: &[u8]) -> anyhow::Result<BackupInfo> {
        self.note(format!("backup_inspect {password} {sealed:?}"));
        Ok(BackupInfo { counter: 7, bytes: sealed.len() as u64, channels: Vec::new(), path: None })
    }

    fn backup_keep(&self, _: &Path, file: Option<&Path>) -> anyhow::Result<()> {
        self.note(format!("backup_keep {file:?}"));
        Ok(())
    }

    fn light(&self, _: &Path, change: Option<bool>) -> anyhow::Result<bool> {
        if let Some(light) = change {
            self.note(format!("light {light}"));
        }
        Ok(change.unwrap_or(false))
    }

    fn attach(&self, _: &Path) -> anyhow::Result<Option<Arc<dyn Service>>> {
        Ok(self.runs.then(|| Arc::new(Handle(Arc::clone(&self.node))) as Arc<dyn Service>))
    }

    fn verify(&self, bundle: &[u8], links: Option<&[u8]>, source: &Source) -> VerifyReport {
        let source = match source {
            Source::Headers(file) => format!("headers {}", file.display()),
            Source::Bitcoind(access) => format!("bitcoind {}", access.url),
            Source::None => "nothing".to_owned(),
        };
        let links = links.map_or_else(String::new, |links| format!(" with links of {} bytes", links.len()));
        self.note(format!("verify {} bytes{links} against {source}", bundle.len()));
        let verdict = self.verdict.unwrap_or(Verdict::CannotTell);
        VerifyReport {
            verdict,
            statement: "The ballot of 99a4afba on #4 is counted as yes.".to_owned(),
            dao: None,
            checked: vec!["the path to the ballot tree".to_owned()],
            unchecked: Vec::new(),
            trusted: vec!["the block headers of the file".to_owned()],
            depth: Some(7),
            reason: (verdict != Verdict::Valid).then(|| "the sum of yes\u{1b}[2J is 3, not 4".to_owned()),
        }
    }

    fn audit(&self, _: &Path, _: &Source, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<AuditReport> {
        (0..=40).for_each(|done| progress(done, 40));
        let verdict = self.verdict.unwrap_or(Verdict::CannotTell);
        Ok(AuditReport {
            verdict,
            entries: 40,
            heads: 12,
            epochs: 2,
            ballots: 9,
            links: 2,
            first_difference: (verdict == Verdict::Invalid)
                .then(|| "entry 17: the signature is not the member's".to_owned()),
            trusted: Vec::new(),
            resumed_from: 0,
            proof: None,
        })
    }

    fn audit_here(&self, data: &Path, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<AuditReport> {
        self.audit(data, &Source::None, progress)
    }

    fn export_headers(&self, access: &Access, path: &Path) -> anyhow::Result<u32> {
        self.note(format!("headers {} {}", access.url, path.display()));
        Ok(1_213)
    }
}

impl Stage {
    /// With a node that already runs on the folder.
    pub(crate) fn running() -> Self {
        Self { runs: true, ..Self::default() }
    }

    /// With a node that answers as if everything had been done, with that around every text.
    pub(crate) fn echoing(trick: &str) -> Self {
        let script = Script { echo: true, trick: trick.to_owned(), ..Script::default() };
        Self { runs: true, node: Arc::new(Node { script, ..Node::default() }), ..Self::default() }
    }

    /// With an answer in the node's script.
    pub(crate) fn answer(self, answer: Result<Reply, ApiError>) -> Self {
        self.node.script.answers.lock().unwrap().push_back(answer);
        self
    }

    /// With a node that shows this proposal.
    pub(crate) fn showing(self, proposal: Proposal) -> Self {
        let script = Script { proposal: Some(proposal), ..Script::default() };
        Self { node: Arc::new(Node { script, ..Node::default() }), ..self }
    }

    /// With a node that lets nothing be voted or proposed.
    pub(crate) fn refusing(self, refusal: Option<Refused>) -> Self {
        Self { node: Arc::new(Node { script: Script { refusal, ..Script::default() }, ..Node::default() }), ..self }
    }

    fn note(&self, what: String) {
        self.did.lock().unwrap().push(what);
    }
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) asked: Vec<Request>,
    pub(crate) did: Vec<String>,
    pub(crate) stopped: bool,
}

impl Outcome {
    /// The answer as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

/// Runs `althing --data /data ...` with that standard input; passwords asked for are `secret`.
pub(crate) fn althing(stage: Stage, command: &str, input: &str) -> Outcome {
    let program = if command.contains("--data ") { "althing" } else { "althing --data /data" };
    let args = program.split_whitespace().chain(command.split_whitespace());
    let args: Vec<OsString> = args.map(|arg| OsString::from(arg.replace('·', " "))).collect();
    let (mut out, mut err, mut input) = (Vec::new(), Vec::new(), input.as_bytes());
    let stage = Arc::new(stage);
    let backend: Arc<dyn Backend> = stage.clone();
    let code = run(
        &args,
        &backend,
        &mut Console {
            err_is_kept: stage.err_is_kept,
            readonly: false,
            format: Format::default(),
            input: &mut input,
            out: &mut out,
            err: &mut err,
            ask_password: &mut |_| Ok(next_password()),
            may_be_old: None,
            screens: None,
        },
    );
    Outcome {
        code,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
        asked: stage.node.script.asked.lock().unwrap().clone(),
        did: stage.did.lock().unwrap().clone(),
        stopped: *stage.node.stopped.lock().unwrap(),
    }
}

fn words() -> String {
    "abandon ".repeat(24).trim_end().to_owned()
}

fn keys() -> PublicKeys {
    PublicKeys {
        node_id: "02aa".to_owned(),
        vote_key: "bb".to_owned(),
        vote_key_in_force: None,
        log_key: "cc".to_owned(),
        anchor_key: "dd".to_owned(),
        operator_key: "02dd".to_owned(),
        treasury_key: "ee".to_owned(),
    }
}

thread_local! {
    static PASSWORDS: std::cell::RefCell<std::collections::VecDeque<String>> = Default::default();
}

/// Runs something with these answers to questions that are not shown.
pub(crate) fn with_passwords<T>(passwords: &[&str], run: impl FnOnce() -> T) -> T {
    PASSWORDS.with_borrow_mut(|queue| *queue = passwords.iter().map(|password| (*password).to_owned()).collect());
    let result = run();
    PASSWORDS.with_borrow_mut(std::collections::VecDeque::clear);
    result
}

fn next_password() -> String {
    PASSWORDS.with_borrow_mut(std::collections::VecDeque::pop_front).unwrap_or_else(|| "secret".to_owned())
}
