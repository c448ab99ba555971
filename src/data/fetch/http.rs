//! The one place that opens sockets: an HTTP client with time-outs, proxies and certificates.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use ureq::http::{HeaderMap, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy, ResponseExt};

use super::trouble::{self, Outcome};
use crate::error::{Error, Result};

/// How long and how often a server is asked.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time for a connection to be made, TLS and proxies included.
    pub connect: Duration,
    /// Time without a byte, and the time in which [`Limits::trickle`] bytes must come.
    pub patience: Duration,
    /// Fewer bytes than this in the time of `patience` are no progress.
    pub trickle: u64,
    /// Tries in a row that bring nothing, before an address is given up.
    pub tries: u32,
    /// Tries of one file at one address in all.
    pub tries_in_all: u32,
    /// The pause before the second try; it doubles with every further one that brings nothing.
    pub pause: Duration,
    /// How long another process may hold the folder.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(15),
            patience: Duration::from_secs(30),
            trickle: 4096,
            tries: 3,
            tries_in_all: 100,
            pause: Duration::from_millis(500),
            wait: Duration::from_secs(600),
        }
    }
}

/// An HTTP client.
#[derive(Debug)]
pub(super) struct Http(Agent);

/// The beginning of an answer, with its body still to come.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The address that answered, where redirects led elsewhere.
    pub redirected: Option<String>,
    pub body: Box<dyn Read>,
}

impl Http {
    /// A client that, unless `direct`, follows the environment: `HTTPS_PROXY` and its relatives and
    /// `NO_PROXY`, and `SSL_CERT_FILE` in place of the certificates that come with the program.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::error::Kind::Usage) when the environment names a proxy or
    /// certificates that cannot be used.
    pub fn new(limits: &Limits, direct: bool) -> Result<Self> {
        let (proxy, roots) = match direct {
            true => (None, RootCerts::WebPki),
            false => (proxy(|name| std::env::var(name).ok(), Proxy::try_from_env())?, roots()?),
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(5)
            .max_idle_connections(0)
            .proxy(proxy)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .user_agent(concat!("dcgan-gpu/", env!("CARGO_PKG_VERSION")))
            // Bytes as they are on the server's disk, whatever it could do to them on the way.
            .accept_encoding("identity")
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect))
            .timeout_send_request(Some(limits.patience))
            .timeout_recv_response(Some(limits.patience))
            .timeout_per_read(Some(limits.patience))
            .build();
        Ok(Http(config.new_agent()))
    }

    /// Asks for `url` from byte `from` on. `validator` is what the server said the earlier bytes
    /// are of: it answers with all bytes when that has changed.
    pub fn get(&self, url: &str, from: u64, validator: Option<&str>) -> Outcome<Answer> {
        let mut request = self.0.get(url);
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
            if let Some(validator) = validator {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        let answer = request.call().map_err(trouble::of_client)?;
        let found = answer.get_uri().to_string();
        let (parts, body) = answer.into_parts();
        let redirected = (found != url).then_some(found);
        Ok(Answer { status: parts.status, headers: parts.headers, redirected, body: Box::new(body.into_reader()) })
    }
}

impl Answer {
    /// A header's text.
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The bytes that the body is said to have.
    pub fn declared(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH).and_then(|text| text.trim().parse().ok())
    }

    /// What tells this content from a later one, for a request that goes on: a strong ETag, as RFC
    /// 9110 demands.
    pub fn validator(&self) -> Option<String> {
        self.header(header::ETAG).filter(|tag| tag.starts_with('"')).map(str::to_owned)
    }

    /// Whether the server calls it a web page.
    pub fn is_page(&self) -> bool {
        let kind = self.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        kind.starts_with("text/html") || kind.starts_with("application/xhtml")
    }
}

/// The variables that name a proxy, in the order in which they count.
const PROXIES: [&str; 6] = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/// The proxy `found` in the environment; an address that cannot be used is an error, not a direct
/// connection.
fn proxy(variable: impl Fn(&str) -> Option<String>, found: Option<Proxy>) -> Result<Option<Proxy>> {
    let is_set = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
    match PROXIES.into_iter().find(is_set) {
        Some(name) if found.is_none() => Err(Error::usage(format!(
            "{name} is not the address of a proxy; write it as http://host:port, or unset it"
        ))),
        _ => Ok(found),
    }
}

/// The certificates that servers are checked with.
fn roots() -> Result<RootCerts> {
    match std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
        Some(path) => Ok(RootCerts::new_with_certs(&certificates(Path::new(&path))?)),
        None => Ok(RootCerts::WebPki),
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let refuse = |why: String| Error::usage(format!("SSL_CERT_FILE: {}: {why}", path.display()));
    let text = std::fs::read(path).map_err(|cause| refuse(format!("cannot be read: {cause}")))?;
    let mut found = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.map_err(|cause| refuse(cause.to_string()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(refuse("holds no certificates in PEM format".into())) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_proxy_that_cannot_be_used_is_no_direct_connection() {
        let set = |name: &'static str, value: &'static str| move |n: &str| (n == name).then(|| value.to_string());
        assert!(proxy(set("HTTPS_PROXY", ""), None).unwrap().is_none());
        assert!(proxy(set("PATH", "/bin"), None).unwrap().is_none());
        let error = proxy(set("https_proxy", "gopher://proxy"), None).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().starts_with("https_proxy is not the address of a proxy"), "{error}");
        let given = Proxy::new("http://proxy:3128").unwrap();
        assert_eq!(proxy(set("HTTP_PROXY", "http://proxy:3128"), Some(given)).unwrap().unwrap().port(), 3128);
    }

    #[test]
    fn certificates_are_read_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots.pem");
        let error = certificates(&path).unwrap_err();
        assert!(error.kind() == Kind::Usage && error.to_string().contains("cannot be read"), "{error}");
        std::fs::write(&path, "no certificates").unwrap();
        assert!(certificates(&path).unwrap_err().to_string().contains("holds no certificates in PEM format"));
        let pem = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        std::fs::write(&path, pem.repeat(2)).unwrap();
        assert_eq!(certificates(&path).unwrap().len(), 2);
    }
}
