//! Keys of one person or hub: one BIP39 seed, sealed at rest, and everything derived from it (K-4, T-15).
//!
//! | path (all steps hardened) | key |
//! |---|---|
//! | `m/86'/coin'/0'` | on-chain wallet, BIP86 |
//! | `m/48'/coin'/0'/2'`, `m/87'/coin'/0'` | treasury accounts, BIP48 (P2WSH) and BIP87 |
//! | `m/7161'/coin'/0'` | 32-byte seed of the BOLT 8 node key |
//! | `m/7161'/coin'/1'` | vote key |
//! | `m/7161'/coin'/1'/n'` | the vote key that replaces it, the nth time |
//! | `m/7161'/coin'/2'` | log key of a hub: heads, receipts, acks, checkpoints |
//! | `m/7161'/coin'/2'/n'` | the log key that replaces it, the nth time |
//! | `m/7161'/coin'/3'` | anchor key of a hub |
//! | `m/7161'/coin'/3'/n'` | the anchor key that replaces it, the nth time |
//! | `m/7161'/coin'/4'` | treasury key |
//! | `m/7161'/coin'/5'/n'` | seed of stake channel n |
//!
//! `coin` is 0 on the main network and 1 elsewhere (SLIP-44).

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use althing_channels::backup::BackupKey;
use anyhow::{Context, Result, bail, ensure};
use argon2::{Algorithm, Argon2, Params, Version};
use bdk_wallet::KeychainKind;
use bdk_wallet::keys::KeyMap;
use bdk_wallet::miniscript::{Descriptor, DescriptorPublicKey};
use bdk_wallet::template::{Bip86, DescriptorTemplate};
use bip39::Mnemonic;
use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint, Xpriv};
use bitcoin::secp256k1::{Keypair, PublicKey, Secp256k1, SecretKey, XOnlyPublicKey};
use bitcoin::{Network, NetworkKind};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::ApiError;

/// Name of the sealed seed file in a data directory.
pub const KEY_FILE: &str = "keys.json";

/// How many of a seed's log keys, and of its anchor keys, are tried for the one that a charter names.
pub const REPLACEMENTS: u32 = 64;

/// How many of a seed's vote keys are tried for the one that speaks for its member.
pub const VOTE_KEYS: u32 = 256;

const PURPOSE: u32 = 7161;
const SEAL_CONTEXT: &[u8] = b"althing/key-file/v1";

/// The keys of one person or hub.
pub struct Keys {
    network: Network,
    master: Xpriv,
}

/// The public halves, for charters and for showing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKeys {
    /// BOLT 8 node id, compressed, hex.
    pub node_id: String,
    /// Vote key, x-only, hex.
    pub vote_key: String,
    /// The vote key that the log of the folder has put in its place (G-90), which signs now; the first one names the member for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vote_key_in_force: Option<String>,
    /// Log key, x-only, hex; used by hubs.
    pub log_key: String,
    /// Anchor key, x-only, hex; used by hubs.
    pub anchor_key: String,
    /// The same, compressed: names this seed among operators who hold an anchor key together.
    pub operator_key: String,
    /// Treasury key, compressed, hex; used by treasurers.
    pub treasury_key: String,
}

impl Keys {
    /// Makes a new seed of 12 words, seals it with the password and writes it to `dir`. Refuses to replace an existing one.
    ///
    /// # Errors
    /// An existing key file, bad words, or I/O.
    pub fn create(dir: &Path, network: Network, password: &str, words: Option<&str>) -> Result<(Self, Mnemonic)> {
        ensure!(!password.is_empty(), "K-1: the password is empty; the seed is sealed with it, so choose one");
        let mnemonic = match words {
            Some(words) => Mnemonic::parse_normalized(words.trim()).context("K-2: these are not BIP39 seed words")?,
            None => Mnemonic::from_entropy(&entropy::<16>()?).context("making seed words")?,
        };
        let sealed = SealedSeed::seal(network, &mnemonic, password)?;
        let path = dir.join(KEY_FILE);
        // For the owner only: the control socket and the member's whole activity lie there too.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .with_context(|| format!("creating {}", dir.display()))?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("K-3: {} must not exist yet; a seed is never overwritten", path.display()))?;
        file.write_all(serde_json::to_string_pretty(&sealed)?.as_bytes())?;
        file.sync_all()?;
        fs::File::open(dir)?.sync_all()?;
        Ok((Self::from_mnemonic(network, &mnemonic)?, mnemonic))
    }

    /// Opens the sealed seed in `dir`.
    ///
    /// # Errors
    /// A missing or malformed file, or a wrong password.
    pub fn open(dir: &Path, password: &str) -> Result<Self> {
        let (network, mnemonic) = SealedSeed::read(dir)?.open(password)?;
        Self::from_mnemonic(network, &mnemonic)
    }

