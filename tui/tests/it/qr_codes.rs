//! Hazard: a code that no camera reads, or that says something else than the text beside it.

use althing_tui::theme::Theme;
use althing_tui::widget::qr_lines;

use crate::dao::AtTheKeyboard;

/// Modules of a code as drawn: a letter stands for two of them, the light ones printed.
fn modules(lines: &[String]) -> Vec<Vec<bool>> {
    let mut rows = Vec::new();
    for line in lines {
        let upper = line.chars().map(|c| !matches!(c, '█' | '▀')).collect::<Vec<bool>>();
        let lower = line.chars().map(|c| !matches!(c, '█' | '▄')).collect::<Vec<bool>>();
        rows.extend([upper, lower]);
    }
    rows
}

/// Reads a drawn code with another library than the one that made it.
fn decoded(lines: &[String]) -> String {
    const PIXELS: usize = 4;
    let modules = modules(lines);
    let (width, height) = (modules[0].len(), modules.len());
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width * PIXELS, height * PIXELS, |x, y| {
        if modules[y / PIXELS][x / PIXELS] { 0 } else { 255 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "one code in {width} x {height} modules");
    grids[0].decode().expect("a readable code").1
}

#[test]
fn what_is_drawn_reads_back() {
    for text in [
        "bitcoin:tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx".to_owned(),
        "7f".repeat(32),
        format!("ALTHING1{}", "QPZRY9X8".repeat(60)),
    ] {
        let lines = qr_lines(&text, 200, &Theme::mono()).expect("room for the code");
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(decoded(&lines), text);
    }
}

#[test]
fn a_code_on_a_screen_says_what_stands_beside_it() {
    for (keys, wanted) in [
        ("5a", "bitcoin:tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx".to_owned()),
        ("4a", "bitcoin:tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx".to_owned()),
        ("7<enter>", crate::dao::id(208)),
    ] {
        let mut member = AtTheKeyboard::new();
        member.size = (110, 60);
        let text = member.press(keys).text();
        let is_code = |line: &&str| line.chars().filter(|c| matches!(c, '█' | '▀' | '▄')).count() > 10;
        let inside = |line: &str| {
            let from = line.chars().position(|c| c == '█' || c == '▀').unwrap();
            let to = line.chars().count() - line.chars().rev().position(|c| matches!(c, '█' | '▀' | '▄')).unwrap();
            line.chars().skip(from).take(to - from).collect::<String>()
        };
        let rows: Vec<String> = text.lines().filter(is_code).map(inside).collect();
        let columns = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0);
        let rows: Vec<String> = rows.into_iter().filter(|row| row.chars().count() == columns).collect();
        assert_eq!(decoded(&rows), wanted, "{keys}\n{text}");
    }
}
