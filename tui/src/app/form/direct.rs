//! Forms that are carried out at once: what they do can be looked at afterwards, and taken back or left alone.

use althing_node::api::{AnchorRequest, Evidence, ReportFormat, Request, TimestampKind, TimestampOf, TreasuryRequest};

use super::order::number;
use super::{Form, FormKind};
use crate::app::desk::of_treasury;
use crate::app::{Command, Purpose};

impl Form {
    /// What is to be done without a review page; `None` for a form that needs one.
    pub(in crate::app) fn direct(&self) -> Option<Result<Command, String>> {
        let ask = |purpose, request: Result<Request, String>| request.map(|request| Command::Ask { purpose, request });
        let session = |request: Result<TreasuryRequest, String>| ask(Purpose::Session, request.map(of_treasury));
        Some(match &self.kind {
            FormKind::Export { proposal } => ask(Purpose::Order, self.export(proposal)),
            FormKind::SavePage { text } => {
                self.file().map(|path| Command::Write { path, text: format!("{}\n", text.trim_end()) })
            }
            FormKind::SaveReport => ask(Purpose::SaveReport, self.report()),
            FormKind::SessionOpen { .. } => session(self.session_open()),
            FormKind::Housekeeping => session(self.housekeeping()),
            FormKind::SessionComment { session: id } => session(
                self.needed("Comment")
                    .map(|text| TreasuryRequest::Comment { session: id.clone(), text: text.to_owned() }),
            ),
            FormKind::SessionBump { session: id } => session(self.higher_fee(id.clone())),
            FormKind::SaveSession { session: id } => {
                let request = of_treasury(TreasuryRequest::Session { session: id.clone() });
                ask(Purpose::SaveSession, self.file().map(|_| request))
            }
            FormKind::TakeSession => self.file().map(Command::TakePsbt),
            FormKind::Freeze { outpoint } => ask(
                Purpose::Say,
                self.needed("Reason").map(|reason| {
                    let reason = Some(reason.to_owned());
                    of_treasury(TreasuryRequest::Freeze { outpoint: outpoint.clone(), reason })
                }),
            ),
            FormKind::Backup => ask(Purpose::Order, self.file().map(|path| Request::BackupWrite { path })),
            FormKind::Timestamp { epoch } => ask(Purpose::Order, self.timestamp(*epoch)),
            FormKind::LinkFile => ask(Purpose::Order, self.link_file()),
            _ => return None,
        })
    }

    /// The file that is named, from this folder on: the node that reads or writes it may run in another.
    ///
    /// # Errors
    /// If there is no name.
    pub(in crate::app) fn file(&self) -> Result<std::path::PathBuf, String> {
        let file = self.needed("File")?;
        std::path::absolute(crate::files::expanded(file)).map_err(|error| format!("{file:?} is no path: {error}"))
    }

    /// What is put in under that label; something has to be.
    pub(super) fn needed(&self, label: &'static str) -> Result<&str, String> {
        match self.get(label) {
            "" => Err(format!("{label}: something has to be there.")),
            text => Ok(text),
        }
    }

    /// A number, or nothing.
    fn optional<T: std::str::FromStr>(&self, label: &str, what: &str) -> Result<Option<T>, String> {
        match self.get(label) {
            "" => Ok(None),
            text => number(text, what).map(Some),
        }
    }

    fn session_open(&self) -> Result<TreasuryRequest, String> {
        let payments: Vec<String> =
            self.needed("Payments")?.split([',', ' ']).filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Ok(TreasuryRequest::Open {
            payments,
            fee_rate_sat_vb: self.optional("Fee rate", "a fee rate")?,
            rest_blocks: self.optional("Rested", "a number of blocks")?,
        })
    }

    fn housekeeping(&self) -> Result<TreasuryRequest, String> {
        Ok(TreasuryRequest::OpenHousekeeping {
            fee_rate_sat_vb: self.optional("Fee rate", "a fee rate")?,
            below_sat: self.optional("Below", "a number of satoshis")?,
            rest_blocks: self.optional("Rested", "a number of blocks")?,
            gates: self.optional("New gates", "a number of gates")?.unwrap_or(0),
        })
    }

    fn higher_fee(&self, session: String) -> Result<TreasuryRequest, String> {
        let fee_rate_sat_vb = number(self.get("Fee rate"), "a fee rate")?;
        Ok(match self.get("By") {
            "a child that pays for it" => TreasuryRequest::Child { session, fee_rate_sat_vb },
            _ => TreasuryRequest::Bump { session, fee_rate_sat_vb },
        })
    }

    fn timestamp(&self, epoch: u32) -> Result<Request, String> {
        let kind = match self.get("Form") {
            "by an OP_RETURN" => TimestampKind::Opreturn,
            "by the witness after it" => TimestampKind::Reveal,
            _ => TimestampKind::Split,
        };
        let path = self.file()?;
        Ok(Request::Anchoring(AnchorRequest::Timestamp { epoch, kind, of: TimestampOf::Header, path }))
    }

    /// Every link, and nothing else (P-160).
    fn link_file(&self) -> Result<Request, String> {
        let path = self.file()?;
        Ok(Request::Anchoring(AnchorRequest::Prove { evidence: Evidence::Links, path, short: false }))
    }

    /// The report in the form that the end of the file's name asks for.
    fn report(&self) -> Result<Request, String> {
        let file = self.get("File");
        let format = match file.rsplit_once('.').map(|(_, end)| end) {
            Some("md") => ReportFormat::Markdown,
            Some("html") => ReportFormat::Html,
            Some("csv") => ReportFormat::Csv,
            Some("json") => ReportFormat::Json,
            _ => return Err(format!("{file:?} does not end in .md, .html, .csv or .json.")),
        };
        Ok(Request::Report { from: None, to: None, format })
    }
}
