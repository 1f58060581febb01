//! Before something irreversible: its exact effects, made from parsed values, and a word to type.

use super::console::{Console, Format};
use super::failure::Failure;
use crate::deeds::Asked;
use crate::readonly::refusal;
use crate::text::wrap;

/// Width of a review on the standard error.
const COLUMNS: usize = 96;

/// Shows the effects and waits for the word, unless `assume_yes`.
pub(super) fn confirm(
    console: &mut Console<'_>,
    title: &str,
    effects: &[String],
    word: &str,
    assume_yes: bool,
) -> Result<(), Failure> {
    if console.readonly {
        // Before anybody reads what will not be done.
        return Err(refusal().into());
    }
    if let Some(screens) = console.screens.as_deref_mut() {
        let asks = Asked { title: title.to_owned(), effects: effects.to_vec(), word: word.to_owned() };
        // N-171: what was agreed to is exactly what is done; anything else is read again.
        if screens.agreed.as_ref() == Some(&asks) {
            return Ok(());
        }
        screens.asks = Some(asks);
        return Err(Failure::declined(word));
    }
    let to_read = !(assume_yes && console.format == Format::Json);
    if to_read {
        console.note(&super::show::sentence(title));
        let columns = console.columns().map_or(COLUMNS, |columns| columns.saturating_sub(4).min(COLUMNS));
        for effect in effects {
            for (index, line) in wrap(&super::show::sentence(effect), columns).iter().enumerate() {
                let mark = if index == 0 { "  - " } else { "    " };
                console.note(&format!("{mark}{line}"));
            }
        }
    }
    if assume_yes {
        return Ok(());
    }
    console.note(&format!("Type {word} to go on; anything else does nothing."));
    let mut line = String::new();
    // Not more than the word needs, whatever is piped in.
    let mut input = std::io::Read::take(&mut *console.input, 256);
    std::io::BufRead::read_line(&mut input, &mut line).map_err(anyhow::Error::from)?;
    if line.trim() == word { Ok(()) } else { Err(Failure::declined(word)) }
}
