//! PSBTs for signers that see and show pictures alone: rows of QR codes as Uniform Resources (BCR-2020-005, type `crypto-psbt` of
//! BCR-2020-006), which hardware signers and other wallets read.

use anyhow::{Context, Result, bail, ensure};

use super::text::MAX_PSBT_BYTES;

/// The type as most signers know it; its later name is read as well.
const TYPE: &str = "crypto-psbt";
/// What begins a resource, in whatever case.
const SCHEME: &str = "ur:";
/// Most parts of one PSBT that are read: the decoder keeps room for all that a part announces.
const MAX_PARTS: usize = 10_000;

/// The parts of a PSBT, `fragment` bytes of it in each: with all of them, in any order, it can be read.
///
/// # Errors
/// An empty PSBT or fragments without a byte.
pub fn parts(psbt: &[u8], fragment: usize) -> Result<Vec<String>> {
    let message = minicbor::to_vec(minicbor::bytes::ByteVec::from(psbt.to_vec()))
        .map_err(|error| anyhow::anyhow!("T-330: {error}"))?;
    if message.len() <= fragment {
        return Ok(vec![ur::ur::encode(&message, &ur::Type::Custom(TYPE))]);
    }
    let encoder = ur::Encoder::new(&message, fragment, TYPE);
    let mut encoder = encoder.map_err(|error| anyhow::anyhow!("T-330: {error}"))?;
    let parts = (0..encoder.fragment_count()).map(|_| encoder.next_part());
    parts.map(|part| part.map_err(|error| anyhow::anyhow!("T-330: {error}"))).collect()
}

