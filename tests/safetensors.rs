//! Saving and loading parameters: what is written, what is refused, and that nothing is ever half done.
#![cfg(feature = "safetensors")]
#![allow(clippy::float_cmp, reason = "exact results are meant")]

use std::path::PathBuf;

use gradus::io::safetensors::{
    from_bytes, load, load_state, save, save_state, state_from_bytes, state_to_bytes, to_bytes,
};
use gradus::optim::{Adam, Optimizer, Rprop, Sgd, State};
use gradus::{ErrorKind, Params, Real};
use proptest::prelude::*;

/// A model with parameters and a buffer, a scalar and a tensor without elements; every number is `fill`.
fn model<T: Real>(fill: f64) -> Params<T> {
    let mut params = Params::new();
    params.add("mlp.0.weight", [3, 2], || T::of(fill));
    params.add("mlp.0.bias", [2], || T::of(fill));
    params.add("scale", [], || T::of(fill));
    params.add("nothing", [0, 4], || T::of(fill));
    params.add_buffer("norm.running_mean", [2], || T::of(fill));
    params
}

/// The bits of all numbers, parameters and buffers.
fn bits<T: Real>(params: &Params<T>) -> Vec<u64> {
    params.iter().chain(params.buffers()).flat_map(|e| e.values).map(|x| x.bits()).collect()
}

/// A directory for the files of one test; it is empty.
fn directory(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A file with this header and no data but what is given.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

#[track_caller]
fn assert_refused<T: Real>(bytes: &[u8], kind: ErrorKind, message: &str) {
    let mut params = model::<T>(1.0);
    let before = bits(&params);
    let error = from_bytes(&mut params, bytes).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.kind()), (message, kind));
    assert_eq!(bits(&params), before);
}

/// Written by the Python package `safetensors` 0.8.0 with `safetensors.numpy.save({"line.weight": [[1.5], [-2.0]],
/// "line.bias": [0.25], "scale": 3.0}, metadata={"epoch": "7"})`, all float32.
const FROM_PYTHON: &[u8] = b"\xd8\0\0\0\0\0\0\0\
{\"__metadata__\":{\"epoch\":\"7\"},\"line.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\
\"line.weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[4,12]},\"scale\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[12,16]}} \
\0\0\x80>\0\0\xc0?\0\0\0\xc0\0\0@@";

#[test]
fn a_file_written_by_python() {
    let mut params = Params::<f32>::new();
    params.add("scale", [], || 0.0);
    params.add("line.bias", [1], || 0.0);
    params.add("line.weight", [2, 1], || 0.0);
    from_bytes(&mut params, FROM_PYTHON).unwrap();
    assert_eq!(params.flat(), [3.0, 0.25, 1.5, -2.0]);
}

/// The format by its specification: the length of the header in eight bytes, the header as JSON, the numbers.
#[test]
fn the_layout_of_the_file() {
    let mut params = Params::<f32>::new();
    params.add("w", [2, 1], || 1.5);
    let bytes = to_bytes(&params).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    assert_eq!(header.trim_end(), r#"{"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#);
    assert_eq!(bytes[8 + length..], [0, 0, 0xc0, 0x3f, 0, 0, 0xc0, 0x3f]);
    assert_eq!(bytes, to_bytes(&params).unwrap());
}

#[test]
fn save_and_load() {
    let directory = directory("save_and_load");
    let path = directory.join("model.safetensors");
    save(&model::<f32>(7.0), &path).unwrap();
    // Over what is there, too, and nothing else is left behind.
    save(&model::<f32>(2.5), &path).unwrap();
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
    let mut params = model::<f32>(0.0);
    load(&mut params, &path).unwrap();
    assert_eq!(bits(&params), bits(&model::<f32>(2.5)));
    assert_eq!(params.array("norm.running_mean").unwrap()[[1]], 2.5);
}

#[test]
fn a_save_that_fails_leaves_the_old_file() {
    let directory = directory("a_save_that_fails");
    // A directory cannot be replaced by a file: the last step, the renaming, fails.
    let path = directory.join("model.safetensors");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("kept"), "kept").unwrap();
    let error = save(&model::<f32>(1.0), &path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().starts_with(&format!("cannot write `{}`: ", path.display())));
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "the new file is gone again");
    assert_eq!(std::fs::read_to_string(path.join("kept")).unwrap(), "kept");

    let missing = directory.join("no/such/model.safetensors");
    let error = save(&model::<f32>(1.0), &missing).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    let message = format!("cannot write `{}`: {cause}", missing.display());
    assert_eq!((error.to_string(), error.kind()), (message, ErrorKind::Io));
    assert_eq!(save(&model::<f32>(1.0), "..").unwrap_err().to_string(), "cannot write `..`: this is no file name");
}

