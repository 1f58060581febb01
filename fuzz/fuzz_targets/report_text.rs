//! Members' texts in a report: no form of it holds what could steer a terminal, a browser or a spreadsheet (F-20, F-21).
#![no_main]

use althing_governance::id::{DaoId, EntryId};
use althing_governance::report::{Evidence, Report, Row, Section, Unit, Value};
use libfuzzer_sys::fuzz_target;

fn steers(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\r')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let evidence = || Evidence::entry(7, EntryId([3; 32]));
    let mut report = Report::new(&text, DaoId([1; 32]), 2, 3, 400);
    let row = Row { values: vec![Value::Quoted(text.to_string()), Value::Sat(u128::MAX)], evidence: evidence() };
    report.sections.push(
        Section::new("Texts", "What members wrote.")
            .figure("text", Value::Quoted(text.to_string()), evidence())
            .table("Table", &["title", "sat"], vec![row])
            .chart("Chart", Unit::Sat, vec![(text.to_string(), u128::MAX), ("none".to_owned(), 0)]),
    );
    let html = report.to_html();
    for form in [&report.to_markdown(), &html, &report.to_csv()] {
        assert!(!form.chars().any(steers), "{form:?}");
    }
    // Every tag is one of the renderer's own.
    let tags = html.split('<').skip(1).map(|rest| rest.trim_start_matches('/'));
    for tag in tags {
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(!matches!(name.as_str(), "script" | "img" | "iframe" | "a" | "object" | "link"), "<{tag}");
    }
});