    /// The seed words of a key file, to be shown to whoever has its password.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn words(dir: &Path, password: &str) -> Result<Mnemonic> {
        Ok(SealedSeed::read(dir)?.open(password)?.1)
    }

    /// The network these keys were made for.
    pub fn network(&self) -> Network {
        self.network
    }

    /// Seed of the BOLT 8 node key, as the peer manager wants it.
    pub fn node_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.child(&[0]).private_key.secret_bytes())
    }

    /// The BOLT 8 node key; a tower signs its receipts with it, since it is the name that its clients know it by (C-82).
    pub fn node(&self) -> Keypair {
        crate::peers::node_keypair(&self.node_seed())
    }

    /// Signs ballots and every other entry of the member.
    pub fn vote(&self) -> Keypair {
        self.keypair(1)
    }

    /// The vote key after `number` replacements: 0 is the first one, [`Keys::vote`].
    pub fn vote_number(&self, number: u32) -> Keypair {
        self.replacement(1, number)
    }

    /// Which of this seed's vote keys this is: how often it was replaced before. `None` when it is none of the first
    /// [`VOTE_KEYS`].
    pub fn vote_key_number(&self, key: &XOnlyPublicKey) -> Option<u32> {
        (0..VOTE_KEYS).find(|number| self.vote_number(*number).x_only_public_key().0 == *key)
    }

    /// The log key after `number` replacements: 0 is the first one, [`Keys::log`].
    pub fn log_number(&self, number: u32) -> Keypair {
        self.replacement(2, number)
    }

    /// The anchor key after `number` replacements: 0 is the first one, [`Keys::anchor`].
    pub fn anchor_number(&self, number: u32) -> Keypair {
        self.replacement(3, number)
    }

    /// The log key of this seed that a charter names.
    ///
    /// # Errors
    /// When it is none of the first [`REPLACEMENTS`]: somebody else signs for the DAO.
    pub fn log_for(&self, key: &XOnlyPublicKey) -> Result<Keypair> {
        self.named("log", |number| self.log_number(number), key)
    }

    /// The anchor key of this seed that a header or charter names.
    ///
    /// # Errors
    /// As [`Keys::log_for`].
    pub fn anchor_for(&self, key: &XOnlyPublicKey) -> Result<Keypair> {
        self.named("anchor", |number| self.anchor_number(number), key)
    }

    /// Signs a hub's heads, receipts, acks and checkpoints.
    pub fn log(&self) -> Keypair {
        self.keypair(2)
    }

    /// Spends a hub's links.
    pub fn anchor(&self) -> Keypair {
        self.keypair(3)
    }

    /// One key of the treasury.
    pub fn treasury(&self) -> Keypair {
        self.keypair(4)
    }

    /// Fingerprint of the seed, and the treasury accounts of BIP48 (P2WSH) and BIP87, each with its path.
    pub fn treasury_accounts(&self) -> (Fingerprint, Vec<(DerivationPath, Xpriv)>) {
        let secp = Secp256k1::new();
        let coin = if self.network == Network::Bitcoin { 0 } else { 1 };
        let account = |steps: &[u32]| {
            let path: DerivationPath =
                steps.iter().map(|&step| ChildNumber::from_hardened_idx(step).expect("small numbers")).collect();
            let key = self.master.derive_priv(&secp, &path).expect("hardened steps of a private key always derive");
            (path, key)
        };
        (self.master.fingerprint(&secp), vec![account(&[48, coin, 0, 2]), account(&[87, coin, 0])])
    }

    /// Seed of stake channel `number`.
    pub fn channel_seed(&self, number: u32) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.child(&[5, number]).private_key.secret_bytes())
    }

    /// Seals and opens the backups of this node's channels.
    pub fn backup(&self) -> BackupKey {
        BackupKey::new(self.child(&[6]).private_key.secret_bytes())
    }

    /// The public halves.
    pub fn public(&self) -> PublicKeys {
        self.public_number(0)
    }

    /// The public halves, with the vote, log and anchor key after `number` replacements.
    pub fn public_number(&self, number: u32) -> PublicKeys {
        let secp = Secp256k1::new();
        PublicKeys {
            node_id: crate::peers::node_id(&self.node_seed()).to_string(),
            vote_key: self.vote_number(number).x_only_public_key().0.to_string(),
            vote_key_in_force: None,
            log_key: self.log_number(number).x_only_public_key().0.to_string(),
            anchor_key: self.anchor_number(number).x_only_public_key().0.to_string(),
            operator_key: self.anchor_number(number).public_key().to_string(),
            treasury_key: PublicKey::from_secret_key(&secp, &self.treasury().secret_key()).to_string(),
        }
    }

    /// Receiving and change descriptor (public) of the on-chain wallet, each with its private keys.
    ///
    /// # Errors
    /// Never for keys that this type made; the library's signature allows one.
    pub fn wallet_descriptors(&self) -> Result<[(Descriptor<DescriptorPublicKey>, KeyMap); 2]> {
        let descriptor = |kind: KeychainKind| -> Result<_> {
            let (descriptor, keys, _) = Bip86(self.master, kind).build(NetworkKind::from(self.network))?;
            Ok((descriptor, keys))
        };
        Ok([descriptor(KeychainKind::External)?, descriptor(KeychainKind::Internal)?])
    }

    fn from_mnemonic(network: Network, mnemonic: &Mnemonic) -> Result<Self> {
        let seed = Zeroizing::new(mnemonic.to_seed(""));
        let master = Xpriv::new_master(network, &*seed).context("deriving the master key")?;
        Ok(Self { network, master })
    }

    fn replacement(&self, role: u32, number: u32) -> Keypair {
        match number {
            0 => self.keypair(role),
            number => Keypair::from_secret_key(&Secp256k1::new(), &self.child(&[role, number]).private_key),
        }
    }

    fn named(&self, what: &str, number: impl Fn(u32) -> Keypair, key: &XOnlyPublicKey) -> Result<Keypair> {
        let found = (0..REPLACEMENTS).map(number).find(|own| own.x_only_public_key().0 == *key);
        found.with_context(|| {
            format!("N-78: the {what} key in force, {key}, is none of the first {REPLACEMENTS} of this seed; another hub has it")
        })
    }

    fn keypair(&self, role: u32) -> Keypair {
        let secret: SecretKey = self.child(&[role]).private_key;
        Keypair::from_secret_key(&Secp256k1::new(), &secret)
    }

    fn child(&self, tail: &[u32]) -> Xpriv {
        let coin = if self.network == Network::Bitcoin { 0 } else { 1 };
        let path: Vec<ChildNumber> = [PURPOSE, coin]
            .iter()
            .chain(tail)
            .map(|&index| ChildNumber::from_hardened_idx(index & 0x7fff_ffff).expect("31 bits"))
            .collect();
        self.master.derive_priv(&Secp256k1::new(), &path).expect("hardened steps of a private key always derive")
    }
}

