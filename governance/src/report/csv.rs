//! A report as CSV (RFC 4180): one line for each figure and each cell.

use super::Report;
use super::escape::csv as escape;

impl Report {
    /// The report as CSV with the columns section, table, row, name, value, proof. `row` counts from 1 and is empty for
    /// single figures; values are digits without grouping and shares in basis points.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut out = String::from("section,table,row,name,value,proof\r\n");
        for section in &self.sections {
            for figure in &section.figures {
                let fields = [&section.title, "", "", &figure.name, &figure.value.plain(), &figure.evidence.sentence()];
                push_line(&mut out, fields);
            }
            for table in &section.tables {
                for (number, row) in (1u64..).zip(&table.rows) {
                    let (number, proof) = (number.to_string(), row.evidence.sentence());
                    for (column, value) in table.columns.iter().zip(&row.values) {
                        push_line(&mut out, [&section.title, &table.title, &number, column, &value.plain(), &proof]);
                    }
                }
            }
        }
        out
    }
}

fn push_line(out: &mut String, fields: [&str; 6]) {
    let fields = fields.map(escape);
    out.push_str(&fields.join(","));
    out.push_str("\r\n");
}
