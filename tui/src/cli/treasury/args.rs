//! Commands of the treasury and their options.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ownership::OwnershipCommand;
use crate::cli::args::SourceArgs;

/// `treasury`.
#[derive(Debug, Subcommand)]
pub enum TreasuryCommand {
    /// My public keys as a treasurer: what goes into the descriptor and into the charter.
    Key,
    /// A policy in words: who can spend when, addresses, sizes. Without options, the one in force.
    Policy(PolicyArgs),
    /// What the treasury holds, and the payments that may be made.
    Balance,
    /// A receiving address.
    Address,
    /// Every coin of the treasury.
    Utxos,
    /// Keep a coin from being spent.
    Freeze {
        /// `txid:vout`.
        outpoint: String,
        /// Why.
        #[arg(long, default_value = "frozen")]
        reason: String,
    },
    /// Let a frozen coin be spent again.
    Thaw {
        /// `txid:vout`.
        outpoint: String,
    },
    /// Write the policy for another program.
    Export {
        /// In which form.
        #[arg(long, value_enum, default_value_t = FormArg::Descriptor)]
        form: FormArg,
        /// The descriptor; the one in force when absent.
        #[arg(long, value_name = "TEXT")]
        descriptor: Option<String>,
        /// A name for it.
        #[arg(long, default_value = "althing treasury")]
        name: String,
        /// bitcoin, testnet4, signet or regtest [default: that of the folder, where it is set up, else bitcoin].
        #[arg(long)]
        network: Option<String>,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Read a policy: a descriptor, BIP129, BIP388, Caravan, or an encrypted backup, which my key opens.
    Import {
        /// The file.
        file: PathBuf,
        /// bitcoin, testnet4, signet or regtest [default: that of the folder, where it is set up, else bitcoin].
        #[arg(long)]
        network: Option<String>,
    },
    /// Show that the keys are there and can spend, without moving anything.
    #[command(subcommand)]
    Ownership(OwnershipCommand),
    /// Signing sessions.
    #[command(subcommand)]
    Session(SessionCommand),
    /// The hub's bond: what the charter asks for, what is there, and what may be done with it.
    Bond(BondArgs),
    /// Everything that left the treasury, and whether it was decided.
    Flows,
    /// Labels of transactions, addresses and coins (BIP329).
    #[command(subcommand)]
    Labels(LabelCommand),
}

/// `treasury policy`.
#[derive(Debug, Clone, Args)]
pub struct PolicyArgs {
    /// A descriptor.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["policy", "threshold"])]
    pub descriptor: Option<String>,
    /// A policy, such as `or(99@thresh(2,pk(A),pk(B)),1@and(pk(C),older(4320)))`.
    #[arg(long, value_name = "TEXT", conflicts_with = "threshold")]
    pub policy: Option<String>,
    /// How many of the keys must sign.
    #[arg(long, value_name = "K", requires = "keys")]
    pub threshold: Option<usize>,
    /// A key, as `treasury key` shows it; once for each treasurer.
    #[arg(long = "key", value_name = "KEY")]
    pub keys: Vec<String>,
    /// A way to spend after a wait: `2@4320` (2 of the same keys after 4320 blocks) or `1@4320:KEY,KEY`.
    #[arg(long = "recovery", value_name = "K@BLOCKS[:KEYS]", requires = "threshold")]
    pub recoveries: Vec<String>,
    /// P2TR instead of P2WSH.
    #[arg(long)]
    pub taproot: bool,
    /// bitcoin, testnet4, signet or regtest: how addresses are written.
    #[arg(long, default_value = "bitcoin")]
    pub network: String,
    /// How many addresses to show.
    #[arg(long, default_value_t = 3)]
    pub addresses: u32,
}

/// `treasury bond`.
#[derive(Debug, Clone, Args)]
pub struct BondArgs {
    /// At the hub: pay what is missing into the treasury.
    #[arg(long, conflicts_with = "give_back")]
    pub bring: bool,
    /// At a treasurer's node: open the session by which a bond that is free goes back to its hub.
    #[arg(long)]
    pub give_back: bool,
    /// Fee rate of that session, sat/vB; the node's estimate when absent.
    #[arg(long, requires = "give_back")]
    pub fee_rate: Option<u64>,
}

/// `treasury session`.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Build the transaction of one or several authorised proposals.
    Open {
        /// Proposals: number, id, or the beginning of it.
        #[arg(required = true)]
        payments: Vec<String>,
        /// Fee rate, sat/vB; the node's estimate when absent.
        #[arg(long)]
        fee_rate: Option<u64>,
        /// Use the recovery that is open to coins which have rested so many blocks.
        #[arg(long, value_name = "BLOCKS")]
        recovery: Option<u16>,
        /// Write the PSBT to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Move the treasury's own coins into one: consolidation, and the sweep of former treasuries.
    Housekeeping {
        /// Fee rate, sat/vB; the node's estimate when absent.
        #[arg(long)]
        fee_rate: Option<u64>,
        /// Only coins below this value.
        #[arg(long, value_name = "SATS")]
        below: Option<u64>,
        /// Use the recovery that is open to coins which have rested so many blocks.
        #[arg(long, value_name = "BLOCKS")]
        recovery: Option<u16>,
        /// Make so many new gates: outputs through which later decisions can be paid.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        gates: u16,
        /// Write the PSBT to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// All signing sessions.
    List,
    /// What treasurers said to each other over the hub, and what became of it.
    Papers,
    /// One signing session.
    Show {
        /// Its id or the beginning of it.
        session: String,
        /// Of a staged payment: the payout's PSBT instead, for a signer that knows nothing of pairs.
        #[arg(long)]
        payout: bool,
        /// Write the PSBT to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Show a session's PSBT as QR codes one after the other, for a signer with a camera; without a terminal, its parts (BCR-2020-005).
    Qr {
        /// Its id or the beginning of it.
        session: String,
        /// Of a staged payment: the payout, which is signed as well as the stage.
        #[arg(long)]
        payout: bool,
    },
    /// Check a session or a PSBT file, and sign it with my key if the check passes.
    Sign {
        /// A session's id, or a PSBT file.
        session: String,
        /// Write the PSBT to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Take in signatures from PSBT files; each is verified first.
    Combine {
        /// PSBT files of one transaction.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Write the PSBT to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Note why I do not sign.
    Refuse {
        /// Its id or the beginning of it.
        session: String,
        /// Why.
        reason: String,
    },
    /// Comment on a session.
    Comment {
        /// Its id or the beginning of it.
        session: String,
        /// The comment.
        text: String,
    },
    /// Replace a session by one that pays a higher fee rate (RBF).
    Bump {
        /// Its id or the beginning of it.
        session: String,
        /// Fee rate, sat/vB.
        #[arg(long)]
        fee_rate: u64,
        /// Write the PSBT to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Let a child pay for a session that was broadcast and is stuck (CPFP): it spends the change, back to the treasury. Of a staged payment whose rest
    /// is over, a child of this node's own wallet pays for the payout at once.
    Child {
        /// Its id or the beginning of it.
        session: String,
        /// Fee rate of both together, sat/vB.
        #[arg(long)]
        fee_rate: u64,
        /// Write the PSBT to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Bring back what is staged: guardians of staged payments sign it together with one treasurer, before the payout is mined.
    Return {
        /// The session of the staged payment, which is its stage transaction: its id or the beginning of it.
        stage: String,
        /// Fee rate, sat/vB; the node's estimate when absent.
        #[arg(long)]
        fee_rate: Option<u64>,
        /// Write the PSBT to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Put the signatures together and broadcast; of a staged payment whose rest is over, the payout.
    Broadcast {
        /// Its id or the beginning of it.
        session: String,
    },
}

/// `treasury labels`.
#[derive(Debug, Subcommand)]
pub enum LabelCommand {
    /// Write the labels, one JSON object a line (BIP329).
    Export {
        /// The file.
        file: PathBuf,
    },
    /// Read labels of other wallets, or of another treasurer (BIP329).
    Import {
        /// The file.
        file: PathBuf,
    },
}

/// `psbt`.
#[derive(Debug, Subcommand)]
pub enum PsbtCommand {
    /// Check a PSBT by the proof in it, offline: exit 0 may be signed, 1 must not be, 2 cannot tell.
    Check(PsbtCheck),
    /// Show a PSBT as QR codes one after the other, for a signer with a camera; without a terminal, its parts (BCR-2020-005).
    Qr {
        /// The PSBT in any form; `-` for the standard input.
        file: PathBuf,
    },
}

/// `psbt check`.
#[derive(Debug, Args)]
pub struct PsbtCheck {
    /// The PSBT: binary, base64, hexadecimal or scanned QR codes; `-` for the standard input.
    pub file: PathBuf,
    /// Block hashes to check the proof by; a Bitcoin Core also tells whether the gate is unspent.
    #[command(flatten)]
    pub source: SourceArgs,
    /// What is known of the gate, where no Bitcoin Core is asked.
    #[arg(long, value_enum)]
    pub gate: Option<GateArg>,
    /// Founding file of the DAO whose treasury it must be of.
    #[arg(long, value_name = "FILE")]
    pub dao: Option<PathBuf>,
    /// What other housekeeping has cost within 2,016 blocks or is signed for, in satoshis, as `treasury balance` says it; needed for
    /// housekeeping alone.
    #[arg(long, value_name = "SATS")]
    pub housekeeping_cost: Option<u64>,
}

/// A form of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormArg {
    /// The descriptor with its checksum.
    Descriptor,
    /// BIP129 descriptor record.
    Bsms,
    /// BIP388 wallet policy.
    Bip388,
    /// Caravan's wallet file.
    Caravan,
    /// Encrypted: any one of the treasury's extended keys opens it.
    Backup,
}

/// What is known of a gate.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum GateArg {
    /// It is unspent.
    Unspent,
    /// It is spent.
    Spent,
}

/// `treasurer`.
#[derive(Debug, Args)]
pub struct TreasurerArgs {
    /// Sign unattended: whatever passes the check, and nothing else.
    #[arg(long, required = true)]
    pub robot: bool,
    /// Folder in which PSBT files arrive; signed ones are written beside them, refusals to `refusals.jsonl`. Without it the sessions that
    /// come over the hub are signed, and refusals are told to the other treasurers.
    #[arg(long, value_name = "DIR")]
    pub inbox: Option<PathBuf>,
    /// For each epoch that becomes final, sign also for the funds that the treasury had (T-84), into `funds-EPOCH-FINGERPRINT.psbt` in this
    /// folder. Nothing can be moved by that.
    #[arg(long, value_name = "DIR")]
    pub funds: Option<PathBuf>,
    /// Look once, then end.
    #[arg(long)]
    pub once: bool,
}
