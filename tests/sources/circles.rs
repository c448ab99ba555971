//! Files of the program never import each other in a circle, but for a module and its own children.

use std::collections::{BTreeMap, BTreeSet};

/// A path of modules, from the root of the crate.
type Module = Vec<String>;
/// For every file the files that it imports from, each with the paths that say so.
type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The module that a file is; none for the program, which is a crate of its own.
fn module_of(file: &str) -> Option<Module> {
    let path = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "main" => None,
        "lib" => Some(Vec::new()),
        _ => Some(path.split('/').map(String::from).collect()),
    }
}

/// Words and marks of what a file compiles to outside tests; `::` is one mark. Comments and texts
/// are left out.
fn tokens(text: &str) -> Vec<String> {
    let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut tokens = Vec::new();
    for line in program.lines() {
        let line = line.split("//").next().unwrap();
        // Every second part is inside quotes; a text of several lines has no paths that matter.
        for part in line.replace("\\\"", "").replace("'\"'", "").split('"').step_by(2) {
            let mut rest = part.trim_start();
            while let Some(first) = rest.chars().next() {
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                let length = match first {
                    c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                    _ if rest.starts_with("::") => 2,
                    c => c.len_utf8(),
                };
                tokens.push(rest[..length].to_string());
                rest = rest[length..].trim_start();
            }
        }
    }
    tokens
}

/// The paths of a `use` tree, each with the name that it gets, read from its tokens up to the one
/// that ends it.
fn use_tree(tokens: &mut impl Iterator<Item = String>, before: &[String], found: &mut Vec<(Module, String)>) {
    let (mut path, mut name, mut is_done) = (before.to_vec(), None, false);
    while let Some(token) = tokens.next() {
        let is_end = matches!(token.as_str(), "," | "}" | ";");
        if is_end && !is_done && path.len() > before.len() {
            if path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            let last = path.last().cloned().unwrap_or_default();
            found.push((path.clone(), name.take().unwrap_or(last)));
        }
        match token.as_str() {
            "{" => {
                use_tree(tokens, &path, found);
                is_done = true;
            }
            "," if !before.is_empty() || is_done => (path, name, is_done) = (before.to_vec(), None, false),
            "}" | ";" => return,
            "::" | "," => {}
            "as" => name = tokens.next(),
            _ => path.push(token),
        }
    }
}

/// What the files, given by name and text, import from each other.
fn imports(sources: &[(String, String)]) -> Imports {
    let files: BTreeMap<Module, &str> =
        sources.iter().filter_map(|(file, _)| Some((module_of(file)?, file.as_str()))).collect();
    let mut imports = Imports::new();
    for (file, text) in sources {
        let Some(module) = module_of(file) else { continue };
        let absolute = |path: &[String]| -> Option<Module> {
            let mut base = match path.first()?.as_str() {
                "crate" => Vec::new(),
                "self" | "super" => module.clone(),
                _ => return None,
            };
            for part in &path[usize::from(path[0] != "super")..] {
                match part.as_str() {
                    "super" => drop(base.pop()),
                    _ => base.push(part.clone()),
                }
            }
            Some(base)
        };
        let mut paths = Vec::new();
        // The names that stand for modules here: children, and what is imported.
        let mut modules: BTreeMap<String, Module> = BTreeMap::new();
        for child in files.keys().filter(|child| child.len() == module.len() + 1 && child.starts_with(&module)) {
            modules.insert(child.last().unwrap().clone(), child.clone());
        }
        let mut inline: Vec<Module> = Vec::new();
        let mut tokens = tokens(text).into_iter().peekable();
        while let Some(token) = tokens.next() {
            if token == "use" {
                let mut found = Vec::new();
                use_tree(&mut tokens, &[], &mut found);
                for (path, name) in found {
                    let child =
                        path.first().and_then(|first| modules.get(first)).map(|child| [child, &path[1..]].concat());
                    let Some(path) = absolute(&path).or(child) else { continue };
                    if files.contains_key(&path) {
                        modules.insert(name, path.clone());
                    }
                    paths.push(path);
                }
            } else if token.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                let mut path = vec![token];
                while tokens.next_if_eq("::").is_some() {
                    path.extend(tokens.next_if(|next| next.starts_with(|c: char| c.is_alphabetic() || c == '_')));
                }
                inline.extend((path.len() > 1).then_some(path));
            }
        }
        for path in inline {
            match modules.get(&path[0]) {
                Some(module) => paths.push([module, &path[1..]].concat()),
                None => paths.extend(absolute(&path)),
            }
        }
        let from = imports.entry(file.clone()).or_default();
        for path in paths {
            // The longest path that is a file; a name that a module passes on counts as that
            // module's own.
            let found = (0..=path.len()).rev().find_map(|length| files.get(&path[..length]));
            let to = *found.expect("the root of the crate is a file");
            if to != file {
                from.entry(to.to_string()).or_default().insert(path.join("::"));
            }
        }
    }
    imports
}

