//! Layers import downwards only, and no file grows out of hand.

use std::fs;
use std::path::{Path, PathBuf};

/// The layer of each module of the crate; `optim` stands beside the others, on the parameters.
const LAYERS: &[(&str, u32)] = &[
    ("real", 0),
    ("number", 0),
    ("shape", 0),
    ("axes", 0),
    ("bytes", 0),
    ("error", 0),
    ("file", 0),
    ("kernel", 1),
    ("params", 2),
    ("optim", 3),
    ("op", 4),
    ("tape", 4),
    ("grad", 4),
    ("run", 5),
    ("functional", 6),
    ("check", 6),
    ("nn", 6),
    ("data", 7),
    ("minimize", 7),
    ("diagnostics", 7),
    ("io", 7),
    ("train", 7),
    ("plot", 7),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn layer(module: &str) -> u32 {
    LAYERS.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("`{module}` has no layer in this test")).1
}

/// The modules named after `crate::` in a text: what it imports, in code but not in comments.
fn imports(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let names = code.split("crate::").skip(1).flat_map(|rest| {
        let list = rest.strip_prefix('{').map(|inside| inside.split('}').next().unwrap().to_owned());
        let one = || rest.split(|c: char| !c.is_alphanumeric() && !"_!".contains(c)).next().unwrap().to_owned();
        list.unwrap_or_else(one).split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>()
    });
    // Modules have small letters; macros, and items that the crate's root passes on, belong to layers below anyway.
    names
        .map(|name| name.split("::").next().unwrap().to_owned())
        .filter(|n| n.starts_with(char::is_lowercase) && !n.ends_with('!'))
        .collect()
}

#[test]
fn layers_import_downwards_only() {
    let mut seen = 0;
    for path in files(&source()) {
        let relative = path.strip_prefix(source()).unwrap();
        let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        for import in imports(&fs::read_to_string(&path).unwrap()) {
            seen += 1;
            let allowed = import == module
                || layer(&import) < layer(module)
                || (layer(&import) == layer(module) && matches!(layer(module), 0 | 4 | 7));
            assert!(allowed, "{} imports `{import}`", relative.display());
            assert!(import != "optim" || matches!(layer(module), 3 | 7), "{} imports optim", relative.display());
        }
    }
    assert!(seen > 100, "only {seen} imports were found: the test reads them wrongly");
}

#[test]
fn the_reader_of_imports_sees_them() {
    let text = "use crate::op::{Leaf, Op};\n// use crate::nn;\nlet x = crate::{real::Real, shape};\ncrate::Var";
    assert_eq!(imports(text), ["op", "real", "shape"]);
}

#[test]
fn files_stay_readable() {
    for path in files(&source()) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 600, "{} has {lines} lines", path.display());
    }
}

#[test]
fn unsafe_code_stays_in_kernels() {
    for path in files(&source()) {
        let text = fs::read_to_string(&path).unwrap();
        let inside = path.strip_prefix(source()).unwrap().starts_with("kernel");
        let uses = text.lines().any(|line| line.contains("unsafe ") && !line.trim_start().starts_with("//"));
        assert!(inside || !uses, "{} has unsafe code", path.display());
        let blocks = text.matches("unsafe {").count() + text.matches("unsafe impl").count();
        let reasons = text.matches("// SAFETY:").count();
        assert!(blocks <= reasons, "{}: {blocks} unsafe places, {reasons} reasons", path.display());
    }
}

/// The public functions and methods of a source text that has no example in their documentation: those of `Var` and
/// free ones, rows of tables and losses without reduction among them.
fn without_example(text: &str) -> Vec<String> {
    let (mut owner, mut example, mut found) = (String::new(), false, Vec::new());
    for line in text.lines() {
        let (code, indent) = (line.trim_start(), line.len() - line.trim_start().len());
        if indent == 0 && (code.starts_with("impl") || code.starts_with("pub(super) mod each")) {
            code.clone_into(&mut owner);
        }
        let name = |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned();
        let method = code.strip_prefix("pub fn ").map(name);
        let row = code.strip_prefix("pub ").and_then(|row| row.split_once(": ")).filter(|(variant, rest)| {
            variant.chars().all(char::is_alphanumeric) && rest.contains('(') && rest.contains(" = ")
        });
        let held = indent == 0 || owner.contains(" Var<") || owner.contains(" mod each");
        let listed = method.filter(|_| held).or(row.map(|(_, rest)| name(rest)));
        found.extend(listed.filter(|_| !example));
        let goes_on = ["///", "#["].iter().any(|start| code.starts_with(start));
        example = goes_on && (example || code == "/// # Examples");
    }
    found
}

#[test]
fn every_op_has_an_example() {
    // Kernels are public for the benches of this crate alone.
    for path in files(&source()).iter().filter(|path| !path.starts_with(source().join("kernel"))) {
        let missing = without_example(&fs::read_to_string(path).unwrap());
        // The registry's own list.
        let missing: Vec<_> = missing.into_iter().filter(|name| name != "names").collect();
        assert!(missing.is_empty(), "without an example in {}: {missing:?}", path.display());
    }
}

#[test]
fn the_reader_of_examples_sees_what_has_none() {
    let text = "impl Var<'_, T> {\n    /// # Examples\n    #[inline]\n    pub fn a(self) {}\n    /// No.\n    pub fn b() {}\n}\n\
        /// # Examples\nstruct Between;\npub fn c() {}\nimpl Tape {\n    pub fn other() {}\n}\n\
        pub(super) mod each {\n    pub fn d() {}\n}\n\
        /// # Examples\npub Row: row(x) = x,\npub Bare: bare(x, y) = x,\npub field: Vec<T>,";
    assert_eq!(without_example(text), ["b", "c", "d", "bare"]);
}

#[test]
fn every_op_has_its_line_in_the_table_of_derivatives() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/derivatives.md");
    let table = fs::read_to_string(table).unwrap();
    let missing: Vec<_> =
        gradus::op::names().into_iter().filter(|name| !table.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "not in docs/derivatives.md: {missing:?}");
}
