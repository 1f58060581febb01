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
        ("7<enter>", crate::dao::id(208).to_uppercase()),
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

/// N-431: each code that is offered is seen whole, at the latest after scrolling; else the page says how large a window it needs, and in
/// one of that size it is there.
#[test]
fn a_code_is_whole_or_the_page_says_which_window_it_needs() {
    let code_of = |keys: &str, size: (u16, u16)| {
        let mut member = AtTheKeyboard::new();
        member.size = size;
        let text = member.press(keys).text();
        let has_code = |text: &str| text.contains(&"█".repeat(29));
        // Beside the words it is there at once; below them it is there at the end.
        let end = member.press("          ").text();
        let is_beside = text.lines().nth(2).is_some_and(has_code);
        let found = (is_beside || has_code(&end)).then(|| on_screen(if is_beside { &text } else { &end }));
        (found, end.replace(['│', '█', '║', '\n'], " "))
    };
    for (keys, wanted) in [
        ("5a", "BITCOIN:TB1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KXPJZSX".to_owned()),
        ("7<enter>", crate::dao::id(208).to_uppercase()),
        ("4]]]<enter>", "BITCOIN:TB1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KXPJZSX".to_owned()),
    ] {
        for size in [(80, 24), (100, 30), (60, 60), (60, 24), (40, 12), (120, 20)] {
            let (found, text) = code_of(keys, size);
            match found {
                Some(said) => assert_eq!(said, wanted, "{keys} {size:?}"),
                None => {
                    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
                    let needs =
                        words.split("needs a window of ").nth(1).unwrap_or_else(|| panic!("{keys} {size:?}\n{text}"));
                    let mut sizes = needs.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
                    let mut next = || sizes.next().unwrap().parse().unwrap();
                    let large: (u16, u16) = (next(), next());
                    assert!(large.0 > size.0 || large.1 > size.1, "{keys} {size:?}: {large:?}");
                    let (found, text) = code_of(keys, (large.0.max(size.0), large.1.max(size.1)));
                    assert!(found.is_some(), "{keys} {large:?}\n{text}");
                }
            }
            if size == (80, 24) {
                assert!(code_of(keys, size).0.is_some(), "{keys}: the smallest window that is promised");
            }
        }
    }
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
