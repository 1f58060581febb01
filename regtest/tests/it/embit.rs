//! A PSBT from here, signed by an independent implementation (the Python package `embit`), comes back and is finished here.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use althing_anchor::{Treasury, finalise, verify_signatures};
use bitcoin::Psbt;
use bitcoin::hex::FromHex as _;
use serde_json::Value;

const RELEASE: &str = "embit==0.8.0";

/// Signs with the seed n, n, ... of each treasurer n; prints the PSBT in hexadecimal.
const SIGN: &str = "
import sys
from embit import bip32
from embit.psbt import PSBT
psbt = PSBT.parse(bytes.fromhex(sys.argv[1]))
for n in sys.argv[2:]:
    psbt.sign_with(bip32.HDKey.from_seed(bytes([int(n)] * 32)))
print(psbt.serialize().hex())
";

#[test]
fn embit_signs_what_was_made_here() {
    let vectors =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec/vectors/treasury.json")).unwrap();
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let python = installed();
    for payment in vectors["payments"].as_array().unwrap() {
        let treasury = Treasury::parse(payment["descriptor"].as_str().unwrap()).unwrap();
        let signers: Vec<String> = payment["signed_by"].as_array().unwrap().iter().map(Value::to_string).collect();
        let output = Command::new(&python)
            .args(["-c", SIGN, payment["psbt"].as_str().unwrap()])
            .args(&signers)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let signed = Vec::<u8>::from_hex(String::from_utf8_lossy(&output.stdout).trim()).unwrap();
        let signed = Psbt::deserialize(&signed).unwrap();
        let generations = [treasury];
        let status = verify_signatures(&signed, &generations).unwrap();
        let by: Vec<usize> = signers.iter().map(|n| n.parse::<usize>().unwrap() - 1).collect();
        assert!(by.iter().all(|place| status[0].signed.contains(place)), "{}: {status:?}", payment["name"]);
        let transaction = finalise(&signed, &generations).unwrap();
        assert_eq!(transaction.compute_txid().to_string(), payment["transaction_id"].as_str().unwrap());
    }
}

/// Python with the package, in the user's cache folder.
fn installed() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let folder = cache.join("althing/embit").join(RELEASE.replace("==", "-"));
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let (complete, python) = (folder.join("complete"), folder.join("venv"));
    if !complete.exists() {
        crate::ots_client::make_environment(&python);
        crate::ots_client::succeeds(Command::new(python.join("bin/pip")).args(["install", "--quiet", RELEASE]));
        fs::write(&complete, RELEASE).unwrap();
    }
    python.join("bin/python")
}