/// Fresh entropy from the operating system.
///
/// # Errors
/// When the operating system has none to give.
pub fn entropy<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("no entropy from the operating system: {e}"))?;
    Ok(bytes)
}

/// The key file: the seed words under XChaCha20-Poly1305 with a key from argon2id (RFC 9106).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedSeed {
    version: u32,
    network: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    nonce: String,
    sealed: String,
}

impl SealedSeed {
    fn seal(network: Network, mnemonic: &Mnemonic, password: &str) -> Result<Self> {
        let (salt, nonce) = (entropy::<16>()?, entropy::<24>()?);
        // RFC 9106's second recommended option (64 MiB, 3 passes), with one lane so that it costs the same on small machines.
        let mut file = Self {
            version: 1,
            network: network.to_core_arg().to_owned(),
            memory_kib: 64 * 1024,
            passes: 3,
            lanes: 1,
            salt: hex(&salt),
            nonce: hex(&nonce),
            sealed: String::new(),
        };
        let words = Zeroizing::new(mnemonic.to_string());
        let sealed = file
            .cipher(password, &salt)?
            .encrypt(&XNonce::from(nonce), Payload { msg: words.as_bytes(), aad: SEAL_CONTEXT })
            .map_err(|_| anyhow::anyhow!("sealing the seed failed"))?;
        file.sealed = hex(&sealed);
        Ok(file)
    }

    fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(KEY_FILE);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("reading {}; `althing init` makes it", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not a key file", path.display()))
    }

    fn open(&self, password: &str) -> Result<(Network, Mnemonic)> {
        ensure!(self.version == 1, "K-4: key file version {} is not known to this program (1 is)", self.version);
        let network = Network::from_core_arg(&self.network).with_context(|| format!("network {:?}", self.network))?;
        let nonce: [u8; 24] =
            unhex(&self.nonce)?.try_into().map_err(|_| anyhow::anyhow!("K-5: nonce is not 24 bytes"))?;
        let words = self
            .cipher(password, &unhex(&self.salt)?)?
            .decrypt(&XNonce::from(nonce), Payload { msg: &unhex(&self.sealed)?, aad: SEAL_CONTEXT })
            .map_err(|_| ApiError::invalid("K-6", "K-6: wrong password, or the key file was changed"))?;
        let words = Zeroizing::new(String::from_utf8(words).context("sealed words are not text")?);
        Ok((network, Mnemonic::parse_normalized(&words).context("sealed words are not BIP39 words")?))
    }

