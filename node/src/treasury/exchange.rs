//! A treasury's policy as other programs know it: BIP129 (BSMS), BIP388 (wallet policy), Caravan, and an encrypted backup.

use althing_anchor::Treasury;
use anyhow::{Context, Result, bail, ensure};
use bdk_wallet::miniscript::DescriptorPublicKey;
use bitcoin::address::NetworkUnchecked;
use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};
use bitcoin::{Address, Network, NetworkKind};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::key::Signer;
use crate::keys::{entropy, hex, unhex};

/// The first line of a BIP129 record.
const BSMS: &str = "BSMS 1.0";
const BACKUP_TAG: &str = "althing/descriptor-backup/v1";
const BACKUP_KEY_TAG: &str = "althing/descriptor-backup-key/v1";

/// A form in which a policy can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The descriptor with its checksum.
    Descriptor,
    /// BIP129 descriptor record.
    Bsms,
    /// BIP388 wallet policy, JSON.
    WalletPolicy,
    /// Caravan's wallet file, JSON.
    Caravan,
    /// Encrypted so that any one of the treasury's extended keys opens it.
    Backup,
}

/// Writes a policy.
///
/// # Errors
/// A policy that the form cannot express.
pub fn write(treasury: &Treasury, form: Form, name: &str, network: Network) -> Result<String> {
    match form {
        Form::Descriptor => Ok(treasury.to_string()),
        Form::Bsms => {
            let address = Address::from_script(&treasury.script_at(0)?, network)?;
            Ok(format!("{BSMS}\n{treasury}\nNo path restrictions\n{address}\n"))
        }
        Form::WalletPolicy => wallet_policy(treasury, name, network),
        Form::Caravan => caravan(treasury, name, network),
        Form::Backup => backup(treasury),
    }
}

/// Reads a policy in any of the forms; a backup needs the keys of one treasurer.
///
/// # Errors
/// A text of none of the forms, or one that contradicts itself.
pub fn read(text: &str, network: Network, signer: Option<&Signer>) -> Result<Treasury> {
    let trimmed = text.trim();
    if trimmed.starts_with("BSMS") {
        return read_bsms(trimmed, network);
    }
    if trimmed.starts_with('{') {
        let value: Value = serde_json::from_str(trimmed).context("T-16: not JSON")?;
        if value.get("extendedPublicKeys").is_some() {
            return read_caravan(&value);
        }
        if value.get("template").is_some() {
            return read_wallet_policy(&value);
        }
        let sealed: Backup = serde_json::from_value(value).context("T-16: not a policy in a form that is known")?;
        let signer = signer.context("T-17: a backup is opened with the keys of a treasurer")?;
        return open_backup(&sealed, signer);
    }
    Ok(Treasury::parse(trimmed)?)
}

fn read_bsms(text: &str, network: Network) -> Result<Treasury> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let [version, descriptor, restrictions, address] = lines[..] else {
        bail!("T-16: a BIP129 descriptor record has 4 lines, this has {}", lines.len());
    };
    ensure!(version == BSMS, "T-16: record version {version:?} is not {BSMS:?}");
    let descriptor = match restrictions {
        "No path restrictions" => descriptor.to_owned(),
        "/0/*,/1/*" => without_checksum(descriptor).replace("/**", "/0/*"),
        other => bail!("T-16: path restrictions {other:?} are not known"),
    };
    let treasury = Treasury::parse(&descriptor)?;
    let script = treasury.script_at(0)?;
    let ours = Address::from_script(&script, network)?;
    // The record does not name its network. A script has one address on each, and the record may be of any of them.
    let theirs = address.parse::<Address<NetworkUnchecked>>().ok().map(Address::assume_checked);
    ensure!(
        theirs.is_some_and(|theirs| theirs.script_pubkey() == script),
        "T-16: the first address is {ours}, the record says {address}"
    );
    Ok(treasury)
}

/// Key expressions of the one shape that BIP388 and Caravan know: origin, extended key, `/0/*`.
fn simple_keys(treasury: &Treasury, network: Network) -> Result<Vec<(String, String, String)>> {
    let mut keys = Vec::new();
    for key in treasury.keys() {
        let DescriptorPublicKey::XPub(xpub) = key else {
            bail!("T-16: {key} is not an extended key, which this form needs");
        };
        let path = xpub.derivation_path.to_string();
        ensure!(path == "0", "T-16: {key} does not end in /0/*, which this form needs");
        let (fingerprint, origin) = xpub.origin.clone().unwrap_or_else(|| (xpub.xkey.fingerprint(), Vec::new().into()));
        let mut extended = xpub.xkey;
        extended.network = NetworkKind::from(network);
        let origin = origin.to_string().replace('h', "'");
        keys.push((fingerprint.to_string(), origin, extended.to_string()));
    }
    Ok(keys)
}

