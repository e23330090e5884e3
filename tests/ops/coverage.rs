//! No op may be missing from the lists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gradus::op::Pointwise;
use gradus::prelude::*;

use crate::cases;
use crate::support::{Layout, sample};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The public methods of `Var` and functions of tensors that the folder of ops declares outside the pointwise tables.
fn declared() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/op");
    let mut names = BTreeSet::new();
    let compiled = |path: &PathBuf| cfg!(feature = "linalg") || !path.ends_with("dense.rs");
    for path in sources(&folder).into_iter().filter(compiled) {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().map(str::trim_start);
        names.extend(lines.filter_map(|line| {
            let rest = line.strip_prefix("pub fn ")?;
            Some(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?.to_owned())
        }));
    }
    names
}

#[test]
fn every_method_is_in_a_list() {
    let listed: BTreeSet<_> = cases::all().iter().map(|case| case.name.split(' ').next().unwrap().to_owned()).collect();
    // What is no op: the registry's own functions, and what has a test file of its own.
    let others = ["names", "all", "custom", "new", "record"].map(str::to_owned);
    let missing: Vec<_> =
        declared().into_iter().filter(|name| !listed.contains(name) && !others.contains(name)).collect();
    assert!(missing.is_empty(), "ops in no list: {missing:?}");
}

#[test]
fn every_primitive_is_recorded_by_some_case() {
    let mut seen = BTreeSet::new();
    let params = Params::<f64>::new();
    let mut rng = StdRng::seed_from_u64(15);
    let mut note = |f: &dyn for<'a, 't> Fn(&'a [Var<'t, f64>]) -> Var<'t, f64>, inputs: &[ArrayD<f64>]| {
        let mut tape = Tape::new();
        {
            let step = tape.record(&params);
            let vars: Vec<_> = inputs.iter().map(|x| step.constant(x)).collect();
            f(&vars).square().sum().gradients(&vars);
        }
        seen.extend(tape.to_string().lines().map(|line| line.split(' ').nth(2).unwrap().to_owned()));
    };
    for case in cases::all() {
        let shapes = &case.shapes[0];
        let inputs: Vec<_> = shapes.iter().map(|shape| sample(shape, &(-2.0..2.0), &[0.0], &mut rng)).collect();
        note(&|v| (case.f)(&v.iter().map(|&x| Layout::Standard.view(x)).collect::<Vec<_>>()), &inputs);
    }
    for op in Pointwise::all() {
        let inputs: Vec<_> = op.domain.iter().map(|domain| sample(&[2], domain, &op.kinks, &mut rng)).collect();
        note(&|v| (op.record)(v), &inputs);
    }
    // Leaves that no op of an array records, and the user's own ops.
    let others = ["input", "variable", "parameter", "buffer", "custom", "function"];
    let missing: Vec<_> =
        gradus::op::names().into_iter().filter(|name| !seen.contains(*name) && !others.contains(name)).collect();
    assert!(missing.is_empty(), "primitives that no case records: {missing:?}");
}