/// Whether a text is of parts.
pub(super) fn is_ur(text: &str) -> bool {
    text.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

/// The PSBT of parts, one a line, in any order; more than needed do no harm.
///
/// # Errors
/// What is missing or does not belong together.
pub(super) fn read(text: &[u8]) -> Result<Vec<u8>> {
    let text = std::str::from_utf8(text).context("T-330: this is no text")?;
    let parts: Vec<&str> = text.split_whitespace().collect();
    let mut decoder = ur::Decoder::default();
    let mut whole = None;
    for (line, part) in (1u32..).zip(&parts) {
        let announced = announced(part).with_context(|| format!("T-330: part {line}"))?;
        match announced {
            None => {
                let read = ur::ur::decode(part).map_err(|error| anyhow::anyhow!("T-330: part {line}: {error}"))?;
                whole = Some(read.1);
            }
            Some(count) => {
                ensure!(count <= MAX_PARTS, "T-330: part {line} is of {count} parts; at most {MAX_PARTS} are read");
                decoder.receive(part).map_err(|error| anyhow::anyhow!("T-330: part {line}: {error}"))?;
            }
        }
    }
    let message = match whole {
        Some(whole) => whole,
        None => decoder.message().map_err(|error| anyhow::anyhow!("T-330: {error}"))?.with_context(|| {
            let known = decoder.resolved_fragment_count().unwrap_or(0);
            let all = decoder.fragment_count();
            format!("T-330: {known} of {all} parts are here; show the codes once more")
        })?,
    };
    let mut decoder = minicbor::Decoder::new(&message);
    let psbt = decoder.bytes().map_err(|error| anyhow::anyhow!("T-330: the parts hold no byte string: {error}"))?;
    ensure!(decoder.position() == message.len(), "T-330: there are bytes behind the PSBT");
    ensure!(psbt.len() <= MAX_PSBT_BYTES, "T-330: {} bytes are too long for a PSBT", psbt.len());
    Ok(psbt.to_vec())
}

/// Of how many parts this is one; `None` for one that is whole.
fn announced(part: &str) -> Result<Option<usize>> {
    let mut fields = part.get(SCHEME.len()..).filter(|_| is_ur(part)).context("it does not begin with ur:")?.split('/');
    let kind = fields.next().unwrap_or_default();
    if !["crypto-psbt", "psbt"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        bail!("it is of type {:?}, not a PSBT", kind.get(..32).unwrap_or(kind));
    }
    let (first, second) = (fields.next().context("it has no content")?, fields.next());
    if second.is_none() {
        return Ok(None);
    }
    let count = first.split_once('-').and_then(|(_, count)| count.parse().ok());
    count.map(Some).context("its number is not like 1-9")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of BCR-2020-006.
    const EXAMPLE: (&str, &str) = (
        "70736274ff01009a020000000258e87a21b56daf0c23be8e7070456c336f7cbaa5c8757924f545887bb2abdd750000000000ffffffff838d0427d0ec650a68aa46bb0b098aea4422c071b2ca78352a077959d07cea1d0100000000ffffffff0270aaf00800000000160014d85c2b71d0060b09c9886aeb815e50991dda124d00e1f5050000000016001400aea9a2e5f0f876a588df5546e8742d1d87008f000000000000000000",
        "ur:crypto-psbt/hdosjojkidjyzmadaenyaoaeaeaeaohdvsknclrejnpebncnrnmnjojofejzeojlkerdonspkpkkdkykfelokgprpyutkpaeaeaeaeaezmzmzmzmlslgaaditiwpihbkispkfgrkbdaslewdfycprtjsprsgksecdratkkhktikewdcaadaeaeaeaezmzmzmzmaojopkwtayaeaeaeaecmaebbtphhdnjstiambdassoloimwmlyhygdnlcatnbggtaevyykahaeaeaeaecmaebbaeplptoevwwtyakoonlourgofgvsjydpcaltaemyaeaeaeaeaeaeaeaeaebkgdcarh",
    );

    fn sample(length: usize) -> Vec<u8> {
        (0..length).map(|n| u8::try_from(n * 31 % 251).unwrap()).collect()
    }

    #[test]
    fn the_example_of_the_standard_is_read_and_written() {
        let (hex, part) = EXAMPLE;
        let psbt = crate::keys::unhex(hex).unwrap();
        assert_eq!(read(part.as_bytes()).unwrap(), psbt);
        assert_eq!(read(part.to_uppercase().as_bytes()).unwrap(), psbt, "as a QR code has it");
        assert_eq!(parts(&psbt, 1000).unwrap(), [part]);
        assert_eq!(super::super::text::psbt_bytes(part.as_bytes()).unwrap(), psbt);
    }

    #[test]
    fn parts_in_any_order_with_repetitions_give_the_psbt() {
        for (length, fragment) in [(1, 10), (100, 10), (5000, 120), (5000, 4999), (20_000, 40)] {
            let psbt = sample(length);
            let mut all = parts(&psbt, fragment).unwrap();
            assert_eq!(read(all.join("\n").as_bytes()).unwrap(), psbt);
            all.reverse();
            all.extend(all.clone());
            assert_eq!(read(all.join("\n").to_uppercase().as_bytes()).unwrap(), psbt, "{length} in {fragment}");
        }
    }

    #[test]
    fn what_is_missing_or_foreign_is_named() {
        let all = parts(&sample(1000), 100).unwrap();
        let refused = |text: String| format!("{:#}", read(text.as_bytes()).unwrap_err());
        assert!(refused(all[1..].join("\n")).contains("parts are here"));
        let other = parts(&sample(999), 100).unwrap();
        assert!(refused(format!("{}\n{}", all[0], other[1])).contains("T-330: part 2"));
        assert!(
            refused("ur:crypto-seed/oyadgdstaslplabghydrpfmkbggufgludprfgmaotpiecffltnlpqdenos".into())
                .contains("crypto-seed")
        );
        // Room for so many parts would be room for an attack.
        let huge = all[0].replacen("1-", "1-4000000000-", 1).replacen("-11/", "/", 1);
        assert!(refused(huge).contains("T-330: part 1"));
        let (head, body) = all[0].rsplit_once('/').unwrap();
        assert!(refused(format!("{}/{body}", head.replace("/1-", "/1-9999"))).contains("T-330: part 1"));
        assert!(refused(format!("ur:crypto-psbt/1-4000000000/{body}")).contains("at most 10000"));
        for text in [
            "ur:",
            "ur:/",
            "ur:crypto-psbt",
            "ur:crypto-psbt/",
            "ur:crypto-psbt/x-y/z",
            "ur:crypto-psbt/1/z",
            "ur:psbt/\u{202e}",
        ] {
            assert!(refused(text.to_owned()).contains("T-330"), "{text}");
        }
        let byte = minicbor::to_vec(7u8).unwrap();
        assert!(refused(ur::ur::encode(&byte, &ur::Type::Custom(TYPE))).contains("no byte string"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(ur:(crypto-)?psbt/([0-9]{1,3}-[0-9]{1,3}/)?[a-z]{0,40}\n?){0,4}|.{0,60}") {
            let _ = read(text.as_bytes());
        }

        #[test]
        fn no_flipped_letter_is_taken(at in 0usize..400, by in 1u8..26) {
            let part = parts(&sample(150), 1000).unwrap().remove(0);
            let at = at % part.len();
            let letter = part.as_bytes()[at];
            proptest::prop_assume!(letter.is_ascii_lowercase() && at >= "ur:crypto-psbt/".len());
            let mut changed = part.clone().into_bytes();
            changed[at] = b'a' + (letter - b'a' + by) % 26;
            proptest::prop_assert!(read(&changed).is_err());
        }
    }
}
