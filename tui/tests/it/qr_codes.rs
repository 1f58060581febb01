//! Hazard: a code that no camera reads, or that says something else than the text beside it.

use althing_tui::theme::Theme;
use althing_tui::widget::qr_lines;

use althing_node::treasury::text::psbt_from;
use althing_tui::app::{Action, Page, Popup};

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

/// What the code in a picture says.
fn on_screen(text: &str) -> String {
    let is_block = |c: char| matches!(c, '█' | '▀' | '▄');
    let rows: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let run = |row: &[char], from: usize| row[from..].iter().take_while(|c| is_block(**c)).count();
    // The light rows around a code are the longest unbroken ones of the picture: bars are shorter, and words may stand beside it.
    let runs = (0..rows.len()).flat_map(|y| (0..rows[y].len()).map(move |x| (y, x)));
    let runs = runs.map(|(y, x)| (run(&rows[y], x), std::cmp::Reverse((y, x))));
    let (wide, std::cmp::Reverse((top, begin))) = runs.max().expect("a picture");
    let code = rows[top..].iter().map(|row| row.iter().skip(begin).take(wide).copied().collect::<String>());
    let is_code = |row: &String| row.starts_with(is_block) && row.ends_with(is_block);
    decoded(&code.take_while(is_code).collect::<Vec<String>>())
}

#[test]
fn a_code_on_a_screen_says_what_stands_beside_it() {
    for (keys, wanted) in [
        ("5a", "BITCOIN:TB1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KXPJZSX".to_owned()),
        ("4a", "BITCOIN:TB1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KXPJZSX".to_owned()),
        ("7<enter>", crate::dao::id(208)),
    ] {
        let mut member = AtTheKeyboard::new();
        member.size = (110, 60);
        let text = member.press(keys).text();
        assert_eq!(on_screen(&text), wanted, "{keys}\n{text}");
    }
}

/// An address page has its whole code in the smallest terminal that is promised.
#[test]
fn the_code_of_an_address_is_seen_whole_at_80_by_24() {
    let text = AtTheKeyboard::new().press("5a").text();
    assert_eq!(on_screen(&text), "BITCOIN:TB1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KXPJZSX", "{text}");
    assert!(text.contains("tb1q w508"), "{text}");
}

/// The number of the code that is shown, from 0.
fn shown(member: &AtTheKeyboard) -> usize {
    match member.app.popups.last() {
        Some(Popup::Page { page: Page::Codes { at, .. }, .. }) => *at,
        other => panic!("no codes but {other:?}"),
    }
}

#[test]
fn a_session_is_shown_as_codes_that_move_and_give_the_psbt_again() {
    let mut member = AtTheKeyboard::new();
    member.press("4]Q");
    let Some(Popup::Page { page: Page::Codes { codes, .. }, .. }) = member.app.popups.last() else {
        panic!("{}", member.text());
    };
    let count = codes.len();
    assert!(count > 3, "{count} codes");
    assert!(member.app.is_moving());
    let mut read = Vec::new();
    for number in 0..count {
        assert_eq!(shown(&member), number);
        let text = member.text();
        assert!(text.contains(&format!("code {} of {count}", number + 1)), "{text}");
        read.push(on_screen(&text));
        // Two ticks, a third of a second: a camera has time.
        member.act(Action::Tick);
        assert_eq!(shown(&member), number, "a code stands for two ticks");
        member.act(Action::Tick);
    }
    assert_eq!(shown(&member), 0, "they begin again");
    read.reverse();
    let psbt = psbt_from(read.join("\n").as_bytes()).expect("all codes, in any order");
    assert_eq!((psbt.inputs.len(), psbt.outputs.len()), (1, 2));
}

#[test]
fn codes_stand_still_when_asked_to_and_where_motion_is_reduced() {
    let ticks = |member: &mut AtTheKeyboard| (0..6).for_each(|_| member.act(Action::Tick));
    let mut member = AtTheKeyboard::new();
    member.press("4]Q ");
    assert!(!member.app.is_moving());
    ticks(&mut member);
    assert_eq!(shown(&member), 0);
    member.press("jj");
    assert_eq!(shown(&member), 2);
    member.press("kkk");
    assert!(shown(&member) > 2, "before the first comes the last");
    member.press(" ");
    assert!(member.app.is_moving());
    let mut member = AtTheKeyboard::new();
    member.app.settings.reduced_motion = true;
    member.press("4]Q");
    assert!(!member.app.is_moving());
    ticks(&mut member);
    assert_eq!(shown(&member), 0);
    assert_eq!(shown(member.press("j")), 1);
    assert!(member.text().contains("standing still"), "{}", member.text());
    member.size = (60, 18);
    assert!(member.text().contains("too small for these codes"), "{}", member.text());
}
