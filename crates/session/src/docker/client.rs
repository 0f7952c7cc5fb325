//! Requests to the Engine, and its answers as they come.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::model::{ContainerInspection, ImageSummary, Volume, Volumes};
use super::transport::{self, Connector};

/// Docker Desktop is slow for clients that it does not know.
const AGENT: &str = concat!("Docker-Client/prism-", env!("CARGO_PKG_VERSION"));

/// Stopping a container takes its grace period; nothing asked here should take longer to be answered.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Boxed: one state machine serves every question.
type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Why there is no answer, or none that helps.
#[derive(Debug)]
pub(super) enum Error {
    /// The Engine refused the request.
    Refused { status: u16, message: String },
    /// It answered something else.
    Unreadable(serde_json::Error),
    /// It did not answer in time.
    Late,
    /// There is no connection to it, or none any more.
    Lost(Box<dyn StdError + Send + Sync>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, message } => write!(f, "{message} (status {status})"),
            Self::Unreadable(error) => error.fmt(f),
            Self::Late => f.write_str("no answer in time"),
            Self::Lost(error) => error.fmt(f),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Lost(error) => error.source(),
            _ => None,
        }
    }
}

pub(super) fn lost(error: impl StdError + Send + Sync + 'static) -> Error {
    Error::Lost(Box::new(error))
}

/// What asks an Engine.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: legacy::Client<Connector, Full<Bytes>>,
    /// The host and port that a request names.
    authority: String,
}

impl Client {
    /// Prepares to speak to the Engine at an address, `unix://PATH`, `tcp://HOST:PORT` or `http://HOST:PORT`.
    pub fn new(address: &str) -> Self {
        Self { http: transport::client(address), authority: transport::authority(address).to_owned() }
    }

    /// Asks for something.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        read(&self.whole(Method::GET, path, None).await?)
    }

    /// Inspects a container, by its id or name.
    pub async fn inspection(&self, container: &str) -> Result<ContainerInspection, Error> {
        self.get(&format!("/containers/{}/json", encoded(container))).await
    }

    /// Lists the volumes that have all these labels.
    pub async fn volumes(&self, labels: &[&str]) -> Result<Vec<Volume>, Error> {
        let found: Volumes = self.get(&format!("/volumes?{}", filters(&[("label", labels)]))).await?;
        Ok(found.volumes.unwrap_or_default())
    }

    /// Lists the images that have a label.
    pub async fn images(&self, label: &str) -> Result<Vec<ImageSummary>, Error> {
        self.get(&format!("/images/json?{}", filters(&[("label", &[label])]))).await
    }

    /// Has something done, and does not look at what the Engine says of it.
    pub async fn post(&self, path: &str, body: Option<Value>) -> Result<(), Error> {
        self.whole(Method::POST, path, body).await.map(drop)
    }

    /// Makes something.
    pub async fn make<T: DeserializeOwned>(&self, path: &str, body: Value) -> Result<T, Error> {
        read(&self.whole(Method::POST, path, Some(body)).await?)
    }

    /// Removes something.
    pub async fn delete(&self, path: &str) -> Result<(), Error> {
        self.whole(Method::DELETE, path, None).await.map(drop)
    }

    /// Reads what a container or a command in it wrote, as far as it comes.
    pub async fn output(&self, method: Method, path: &str, body: Option<Value>) -> Result<Vec<u8>, Error> {
        let mut answer = self.send(method, path, body).await?.into_body();
        let mut written = Vec::new();
        while let Some(Ok(frame)) = answer.frame().await {
            written.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        }
        Ok(written)
    }

    fn whole(&self, method: Method, path: &str, body: Option<Value>) -> Answer<Bytes> {
        let sent = self.send(method, path, body);
        Box::pin(async move { Ok(sent.await?.into_body().collect().await.map_err(lost)?.to_bytes()) })
    }

    fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer<Response<Incoming>> {
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.authority))
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .body(Full::new(body));
        let http = self.http.clone();
        Box::pin(async move {
            let sent = http.request(request.map_err(lost)?);
            let answer = tokio::time::timeout(TIMEOUT, sent).await.map_err(|_| Error::Late)?.map_err(lost)?;
            let status = answer.status();
            if status.is_success() || status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            Err(refusal(answer).await)
        })
    }
}

/// Reads why something was refused.
pub(super) async fn refusal(answer: Response<Incoming>) -> Error {
    let status = answer.status().as_u16();
    match answer.into_body().collect().await {
        Ok(contents) => Error::Refused { status, message: message(&contents.to_bytes()) },
        Err(error) => lost(error),
    }
}

fn read<T: DeserializeOwned>(contents: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(contents).map_err(Error::Unreadable)
}

/// Reads why a request was refused; what somebody else answers is the reason as it is.
fn message(contents: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let said = serde_json::from_slice::<Refusal>(contents).map(|refusal| refusal.message);
    said.unwrap_or_else(|_| String::from_utf8_lossy(contents).into_owned())
}

/// Writes a name or a value for a path or a query.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'@' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Writes `filters=…`: of each, the values of which a thing has all.
pub(super) fn filters(filters: &[(&str, &[&str])]) -> String {
    let filters: Value =
        filters.iter().map(|(name, values)| ((*name).to_owned(), Value::from(*values))).collect();
    format!("filters={}", encoded(&filters.to_string()))
}

/// Splits what a container wrote: each piece, and whether it is of standard output alone. What has no head of eight bytes
/// was written to a terminal.
pub(super) fn pieces(mut raw: &[u8]) -> Vec<(bool, &[u8])> {
    let mut pieces = Vec::new();
    while let [kind @ 0..=2, _, _, _, a, b, c, d, rest @ ..] = raw {
        let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        let (piece, others) = rest.split_at(length.min(rest.len()));
        pieces.push((*kind == 1, piece));
        raw = others;
    }
    if !raw.is_empty() {
        pieces.push((false, raw));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_for_a_query() {
        assert_eq!(encoded("a/b:c d{\"é\"}"), "a/b:c%20d%7B%22%C3%A9%22%7D");
        assert_eq!(
            filters(&[("label", &["x=/y"]), ("status", &["removing"])]),
            "filters=%7B%22label%22:%5B%22x%3D/y%22%5D%2C%22status%22:%5B%22removing%22%5D%7D"
        );
    }

    #[test]
    fn output_is_told_apart() {
        let raw = b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x03err";
        assert_eq!(pieces(raw), [(true, &b"out"[..]), (false, &b"err"[..])]);
        assert_eq!(pieces(&raw[..10]), [(true, &b"ou"[..])], "cut off");
        assert_eq!(pieces(b"of a terminal\n"), [(false, &b"of a terminal\n"[..])]);
        assert!(pieces(b"").is_empty());
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_whoever_refuses() {
        assert_eq!(message(br#"{"message":"no such container"}"#), "no such container");
        assert_eq!(message(b"bad gateway"), "bad gateway");
    }
}
