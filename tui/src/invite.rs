//! Invitations: a DAO file as one line of letters and digits that survives any chat, and a QR code where it is short enough.
//!
//! `althing1`, then base32 (RFC 4648, lower case, without padding) of: version 1; the DAO's id, 32 bytes; birthday, 4 bytes; and
//! charter, genesis transaction and hub, each with its length in 4 bytes before it; all numbers big-endian (N-91). The id is
//! derived from charter and transaction, so joining notices any wrong letter.

use althing_node::dao::DaoFile;

/// First letters of every invitation.
pub const PREFIX: &str = "althing1";

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Longest invitation that is read, in letters.
const MAX_LETTERS: usize = 512 * 1024;

/// Whether that looks like an invitation rather than the name of a file.
#[must_use]
pub fn is_one(text: &str) -> bool {
    let begins = text.trim_start().as_bytes().get(..PREFIX.len());
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case(PREFIX.as_bytes()))
}

/// The invitation to the DAO of a DAO file.
///
/// # Errors
/// Text that is no DAO file.
pub fn encode(dao_file: &str) -> anyhow::Result<String> {
    let file: DaoFile =
        serde_json::from_str(dao_file).map_err(|error| anyhow::anyhow!("N-91: no DAO file: {error}"))?;
    let mut bytes = vec![u8::try_from(file.version)?];
    bytes.extend(unhex(&file.dao_id)?);
    bytes.extend(file.birthday.to_be_bytes());
    for part in [unhex(&file.charter)?, unhex(&file.genesis_tx)?, file.hub.into_bytes()] {
        bytes.extend(u32::try_from(part.len())?.to_be_bytes());
        bytes.extend(part);
    }
    Ok(letters(&bytes))
}

/// The DAO file of an invitation.
///
/// # Errors
/// N-91, with what is wrong.
pub fn decode(invitation: &str) -> anyhow::Result<String> {
    let letters: String = invitation.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    let letters =
        letters.strip_prefix(PREFIX).ok_or_else(|| anyhow::anyhow!("N-91: an invitation begins with {PREFIX}"))?;
    anyhow::ensure!(
        letters.len() <= MAX_LETTERS,
        "N-91: the invitation has {} letters, at most {MAX_LETTERS} are read",
        letters.len()
    );
    let bytes = from_letters(letters)?;
    let mut rest = bytes.as_slice();
    let version = u32::from(take(&mut rest, 1)?[0]);
    anyhow::ensure!(version == 1, "N-91: version {version} of invitations is not known to this program (1 is)");
    let dao_id = hex(take(&mut rest, 32)?);
    let birthday = number(&mut rest)?;
    let mut part = || -> anyhow::Result<Vec<u8>> {
        let length = usize::try_from(number(&mut rest)?)?;
        Ok(take(&mut rest, length)?.to_vec())
    };
    let (charter, genesis_tx) = (hex(&part()?), hex(&part()?));
    let hub = String::from_utf8(part()?).map_err(|_| anyhow::anyhow!("N-91: the hub's address is not UTF-8"))?;
    anyhow::ensure!(rest.is_empty(), "N-91: {} bytes too many", rest.len());
    Ok(serde_json::to_string_pretty(&DaoFile { version, dao_id, charter, genesis_tx, birthday, hub })?)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> anyhow::Result<&'a [u8]> {
    let (head, tail) =
        rest.split_at_checked(count).ok_or_else(|| anyhow::anyhow!("N-91: the invitation is cut off"))?;
    *rest = tail;
    Ok(head)
}

fn number(rest: &mut &[u8]) -> anyhow::Result<u32> {
    let bytes: [u8; 4] = take(rest, 4)?.try_into()?;
    Ok(u32::from_be_bytes(bytes))
}

/// Bytes as an invitation is written, whatever they say.
#[must_use]
pub fn letters(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(PREFIX.len() + bytes.len() * 8 / 5 + 1);
    out.push_str(PREFIX);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(ALPHABET[((buffer >> bits) & 31) as usize]));
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(char::from(ALPHABET[((buffer << (5 - bits)) & 31) as usize]));
    }
    out
}

fn from_letters(letters: &str) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(letters.len() * 5 / 8);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for (place, letter) in letters.bytes().enumerate() {
        let value = ALPHABET.iter().position(|known| *known == letter).ok_or_else(|| {
            anyhow::anyhow!("N-91: letter {} of the invitation cannot be in one", place + PREFIX.len() + 1)
        })?;
        buffer = (buffer << 5) | u32::try_from(value)?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((buffer >> bits) & 255)?);
            buffer &= (1 << bits) - 1;
        }
    }
    anyhow::ensure!(bits < 5 && buffer == 0, "N-91: the invitation ends in the middle of a byte");
    Ok(out)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> anyhow::Result<Vec<u8>> {
    anyhow::ensure!(text.len().is_multiple_of(2) && text.is_ascii(), "N-91: {} is no hex", text.len());
    let byte =
        |at: usize| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| anyhow::anyhow!("N-91: no hex at {at}"));
    (0..text.len()).step_by(2).map(byte).collect()
}
