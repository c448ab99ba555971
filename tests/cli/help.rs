//! Help: every verb there is explains itself the same way, and every command line that help gives
//! as an example is one.

use std::collections::BTreeSet;
#[cfg(unix)]
use std::process::Command;

use dcgan_gpu::model::sources::{PRESETS, preset};

use crate::desk::{Desk, TRAIN, end};

/// The verbs below `verb`, as its help lists them.
fn verbs(desk: &Desk, verb: &str) -> Vec<String> {
    let help = desk.run(&format!("{verb} --help")).done();
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // Continued descriptions are indented further.
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = named.map(|line| line.split_whitespace().next().unwrap()).filter(|name| *name != "help");
    names.map(|name| format!("{verb} {name}").trim().to_string()).collect()
}

/// The program itself (an empty name), its verbs, and theirs.
fn all_verbs(desk: &Desk) -> Vec<String> {
    let (mut found, mut next) = (vec![String::new()], 0);
    while next < found.len() {
        let inner = verbs(desk, &found[next].clone());
        found.extend(inner);
        next += 1;
    }
    assert!(found.len() >= 12, "{found:?}");
    found
}

/// The lines under "Example" or "Examples" of a help text, up to the next empty line.
fn examples(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| !line.starts_with("Example")).skip(1);
    lines.take_while(|line| !line.is_empty()).collect()
}

/// The flags that a help text lists.
fn flags(help: &str) -> BTreeSet<&str> {
    let words = help.lines().filter(|line| line.trim_start().starts_with('-')).flat_map(str::split_whitespace);
    words
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .map(|word| word.trim_end_matches(['.', ',']))
        .collect()
}

/// The words of an example, without its comment and without what is meant for the shell.
fn words(example: &str) -> Vec<String> {
    let line = example.trim_start();
    let line = line.find("  ").map_or(line, |comment| &line[..comment]);
    let line = line.find(" >").map_or(line, |redirection| &line[..redirection]);
    let words = line.split(' ').map(str::to_string).flat_map(|word| match word.as_str() {
        "runs/*" => vec!["runs/mine".to_string(), "runs/other".to_string()],
        _ => vec![word],
    });
    words.collect()
}

#[test]
fn every_verb_explains_itself() {
    let desk = Desk::new();
    for verb in all_verbs(&desk) {
        let [short, long] = ["-h", "--help"].map(|flag| desk.run(&format!("{verb} {flag}")).done());
        assert!(long.contains(format!("Usage: dcgan-gpu {verb}").trim()), "{long}");
        assert_eq!(flags(&short), flags(&long), "{verb}: short and long help list other flags");
        assert_eq!(examples(&short), examples(&long), "{verb}: short and long help give other examples");
        assert!(!examples(&long).is_empty(), "{verb}: no examples\n{long}");
        for line in long.lines() {
            assert!(line.chars().count() <= 100, "{verb}: a line of help is longer than 100 characters: {line}");
        }
        // `help VERB` says what `VERB --help` says.
        let parent = verb.rsplit_once(' ').map_or("", |(parent, _)| parent);
        let name = verb.rsplit(' ').next().unwrap();
        assert_eq!(desk.run(&format!("{parent} help {name}")).done(), long, "{verb}");
    }
}

#[test]
fn every_verb_that_reports_has_json() {
    let desk = Desk::new();
    // A program's help, scripts and pages for other programs.
    let without = ["", "config", "export", "completions", "man"];
    for verb in all_verbs(&desk).iter().filter(|verb| !without.contains(&verb.as_str())) {
        let help = desk.run(&format!("{verb} --help")).done();
        for flag in ["--json", "--quiet", "--verbose", "--help"] {
            assert!(flags(&help).contains(flag), "{verb} has no {flag}:\n{help}");
        }
    }
}