/// The format would take it for something else, and no file could be read again.
#[test]
fn the_name_that_the_format_keeps_is_refused_before_anything_is_written() {
    let directory = directory("the_name_that_the_format_keeps");
    let mut params = model::<f32>(1.0);
    params.add("__metadata__", [2], || 0.5);
    let path = directory.join("weights.safetensors");
    let error = save(&params, &path).unwrap_err();
    let text = "safetensors: the format keeps the name `__metadata__` for itself, no tensor can have it";
    assert_eq!((error.to_string().as_str(), error.kind()), (text, ErrorKind::Name));
    assert!(!path.exists());
}

#[test]
fn errors_name_the_file() {
    let path = directory("errors_name_the_file").join("other.safetensors");
    let mut params = model::<f32>(0.0);
    let error = load(&mut params, &path).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot read `{}`: ", path.display())));
    assert_eq!(error.kind(), ErrorKind::Io);
    std::fs::write(&path, to_bytes(&Params::<f32>::new()).unwrap()).unwrap();
    let error = load(&mut params, &path).unwrap_err();
    let message = format!("{}: tensor `mlp.0.weight` of the model is missing", path.display());
    assert_eq!((error.to_string(), error.kind()), (message, ErrorKind::Name));
}

#[test]
fn every_truncation_and_every_addition() {
    let bytes = to_bytes(&model::<f32>(3.0)).unwrap();
    let mut params = model::<f32>(1.0);
    let before = bits(&params);
    for cut in 0..bytes.len() {
        let error = from_bytes(&mut params, &bytes[..cut]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format, "cut at {cut}: {error}");
        assert_eq!(bits(&params), before, "cut at {cut}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_refused::<f32>(
        &longer,
        ErrorKind::Format,
        "safetensors: no safetensors file, or a truncated one: incomplete metadata, file not fully covered",
    );
    assert_refused::<f32>(
        b"",
        ErrorKind::Format,
        "safetensors: no safetensors file, or a truncated one: header too small",
    );
}

#[test]
fn files_of_another_model() {
    let bytes = |change: &dyn Fn(&mut Params<f32>)| {
        let mut params = model::<f32>(3.0);
        change(&mut params);
        to_bytes(&params).unwrap()
    };
    let more = bytes(&|params| _ = params.add("mlp.1.bias", [2], || 0.0));
    assert_refused::<f32>(&more, ErrorKind::Name, "safetensors: tensor `mlp.1.bias` is unknown to the model");
    let mut shapes = Params::<f32>::new();
    shapes.add("mlp.0.weight", [2, 3], || 0.0);
    assert_refused::<f32>(
        &to_bytes(&shapes).unwrap(),
        ErrorKind::Shape,
        "safetensors: tensor `mlp.0.weight` has shape [2, 3], in the model [3, 2]",
    );
    let rank7 = r#"{"scale":{"dtype":"F32","shape":[1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#;
    let mut params = Params::<f32>::new();
    params.add("scale", [], || 0.0);
    let error = from_bytes(&mut params, &file(rank7, &[0; 4])).unwrap_err();
    assert_eq!(error.to_string(), "safetensors: tensor `scale` has shape [1, 1, 1, 1, 1, 1, 1], in the model []");
    // The last tensor is the wrong one: those before it are left as they are, too.
    let mut last = model::<f32>(3.0);
    let _ = last.add("zzz", [2], || 0.0);
    let mut params = model::<f32>(1.0);
    let _ = params.add("zzz", [3], || 0.0);
    let before = bits(&params);
    let error = from_bytes(&mut params, &to_bytes(&last).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "safetensors: tensor `zzz` has shape [2], in the model [3]");
    assert_eq!(bits(&params), before);
}

#[test]
fn element_types_are_not_converted_in_silence() {
    assert_refused::<f32>(
        &to_bytes(&model::<f64>(3.0)).unwrap(),
        ErrorKind::Format,
        "safetensors: tensor `mlp.0.weight` holds F64, the model is in F32\n  help: load into `params.cast::<f64>()` and cast back with `.cast::<f32>()`",
    );
    assert_refused::<f64>(
        &to_bytes(&model::<f32>(3.0)).unwrap(),
        ErrorKind::Format,
        "safetensors: tensor `mlp.0.weight` holds F32, the model is in F64\n  help: load into `params.cast::<f32>()` and cast back with `.cast::<f64>()`",
    );
    let whole = r#"{"mlp.0.weight":{"dtype":"I32","shape":[3,2],"data_offsets":[0,24]}}"#;
    assert_refused::<f32>(
        &file(whole, &[0; 24]),
        ErrorKind::Format,
        "safetensors: tensor `mlp.0.weight` holds I32, the model is in F32",
    );
    // What the help says works.
    let mut params = model::<f32>(0.0);
    let mut wide = params.cast::<f64>();
    from_bytes(&mut wide, &to_bytes(&model::<f64>(3.0)).unwrap()).unwrap();
    params = wide.cast::<f32>();
    assert_eq!(bits(&params), bits(&model::<f32>(3.0)));
}

#[test]
fn broken_headers() {
    let refused = |bytes: &[u8]| {
        let mut params = model::<f32>(1.0);
        let before = bits(&params);
        let error = from_bytes(&mut params, bytes).unwrap_err();
        assert_eq!(bits(&params), before);
        assert_eq!(error.kind(), ErrorKind::Format, "{error}");
    };
    refused(&u64::MAX.to_le_bytes());
    refused(&file("{", &[]));
    refused(&file(r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, &[0; 4]));
    refused(&file(r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, &[0; 8]));
    refused(&file(r#"{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, &[0; 4]));
    refused(&file(r#"{"w":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#, &[0; 4]));
    refused(b"row,column\n1,2\n3,4\n");
}

proptest! {
    /// Every number keeps its bits: NaN with its payload, −0, ∞, subnormal numbers.
    #[test]
    fn numbers_keep_their_bits(words in prop::collection::vec(any::<u64>(), 15)) {
        fn round<T: Real>(words: &[u64], mask: u64) -> bool {
            let mut params = model::<T>(0.0);
            let mut words = words.iter().map(|word| T::from_bits(word & mask));
            params.flat_mut().iter_mut().for_each(|x| *x = words.next().unwrap());
            let mut read = model::<T>(0.0);
            from_bytes(&mut read, &to_bytes(&params).unwrap()).unwrap();
            bits(&read) == bits(&params)
        }
        prop_assert!(round::<f64>(&words, u64::MAX) && round::<f32>(&words, u64::from(u32::MAX)));
    }

    /// Whatever one changed byte makes of a file, it is loaded whole or not at all.
    #[test]
    fn a_changed_byte(place in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = to_bytes(&model::<f32>(3.0)).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let mut params = model::<f32>(1.0);
        let before = bits(&params);
        if from_bytes(&mut params, &bytes).is_err() {
            prop_assert_eq!(bits(&params), before);
        }
    }
}

/// One step with a gradient of ones.
fn walk<T: Real>(optimizer: &mut impl Optimizer<T>, params: &mut Params<T>) {
    let mut gradient = params.gradient();
    gradient.flat_mut().fill(T::one());
    optimizer.step(params, &gradient);
}

fn a_run_goes_on_from_two_files<T: Real>(directory: &std::path::Path) {
    let (weights, state) = (directory.join("model.safetensors"), directory.join("optimizer.safetensors"));
    let (mut straight, mut x) = (Adam::new(0.01).accumulate(3).skip_not_finite(true), model::<T>(0.5));
    x.freeze(|name| name == "scale");
    (0..4).for_each(|_| walk(&mut straight, &mut x));
    straight.set_learning_rate(0.1 + f64::EPSILON);
    let mut broken = x.gradient();
    broken.flat_mut().fill(T::nan());
    straight.step(&mut x, &broken);
    save(&x, &weights).unwrap();
    save_state(&straight.state(), &state).unwrap();
    assert_eq!((straight.state().pending(), straight.state().skipped()), (1, 1));

    let (mut resumed, mut y) = (Adam::new(9.0).accumulate(3).skip_not_finite(true), model::<T>(0.0));
    load(&mut y, &weights).unwrap();
    y.freeze(|name| name == "scale");
    let read = load_state(&state).unwrap();
    assert_eq!(read, straight.state());
    resumed.restore(&read, &y).unwrap();
    for _ in 0..5 {
        walk(&mut straight, &mut x);
        walk(&mut resumed, &mut y);
    }
    assert_eq!(bits(&x), bits(&y));
    assert_eq!(straight.state(), resumed.state());
}

#[test]
fn a_run_goes_on_from_two_files_with_the_same_bits() {
    let directory = directory("a_run_goes_on");
    a_run_goes_on_from_two_files::<f32>(&directory);
    a_run_goes_on_from_two_files::<f64>(&directory);
}

/// Names with points and digits, more than ten tensors and vectors without an order of letters, none at all.
#[test]
fn every_state_comes_back_and_always_as_the_same_bytes() {
    let mut params = Params::<f32>::new();
    for i in (0..12).rev() {
        params.add(&format!("{i}.tensor.3.x y"), [i], || 1.0);
    }
    let mut rprop = Rprop::new(0.1);
    walk(&mut rprop, &mut params);
    for state in [rprop.state(), Rprop::new(0.2).state(), Sgd::new(0.0).state()] {
        let bytes = state_to_bytes(&state).unwrap();
        assert_eq!(state_from_bytes::<f32>(&bytes).unwrap(), state);
        assert_eq!(state_to_bytes(&state).unwrap(), bytes);
    }
}

#[test]
fn a_file_without_a_state_or_with_another_is_refused() {
    let refused = |bytes: &[u8]| {
        let error = state_from_bytes::<f32>(bytes).unwrap_err();
        (error.to_string(), error.kind())
    };
    let text = "safetensors: no state of an optimiser\n  help: parameters are read by `load`";
    assert_eq!(refused(&to_bytes(&model::<f32>(1.0)).unwrap()), (text.to_owned(), ErrorKind::Format));

    let mut params = Params::<f64>::new();
    params.add("w", [2], || 1.0);
    let mut sgd = Sgd::new(0.1).momentum(0.9);
    walk(&mut sgd, &mut params);
    let bytes = state_to_bytes(&sgd.state()).unwrap();
    let text = "safetensors: `type` holds F64, expected F32\n  help: read it as `load_state::<f64>`";
    assert_eq!(refused(&bytes), (text.to_owned(), ErrorKind::Format));
    let parameters = from_bytes(&mut params, &bytes).unwrap_err().to_string();
    assert!(
        parameters
            .ends_with("is unknown to the model\n  help: it holds the state of an optimiser, which `load_state` reads")
    );

    // Every file cut short, and every byte of the header changed, is an error or a state, but no panic.
    let state: State<f64> = sgd.state();
    for end in 0..bytes.len() {
        assert!(state_from_bytes::<f64>(&bytes[..end]).is_err(), "{end}");
    }
    let mut same = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        same += usize::from(state_from_bytes::<f64>(&changed).is_ok_and(|read| read == state));
    }
    // What is changed in the padding of the header says nothing.
    assert!(same < 16, "{same}");

    let header = r#"{"__metadata__":{"optimizer":"Sgd"},"iteration":{"dtype":"U64","shape":[2],"data_offsets":[0,16]},"learning_rate":{"dtype":"F64","shape":[],"data_offsets":[16,24]},"type":{"dtype":"F32","shape":[0],"data_offsets":[24,24]}}"#;
    let text = "safetensors: `iteration` holds 16 bytes, expected one number";
    assert_eq!(refused(&file(header, &[0; 24])), (text.to_owned(), ErrorKind::Format));
}
