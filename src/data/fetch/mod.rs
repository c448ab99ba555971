//! Downloads of the data sets that are known by name. Whatever a server or the network does, a file
//! that appears in a set's folder is the published one: several addresses are asked in turn, a
//! download that was cut goes on where it ended, and checksums decide.
//!
//! Sockets are opened by `http.rs` alone, and only by [`get`] and [`ensure`], when a file is
//! missing.

mod folder;
mod http;
mod transfer;
mod trouble;
mod verify;

use std::path::{Path, PathBuf};

use serde::Serialize;

use self::folder::{Locked, look};
use self::http::Http;
pub use self::http::Limits;
use self::transfer::Transfer;
use self::trouble::{Outcome, Trouble};
pub use self::verify::{Integrity, verify};
use super::locate;
use super::sets::{self, File, Set};
use crate::error::{Error, Kind, Result};
use crate::output::size;

/// How to download.
#[derive(Clone, Debug, Default)]
pub struct FetchOptions {
    /// Base addresses that are asked instead of the public ones; `{set}` in them stands for the
    /// set's name.
    pub mirrors: Vec<String>,
    /// Whether sockets are forbidden.
    pub offline: bool,
    /// Whether the environment's proxies and certificates are passed by.
    pub direct: bool,
    /// Time-outs and numbers of tries.
    pub limits: Limits,
}

/// Who watches a download.
pub trait FetchObserver {
    /// Something that a person may want to know, in one line.
    fn note(&mut self, line: &str);
    /// Of `total` bytes of the file `name`, `arrived` are there.
    fn progress(&mut self, name: &str, arrived: u64, total: u64);
}

/// What [`get`] found or did.
#[derive(Clone, Debug, Serialize)]
pub struct FetchReport {
    /// The set's name.
    pub set: String,
    /// The folder with its files.
    pub folder: PathBuf,
    /// Its files.
    pub files: Vec<Fetched>,
}

/// One file of a [`FetchReport`].
#[derive(Clone, Debug, Serialize)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Where it was downloaded from; `None` where it was there before.
    pub from: Option<String>,
    /// Whether its checksum is the published one; where it is not, it is an unpacked or repacked
    /// file of the right size, for which no checksum is known.
    pub verified: bool,
}

impl FetchOptions {
    /// Options with `mirrors`, and offline where `$DCGAN_GPU_OFFLINE` says so (set, and neither
    /// empty nor 0).
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when a mirror is not an address to which a file name can be added.
    pub fn new(mirrors: &[String]) -> Result<Self> {
        let offline = std::env::var_os("DCGAN_GPU_OFFLINE").is_some_and(|value| !value.is_empty() && value != "0");
        let mirrors = mirrors.iter().map(|mirror| base_address(mirror)).collect::<Result<_>>()?;
        Ok(FetchOptions { mirrors, offline, ..FetchOptions::default() })
    }

    /// The base addresses of `set`.
    fn sources(&self, set: &Set) -> Vec<String> {
        if self.mirrors.is_empty() {
            return set.sources.iter().map(|source| source.to_string()).collect();
        }
        self.mirrors.iter().map(|mirror| mirror.replace("{set}", set.name)).collect()
    }
}

/// `mirror` with a slash at its end.
fn base_address(mirror: &str) -> Result<String> {
    let refuse = |why: &str| Err(Error::usage(format!("--mirror {mirror}: {why}; write it as https://host/folder/")));
    let Some(rest) = mirror.strip_prefix("http://").or_else(|| mirror.strip_prefix("https://")) else {
        return refuse("it begins neither with https:// nor with http://");
    };
    if rest.contains(['?', '#', '@']) || rest.contains(char::is_whitespace) || rest.starts_with('/') || rest.is_empty()
    {
        return refuse("it is not a plain address (no user, no query, no blanks)");
    }
    Ok(if mirror.ends_with('/') { mirror.to_owned() } else { format!("{mirror}/") })
}

