//! The program as a user runs it: exit codes, streams, proxies.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::desk::{Ended, end};
use crate::common::program::program;
use crate::site::{Request, Site, head, page, send};

/// Runs the program with the words of `line` in `folder`, with these variables.
pub fn run(folder: &Path, variables: &[(&str, &str)], line: &str) -> Ended {
    let mut command = program();
    command.env("XDG_CACHE_HOME", folder.join("cache")).env("DCGAN_GPU_CACHE", folder.join("cache"));
    command.envs(variables.iter().copied()).current_dir(folder).args(line.split_whitespace());
    end(command)
}

impl Ended {
    /// Insists on a failure with `code` and a last line that contains all of `parts`.
    #[track_caller]
    pub fn failed(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        let last = self.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: ") && self.stdout.is_empty(), "{self:#?}");
        for part in parts {
            assert!(last.contains(part), "{last:?} does not say {part:?}");
        }
        assert!(!self.stderr.contains('\u{1b}') && !self.stderr.contains('\r'), "a bar without a terminal: {self:?}");
    }
}

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

#[test]
fn failures_have_their_codes() {
    let folder = TempDir::new().unwrap();
    let run = |variables: &[(&str, &str)], line: &str| crate::verb::run(folder.path(), variables, line);
    let forbidden = Site::new(|_, _, stream| head(stream, "403 Forbidden", &["Content-Length: 0"]));
    let login = Site::new(|_, _, stream| page(stream, "200 OK", "text/html"));
    let wrong = Site::new(|request, _, stream| {
        assert_eq!(request.target, "/kmnist/train-images-idx3-ubyte.gz");
        head(stream, "200 OK", &["Content-Length: 18165135"]);
        send(stream, &vec![0x1f; 18_165_135]);
    });
    let cache = folder.path().join("cache/mnist").display().to_string();
    let ended = run(&[], &format!("data get mnist --mirror {}", forbidden.url()));
    ended.failed(5, &["answers 403 Forbidden", "to do it by hand, put", &forbidden.url(), &cache]);
    ended.failed(5, &NAMES);
    assert_eq!(forbidden.requests().len(), 1, "what one address does not have for the first file ends it");
    assert!(ended.stderr.lines().count() == 3, "fetching, what happened, the error: {ended:#?}");

    let ended = run(&[("DCGAN_GPU_MIRROR", &login.url())], "data get mnist");
    ended.failed(4, &["sends a web page instead of the file: a login page"]);
    let both = format!("{},{}", login.url(), forbidden.url());
    run(&[("DCGAN_GPU_MIRROR", &both)], "-q data get mnist").failed(4, &["a web page", "answers 403 Forbidden"]);
    let line = format!("data get kmnist --data-dir here --mirror {}{{set}}", wrong.url());
    let here = folder.path().join("here/kmnist");
    run(&[], &line).failed(4, &["sends another file (its checksum is not the published one)"]);
    assert!(here.is_dir() && !here.join(NAMES[0]).exists());
    run(&[("DCGAN_GPU_OFFLINE", "1")], "data get mnist").failed(5, &["DCGAN_GPU_OFFLINE forbids", NAMES[3], &cache]);
    run(&[], "data get mnist --mirror ftp://host/")
        .failed(2, &["--mirror ftp://host/", "write it as https://host/folder/"]);
    run(&[("DCGAN_GPU_MIRROR", ""), ("DCGAN_GPU_OFFLINE", "1")], "data get mnist").failed(5, &["ossci-datasets"]);
    run(&[], "data get emnist").failed(2, &["invalid value 'emnist'", "mnist, fashion-mnist, kmnist"]);
    let variables = [("HTTPS_PROXY", "gopher://proxy/")];
    run(&variables, "data get mnist").failed(2, &["HTTPS_PROXY is not the address of a proxy"]);
    run(&[("SSL_CERT_FILE", "none.pem")], "data get mnist").failed(2, &["SSL_CERT_FILE: none.pem: cannot be read"]);
}

#[test]
fn train_downloads_what_is_absent() {
    let folder = TempDir::new().unwrap();
    let site = Site::new(|_, _, stream| head(stream, "404 Not Found", &["Content-Length: 0"]));
    for (set, title) in [("mnist", "MNIST"), ("fashion-mnist", "Fashion-MNIST"), ("kmnist", "KMNIST")] {
        let mirror = format!("{}{{set}}/", site.url());
        let line = format!("train --preset quick --device cpu --steps 1 --out run --data {set}");
        let ended = run(folder.path(), &[("DCGAN_GPU_MIRROR", &mirror)], &line);
        let cache = folder.path().join("cache").join(set).display().to_string();
        let parts = [
            &format!(
                "{title} is not in {cache}, and downloading train-images-idx3-ubyte.gz failed: {}{set}/ answers",
                site.url()
            ),
            "404 Not Found",
            "put train-images-idx3-ubyte.gz",
            "strokes",
        ];
        ended.failed(4, &parts);
        assert_eq!(site.requests().last().unwrap().target, format!("/{set}/train-images-idx3-ubyte.gz"));
        assert!(ended.stderr.contains(&format!("{title} is not here yet: downloading it to {cache}")), "{ended:#?}");
        let asked = site.requests().len();
        let ended = run(folder.path(), &[("DCGAN_GPU_MIRROR", &mirror), ("DCGAN_GPU_OFFLINE", "1")], &line);
        ended.failed(4, &[&format!("{title} is not in "), "DCGAN_GPU_OFFLINE forbids to download it; put"]);
        assert_eq!(site.requests().len(), asked);
        assert!(!folder.path().join("run").exists());
    }
}

/// A proxy that takes every name for the same server, which has wrong bytes.
#[test]
fn a_proxy_of_the_environment_is_used() {
    let proxy = Site::new(|request, _, stream| {
        if request.method == "CONNECT" {
            assert_eq!(request.target, "mirror.invalid:80");
            send(stream, b"HTTP/1.1 200 Connection established\r\n\r\n");
            let inner = Request::read(stream).unwrap();
            assert_eq!(
                (inner.target.as_str(), inner.header("host")),
                ("/mnist/train-images-idx3-ubyte.gz", Some("mirror.invalid"))
            );
        }
        head(stream, "200 OK", &["Content-Length: 9912422"]);
        send(stream, &vec![0x1f; 9_912_422]);
    });
    let folder = TempDir::new().unwrap();
    let line = "data get mnist --mirror http://mirror.invalid/mnist";
    for (asked, variable) in ["HTTP_PROXY", "https_proxy", "ALL_PROXY"].into_iter().enumerate() {
        let ended = run(folder.path(), &[(variable, &proxy.url())], line);
        ended.failed(4, &["http://mirror.invalid/mnist/ sends another file (its checksum"]);
        assert_eq!(proxy.requests().len(), asked + 1);
    }
    let variables = [("HTTP_PROXY", proxy.url()), ("NO_PROXY", "mirror.invalid".into())];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    run(folder.path(), &variables, line).failed(5, &["the host is not found"]);
    assert_eq!(proxy.requests().len(), 3, "NO_PROXY names the host");

    let closed = Site::new(|_, _, stream| head(stream, "407 Proxy Authentication Required", &["Content-Length: 0"]));
    run(folder.path(), &[("ALL_PROXY", &closed.url())], line).failed(5, &["the proxy", "407"]);
}

#[test]
fn the_list_says_what_is_here() {
    let folder = TempDir::new().unwrap();
    let below = folder.path().join("sets/kmnist");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(below.join("train-images-idx3-ubyte.gz"), []).unwrap();
    for line in ["data --data-dir sets", "data list --data-dir sets"] {
        let ended = run(folder.path(), &[], line);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let rows: Vec<_> = ended.stdout.lines().map(|row| row.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), ["--data", "mnist", "fashion-mnist", "kmnist"]);
        assert!(ended.stdout.contains("not here: dcgan-gpu data get mnist"), "{}", ended.stdout);
        assert_eq!(rows[3].last(), Some(&"sets/kmnist"));
        assert_eq!(rows[1][1..3], ["11.6", "MB"]);
    }
    let ended = run(folder.path(), &[], "data list --json --data-dir sets");
    let sets: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(sets[2]["folder"], "sets/kmnist");
    assert_eq!((&sets[0]["folder"], &sets[0]["bytes"]), (&Value::Null, &11_594_722.into()));
    assert_eq!(sets[1]["licence"], "MIT");
}