#[test]
fn every_example_of_every_verb_can_be_run() {
    let desk = Desk::new();
    desk.run(&TRAIN.replace("--out run", "--out runs/mine")).done();
    // The newest run, from which verbs draw, has classes.
    let with_classes = " --set classes.generator=embedding --set classes.discriminator=planes";
    desk.run(&(TRAIN.replace("--out run", "--out runs/other") + with_classes)).done();
    desk.write("mine.toml", desk.read("tiny.toml"));
    // A sweep that is done, so that going on with it runs nothing.
    desk.write("sweep.toml", "config = \"tiny.toml\"\n");
    desk.run("sweep sweep.toml --device cpu --out tries -q").done();
    std::fs::copy(desk.path("runs/mine/samples/step-00000020.png"), desk.path("grid.png")).unwrap();
    let (mut count, mut problems) = (0, Vec::new());
    for verb in all_verbs(&desk) {
        let help = desk.run(&format!("{verb} --help")).done();
        for example in examples(&help) {
            let mut words = words(example);
            assert_eq!(words[0], "dcgan-gpu", "{verb}: not a command, or too long for a line: {example}");
            // Nothing is computed and nothing fetched: reaching for the device or the network
            // proves that the line was understood.
            for at in 1..words.len() {
                if words[at - 1] == "--device" {
                    words[at] = "llvmpipe".to_string();
                }
            }
            let mut command = desk.command("");
            command.args(&words[1..]);
            command.envs([("DCGAN_GPU_DEVICE", "llvmpipe"), ("DCGAN_GPU_DATA", "strokes")]);
            command.envs(["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].map(|name| (name, "/nowhere/no-driver.json")));
            let proxies = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
            command.envs(proxies.map(|name| (name, "http://127.0.0.1:9")));
            // Runs, no such device, no such data, no network, a file that is there already.
            let ended = end(command);
            let exists = ended.stderr.contains("already exists; use --force to replace it");
            if ![0, 3, 4, 5].map(Some).contains(&ended.code) && !exists {
                problems.push(format!("{example}: {ended:?}"));
            }
            count += 1;
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(count >= 35, "{count} examples");
}

#[test]
fn exit_codes_are_those_of_the_guide() {
    let help = Desk::new().run("--help").done();
    let codes: Vec<_> = help.lines().skip_while(|line| *line != "Exit codes:").collect();
    let codes = codes.join("\n");
    let readme = include_str!("../../docs/guide.md");
    for (code, meaning) in [
        (0, "done"),
        (1, "any other failure"),
        (2, "usage or configuration"),
        (3, "no usable device"),
        (4, "data missing or invalid"),
        (5, "a file cannot be read or written"),
        (6, "the device failed, or computes wrong results"),
        (7, "training diverged"),
        (8, "the run folder is in use"),
        (9, "checkpoint missing, foreign or broken"),
    ] {
        assert!(codes.contains(&format!("{code} {meaning}")), "{codes}");
        assert!(readme.contains(&format!("| {code} | {meaning} |")), "docs/guide.md: {code}");
    }
    for code in ["130", "131", "143"] {
        assert!(codes.contains(code) && readme.contains(&format!("| {code} | ")), "{code}");
    }
}

#[test]
fn as_many_checkpoints_are_kept_as_the_documents_say() {
    let running = include_str!("../../docs/running.md").replace('\n', " ");
    for (name, _) in PRESETS {
        let keep = preset(name).unwrap().output.keep;
        assert!(running.contains(&format!("The last {keep} and the best are kept")), "{name} keeps {keep}");
    }
}

#[test]
fn the_manual_has_a_page_for_every_verb() {
    let desk = Desk::new();
    let verbs = all_verbs(&desk);
    let main = desk.run("man").done();
    for part in
        [".TH dcgan-gpu 1", ".SH NAME", ".SH SYNOPSIS", ".SH SUBCOMMANDS", "Exit codes", "dcgan\\-gpu\\-train(1)"]
    {
        assert!(main.contains(part), "{part} is not in {main}");
    }
    let printed = desk.run("man --out pages").done();
    let names = desk.names("pages");
    assert_eq!(printed.lines().count(), names.len());
    let mut expected: Vec<_> =
        verbs.iter().map(|verb| format!("dcgan-gpu {verb}").trim().replace(' ', "-") + ".1").collect();
    expected.sort();
    assert_eq!(names, expected);
    assert_eq!(String::from_utf8(desk.read("pages/dcgan-gpu.1")).unwrap(), main);
    let page = String::from_utf8(desk.read("pages/dcgan-gpu-config-show.1")).unwrap();
    for part in [".TH dcgan-gpu-config-show 1", "\\-\\-batch\\-size", "DCGAN_GPU_BATCH_SIZE", "Examples:"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    desk.run("man --out pages").refused(2, "dcgan-gpu.1 already exists");
    desk.run("man --out pages --force").done();
}

#[test]
fn every_shell_gets_a_script_that_knows_verbs_and_presets() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = desk.run(&format!("completions {shell}")).done();
        for word in ["config", "batch-size", "completions"] {
            assert!(script.contains(word), "{shell}: {word} is not completed");
        }
        if shell != "powershell" && shell != "elvish" {
            assert!(script.contains("tf-tutorial"), "{shell}: presets are not completed");
        }
    }
}

/// What bash offers after `line`, whose last word is to be completed.
#[cfg(unix)]
fn bash_offers(desk: &Desk, line: &str) -> Vec<String> {
    let words: Vec<_> = line.split(' ').collect();
    let (last, before) = (words.len() - 1, words[words.len() - 2]);
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source completions.bash; complete=$(complete -p dcgan-gpu); complete=${{complete#* -F }}; \
         COMP_WORDS=({}); COMP_CWORD={last}; ${{complete%% *}} dcgan-gpu '{}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words[last]
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).current_dir(desk.path(""));
    end(bash).done().lines().map(str::to_string).collect()
}

#[cfg(unix)]
#[test]
fn bash_completes_verbs_flags_and_presets() {
    let desk = Desk::new();
    desk.write("completions.bash", desk.run("completions bash").done());
    assert_eq!(bash_offers(&desk, "dcgan-gpu sel"), ["selftest"]);
    assert_eq!(bash_offers(&desk, "dcgan-gpu train --batch"), ["--batch-size"]);
    assert_eq!(bash_offers(&desk, "dcgan-gpu train --preset t"), ["tf-tutorial"]);
    assert_eq!(bash_offers(&desk, "dcgan-gpu presets show k"), ["keras"]);
    assert_eq!(bash_offers(&desk, "dcgan-gpu verify-resume --st"), ["--steps"]);
    assert_eq!(bash_offers(&desk, "dcgan-gpu config show --config tin"), ["tiny.toml"]);
}