/// The folder that [`get`] keeps `set` in: `SET` below `data_dir` or below the cache folder;
/// `data_dir` itself, where it already has files of the set.
///
/// # Errors
///
/// [`Kind::Usage`] when there is neither a data folder nor a cache folder.
pub fn destination(set: &Set, data_dir: Option<&Path>) -> Result<PathBuf> {
    if let Some(folder) = data_dir {
        let below = folder.join(set.name);
        return Ok(if locate::holds(&below, set) || !locate::holds(folder, set) { below } else { folder.to_owned() });
    }
    let cache = locate::cache_folder().map(|cache| cache.join(set.name));
    cache.ok_or_else(|| Error::usage("the environment names no cache folder; name a folder with --data-dir"))
}

/// Makes sure that `folder` has all files of `set`: checks what is there, downloads what is missing
/// or broken. Nothing is opened but files when all are there.
///
/// # Errors
///
/// - [`Kind::Data`] when a server sends something that is not the file;
/// - [`Kind::Io`] when no server can be reached or none gives the file, and when the folder cannot
///   be written;
/// - [`Kind::Usage`] when the environment's proxy or certificates cannot be used.
pub fn get(set: &Set, folder: &Path, options: &FetchOptions, observer: &mut dyn FetchObserver) -> Result<FetchReport> {
    obtain(set, folder, options, observer).or_else(|trouble| {
        let (kind, why) = trouble.why()?;
        let names = set.files.iter().map(|file| file.name).collect::<Vec<_>>().join(", ");
        let (sources, folder) = (options.sources(set).join(" or "), folder.display());
        Err(Error::new(kind, format!("{why}; to do it by hand, put {names} from {sources} into {folder}")))
    })
}

/// [`get`] for `train`: nothing where `spec` is not the name of a set, or where the set is found in
/// `data_dir` or the cache folder.
///
/// # Errors
///
/// [`Kind::Data`] when the set is neither there nor to be had; the message has the remedy.
/// Otherwise as [`get`].
pub fn ensure(
    spec: &str,
    data_dir: Option<&Path>,
    options: &FetchOptions,
    observer: &mut dyn FetchObserver,
) -> Result<()> {
    let Some(set) = sets::named(spec) else { return Ok(()) };
    let Some(absence) = locate::absence(set, data_dir)? else { return Ok(()) };
    if options.offline {
        return Err(absence.error(Some("DCGAN_GPU_OFFLINE forbids to download it")));
    }
    let folder = destination(set, data_dir)?;
    observer.note(&format!("{} is not here yet: downloading it to {}", set.title, folder.display()));
    let obtained = obtain(set, &folder, options, observer).map(drop);
    obtained.or_else(|trouble| Err(absence.error(Some(&trouble.why()?.1))))
}

fn obtain(set: &Set, folder: &Path, options: &FetchOptions, observer: &mut dyn FetchObserver) -> Outcome<FetchReport> {
    let mut report = FetchReport { set: set.name.to_owned(), folder: folder.to_owned(), files: Vec::new() };
    let found = set.files.iter().map(|file| look(folder, file)).collect::<Result<Vec<_>>>()?;
    let is_good = |found: &&(_, Integrity)| !matches!(found.1, Integrity::Bad(_));
    if found.iter().flatten().filter(is_good).count() == set.files.len() {
        report.files = found.into_iter().flatten().map(present).collect::<Result<_>>()?;
        return Ok(report);
    }
    if options.offline {
        let (set, folder) = (set.title, folder.display());
        let why = format!("{set} is not whole in {folder}, and DCGAN_GPU_OFFLINE forbids to download it");
        return Err(Trouble::Refused(why));
    }
    let waiting = || observer.note(&format!("another process downloads to {}; waiting for it", folder.display()));
    let locked = Locked::new(folder, options.limits.wait, waiting)?;
    let mut sources = options.sources(set);
    let http = Http::new(&options.limits, options.direct)?;
    for file in set.files {
        // Again: the process that had the lock may have brought it.
        let broken = match look(folder, file)? {
            None => None,
            Some((path, Integrity::Bad(why))) => {
                observer.note(&format!("{} is broken: {why}; downloading it again", path.display()));
                Some(path)
            }
            Some(found) => {
                report.files.push(present(found)?);
                continue;
            }
        };
        let from = from_any(&http, file, &mut sources, &locked, &options.limits, observer)?;
        let (path, aside) = locked.publish(file, broken.as_deref())?;
        if let Some(aside) = aside {
            observer.note(&format!("the broken file is now {}", aside.display()));
        }
        report.files.push(Fetched { from: Some(from), ..present((path, Integrity::Good))? });
    }
    Ok(report)
}

