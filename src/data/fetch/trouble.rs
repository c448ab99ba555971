//! What can go wrong on the way from a server to a file, sorted by what to do about it.

use ureq::http::StatusCode;

use crate::error::{Error, Kind, Result};

/// `std::result::Result` with [`Trouble`].
pub(super) type Outcome<T> = std::result::Result<T, Trouble>;

/// A failure to get one file from one address; the texts continue "ADDRESS: …".
#[derive(Debug)]
pub(super) enum Trouble {
    /// The connection or the server failed in a way that may pass: go on from what has arrived.
    Passing(String),
    /// What has arrived before does not go together with what the server has: begin anew.
    Stale(String),
    /// The server will not give the file, or cannot be reached: ask another.
    Refused(String),
    /// Something arrived that is not the file: ask another.
    Wrong(String),
    /// This machine failed, not the server.
    Local(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Local(error)
    }
}

impl Trouble {
    /// What the network or a server did, and the kind of error that it is.
    ///
    /// # Errors
    ///
    /// What this machine did; the message is complete.
    pub fn why(self) -> Result<(Kind, String)> {
        match self {
            Trouble::Passing(why) | Trouble::Stale(why) | Trouble::Refused(why) => Ok((Kind::Io, why)),
            Trouble::Wrong(why) => Ok((Kind::Data, why)),
            Trouble::Local(error) => Err(error),
        }
    }
}

/// Sorts what the HTTP client reports; `patience` is what its time-outs were.
pub(super) fn of_client(error: ureq::Error) -> Trouble {
    use ureq::Error as E;
    match error {
        E::Timeout(_) => Trouble::Passing(format!("no answer in time ({error})")),
        E::HostNotFound => not_found(),
        E::TooManyRedirects => Trouble::Refused("redirects without end".into()),
        E::ConnectProxyFailed(reason) => Trouble::Refused(format!("the proxy refuses ({reason})")),
        E::Rustls(_) | E::Tls(_) => Trouble::Refused(format!("the TLS connection fails ({error}{OF_ROOTS})")),
        E::Io(cause) => of_io(cause),
        E::Protocol(_) | E::LargeResponseHeader(..) => {
            Trouble::Refused(format!("the answer cannot be understood ({error})"))
        }
        _ => Trouble::Refused(error.to_string()),
    }
}

const OF_ROOTS: &str = "; a proxy that opens TLS needs SSL_CERT_FILE to name its certificates";

fn not_found() -> Trouble {
    Trouble::Refused("the host is not found (no network, or a proxy is needed)".into())
}

/// Sorts what went wrong while bytes were read from the network.
pub(super) fn of_io(cause: std::io::Error) -> Trouble {
    use std::io::ErrorKind as K;
    if cause.get_ref().is_some_and(|inner| inner.is::<ureq::Error>()) {
        return of_client(ureq::Error::from(cause));
    }
    // The standard library has no kind for names that nobody knows; Windows has numbers
    // (WSAHOST_NOT_FOUND to WSANO_DATA).
    let is_of_lookup = cfg!(windows) && matches!(cause.raw_os_error(), Some(11001..=11004));
    if is_of_lookup || cause.to_string().contains("lookup address information") {
        return not_found();
    }
    match cause.kind() {
        K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => {
            Trouble::Passing("the connection is cut".into())
        }
        K::ConnectionRefused => Trouble::Refused("the connection is refused".into()),
        // rustls reports a certificate that it does not trust so.
        K::InvalidData => Trouble::Refused(format!("the connection fails ({cause}{OF_ROOTS})")),
        K::TimedOut | K::WouldBlock => Trouble::Passing("no answer in time".into()),
        _ => Trouble::Refused(format!("the connection fails ({cause})")),
    }
}

/// Sorts an answer that carries no file.
pub(super) fn of_status(status: StatusCode) -> Trouble {
    let what = format!("answers {status}");
    match status.as_u16() {
        407 => Trouble::Refused(format!("the proxy {what}")),
        408 | 425 | 429 | 500 | 502..=504 => Trouble::Passing(what),
        300..=399 => Trouble::Refused(format!("{what} without saying where to")),
        _ => Trouble::Refused(what),
    }
}
