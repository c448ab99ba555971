//! Arguments that no shell's user types by intention: empty, of several lines, endless, or no text
//! at all.

use std::ffi::OsString;

use super::refuse;
use crate::desk::Desk;

/// Refuses `line` followed by one argument that holds spaces, or is no text.
#[track_caller]
fn refuse_words(desk: &Desk, rows: &[(&str, OsString, i32, &str)]) {
    let command = |(line, word, code, fragment): &(&str, OsString, i32, &str)| {
        let mut command = desk.command(line);
        command.arg(word);
        (format!("{line} {word:?}"), command, *code, fragment.to_string())
    };
    refuse(desk, rows.iter().map(command).collect());
}

#[test]
fn words_that_are_no_names() {
    let desk = Desk::new();
    let word = |text: &str| OsString::from(text);
    // Windows takes 32,767 characters on a command line, and Wine calls a path of such a length
    // absent.
    let length = if cfg!(windows) { 30_000 } else { 100_000 };
    let long = "x".repeat(length);
    let too_long = if cfg!(windows) { (2, "there is no configuration file xxx") } else { (5, "cannot read xxx") };
    let deep = format!("{}=1", "a.".repeat(5000));
    refuse_words(
        &desk,
        &[
            ("train", word(""), 2, "unexpected argument ''"),
            ("", word(""), 2, "unrecognized subcommand ''"),
            ("train --preset", word(""), 2, "there is no preset ``"),
            ("train --preset", word("a\nb\r\u{1b}[31m"), 2, "there is no preset `a b"),
            ("train --preset", word(&long), 2, "there are: pytorch, "),
            ("train --rows", word("a\nb"), 2, "invalid value 'a; b' for '--rows <R>'"),
            ("train --rows", word("٣"), 2, "invalid value '٣' for '--rows <R>'"),
            ("train --epochs", word(" 5"), 2, "invalid value ' 5' for '--epochs <N>'"),
            ("train --epochs", word(&"9".repeat(length)), 2, "number too large"),
            ("train --set", word("a\nb=1"), 2, "unknown key `a b`"),
            ("train --set", word(&deep), 2, "`; preset, name, about, seed, "),
            ("train --set", word("adam . lr = 1"), 2, "unknown key `adam . lr`"),
            ("train --config", word(""), 2, "a value is required for '--config <FILE>'"),
            ("train --config", word(&long), too_long.0, too_long.1),
            ("train --out", word(""), 2, "--out"),
            ("train --gif", word("a\nb.gif"), 2, "is not a file name"),
            ("train --resume", word("a\nb"), 9, "a b is no run folder"),
            ("train --resume", word(""), 2, "a value is required for '--resume <RUN>'"),
            ("train --resume", word(&long), 9, "is no run folder"),
            ("sample --out", word(""), 2, "a value is required for '--out <PATH>'"),
            ("presets show", word("qui\u{200b}ck"), 2, "did you mean `quick`?"),
            (&"-v ".repeat(300), word("--frob"), 2, "--frob"),
        ],
    );
}

#[cfg(unix)]
#[test]
fn words_that_are_no_text() {
    use std::os::unix::ffi::OsStringExt;
    let desk = Desk::new();
    let word = || OsString::from_vec(vec![b'a', 0xff, b'b']);
    refuse_words(
        &desk,
        &[
            ("", word(), 2, "unrecognized subcommand 'a\u{fffd}b'"),
            ("train", word(), 2, "unexpected argument 'a\u{fffd}b'"),
            ("train --preset", word(), 2, "invalid UTF-8"),
            ("train --epochs", word(), 2, "invalid UTF-8"),
            ("train --set", word(), 2, "invalid UTF-8"),
            ("train --data", word(), 2, "invalid UTF-8"),
            ("train --data-dir", word(), 2, "its name is not UTF-8"),
            ("train --config", word(), 2, "there is no configuration file a\u{fffd}b"),
            ("train --resume", word(), 9, "a\u{fffd}b is no run folder"),
            ("sample --out", word(), 2, "--out a\u{fffd}b does not end in .png"),
            ("sample --out a.png --checkpoint", word(), 9, "a\u{fffd}b: cannot read the checkpoint"),
            ("bench --config", word(), 2, "there is no configuration file a\u{fffd}b"),
        ],
    );
}