/// Whether `top` is `file`, or a module above it.
fn is_above(top: &str, file: &str) -> bool {
    let (top, file) = (module_of(top).unwrap(), module_of(file).unwrap());
    file.starts_with(&top)
}

/// A shortest circle through `start`, as the files on it; none where there is none.
fn circle_through<'a>(imports: &'a Imports, start: &'a str) -> Option<Vec<&'a str>> {
    let mut reached: BTreeMap<&str, &str> = BTreeMap::new();
    let mut front = vec![start];
    while !front.is_empty() {
        let mut next = Vec::new();
        for file in front {
            for to in imports.get(file)?.keys().filter(|to| !is_above(file, to) && !is_above(to, file)) {
                if to == start {
                    let mut circle = vec![file];
                    while *circle.last().unwrap() != start {
                        circle.push(reached[circle.last().unwrap()]);
                    }
                    circle.reverse();
                    return Some(circle);
                }
                if !reached.contains_key(to.as_str()) {
                    reached.insert(to, file);
                    next.push(to.as_str());
                }
            }
        }
        front = next;
    }
    None
}

/// All that a file imports, and what that imports.
fn reachable<'a>(imports: &'a Imports, start: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(file) = open.pop() {
        open.extend(imports[file].keys().map(String::as_str).filter(|to| reached.insert(*to)));
    }
    reached
}

/// Every circle, each once, in words: one of files that are not modules above each other, or one of
/// such modules that leads through others.
fn circles(sources: &[(String, String)]) -> Vec<String> {
    let imports = imports(sources);
    let in_words = |from: &str, to: &str| {
        let paths: Vec<_> = imports[from][to].iter().map(String::as_str).collect();
        format!("  {from} takes from {to}: {}\n", paths.join(", "))
    };
    let mut seen: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
    let mut circles = Vec::new();
    for file in imports.keys() {
        let Some(circle) = circle_through(&imports, file) else { continue };
        if seen.insert(circle.iter().copied().collect()) {
            let next = circle.iter().cycle().skip(1);
            circles.push(circle.iter().zip(next).map(|(from, to)| in_words(from, to)).collect());
        }
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (file.as_str(), reachable(&imports, file))).collect();
    for file in imports.keys() {
        let tied: BTreeSet<&str> =
            reached[file.as_str()].iter().copied().filter(|other| reached[other].contains(file.as_str())).collect();
        let is_home = |top: &&str| tied.iter().all(|file| is_above(top, file));
        if !tied.is_empty() && !tied.iter().any(is_home) && !seen.iter().any(|circle| circle.is_subset(&tied)) {
            let edges = tied.iter().flat_map(|from| imports[*from].keys().map(move |to| (*from, to.as_str())));
            circles.push(edges.filter(|(_, to)| tied.contains(to)).map(|(from, to)| in_words(from, to)).collect());
            seen.insert(tied);
        }
    }
    circles
}

#[test]
fn files_import_each_other_in_no_circle() {
    let circles = circles(&super::sources());
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), circles.join("\n"));
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let found = |files: &[(&str, &str)]| {
        circles(&files.iter().map(|(name, text)| (format!("src/{name}"), text.to_string())).collect::<Vec<_>>())
    };
    let root = ("lib.rs", "pub mod a;\npub mod b;");
    for back in [
        "use crate::a::Thing;",
        "use super::a::Thing;",
        "pub use crate::{a::{self as other, Thing}};",
        "use std::fs;\nuse crate::{\n    c,\n    a,\n};",
        "fn f() -> crate::a::Thing { todo!() }",
        "use crate::x; use super::{self as root};\nfn f(thing: super::a::Thing) {}",
    ] {
        let circles = found(&[root, ("a.rs", "use crate::b::Other;"), ("b.rs", back)]);
        assert_eq!(circles.len(), 1, "{back}: {circles:?}");
        assert!(circles[0].contains("src/a.rs takes from src/b.rs: b::Other"), "{}", circles[0]);
    }
    for none in [
        "use std::a::Thing;",
        "// use crate::a::Thing;",
        "const TEXT: &str = \"crate::a::Thing\";",
        "#[cfg(test)]\nmod tests {\n    use crate::a::Thing;\n}",
    ] {
        assert_eq!(found(&[root, ("a.rs", "use crate::b::Other;"), ("b.rs", none)]), [""; 0], "{none}");
    }
    // A module and its children may import each other, but not by way of another module.
    let [a, b] = [("a/mod.rs", "mod x;\nuse x::h;"), ("b/mod.rs", "pub mod c;")];
    assert_eq!(found(&[root, a, b, ("a/x.rs", "use super::f;"), ("b/c.rs", "")]), [""; 0]);
    let through =
        found(&[root, a, b, ("a/x.rs", "use crate::b;\nfn h() { b::c::g() }"), ("b/c.rs", "use crate::a::f;")]);
    assert!(through.len() == 1 && through[0].contains("src/a/x.rs takes from src/b/c.rs: b::c::g"), "{through:?}");
}
