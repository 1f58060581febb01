//! The transparency report: what a DAO decided, who weighed how much, where the money went, each figure with the place that
//! proves it.
//!
//! A report is data first ([`Report`]), made from the log and chain facts alone, so that two members get the same bytes.
//! [`Report::to_markdown`], [`Report::to_html`] and [`Report::to_csv`] draw it; JSON is its `serde` form. Clauses F-n are in
//! `docs/spec/report.md`.

mod collect;
pub mod concentration;
mod csv;
mod escape;
mod html;
mod markdown;

use serde::Serialize;

pub use collect::{Facts, Flow, FundsFact, LinkFact, collect};

use crate::id::{DaoId, EntryId, HeaderHash};

/// Everything a report says (F-1). Texts of members are raw here; every renderer makes them harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Name of the DAO.
    pub name: String,
    /// The DAO, hex.
    pub dao: String,
    /// First epoch covered.
    pub first_epoch: u32,
    /// Last epoch covered.
    pub last_epoch: u32,
    /// Closing height of the last epoch.
    pub height: u32,
    /// In the order of printing.
    pub sections: Vec<Section>,
}

/// One subject of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// One sentence on what the figures mean.
    pub note: String,
    /// Single figures.
    pub figures: Vec<Figure>,
    /// Lists.
    pub tables: Vec<Table>,
    /// Pictures of figures that also stand in a table or list.
    pub charts: Vec<Chart>,
}

/// One figure and what backs it (F-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// What is measured.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Where it comes from.
    pub evidence: Evidence,
}

/// A list whose every row has its evidence (F-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Heading.
    pub title: String,
    /// Names of the columns, as many as each row has values.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One row of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// One value for each column.
    pub values: Vec<Value>,
    /// Where they come from.
    pub evidence: Evidence,
}

/// A bar chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chart {
    /// Heading.
    pub title: String,
    /// Unit of the bars.
    pub unit: Unit,
    /// Label and length of each bar.
    pub bars: Vec<(String, u128)>,
}

/// A value of a report. There are no floats: shares are basis points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum Value {
    /// A count or weight, decimal.
    Number(#[serde(serialize_with = "decimal")] u128),
    /// An amount in satoshis, decimal.
    Sat(#[serde(serialize_with = "decimal")] u128),
    /// A share of the whole in basis points, 0 to 10000.
    Share(u32),
    /// A block height.
    Height(u32),
    /// Words of this software or hex of an id.
    Words(String),
    /// Words of a member: may be anything.
    Quoted(String),
    /// Nothing to say, such as the winner of a vote without one.
    None,
}

/// Unit of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Weight.
    Weight,
    /// Satoshis.
    Sat,
    /// Basis points.
    Share,
    /// A count.
    Count,
}

/// What backs a figure: where anybody can look it up and with which command (F-3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Evidence {
    /// An entry of the log, under T1.
    Entry {
        /// Its position.
        position: u64,
        /// Its id, hex.
        entry: String,
    },
    /// A leaf or the root of a tree under an epoch header.
    Tree {
        /// Which tree.
        tree: ReportTree,
        /// Of which epoch.
        epoch: u32,
        /// Hash of that epoch's header, hex.
        header: String,
        /// Key of the leaf, hex; the root's sums when absent.
        key: Option<String>,
        /// What a proof file can say of the leaf.
        claim: Option<Claim>,
    },
    /// A transaction on Bitcoin.
    Transaction {
        /// Its id, hex.
        txid: String,
        /// Height of its block.
        height: Option<u32>,
    },
    /// A replay of the log up to an epoch's size gives it: `althing audit`.
    Replay {
        /// Of which epoch.
        epoch: u32,
        /// Hash of that epoch's header, hex.
        header: String,
    },
    /// Computed from other figures of this report, named here.
    Computed {
        /// How.
        from: String,
    },
}

/// A tree that a figure can be under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportTree {
    /// T2, the ballots of a proposal.
    Ballots,
    /// T3, the roll.
    Roll,
    /// T4, the decisions.
    Decisions,
}

/// A statement that `althing proof export` makes of a leaf (F-3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "statement")]
pub enum Claim {
    /// Sums, quorum and outcome.
    Tally {
        /// The proposal, hex.
        proposal: String,
    },
    /// A payment is authorised.
    Authorised {
        /// The proposal, hex.
        proposal: String,
        /// Which milestone of a budget, from 1; `None` for a spend.
        milestone: Option<u32>,
    },
}

impl Claim {
    /// Arguments of `althing proof export`.
    fn arguments(&self) -> String {
        match self {
            Self::Tally { proposal } => format!("{proposal} --statement tally"),
            Self::Authorised { proposal, milestone: None } => format!("{proposal} --statement authorised"),
            Self::Authorised { proposal, milestone: Some(number) } => {
                format!("{proposal} --statement authorised --milestone {number}")
            }
        }
    }
}

impl Report {
    /// An empty report; `first_epoch` may equal `last_epoch`.
    #[must_use]
    pub fn new(name: &str, dao: DaoId, first_epoch: u32, last_epoch: u32, height: u32) -> Self {
        Self { name: name.to_owned(), dao: dao.to_string(), first_epoch, last_epoch, height, sections: Vec::new() }
    }

