//! Small servers over a [`Node`]'s RPC that speak as an Esplora and as an Electrum server do, as far as Althing asks: for tests where no
//! such server is at hand. Every answer is bitcoind's own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;

use bdk_bitcoind_rpc::bitcoincore_rpc::{Auth, Client, RpcApi as _};
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Transaction, Txid};
use serde_json::{Value, json};

use crate::error::Error;
use crate::node::Node;

/// What a server needs of the node.
#[derive(Debug, Clone)]
struct Source {
    url: String,
    cookie: PathBuf,
}

/// A server on the loopback interface; it ends with the program.
#[derive(Debug)]
pub struct Loopback {
    address: String,
}

impl Loopback {
    /// An Esplora server (HTTP API, without pages) over a node.
    ///
    /// # Errors
    /// When no port is free.
    pub fn esplora(node: &Node) -> Result<Self, Error> {
        Self::serve(node, |source, stream| serve_http(&source, stream))
    }

    /// An Electrum server (protocol 1.4, headers only) over a node.
    ///
    /// # Errors
    /// When no port is free.
    pub fn electrum(node: &Node) -> Result<Self, Error> {
        Self::serve(node, |source, stream| serve_lines(&source, stream))
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    fn serve(node: &Node, answer: fn(Source, TcpStream) -> std::io::Result<()>) -> Result<Self, Error> {
        let place = PathBuf::from("a port of the loopback interface");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io(&place))?;
        let address = listener.local_addr().map_err(Error::io(&place))?.to_string();
        let source = Source { url: node.rpc_url(), cookie: node.cookie_file() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let source = source.clone();
                // Who goes away in the middle of an answer is not missed.
                std::thread::spawn(move || drop(answer(source, stream)));
            }
        });
        Ok(Self { address })
    }
}

impl Source {
    fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        let client =
            Client::new(&self.url, Auth::CookieFile(self.cookie.clone())).map_err(|error| error.to_string())?;
        client.call(method, arguments).map_err(|error| error.to_string())
    }

    fn tip(&self) -> Result<u64, String> {
        self.call("getblockcount", &[])?.as_u64().ok_or_else(|| "no height".to_owned())
    }

    /// A transaction as Esplora shows it, from the mempool or from a block.
    fn transaction(&self, txid: &str) -> Result<Option<Value>, String> {
        if let Ok(entry) = self.call("getmempoolentry", &[json!(txid)]) {
            let hex = self.call("getrawtransaction", &[json!(txid)])?;
            let fee = entry["fees"]["base"].as_f64().map(sat).unwrap_or_default();
            return shown(&hex, fee, &json!({ "confirmed": false })).map(Some);
        }
        for height in (0..=self.tip()?).rev() {
            let hash = self.call("getblockhash", &[json!(height)])?;
            let block = self.call("getblock", &[hash.clone(), json!(2)])?;
            let found = block["tx"].as_array().into_iter().flatten().find(|tx| tx["txid"] == txid);
            if let Some(tx) = found {
                let status = json!({ "confirmed": true, "block_height": height, "block_hash": hash });
                return shown(&tx["hex"], tx["fee"].as_f64().map(sat).unwrap_or_default(), &status).map(Some);
            }
        }
        Ok(None)
    }
}

fn sat(btc: f64) -> u64 {
    bitcoin::Amount::from_btc(btc).map_or(0, bitcoin::Amount::to_sat)
}