/// A file that is there.
fn present((path, integrity): (PathBuf, Integrity)) -> Result<Fetched> {
    let bytes = std::fs::metadata(&path).map_err(|cause| Error::io("read", &path, &cause))?.len();
    Ok(Fetched { path, bytes, from: None, verified: integrity == Integrity::Good })
}

/// Asks one address after the other, and gives the one that had the file; it is the first to be
/// asked for the next.
fn from_any(
    http: &Http,
    file: &File,
    sources: &mut [String],
    locked: &Locked<'_>,
    limits: &Limits,
    observer: &mut dyn FetchObserver,
) -> Outcome<String> {
    let part = locked.part(file);
    let (mut reasons, mut is_wrong) = (Vec::new(), false);
    for index in 0..sources.len() {
        let url = format!("{}{}", sources[index], file.name);
        observer.note(&format!("fetching {url} ({})", size(file.bytes)));
        let (kind, why) = match (Transfer { http, limits, file, url: &url, part: &part }).run(observer) {
            Ok(()) => {
                sources[..=index].rotate_right(1);
                return Ok(url);
            }
            Err(trouble) => trouble.why()?,
        };
        is_wrong |= kind == Kind::Data;
        observer.note(&format!("{url}: {why}"));
        reasons.push(format!("{} {why}", sources[index]));
    }
    let why = format!("downloading {} failed: {}", file.name, reasons.join("; "));
    Err(if is_wrong { Trouble::Wrong(why) } else { Trouble::Refused(why) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_plain_addresses() {
        let options = FetchOptions::new(&["https://host/{set}".into(), "http://127.0.0.1:8080/a/".into()]).unwrap();
        let kmnist = sets::named("kmnist").unwrap();
        assert_eq!(options.sources(kmnist), ["https://host/kmnist/", "http://127.0.0.1:8080/a/"]);
        assert_eq!(FetchOptions::default().sources(kmnist), kmnist.sources);
        for bad in [
            "",
            "host",
            "ftp://host/",
            "file:///data",
            "http://",
            "https:///x",
            "http://a b/",
            "https://me:pw@host/",
            "https://host/?a=b",
        ] {
            let error = FetchOptions::new(&[bad.to_string()]).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{bad}");
            assert!(error.to_string().contains("write it as https://host/folder/"), "{error}");
        }
    }

    #[test]
    fn the_destination_is_where_the_set_is_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (kmnist, root) = (sets::named("kmnist").unwrap(), folder.path());
        assert_eq!(destination(kmnist, Some(root)).unwrap(), root.join("kmnist"));
        std::fs::write(root.join("t10k-labels-idx1-ubyte.gz"), []).unwrap();
        assert_eq!(destination(kmnist, Some(root)).unwrap(), root.join("kmnist"), "labels alone could be any set's");
        std::fs::write(root.join("train-images-idx3-ubyte.gz"), []).unwrap();
        assert_eq!(destination(kmnist, Some(root)).unwrap(), root);
        std::fs::create_dir(root.join("kmnist")).unwrap();
        std::fs::write(root.join("kmnist/train-images-idx3-ubyte"), []).unwrap();
        assert_eq!(destination(kmnist, Some(root)).unwrap(), root.join("kmnist"));
    }
}
