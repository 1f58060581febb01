//! A report full of members' texts: no form of it may be steered by them. F-20, F-21.

use althing_governance::id::{DaoId, EntryId};
use althing_governance::report::{Evidence, Report, Row, Section, Unit, Value};
use proptest::prelude::*;

/// Texts that have fooled a terminal, a browser, a spreadsheet or a reader.
const HOSTILE: [&str; 14] = [
    "<script>alert(1)</script>",
    "</style></head><img src=x onerror=alert(1)>",
    "\" onload=\"alert(1)",
    "' onload='x",
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "safe\u{202e}txt.exe",
    "zero\u{200b}width\u{feff}",
    "a | b | c\n| d | e |",
    "```\n# heading",
    "[click](javascript:alert(1))",
    "=HYPERLINK(\"http://x\",\"y\")",
    "+1+cmd|' /C calc'!A0",
    "quote \" comma , semicolon ;",
    "⟦U+202E⟧",
];

fn report(text: &str) -> Report {
    let evidence = || Evidence::entry(7, EntryId([3; 32]));
    let mut report = Report::new(text, DaoId([1; 32]), 2, 3, 400);
    report.sections.push(
        Section::new(text, text)
            .figure(text, Value::Quoted(text.to_owned()), evidence())
            .figure("weight", Value::Number(u128::MAX), Evidence::computed(text))
            .table(
                text,
                &["title", "sat"],
                vec![Row { values: vec![Value::Quoted(text.to_owned()), Value::Sat(1_234_567)], evidence: evidence() }],
            )
            .chart(text, Unit::Sat, vec![(text.to_owned(), u128::MAX), ("b".to_owned(), 1), ("none".to_owned(), 0)]),
    );
    report
}

fn is_dangerous(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\r')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// A reader of CSV written for this test alone.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let row = rows.last_mut().unwrap();
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                row.last_mut().unwrap().push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted => {}
            '\n' if !quoted => rows.push(vec![String::new()]),
            other => row.last_mut().unwrap().push(other),
        }
    }
    rows.pop();
    rows
}

/// Tags in the order of the file; text between them must hold no bracket of its own.
fn tags(html: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>'), "a bracket outside a tag: {}", &rest[..start]);
        let end = rest[start..].find('>').expect("every tag ends") + start;
        let tag = &rest[start + 1..end];
        names.push(tag.split([' ', '\n']).next().unwrap().trim_start_matches('/').to_owned());
        rest = &rest[end + 1..];
    }
    names
}

/// Names of all attributes, with what stands in quotes left out.
fn attributes(html: &str) -> Vec<String> {
    let mut names = Vec::new();
    for tag in html.split('<').skip(1) {
        let inside = tag.split('>').next().unwrap();
        let unquoted: String = inside.split('"').step_by(2).collect();
        names.extend(unquoted.split_whitespace().skip(1).map(|word| word.trim_end_matches('=').to_owned()));
    }
    names
}

const KNOWN_TAGS: [&str; 21] = [
    "!doctype", "html", "head", "meta", "style", "title", "body", "h1", "h2", "h3", "p", "section", "table", "tr",
    "th", "td", "code", "br", "svg", "rect", "text",
];

fn check(text: &str) {
    let report = report(text);
    let (markdown, html, csv) = (report.to_markdown(), report.to_html(), report.to_csv());
    for form in [&markdown, &html, &csv] {
        assert_eq!(form.chars().find(|c| is_dangerous(*c)), None, "{text:?} in\n{form}");
    }
    // The same tags whatever the texts are, and none that runs or fetches.
    let found = tags(&html);
    let harmless = self::report("x");
    assert_eq!(found, tags(&harmless.to_html()), "{text:?}");
    assert!(found.iter().all(|tag| KNOWN_TAGS.contains(&tag.as_str())), "{found:?}");
    assert!(attributes(&html).iter().all(|name| !name.starts_with("on") && name != "src" && name != "href"), "{html}");
    // Two figures, one row of two cells, each with six fields.
    let rows = parse_csv(&csv);
    assert_eq!(rows.len(), 5, "{csv}");
    assert!(rows.iter().all(|row| row.len() == 6), "{csv}");
    for field in rows.iter().flatten().filter(|field| field.len() > 1) {
        assert!(!field.starts_with(['=', '+', '-', '@']), "{field:?} is a formula");
    }
    // As many lines as with a harmless text: nobody adds a line, a row or a fence.
    assert_eq!(markdown.lines().count(), harmless.to_markdown().lines().count(), "{markdown}");
    assert_eq!(markdown.matches("```").count(), 2, "{markdown}");
    serde_json::to_string(&report).unwrap();
}

#[test]
fn no_known_trick_steers_a_report() {
    for text in HOSTILE {
        check(text);
    }
}

#[test]
fn different_texts_look_different() {
    let forms: Vec<String> =
        ["a\u{202e}b", "a⟦U+202E⟧b", "ab", "a b"].iter().map(|text| report(text).to_csv()).collect();
    for (i, left) in forms.iter().enumerate() {
        assert!(forms[i + 1..].iter().all(|right| right != left));
    }
}

#[test]
fn figures_name_their_proof_in_every_form() {
    let report = report("x");
    let id = EntryId([3; 32]).to_string();
    for form in [report.to_markdown(), report.to_html(), report.to_csv(), serde_json::to_string(&report).unwrap()] {
        assert!(form.contains(&id), "{form}");
    }
    assert!(report.to_markdown().contains("1 234 567 sat"));
    assert!(report.to_csv().contains(",1234567,"));
}

proptest! {
    #[test]
    fn no_text_steers_a_report(text in "\\PC{0,40}|.{0,40}|(?s-u:[\u{0}-\u{7f}]{0,40})") {
        check(&text);
    }
}