fn shown(hex: &Value, fee: u64, status: &Value) -> Result<Value, String> {
    let tx: Transaction = deserialize_hex(hex.as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
    let output =
        |output: &bitcoin::TxOut| json!({ "value": output.value.to_sat(), "scriptpubkey": output.script_pubkey });
    let input = |input: &bitcoin::TxIn| {
        json!({
            "txid": input.previous_output.txid, "vout": input.previous_output.vout, "prevout": null,
            "scriptsig": input.script_sig, "sequence": input.sequence, "is_coinbase": tx.is_coinbase(),
        })
    };
    Ok(json!({
        "txid": tx.compute_txid(), "version": tx.version, "locktime": tx.lock_time, "size": tx.total_size(),
        "weight": tx.weight(), "fee": fee, "status": status,
        "vin": tx.input.iter().map(input).collect::<Vec<_>>(), "vout": tx.output.iter().map(output).collect::<Vec<_>>(),
    }))
}

/// One request for each connection.
fn serve_http(source: &Source, mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (status, bytes) = match answer_http(source, &method, &path, &body) {
        Ok(Some(bytes)) => ("200 OK", bytes),
        Ok(None) => ("404 Not Found", b"not found".to_vec()),
        Err(error) => ("400 Bad Request", error.into_bytes()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(&bytes)
}

fn answer_http(source: &Source, method: &str, path: &str, body: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let text = |value: Value| match value {
        Value::String(text) => text.into_bytes(),
        other => other.to_string().into_bytes(),
    };
    let known = |answer: Result<Value, String>| answer.ok();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    Ok(match (method, parts.as_slice()) {
        ("GET", ["blocks", "tip", "height"]) => Some(text(source.call("getblockcount", &[])?)),
        ("GET", ["blocks", "tip", "hash"]) => Some(text(source.call("getbestblockhash", &[])?)),
        ("GET", ["block-height", height]) => {
            let height: u32 = height.parse().map_err(|_| "no height".to_owned())?;
            known(source.call("getblockhash", &[json!(height)])).map(text)
        }
        ("GET", ["block", hash, "status"]) => {
            let Some(header) = known(source.call("getblockheader", &[json!(hash)])) else {
                return Ok(Some(json!({ "in_best_chain": false }).to_string().into_bytes()));
            };
            let is_best = header["confirmations"].as_i64().unwrap_or(-1) > 0;
            Some(json!({ "in_best_chain": is_best, "height": header["height"] }).to_string().into_bytes())
        }
        ("GET", ["block", hash, "header"]) => {
            known(source.call("getblockheader", &[json!(hash), json!(false)])).map(text)
        }
        ("GET", ["block", hash, "raw"]) => {
            let Some(hex) = known(source.call("getblock", &[json!(hash), json!(0)])) else { return Ok(None) };
            let block: bitcoin::Block =
                deserialize_hex(hex.as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
            Some(bitcoin::consensus::encode::serialize(&block))
        }
        ("GET", ["tx", txid, "outspend", vout]) => {
            let vout: u32 = vout.parse().map_err(|_| "no output".to_owned())?;
            let unspent = source.call("gettxout", &[json!(txid), json!(vout), json!(false)])?;
            let spent = unspent.is_null();
            let status = if spent { json!({ "confirmed": true }) } else { Value::Null };
            Some(json!({ "spent": spent, "status": status }).to_string().into_bytes())
        }
        ("GET", ["tx", txid]) => {
            let txid: Txid = txid.parse().map_err(|_| "no transaction id".to_owned())?;
            source.transaction(&txid.to_string())?.map(|tx| tx.to_string().into_bytes())
        }
        ("POST", ["tx"]) => {
            let hex = String::from_utf8_lossy(body).into_owned();
            Some(text(source.call("sendrawtransaction", &[json!(hex)])?))
        }
        ("POST", ["txs", "package"]) => {
            let package: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            Some(text(source.call("submitpackage", &[package])?))
        }
        ("GET", ["fee-estimates"]) => Some(b"{}".to_vec()),
        _ => None,
    })
}

/// A JSON request a line, a JSON answer a line.
fn serve_lines(source: &Source, mut stream: TcpStream) -> std::io::Result<()> {
    let reader = BufReader::new(stream.try_clone()?);
    for line in reader.lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer = match answer_line(source, &request) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }),
            Err(error) => {
                json!({ "jsonrpc": "2.0", "id": request["id"], "error": { "code": 1, "message": error } })
            }
        };
        stream.write_all(format!("{answer}\n").as_bytes())?;
    }
    Ok(())
}

fn answer_line(source: &Source, request: &Value) -> Result<Value, String> {
    let header = |height: u64| {
        let hash = source.call("getblockhash", &[json!(height)])?;
        source.call("getblockheader", &[hash, json!(false)])
    };
    let number = |index: usize| request["params"][index].as_u64().ok_or_else(|| "a number is missing".to_owned());
    match request["method"].as_str().unwrap_or_default() {
        "server.version" => Ok(json!(["loopback", "1.4"])),
        "server.ping" => Ok(Value::Null),
        "blockchain.headers.subscribe" => {
            let height = source.tip()?;
            Ok(json!({ "height": height, "hex": header(height)? }))
        }
        "blockchain.block.header" => header(number(0)?),
        "blockchain.block.headers" => {
            let (first, count) = (number(0)?, number(1)?.min(2016));
            let last = source.tip()?.min(first.saturating_add(count).saturating_sub(1));
            let headers = (first..=last).map(header).collect::<Result<Vec<Value>, String>>()?;
            let hex: String = headers.iter().filter_map(Value::as_str).collect();
            Ok(json!({ "count": headers.len(), "hex": hex, "max": 2016 }))
        }
        "blockchain.transaction.broadcast" => source.call("sendrawtransaction", &[request["params"][0].clone()]),
        other => Err(format!("unknown method {other}")),
    }
}