    fn cipher(&self, password: &str, salt: &[u8]) -> Result<XChaCha20Poly1305> {
        // Bounds keep a doctored key file from exhausting the machine.
        if !(8 * 1024..=1024 * 1024).contains(&self.memory_kib) || !(1..=16).contains(&self.passes) {
            bail!("K-7: argon2 cost {} KiB x {} is outside 8192..=1048576 KiB x 1..=16", self.memory_kib, self.passes);
        }
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32))
            .map_err(|e| anyhow::anyhow!("K-7: argon2 parameters: {e}"))?;
        let mut key = Zeroizing::new([0u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password.as_bytes(), salt, &mut *key)
            .map_err(|e| anyhow::anyhow!("K-7: argon2: {e}"))?;
        XChaCha20Poly1305::new_from_slice(&*key).map_err(|_| anyhow::anyhow!("cipher key length"))
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use bitcoin::hex::DisplayHex;
    bytes.to_lower_hex_string()
}

/// Longest wrong hex that an error quotes, in bytes: two keys.
const LONGEST_QUOTE: usize = 132;

/// Whether a text is seed words, which belong on paper and into no error.
pub fn is_seed_words(text: &str) -> bool {
    Mnemonic::parse_normalized(&text.split_whitespace().collect::<Vec<_>>().join(" ")).is_ok()
}

/// Bytes of a hex text.
///
/// # Errors
/// When it is not hex.
pub fn unhex(text: &str) -> Result<Vec<u8>> {
    use bitcoin::hex::FromHex;
    let text = text.trim();
    Vec::<u8>::from_hex(text).with_context(|| {
        match text.len() <= LONGEST_QUOTE && !text.contains(char::is_whitespace) {
            true => format!("{text:?} is not hex"),
            // A file given by mistake may hold seed words.
            false => format!("a text of {} characters is not hex", text.chars().count()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    #[test]
    fn a_sealed_seed_opens_with_its_password_only() {
        let dir = tempfile::tempdir().unwrap();
        let (made, words) = Keys::create(dir.path(), Network::Regtest, "horse", None).unwrap();
        assert_eq!(words.word_count(), 12);
        let opened = Keys::open(dir.path(), "horse").unwrap();
        assert_eq!(made.public(), opened.public());
        assert_eq!(Keys::words(dir.path(), "horse").unwrap(), words);
        assert!(Keys::words(dir.path(), "donkey").is_err());
        let error = Keys::open(dir.path(), "donkey").err().unwrap().to_string();
        assert!(error.contains("K-6"), "{error}");
        let error = Keys::create(dir.path(), Network::Regtest, "horse", None).err().unwrap().to_string();
        assert!(error.contains("K-3"), "{error}");
    }

    #[test]
    fn the_key_that_a_charter_names_is_found_among_the_seeds_or_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (keys, _) = Keys::create(dir.path(), Network::Regtest, "horse", Some(WORDS)).unwrap();
        let name = |key: Keypair| key.x_only_public_key().0;
        assert_eq!(keys.log_number(0), keys.log());
        for number in [0, 1, REPLACEMENTS - 1] {
            let (log, anchor) = (keys.log_number(number), keys.anchor_number(number));
            assert_eq!(keys.log_for(&name(log)).unwrap(), log);
            assert_eq!(keys.anchor_for(&name(anchor)).unwrap(), anchor);
            assert_eq!(keys.public_number(number).log_key, name(log).to_string());
            // A key for one purpose is none for another.
            let refused = keys.log_for(&name(anchor)).unwrap_err().to_string();
            assert!(refused.contains("N-78") && refused.contains(&name(anchor).to_string()), "{refused}");
        }
        assert!(keys.log_for(&name(keys.log_number(REPLACEMENTS))).is_err());
    }

    #[test]
    fn the_file_holds_no_word_of_the_seed() {
        let dir = tempfile::tempdir().unwrap();
        Keys::create(dir.path(), Network::Regtest, "horse", Some(WORDS)).unwrap();
        let text = fs::read_to_string(dir.path().join(KEY_FILE)).unwrap();
        assert!(!text.contains("abandon"));
    }

    #[test]
    fn roles_have_different_keys_and_the_wallet_is_bip86() {
        let dir = tempfile::tempdir().unwrap();
        let (keys, _) = Keys::create(dir.path(), Network::Bitcoin, "horse", Some(WORDS)).unwrap();
        let public = keys.public();
        let mut all = vec![public.vote_key, public.log_key, public.anchor_key, public.treasury_key[2..].to_owned()];
        all.dedup();
        assert_eq!(all.len(), 4);
        // First receiving address of the test vectors in BIP86.
        let [(external, _), (internal, _)] = keys.wallet_descriptors().unwrap();
        let mut wallet = bdk_wallet::Wallet::create(external, internal)
            .network(Network::Bitcoin)
            .create_wallet_no_persist()
            .unwrap();
        assert_eq!(
            wallet.reveal_next_address(KeychainKind::External).address.to_string(),
            "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"
        );
    }
}
