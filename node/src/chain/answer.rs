//! What servers other than a bitcoind answer, read without a connection (B-363).

use serde_json::Value;

/// Status and body of an HTTP answer, if all of it is there.
pub fn http(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let body = &answer[end + 4..];
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let status = words.next().filter(|protocol| protocol.starts_with("HTTP/1.")).and(words.next())?.parse().ok()?;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") && value.trim().parse() != Ok(body.len()) {
            return None;
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return None;
        }
    }
    Some((status, body.to_vec()))
}

/// What a line of JSON says to a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Nothing: it is a notice, or of another question.
    Other,
    /// Its answer.
    Result(Value),
    /// Why there is none.
    Refusal(String),
}

/// What a line says to the question of this number.
///
/// # Errors
/// If it is no JSON.
pub fn line(text: &str, number: u64) -> Result<Said, String> {
    let mut answer: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if answer["id"] != number {
        return Ok(Said::Other);
    }
    Ok(match answer["error"].take() {
        Value::Null => Said::Result(answer["result"].take()),
        error => Said::Refusal(error["message"].as_str().map_or(error.to_string(), str::to_owned)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Said, http, line};

    #[test]
    fn answers_that_are_none_are_told_apart() {
        assert_eq!(http(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), Some((200, b"hi".to_vec())));
        assert_eq!(http(b"HTTP/1.0 404 Not Found\r\n\r\n"), Some((404, Vec::new())));
        for bad in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi"[..],
            b"hi",
            b"",
            b"HTTP/1.1 200 OK\r\n",
            b"SSH-2.0\r\n\r\n",
        ] {
            assert_eq!(http(bad), None);
        }
        assert_eq!(http(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), None);
    }

    #[test]
    fn a_line_answers_its_own_question_alone() {
        let said = |text: &str| line(text, 2).unwrap();
        assert_eq!(said(r#"{"id":2,"result":[1]}"#), Said::Result(json!([1])));
        assert_eq!(said(r#"{"id":2,"error":null,"result":"x"}"#), Said::Result(json!("x")));
        assert_eq!(said(r#"{"id":2,"error":{"code":1,"message":"no"}}"#), Said::Refusal("no".to_owned()));
        assert_eq!(said(r#"{"id":2,"error":7}"#), Said::Refusal("7".to_owned()));
        assert_eq!(said(r#"{"id":2}"#), Said::Result(json!(null)));
        for other in [r#"{"id":1,"result":1}"#, r#"{"id":"2"}"#, r#"{"method":"notice"}"#, "[2]", "2", "\"id\"", "null"]
        {
            assert_eq!(said(other), Said::Other, "{other}");
        }
        assert!(line("", 2).is_err() && line("HTTP/1.1 400", 2).is_err());
    }
}