fn wallet_policy(treasury: &Treasury, name: &str, network: Network) -> Result<String> {
    let keys = simple_keys(treasury, network)?;
    let mut template = without_checksum(&treasury.to_string()).to_owned();
    let mut information = Vec::new();
    for (number, (key, (fingerprint, origin, extended))) in treasury.keys().iter().zip(&keys).enumerate() {
        template = template.replacen(&key.to_string(), &format!("@{number}/**"), 1);
        let origin = if origin.is_empty() { String::new() } else { format!("/{origin}") };
        information.push(format!("[{fingerprint}{origin}]{extended}"));
    }
    Ok(serde_json::to_string_pretty(&json!({ "name": name, "template": template, "keys": information }))? + "\n")
}

fn read_wallet_policy(value: &Value) -> Result<Treasury> {
    let mut text = value["template"].as_str().context("T-16: the template is no text")?.to_owned();
    let keys = value["keys"].as_array().context("T-16: there are no keys")?;
    // From the last on: @1 is the beginning of @10.
    for (number, key) in keys.iter().enumerate().rev() {
        let key = key.as_str().context("T-16: a key is no text")?.replace('\'', "h");
        text = text.replace(&format!("@{number}/**"), &format!("{key}/0/*"));
    }
    ensure!(!text.contains('@'), "T-16: the template names a key that is not there, or another path than /**");
    Ok(Treasury::parse(&text)?)
}

