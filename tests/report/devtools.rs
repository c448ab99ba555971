//! A headless Chromium that is spoken to through its DevTools protocol, over two pipes: no port, no
//! other library.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
const FLAGS: &[&str] = &[
    "--headless=new",
    // The page is this program's own, and containers often forbid the sandbox.
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--remote-debugging-pipe",
];

/// A browser with one page; ends when dropped.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    /// What the browser told without being asked, oldest first.
    pub events: VecDeque<Value>,
    session: Option<String>,
    asked: u64,
    _profile: TempDir,
}

impl Browser {
    /// Starts `chromium`, or the program that the environment variable CHROMIUM names, with an
    /// empty page.
    pub fn start() -> Result<Self, String> {
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_string());
        let profile = tempfile::tempdir().map_err(|e| format!("no folder for the browser's profile: {e}"))?;
        // The protocol's pipes are the descriptors 3 and 4; a shell moves them there.
        let mut child = Command::new("sh")
            .args([
                "-c",
                "command -v \"$0\" >&2 && exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null",
                &program,
            ])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("cannot start a shell: {e}"))?;
        let (to, out) = (child.stdin.take().ok_or("no pipe")?, child.stdout.take().ok_or("no pipe")?);
        let (profile, session) = (profile, None);
        let mut browser =
            Browser { child, to, from: listen(out), events: VecDeque::new(), session, asked: 0, _profile: profile };
        let started = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let target = started.map_err(|e| format!("{e}; is `{program}` installed (`apt-get install chromium`)?"))?;
        let attached = json!({ "targetId": target["targetId"], "flatten": true });
        browser.session = browser.ask("Target.attachToTarget", attached)?["sessionId"].as_str().map(str::to_string);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(browser)
    }

    /// Sends a command; gives its result.
    pub fn ask(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.clone().into();
        }
        self.to
            .write_all(format!("{message}\0").as_bytes())
            .map_err(|e| format!("{method}: the browser has ended: {e}"))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = self.hear(deadline).map_err(|e| format!("{method}: {e}"))?;
            if heard["id"] == self.asked {
                return match heard.get("error") {
                    Some(error) => Err(format!("{method}: {error}")),
                    None => Ok(heard["result"].clone()),
                };
            }
            self.events.push_back(heard);
        }
    }

    /// Opens a page and waits until it is there.
    pub fn open(&mut self, url: &str) -> Result<(), String> {
        let loads = |events: &VecDeque<Value>| events.iter().filter(|e| e["method"] == "Page.loadEventFired").count();
        let before = loads(&self.events);
        self.ask("Page.navigate", json!({ "url": url }))?;
        let deadline = Instant::now() + PATIENCE;
        while loads(&self.events) == before {
            let event = self.hear(deadline)?;
            self.events.push_back(event);
        }
        Ok(())
    }

    /// The value of a JavaScript expression, which may be a promise.
    pub fn value(&mut self, expression: &str) -> Result<Value, String> {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.ask("Runtime.evaluate", parameters)?;
        match result.get("exceptionDetails") {
            Some(details) => Err(format!("{expression}: {details}")),
            None => Ok(result["result"]["value"].clone()),
        }
    }

    /// Moves the pointer.
    pub fn point(&mut self, x: f64, y: f64) -> Result<(), String> {
        self.ask("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y })).map(drop)
    }

    /// Presses and releases the main button.
    pub fn click(&mut self, x: f64, y: f64) -> Result<(), String> {
        for kind in ["mousePressed", "mouseReleased"] {
            let parameters = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", parameters)?;
        }
        Ok(())
    }

    /// Presses and releases a key, by its name and its number on Windows.
    pub fn press(&mut self, key: &str, number: u32) -> Result<(), String> {
        for kind in ["rawKeyDown", "keyUp"] {
            let parameters = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": number });
            self.ask("Input.dispatchKeyEvent", parameters)?;
        }
        Ok(())
    }

    /// A window of this size, and the colours that the reader prefers.
    pub fn look(&mut self, width: u32, height: u32, scheme: &str) -> Result<(), String> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", size)?;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.ask("Emulation.setEmulatedMedia", media).map(drop)
    }

    /// The whole page as a PNG, base64.
    pub fn screenshot(&mut self) -> Result<String, String> {
        let parameters = json!({ "format": "png", "captureBeyondViewport": true });
        let result = self.ask("Page.captureScreenshot", parameters)?;
        result["data"].as_str().map(str::to_string).ok_or_else(|| "no screenshot".to_string())
    }

    fn hear(&mut self, deadline: Instant) -> Result<Value, String> {
        self.from.recv_timeout(deadline.saturating_duration_since(Instant::now())).map_err(|cause| match cause {
            RecvTimeoutError::Timeout => format!("no answer within {} s", PATIENCE.as_secs()),
            RecvTimeoutError::Disconnected => "the browser has ended".to_string(),
        })
    }
}

/// The messages of the browser, each ended by a zero byte.
fn listen(out: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(out);
        loop {
            let mut message = Vec::new();
            match reader.read_until(0, &mut message) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Ok(length) if length > 0 => {
                    let parsed = serde_json::from_slice(message.strip_suffix(&[0]).unwrap_or(&message));
                    if parsed.is_ok_and(|message| sender.send(message).is_err()) {
                        break;
                    }
                }
                _ => break,
            }
        }
    });
    receiver
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The shell became the browser; its other processes end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
