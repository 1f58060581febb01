//! The little that servers other than a bitcoind are spoken to by: HTTP requests and JSON lines over plain TCP. Such a server is one's own, on
//! this machine or behind a tunnel; TLS is the tunnel's (B-363).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{self, Said};

/// How long the server may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest answer: a block has at most 4 MB.
const MAX_ANSWER: u64 = 16 << 20;

fn connect(address: &str) -> Result<TcpStream, String> {
    let found = address.to_socket_addrs().map_err(|error| format!("{address}: {error}"))?;
    let mut last = format!("{address} names no address");
    for socket in found {
        match TcpStream::connect_timeout(&socket, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
                stream.set_write_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
                return Ok(stream);
            }
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

/// A base address of HTTP: `http://host:port/path`.
#[derive(Debug, Clone)]
pub(super) struct Http {
    address: String,
    path: String,
}

impl Http {
    /// Reads the base address; nothing is sent.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(format!("B-363: {url} is not http://host:port; TLS is left to a tunnel on this machine"));
        };
        let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
        let address = if address.contains(':') { address.to_owned() } else { format!("{address}:80") };
        let path = match path.trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        };
        Ok(Self { address, path })
    }

    /// Status and body of the answer. HTTP/1.0, so that the body ends with the connection.
    pub(super) fn ask(&self, method: &str, path: &str, body: &str) -> Result<(u16, Vec<u8>), String> {
        let mut stream = connect(&self.address)?;
        let length = body.len();
        let head = format!(
            "{method} {}{path} HTTP/1.0\r\nHost: {}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
            self.path, self.address
        );
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        sent.map_err(|error| error.to_string())?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer).map_err(|error| error.to_string())?;
        answer::http(&answer).ok_or_else(|| "the answer is not HTTP, or was cut short".to_owned())
    }
}

/// Why a question by JSON lines has no answer.
pub(super) enum LineError {
    /// The connection failed, or what came is no answer.
    Broken(String),
    /// The server refused.
    Refused(String),
}

/// A connection on which each line is a JSON message.
pub(super) struct Lines {
    stream: BufReader<TcpStream>,
    next: u64,
}

impl Lines {
    /// Connects to `host:port`.
    pub(super) fn connect(address: &str) -> Result<Self, String> {
        Ok(Self { stream: BufReader::new(connect(address)?), next: 0 })
    }

    /// Calls a method; notices that come in between are passed over.
    pub(super) fn call(&mut self, method: &str, params: &Value) -> Result<Value, LineError> {
        let broken = |reason: String| LineError::Broken(reason);
        self.next += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        let line = format!("{request}\n");
        self.stream.get_mut().write_all(line.as_bytes()).map_err(|error| broken(error.to_string()))?;
        loop {
            let mut line = String::new();
            let read = self.stream.by_ref().take(MAX_ANSWER).read_line(&mut line);
            if read.map_err(|error| broken(error.to_string()))? == 0 {
                return Err(broken("the server closed the connection".to_owned()));
            }
            match answer::line(&line, self.next).map_err(broken)? {
                Said::Other => {}
                Said::Result(result) => return Ok(result),
                Said::Refusal(message) => return Err(LineError::Refused(message)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Http;

    #[test]
    fn addresses_are_read() {
        let base = Http::new("http://127.0.0.1:3002/api/").unwrap();
        assert_eq!((base.address.as_str(), base.path.as_str()), ("127.0.0.1:3002", "/api"));
        assert_eq!(Http::new("http://esplora.local").unwrap().address, "esplora.local:80");
        assert!(Http::new("https://esplora.example").unwrap_err().contains("B-363"));
    }
}
