//! `man`: manual pages from the same definitions as the help.

use std::path::PathBuf;

use crate::error::{Error, Kind, Result};
use crate::output::{Overwrite, save_text};
use clap::{Command, CommandFactory, ValueHint};
use clap_mangen::Man;

use super::print;

/// Print the manual page, or write one for every verb to a folder
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dcgan-gpu man > dcgan-gpu.1                            the main page
  dcgan-gpu man --out ~/.local/share/man/man1            all pages, for `man dcgan-gpu-train`")]
pub struct Arguments {
    /// A folder for all pages; without it the main page goes to stdout
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// Replace pages that exist
    #[arg(long, requires = "out")]
    force: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let mut command = super::Arguments::command().disable_help_subcommand(true);
    command.build();
    let Some(out) = &arguments.out else {
        print(page(&command)?.1.trim_end());
        return Ok(());
    };
    let mut pages = Vec::new();
    gather(&command, &mut pages)?;
    let overwrite = Overwrite::forced(arguments.force);
    std::fs::create_dir_all(out).map_err(|e| Error::io("create", out, &e))?;
    let pages: Vec<_> = pages.into_iter().map(|(name, text)| (out.join(name), text)).collect();
    pages.iter().try_for_each(|(path, _)| overwrite.check(path))?;
    for (path, text) in &pages {
        save_text(text, path, overwrite)?;
        print(&path.display().to_string());
    }
    Ok(())
}

/// The pages of a command and of all its verbs.
fn gather(command: &Command, pages: &mut Vec<(String, String)>) -> Result<()> {
    pages.push(page(command)?);
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).try_for_each(|verb| gather(verb, pages))
}

/// The name of a command's page, and the page.
fn page(command: &Command) -> Result<(String, String)> {
    let man = Man::new(command.clone()).manual("dcgan-gpu");
    let mut page = Vec::new();
    man.render(&mut page).map_err(|e| Error::new(Kind::Other, format!("a manual page: {e}")))?;
    Ok((man.get_filename(), String::from_utf8_lossy(&page).into_owned()))
}
