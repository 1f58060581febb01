//! Labels of transactions, addresses and coins as files of wallets have them: one JSON object a line (BIP329). Clause T-67.

use serde_json::{Value, json};

/// Kind (`tx`, `addr` or `output`), what is labelled, and the label.
pub type Label = (String, String, String);

/// What of a wallet a treasury labels.
const KINDS: [&str; 3] = ["tx", "addr", "output"];

/// The labels of a file.
///
/// # Errors
/// T-67 with the first line that is no label.
pub fn read(text: &str) -> Result<Vec<Label>, String> {
    let mut labels = Vec::new();
    for (number, line) in (1u32..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let value: Value =
            serde_json::from_str(line).map_err(|error| format!("T-67: line {number} is no label (BIP329): {error}"))?;
        if !value.is_object() {
            return Err(format!("T-67: line {number} is no label (BIP329): it is not of the form {{...}}"));
        }
        let field = |name: &str| value[name].as_str().map(str::to_owned);
        // Other wallets label more kinds of things, and things without text; those are passed over.
        if let (Some(kind), Some(reference), Some(label)) = (field("type"), field("ref"), field("label"))
            && KINDS.contains(&kind.as_str())
        {
            labels.push((kind, reference, label));
        }
    }
    Ok(labels)
}

/// The file of these labels.
pub fn write(labels: &[Label]) -> String {
    let line = |(kind, reference, label): &Label| {
        let line = json!({ "type": kind, "ref": reference, "label": label });
        format!("{line}\n")
    };
    labels.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    #[test]
    fn what_other_wallets_write_is_read() {
        let file = concat!(
            "{\"type\":\"tx\",\"ref\":\"f00d\",\"label\":\"Nets\",\"origin\":\"wpkh([d34db33f/84'/0'/0'])\"}\r\n",
            "\n",
            "{ \"type\": \"output\", \"ref\": \"f00d:1\", \"label\": \"change\", \"spendable\": false }\n",
            "{\"type\":\"xpub\",\"ref\":\"xpub6\",\"label\":\"Bjarni\"}\n",
            "{\"type\":\"addr\",\"ref\":\"bcrt1q\"}\n",
            "{\"type\":\"addr\",\"ref\":\"bcrt1q\",\"label\":\"Möller \\u2028 \\\"x\\\"\"}"
        );
        let labels = read(file).unwrap();
        let shown: Vec<_> =
            labels.iter().map(|(kind, of, label)| (kind.as_str(), of.as_str(), label.as_str())).collect();
        assert_eq!(
            shown,
            [("tx", "f00d", "Nets"), ("output", "f00d:1", "change"), ("addr", "bcrt1q", "Möller \u{2028} \"x\"")]
        );
        assert_eq!(read(&write(&labels)), Ok(labels));
        assert_eq!(read(""), Ok(Vec::new()));
    }

    #[test]
    fn a_line_that_is_no_label_is_named() {
        let good = "{\"type\":\"tx\",\"ref\":\"f00d\",\"label\":\"Nets\"}";
        for bad in ["Nets", "{\"type\":\"tx\"", "7", "null", "[]", "\"tx\""] {
            let refused = read(&format!("{good}\n\n{bad}\n")).unwrap_err();
            assert!(refused.starts_with("T-67: line 3 is no label"), "{bad}: {refused}");
        }
    }
}