    /// What it covers, in words.
    #[must_use]
    pub fn period(&self) -> String {
        if self.first_epoch == self.last_epoch {
            format!("epoch {}, closed at height {}", self.last_epoch, self.height)
        } else {
            format!("epochs {} to {}, closed at height {}", self.first_epoch, self.last_epoch, self.height)
        }
    }
}

impl Section {
    /// A section without figures.
    #[must_use]
    pub fn new(title: &str, note: &str) -> Self {
        Self {
            title: title.to_owned(),
            note: note.to_owned(),
            figures: Vec::new(),
            tables: Vec::new(),
            charts: Vec::new(),
        }
    }

    /// Adds a figure.
    #[must_use]
    pub fn figure(mut self, name: &str, value: Value, evidence: Evidence) -> Self {
        self.figures.push(Figure { name: name.to_owned(), value, evidence });
        self
    }

    /// Adds a table.
    #[must_use]
    pub fn table(mut self, title: &str, columns: &[&str], rows: Vec<Row>) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        self.tables.push(Table { title: title.to_owned(), columns, rows });
        self
    }

    /// Adds a chart.
    #[must_use]
    pub fn chart(mut self, title: &str, unit: Unit, bars: Vec<(String, u128)>) -> Self {
        self.charts.push(Chart { title: title.to_owned(), unit, bars });
        self
    }
}

impl Evidence {
    /// An entry of the log.
    #[must_use]
    pub fn entry(position: u64, entry: EntryId) -> Self {
        Self::Entry { position, entry: entry.to_string() }
    }

    /// A leaf, or the root without a key.
    #[must_use]
    pub fn tree(tree: ReportTree, epoch: u32, header: HeaderHash, key: Option<String>) -> Self {
        Self::Tree { tree, epoch, header: header.to_string(), key, claim: None }
    }

    /// The same with what a proof file can say of the leaf; unchanged where it is no leaf.
    #[must_use]
    pub fn claiming(self, claim: Claim) -> Self {
        match self {
            Self::Tree { tree, epoch, header, key: Some(key), .. } => {
                Self::Tree { tree, epoch, header, key: Some(key), claim: Some(claim) }
            }
            other => other,
        }
    }

    /// A replay of the log.
    #[must_use]
    pub fn replay(epoch: u32, header: HeaderHash) -> Self {
        Self::Replay { epoch, header: header.to_string() }
    }

    /// Other figures of the report.
    #[must_use]
    pub fn computed(from: &str) -> Self {
        Self::Computed { from: from.to_owned() }
    }

    /// Where to look it up, in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Entry { position, entry } => format!("log entry {position}, {entry}"),
            Self::Tree { tree, epoch, header, key, .. } => {
                let tree = tree.words();
                match key {
                    Some(key) => format!("{tree} of epoch {epoch}, leaf {key}, header {header}"),
                    None => format!("{tree} of epoch {epoch}, root, header {header}"),
                }
            }
            Self::Transaction { txid, height: Some(height) } => format!("transaction {txid}, block {height}"),
            Self::Transaction { txid, height: None } => format!("transaction {txid}, not in a block yet"),
            Self::Replay { epoch, header } => format!("replay of the log up to epoch {epoch}, header {header}"),
            Self::Computed { from } => format!("computed from {from}"),
        }
    }

    /// The command that checks it, if one does by itself.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        match self {
            Self::Tree { claim: Some(claim), .. } => Some(format!(
                "althing proof export {} --out FILE && althing verify FILE --headers HEADERS",
                claim.arguments()
            )),
            Self::Tree { .. } | Self::Replay { .. } | Self::Entry { .. } => Some("althing audit".to_owned()),
            Self::Transaction { .. } | Self::Computed { .. } => None,
        }
    }
}

impl ReportTree {
    const fn words(self) -> &'static str {
        match self {
            Self::Ballots => "ballot tree",
            Self::Roll => "roll tree",
            Self::Decisions => "decision tree",
        }
    }
}

impl Value {
    /// The value in words, on one line, harmless for any display.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Number(n) => grouped(*n),
            Self::Sat(sat) => format!("{} sat", grouped(*sat)),
            Self::Share(bp) => share(*bp),
            Self::Height(height) => height.to_string(),
            Self::Words(text) | Self::Quoted(text) => escape::harmless(text),
            Self::None => "-".to_owned(),
        }
    }

    /// The value for a machine: digits without grouping, shares in basis points.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Number(n) | Self::Sat(n) => n.to_string(),
            Self::Share(bp) => bp.to_string(),
            Self::Height(height) => height.to_string(),
            Self::Words(text) | Self::Quoted(text) => escape::harmless(text),
            Self::None => String::new(),
        }
    }
}

impl Unit {
    /// A bar's length in words.
    fn words(self, length: u128) -> String {
        match self {
            Self::Weight | Self::Count => grouped(length),
            Self::Sat => format!("{} sat", grouped(length)),
            Self::Share => share(u32::try_from(length).unwrap_or(u32::MAX)),
        }
    }
}

/// Thousands set apart by a space, which no language reads as a decimal sign.
fn grouped(n: u128) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

fn share(bp: u32) -> String {
    format!("{}.{:02} %", bp / 100, bp % 100)
}

// JSON numbers above 2^53 are read wrongly by many programs.
fn decimal<S: serde::Serializer>(n: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(n)
}
