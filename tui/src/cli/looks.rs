//! Which commands only look (N-90). Each is named: one that is added is judged before it compiles.

use super::args::{
    BackupCommand, Charter, Command, Dao, LightCommand, LinkCommand, PsbtCommand, SettingsCommand, TowerCommand,
    TreasuryCommand, Wallet,
};
use super::succession::SuccessionCommand;
use super::treasury::{OwnershipCommand, SessionCommand};

/// Whether a command signs, sends and writes nothing by itself; what it asks a node for is judged there, request by request.
pub(super) fn only_looks(command: &Command) -> bool {
    match command {
        Command::Init(_)
        | Command::Join(_)
        | Command::Dao(Dao::Found { .. } | Dao::Join { .. })
        | Command::Hub(_)
        | Command::Member(_)
        | Command::Stop
        | Command::Wallet(Wallet::Address)
        | Command::Treasurer(_)
        | Command::Backup(BackupCommand::Write { .. } | BackupCommand::Keep { .. })
        | Command::Restore(_)
        | Command::Light(LightCommand::On | LightCommand::Off)
        | Command::Tower(TowerCommand::Run(_) | TowerCommand::Add { .. } | TowerCommand::Remove { .. })
        | Command::Headers(_)
        | Command::Tiles(_)
        | Command::Proof(_)
        | Command::Ots(_)
        | Command::Treasury(
            TreasuryCommand::Export { .. }
            | TreasuryCommand::Labels(_)
            | TreasuryCommand::Freeze { .. }
            | TreasuryCommand::Thaw { .. }
            | TreasuryCommand::Ownership(OwnershipCommand::Open { .. } | OwnershipCommand::Sign { .. })
            | TreasuryCommand::Session(SessionCommand::Show { out: Some(_), .. }),
        ) => false,
        Command::Settings(command) => matches!(command, SettingsCommand::Show),
        Command::Man(options) => options.out.is_none(),
        Command::Report(report) => report.out.is_none(),
        Command::Audit(options) => options.resume.is_none() && options.proof.is_none(),
        Command::Succession(command) => matches!(command, SuccessionCommand::Check { .. }),
        Command::Link(LinkCommand::Operators { add }) => add.is_empty(),
        Command::Link(_)
        | Command::Keys(_)
        | Command::Charter(
            Charter::Template { .. }
            | Charter::Check { .. }
            | Charter::Explain { .. }
            | Charter::Diff { .. }
            | Charter::Show,
        )
        | Command::Dao(Dao::Show | Dao::Invitation)
        | Command::Wallet(Wallet::Balance | Wallet::Send(_))
        | Command::Treasury(
            TreasuryCommand::Key
            | TreasuryCommand::Policy(_)
            | TreasuryCommand::Balance
            | TreasuryCommand::Address
            | TreasuryCommand::Utxos
            | TreasuryCommand::Import { .. }
            | TreasuryCommand::Bond(_)
            | TreasuryCommand::Flows
            | TreasuryCommand::Ownership(OwnershipCommand::Newest { .. } | OwnershipCommand::Check { .. })
            | TreasuryCommand::Session(_),
        )
        | Command::Psbt(PsbtCommand::Check(_) | PsbtCommand::Qr { .. })
        | Command::Backup(BackupCommand::Inspect { .. })
        | Command::Light(LightCommand::Show)
        | Command::Tower(TowerCommand::Status | TowerCommand::List)
        | Command::Stake(_)
        | Command::Channel(_)
        | Command::Propose(_)
        | Command::Proposals
        | Command::Proposal(_)
        | Command::Comment(_)
        | Command::CommentVote(_)
        | Command::Update(_)
        | Command::Withdraw { .. }
        | Command::Vote(_)
        | Command::Delegate(_)
        | Command::Delegations { .. }
        | Command::Deposit(_)
        | Command::Deposits
        | Command::Rewards
        | Command::Invitations
        | Command::Guardian(_)
        | Command::Invite(_)
        | Command::Accept { .. }
        | Command::RotateKey
        | Command::Equivocation { .. }
        | Command::Seen { .. }
        | Command::Force(_)
        | Command::Fraud { .. }
        | Command::Gates(_)
        | Command::Hide(_)
        | Command::Unhide(_)
        | Command::Ballots
        | Command::Links
        | Command::Members
        | Command::Status
        | Command::Health
        | Command::Wait(_)
        | Command::Verify(_)
        | Command::Why(_)
        | Command::History(_)
        | Command::Bench(_)
        | Command::Tui(_)
        | Command::Learn
        | Command::Info
        | Command::Completions(_) => true,
    }
}
