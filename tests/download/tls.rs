//! HTTPS: a server whose certificate is made here is trusted when `SSL_CERT_FILE` names its root,
//! and not otherwise.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::site::{Request, head, send};
use crate::verb::run;

/// Starts a server with wrong bytes for MNIST's first file, and gives its address and the PEM of
/// its root.
fn server() -> (String, String) {
    let mut root = CertificateParams::new(vec![]).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap().signed_by(&key, &root).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], private).unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = format!("https://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            // A client that does not trust this server says no more.
            if let Some(request) = Request::read(&mut stream) {
                assert_eq!(request.target, "/train-images-idx3-ubyte.gz");
                head(&mut stream, "200 OK", &["Content-Length: 9912422"]);
                send(&mut stream, &vec![0; 9_912_422]);
                stream.conn.send_close_notify();
                let _ = stream.conn.complete_io(&mut stream.sock);
            }
        }
    });
    (address, root.pem())
}

#[test]
fn certificates_decide() {
    let (address, root) = server();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("roots.pem"), root).unwrap();
    let line = format!("data get mnist --mirror {address}");
    let ended = run(folder.path(), &[("SSL_CERT_FILE", "roots.pem")], &line);
    ended.failed(4, &[&address, "sends another file (its checksum"]);
    let ended = run(folder.path(), &[], &line);
    ended.failed(5, &[&address, "fails (", "UnknownIssuer", "SSL_CERT_FILE"]);
}
