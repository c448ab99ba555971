//! Paths in commands that messages give: they can be pasted into a shell.

use std::path::{MAIN_SEPARATOR, Path};

/// A path as one word of a command line: quoted for a POSIX shell or, on Windows, for PowerShell
/// and, as far as both agree, for `cmd`.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    // What begins with a hyphen would be a flag.
    let text = if text.starts_with('-') { format!(".{MAIN_SEPARATOR}{text}") } else { text };
    if cfg!(windows) {
        return for_windows(&text);
    }
    // No path has the NUL that cannot be quoted.
    shlex::try_quote(&text).map(String::from).unwrap_or(text)
}

fn for_windows(text: &str) -> String {
    // Before a quote, a program's own arguments have backslashes double.
    let text = text.strip_suffix('\\').filter(|rest| !rest.is_empty() && !rest.ends_with(':')).unwrap_or(text);
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '\\' | '/' | ':' | '.' | '-' | '_' | '+');
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_string()
    } else if text.contains(['$', '`']) {
        // PowerShell would read more than a path between double quotes.
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("\"{text}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_a_path_back() {
        for path in
            ["run", "my run", "it's", "a\"b", "$HOME", "a`b`", "a\\b", "#1", "~", "*", "a;b&", "日本", "!!", "^a'"]
        {
            let script = format!("printf %s {}", quoted(Path::new(path)));
            let printed = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), path, "{script}");
        }
        assert_eq!(quoted(Path::new("runs/mine")), "runs/mine", "what is plain stays as it is");
        assert_eq!(quoted(Path::new("-run")), "./-run");
    }

    #[test]
    fn on_windows_quotes_are_those_of_its_shells() {
        for (path, expected) in [
            ("C:\\runs\\mine", "C:\\runs\\mine"),
            ("C:\\", "C:\\"),
            ("my runs\\it's\\", "\"my runs\\it's\""),
            ("$run's", "'$run''s'"),
            ("", "\"\""),
        ] {
            assert_eq!(for_windows(path), expected);
        }
    }
}
