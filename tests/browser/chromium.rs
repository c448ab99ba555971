//! The browser: started without a window and with a profile of its own, and always ended.

use std::fs::File;
use std::io::ErrorKind;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

const FLAGS: &[&str] = &[
    "--headless=new",
    // The page is this repository's own, and containers often forbid the sandbox.
    "--no-sandbox",
    // SwiftShader is there on every machine, but only for who allows unsafe adapters; that would
    // allow experimental WGSL too, which the last flag takes back.
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--disable-dawn-features=allow_unsafe_apis",
    // Nothing but the page: no updates, no accounts, no first-run windows.
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
];

/// A running browser; ends when dropped.
pub struct Chromium {
    child: Child,
    program: String,
    folder: TempDir,
}

impl Chromium {
    /// Opens a page.
    pub fn open(url: &str) -> Result<Self, String> {
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_string());
        let folder = tempfile::tempdir().map_err(|e| format!("no folder for the browser's profile: {e}"))?;
        let log = File::create(folder.path().join("log")).map_err(|e| format!("no file for the browser's log: {e}"))?;
        let child = Command::new(&program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|e| match e.kind() {
                ErrorKind::NotFound => format!(
                    "there is no browser `{program}`; install one (`apt-get install chromium`) or name its program in \
                     the environment variable CHROMIUM"
                ),
                _ => format!("cannot start `{program}`: {e}"),
            })?;
        Ok(Chromium { child, program, folder })
    }

    /// Fails once the browser has ended.
    pub fn alive(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("`{}` ended with {status}", self.program)),
            Err(e) => Err(format!("`{}`: {e}", self.program)),
        }
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The browser's other processes end with the first. They may still write into the profile
        // for a moment, so the folder's removal, which follows, may leave files in the system's
        // temporary folder.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
