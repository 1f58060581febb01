//! A treasurer's key: what it shows to others, and how it signs. It never leaves its node.
//!
//! The same seed that is sealed at rest gives three ways to be a treasurer: the plain treasury key, and the accounts of BIP48
//! (`m/48'/coin'/0'/2'`, P2WSH) and BIP87 (`m/87'/coin'/0'`).

use althing_anchor::{read_payout, write_payout};
use anyhow::{Result, anyhow, ensure};
use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint, Xpriv, Xpub};
use bitcoin::psbt::{GetKey, GetKeyError, KeyRequest, Psbt};
use bitcoin::secp256k1::{Keypair, PublicKey, Secp256k1, Signing, XOnlyPublicKey};
use bitcoin::{NetworkKind, PrivateKey};
use serde::{Deserialize, Serialize};

use crate::keys::Keys;

/// What a treasurer gives to those who write the descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreasurerKeys {
    /// Fingerprint of the seed.
    pub fingerprint: String,
    /// The plain treasury key, compressed, hex.
    pub treasury_key: String,
    /// Extended key by BIP48 for P2WSH, with its origin.
    pub bip48: String,
    /// Extended key by BIP87, with its origin.
    pub bip87: String,
    /// The own public key of the BIP48 account: by it a charter names the treasurer whose extended key is in the descriptor (T-61).
    #[serde(default)]
    pub bip48_own: String,
    /// The same of the BIP87 account.
    #[serde(default)]
    pub bip87_own: String,
}

/// Signs PSBTs with a treasurer's keys, and with no other key of the seed.
pub struct Signer {
    network: NetworkKind,
    plain: Keypair,
    fingerprint: Fingerprint,
    accounts: Vec<(DerivationPath, Xpriv)>,
}

impl Signer {
    /// The signer of these keys.
    pub fn new(keys: &Keys) -> Self {
        let (fingerprint, accounts) = keys.treasury_accounts();
        Self { network: NetworkKind::from(keys.network()), plain: keys.treasury(), fingerprint, accounts }
    }

    /// What the treasurer gives to others.
    pub fn public(&self) -> TreasurerKeys {
        let secp = Secp256k1::new();
        let account = |number: usize| {
            self.accounts.get(number).map_or_else(String::new, |(path, key)| {
                let path: String = path.into_iter().map(|step| format!("/{step}").replace('\'', "h")).collect();
                format!("[{}{path}]{}", self.fingerprint, Xpub::from_priv(&secp, key))
            })
        };
        let own = |number: usize| {
            self.accounts
                .get(number)
                .map_or_else(String::new, |(_, key)| Xpub::from_priv(&secp, key).public_key.to_string())
        };
        TreasurerKeys {
            fingerprint: self.fingerprint.to_string(),
            treasury_key: self.plain.public_key().to_string(),
            bip48: account(0),
            bip87: account(1),
            bip48_own: own(0),
            bip87_own: own(1),
        }
    }

    /// Whether a public key of a treasury is one of this treasurer's, given the origin that a descriptor states.
    pub fn holds(&self, key: &bdk_wallet::miniscript::DescriptorPublicKey) -> bool {
        use bdk_wallet::miniscript::DescriptorPublicKey as Key;
        let secp = Secp256k1::new();
        match key {
            Key::Single(_) => key
                .clone()
                .at_derivation_index(0)
                .ok()
                .and_then(|definite| definite.derive_public_key(&secp).ok())
                .is_some_and(|public| public.inner.x_only_public_key().0 == self.plain.x_only_public_key().0),
            Key::XPub(xpub) => self.accounts.iter().any(|(_, account)| {
                let own = Xpub::from_priv(&secp, account);
                own.public_key == xpub.xkey.public_key && own.chain_code == xpub.xkey.chain_code
            }),
            Key::MultiXPub(_) => false,
        }
    }

    /// The secret of the key by which a charter knows this treasurer: its plain key, or the own key of an account.
    pub(super) fn office_key(&self, wanted: &XOnlyPublicKey) -> Option<Keypair> {
        let secp = Secp256k1::new();
        let accounts = self.accounts.iter().map(|(_, account)| account.to_keypair(&secp));
        std::iter::once(self.plain).chain(accounts).find(|own| own.x_only_public_key().0 == *wanted)
    }

    /// What this treasurer's extended keys open backups with.
    pub(super) fn shared_keys(&self) -> Vec<Vec<u8>> {
        let secp = Secp256k1::new();
        let accounts = self.accounts.iter().map(|(_, account)| Xpub::from_priv(&secp, account));
        accounts.map(|own| [own.public_key.serialize().as_slice(), own.chain_code.as_bytes()].concat()).collect()
    }

    /// Adds this treasurer's signatures.
    ///
    /// # Errors
    /// When the PSBT has no input that one of the keys can sign.
    pub fn sign(&self, psbt: &mut Psbt) -> Result<()> {
        let secp = Secp256k1::new();
        let count = |psbt: &Psbt| -> usize {
            psbt.inputs.iter().map(|input| input.partial_sigs.len() + input.tap_script_sigs.len()).sum()
        };
        let mut before = count(psbt);
        // Inputs that other treasurers alone can sign are no error here.
        let _ = psbt.sign(self, &secp);
        let mut after = count(psbt);
        // T-89: a stage is signed together with its payout.
        if let Some(mut payout) = read_payout(psbt).map_err(|error| anyhow!("T-88: the payout: {error}"))? {
            before += count(&payout);
            let _ = payout.sign(self, &secp);
            after += count(&payout);
            write_payout(psbt, &payout);
        }
        ensure!(after > before, "T-63: no input waits for a key of this treasurer, or it has signed already");
        Ok(())
    }

    fn derive<C: Signing>(&self, secp: &Secp256k1<C>, from: Fingerprint, path: &DerivationPath) -> Option<PrivateKey> {
        let steps: &[ChildNumber] = path.as_ref();
        for (account_path, account) in &self.accounts {
            let account_steps: &[ChildNumber] = account_path.as_ref();
            let rest = if from == self.fingerprint {
                steps.strip_prefix(account_steps)
            } else {
                // A descriptor without origins names the extended key itself.
                (from == account.fingerprint(secp)).then_some(steps)
            };
            let Some(rest) = rest else { continue };
            if let Ok(child) = account.derive_priv(secp, &rest.to_vec()) {
                return Some(PrivateKey::new(child.private_key, self.network));
            }
        }
        None
    }

    fn plain_for(&self, public: &PublicKey) -> Option<PrivateKey> {
        let is_own = public.x_only_public_key().0 == self.plain.x_only_public_key().0;
        is_own.then(|| PrivateKey::new(self.plain.secret_key(), self.network))
    }
}

impl GetKey for Signer {
    type Error = GetKeyError;

    fn get_key<C: Signing>(
        &self,
        request: KeyRequest,
        secp: &Secp256k1<C>,
    ) -> std::result::Result<Option<PrivateKey>, Self::Error> {
        Ok(match request {
            KeyRequest::Pubkey(public) => self.plain_for(&public.inner),
            KeyRequest::XOnlyPubkey(x_only) => self.plain_for(&x_only.public_key(bitcoin::secp256k1::Parity::Even)),
            KeyRequest::Bip32((from, path)) => self.derive(secp, from, &path),
            _ => None,
        })
    }
}