fn caravan(treasury: &Treasury, name: &str, network: Network) -> Result<String> {
    let text = treasury.to_string();
    ensure!(text.starts_with("wsh(sortedmulti("), "T-16: Caravan knows wsh(sortedmulti()) only");
    let keys = simple_keys(treasury, network)?;
    let public: Vec<Value> = keys
        .iter()
        .enumerate()
        .map(|(number, (fingerprint, origin, extended))| {
            json!({ "name": format!("key {}", number + 1), "bip32Path": format!("m/{origin}"), "xpub": extended, "xfp": fingerprint, "method": "text" })
        })
        .collect();
    let network = if network == Network::Bitcoin { "mainnet" } else { "testnet" };
    let value = json!({
        "name": name, "addressType": "P2WSH", "network": network, "client": { "type": "public" },
        "quorum": { "requiredSigners": treasury.threshold(), "totalSigners": keys.len() },
        "extendedPublicKeys": public, "startingAddressIndex": 0,
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

fn read_caravan(value: &Value) -> Result<Treasury> {
    ensure!(value["addressType"] == "P2WSH", "T-16: address type {} is not P2WSH", value["addressType"]);
    let k = value["quorum"]["requiredSigners"].as_u64().context("T-16: there is no quorum")?;
    let keys = value["extendedPublicKeys"].as_array().context("T-16: there are no keys")?;
    let mut texts = Vec::new();
    for key in keys {
        let extended = key["xpub"].as_str().context("T-16: a key has no xpub")?;
        let path = key["bip32Path"].as_str().unwrap_or("m").trim_start_matches('m').replace('\'', "h");
        let origin = match key["xfp"].as_str() {
            Some(fingerprint) if fingerprint.len() == 8 => format!("[{fingerprint}{path}]"),
            _ => String::new(),
        };
        texts.push(format!("{origin}{extended}/0/*"));
    }
    Ok(Treasury::parse(&format!("wsh(sortedmulti({k},{}))", texts.join(",")))?)
}

/// A descriptor that any one of its extended keys opens (T-17).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Backup {
    version: u32,
    /// For each key: the secret, hidden by that key.
    hidden_secrets: Vec<String>,
    nonce: String,
    sealed: String,
}

fn backup(treasury: &Treasury) -> Result<String> {
    let mut keys: Vec<Vec<u8>> = treasury.keys().iter().map(shared_key).collect::<Result<_>>()?;
    keys.sort();
    keys.dedup();
    let secret = tagged(BACKUP_TAG, &keys.concat());
    let nonce = entropy::<24>()?;
    let text = treasury.to_string();
    let payload = Payload { msg: text.as_bytes(), aad: BACKUP_TAG.as_bytes() };
    let sealed = XChaCha20Poly1305::new_from_slice(&secret)
        .map_err(|_| anyhow::anyhow!("cipher key length"))?
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| anyhow::anyhow!("sealing the descriptor failed"))?;
    let hidden_secrets = keys.iter().map(|key| hex(&xor(&secret, &tagged(BACKUP_KEY_TAG, key)))).collect();
    let file = Backup { version: 1, hidden_secrets, nonce: hex(&nonce), sealed: hex(&sealed) };
    Ok(serde_json::to_string_pretty(&file)? + "\n")
}

fn open_backup(file: &Backup, signer: &Signer) -> Result<Treasury> {
    ensure!(file.version == 1, "T-17: backup version {} is not known to this program (1 is)", file.version);
    ensure!(file.hidden_secrets.len() <= 64, "T-17: {} keys are too many", file.hidden_secrets.len());
    let nonce: [u8; 24] = unhex(&file.nonce)?.try_into().map_err(|_| anyhow::anyhow!("T-17: nonce is not 24 bytes"))?;
    let sealed = unhex(&file.sealed)?;
    for own in signer.shared_keys() {
        for hidden in &file.hidden_secrets {
            let hidden: [u8; 32] =
                unhex(hidden)?.try_into().map_err(|_| anyhow::anyhow!("T-17: a hidden secret is not 32 bytes"))?;
            let secret = xor(&hidden, &tagged(BACKUP_KEY_TAG, &own));
            let cipher =
                XChaCha20Poly1305::new_from_slice(&secret).map_err(|_| anyhow::anyhow!("cipher key length"))?;
            let payload = Payload { msg: &sealed[..], aad: BACKUP_TAG.as_bytes() };
            if let Ok(text) = cipher.decrypt(&XNonce::from(nonce), payload) {
                return Ok(Treasury::parse(&String::from_utf8(text).context("T-17: the descriptor is no text")?)?);
            }
        }
    }
    bail!("T-17: none of this treasurer's keys opens the backup, or it was changed")
}

/// What only the treasurers and those they show their extended keys to know of a key.
pub(super) fn shared_key(key: &DescriptorPublicKey) -> Result<Vec<u8>> {
    match key {
        DescriptorPublicKey::XPub(xpub) => {
            Ok([xpub.xkey.public_key.serialize().as_slice(), xpub.xkey.chain_code.as_bytes()].concat())
        }
        other => bail!("T-17: {other} is a plain key and public on the chain; a backup needs extended keys"),
    }
}

fn without_checksum(descriptor: &str) -> &str {
    descriptor.split('#').next().unwrap_or(descriptor)
}

fn tagged(tag: &str, bytes: &[u8]) -> [u8; 32] {
    let tag = sha256::Hash::hash(tag.as_bytes());
    let mut engine = sha256::Hash::engine();
    for part in [tag.as_ref(), tag.as_ref(), bytes] {
        engine.input(part);
    }
    sha256::Hash::from_engine(engine).to_byte_array()
}

fn xor(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    std::array::from_fn(|i| a[i] ^ b[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Keys;

    const WORDS: [&str; 2] = [
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
    ];

    fn signer(words: &str) -> (tempfile::TempDir, Signer) {
        let dir = tempfile::tempdir().unwrap();
        let (keys, _) = Keys::create(dir.path(), Network::Regtest, "horse", Some(words)).unwrap();
        (dir, Signer::new(&keys))
    }

    fn two() -> (Treasury, [Signer; 2]) {
        let signers = WORDS.map(|words| signer(words).1);
        let keys: Vec<String> = signers.iter().map(|signer| format!("{}/0/*", signer.public().bip48)).collect();
        (Treasury::parse(&format!("wsh(sortedmulti(2,{}))", keys.join(","))).unwrap(), signers)
    }

    #[test]
    fn every_form_is_read_back_as_the_same_treasury() {
        let (treasury, signers) = two();
        for form in [Form::Descriptor, Form::Bsms, Form::WalletPolicy, Form::Caravan, Form::Backup] {
            let text = write(&treasury, form, "Ours", Network::Regtest).unwrap();
            for signer in &signers {
                let back = read(&text, Network::Regtest, Some(signer)).unwrap();
                assert_eq!(back.script_at(7).unwrap(), treasury.script_at(7).unwrap(), "{form:?}: {text}");
            }
        }
    }

    #[test]
    fn a_backup_opens_for_its_treasurers_only() {
        let (treasury, _) = two();
        let text = write(&treasury, Form::Backup, "Ours", Network::Regtest).unwrap();
        assert!(!text.contains("tpub"));
        let (_dir, stranger) =
            signer("letter advice cage absurd amount doctor acoustic avoid letter advice cage above");
        assert!(read(&text, Network::Regtest, Some(&stranger)).unwrap_err().to_string().contains("T-17"));
        assert!(read(&text, Network::Regtest, None).unwrap_err().to_string().contains("T-17"));
    }

    #[test]
    fn a_record_that_contradicts_itself_is_refused() {
        let (treasury, _) = two();
        let record = write(&treasury, Form::Bsms, "Ours", Network::Regtest).unwrap();
        let first = Address::from_script(&treasury.script_at(0).unwrap(), Network::Regtest).unwrap().to_string();
        let second = Address::from_script(&treasury.script_at(1).unwrap(), Network::Regtest).unwrap().to_string();
        let refusal = read(&record.replace(&first, &second), Network::Regtest, None).unwrap_err().to_string();
        assert!(refusal.contains("T-16"), "{refusal}");
        let no_address = read(&record.replace(&first, "bcrt1"), Network::Regtest, None).unwrap_err().to_string();
        assert!(no_address.contains("T-16"), "{no_address}");
        // Whoever reads it need not know of which network it is.
        for network in [Network::Regtest, Network::Bitcoin, Network::Signet] {
            assert!(read(&record, network, None).unwrap() == treasury, "{network}");
        }
    }
}
