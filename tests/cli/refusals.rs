//! What cannot be done is refused in one line: the exit code, what is wrong and where; and nothing
//! has been touched.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::common::makers::{gzip, idx};
use crate::desk::{Desk, TINY, end, idx_images};

/// A command line, the exit code, and a part of the message.
type Row<'a> = (&'a str, i32, &'a str);

/// Runs every row, and reports all that are not refused as they should be.
#[track_caller]
fn refuse(desk: &Desk, rows: &[Row<'_>]) {
    let before = desk.snapshot();
    let mut problems = Vec::new();
    for (line, code, fragment) in rows {
        problems.extend(desk.run(line).problem(*code, fragment).map(|problem| format!("{line}: {problem}")));
        if desk.snapshot() != before {
            panic!("{line}: the working directory has changed");
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn an_argument_with_line_breaks_stays_in_one_line() {
    let desk = Desk::new();
    for (flag, value, code) in [
        ("--preset", "a\nb\r\u{1b}[31m", 2),
        ("--rows", "a\nb", 2),
        ("--set", "a\nb=1", 2),
        ("--data", "a\nb", 4),
        ("--resume", "a\nb", 9),
    ] {
        let mut command = desk.command("train -q --device cpu --steps 1");
        command.args([flag, value]);
        end(command).refused(code, "a");
    }
}

#[test]
fn configuration_files() {
    let desk = Desk::new();
    let layer = |line: &str| format!("[generator]\nlayers = [\n    {{ type = \"relu\" }},\n    {line},\n]\n");
    let rows = [
        ("lr = 1\n".to_string(), "1:1: unknown key `lr`"),
        ("[adam]\nlr = 1\nbeta3 = 0.5\n".to_string(), "3:1: unknown key `adam.beta3`; did you mean `beta1`?"),
        ("\n[trainig]\nsteps = 5\n".to_string(), "3:1: unknown key `trainig.steps`; did you mean `training`?"),
        ("[trainig]\n".to_string(), "1:2: unknown key `trainig`; did you mean `training`?"),
        ("[output.gif]\nx = 1\n".to_string(), "2:1: `output.gif` has no keys of its own"),
        ("[adam]\n  lr = \"fast\"\n".to_string(), "2:3: `adam.lr`: invalid type: string \"fast\", expected f64"),
        ("adam.lr = []\n".to_string(), "1:6: `adam.lr`: invalid type: sequence"),
        ("seed = 1\nseed = 2\n".to_string(), "2:1: duplicate key"),
        ("[adam]\nlr = \n".to_string(), "2:6: "),
        ("[adam\nlr = 1\n".to_string(), "1:6: "),
        ("é = 1\n".to_string(), "1:1: "),
        ("preset = 5\n".to_string(), "1:10: `preset` must be a name"),
        ("\npreset = \"quik\"\n".to_string(), "2:10: there is no preset `quik`; did you mean `quick`?"),
        ("output.sample_every = \"5 minutes\"\n".to_string(), "1:8: `output.sample_every`: "),
        ("output.sample_every = -5\n".to_string(), "expected a cadence such as 200, \"200steps\" or \"2epochs\""),
        ("output.checkpoint_every = -5\n".to_string(), "\"2epochs\", for checkpoints also \"10minutes\""),
        (
            "[training]\nepochs = 1\nsteps = 5\n".to_string(),
            "3:1: `training.steps` and `training.epochs` exclude each other",
        ),
        ("[generator]\nlayers = 5\n".to_string(), "2:1: `generator.layers`: invalid type: integer `5`"),
        (layer("5"), "4:5: a layer is a table such as { type = \"relu\" }"),
        (layer("{ units = 5 }"), "4:5: a layer needs a `type`, one of: dense, conv, "),
        (layer("{ type = \"convolution\" }"), "4:14: unknown layer type `convolution`"),
        (layer("{ type = \"rleu\" }"), "4:14: unknown layer type `rleu`; did you mean `relu`?"),
        (layer("{ type = \"relu\", slope = 0.2 }"), "4:22: unknown key `slope` of a relu layer"),
        (
            layer("{ type = \"conv\", chanels = 5 }"),
            "4:22: unknown key `chanels` of a conv layer; did you mean `channels`?",
        ),
        (layer("{ type = \"leaky_relu\" }"), "4:5: leaky_relu layer: missing field `slope`"),
        (
            layer("{ type = \"conv\", channels = 5, kernel = \"big\" }"),
            "4:5: conv layer: expected a number, or [vertical, horizontal]",
        ),
        (layer("{ type = \"conv\", channels = 5, kernel = 3, padding = \"some\" }"), "\"same\" or \"valid\""),
    ];
    for (text, fragment) in rows {
        desk.write("my.toml", &text);
        let before = desk.snapshot();
        let ended = desk.run("train --config my.toml --dry-run");
        let expected = if fragment.starts_with(|c: char| c.is_ascii_digit()) {
            format!("my.toml:{fragment}")
        } else {
            fragment.into()
        };
        assert_eq!(ended.problem(2, &expected), None, "{text}");
        assert!(desk.snapshot() == before);
    }
    // It would make 0 of whatever comes in.
    desk.write("my.toml", TINY.replace("\"batch_norm\"", "\"batch_norm\", per = \"feature\""));
    let refused = "generator layer 1 (batch_norm) has a single value of each feature: training.batch_size = 1";
    desk.run("train --config my.toml --dry-run --batch-size 1").refused(2, refused);
    desk.run("train --config my.toml --dry-run --batch-size 2").done();
    desk.write("my.toml", [0xff, 0xfe, 0x00]);
    desk.run("train --config my.toml --dry-run").refused(2, "my.toml is not text; --config takes a TOML file");
}

#[test]
fn layers_that_do_not_fit() {
    let desk = Desk::new();
    for (from, to, fragment) in [
        (
            "shape = [2, 2, 8]",
            "units = 32, shape = [2, 2, 8]",
            "generator layer 0 (dense), on its input of 1×1×4: needs either",
        ),
        ("shape = [2, 2, 8]", "shape = [2, 3, 8]", "the generator's last layer gives 8×12×1, but [image] is 8×8×1"),
        (
            "shape = [2, 2, 8]",
            "shape = [0, 2, 8]",
            "generator layer 0 (dense), on its input of 1×1×4: gives 0×2×8 values",
        ),
        ("channels = 1, kernel = 4", "channels = 2, kernel = 4", "gives 8×8×2, but [image] is 8×8×1"),
        ("{ type = \"tanh\" },", "", "the generator's last layer must be tanh (images in [-1, 1]) or sigmoid ([0, 1])"),
        ("units = 1", "units = 2", "the discriminator's last layer gives 1×1×2, but one logit (1×1×1) is needed"),
        (
            "type = \"conv\", channels = 4, kernel = 4",
            "type = \"conv\", channels = 4, kernel = 11",
            "discriminator layer 0 (conv), on its input of 8×8×1: a kernel of 11 does not fit 10 padded pixels",
        ),
        (
            "type = \"conv\", channels = 4, kernel = 4",
            "type = \"conv\", channels = 4, kernel = 0",
            "discriminator layer 0 (conv), on its input of 8×8×1: kernel 0×0 is outside 1 to 4096",
        ),
        (
            "slope = 0.2 },\n    { type = \"conv_t",
            "slope = 2 },\n    { type = \"conv_t",
            "generator layer 4 (leaky_relu), on its input of 4×4×4: slope 2",
        ),
        (
            "rate = 0.2",
            "rate = 1.0",
            "discriminator layer 2 (dropout), on its input of 4×4×4: rate 1 is outside 0 to 0.99",
        ),
        (
            "units = 1",
            "units = 20000000",
            "discriminator layer 3 (dense), on its input of 4×4×4: gives 1×1×20000000 values",
        ),
    ] {
        let changed = TINY.replacen(from, to, 1);
        assert_ne!(changed, TINY, "{from}");
        desk.write("tiny.toml", changed);
        desk.run("train --config tiny.toml --device cpu --out run").refused(2, fragment);
        assert_eq!(desk.names(""), ["tiny.toml"]);
    }
    desk.write(
        "tiny.toml",
        TINY.replace("height = 8, width = 8", "height = 1040, width = 8").replace("[2, 2, 8]", "[260, 2, 8]"),
    );
    let line = "train --config tiny.toml --device cpu --out run --rows 64 --cols 1";
    desk.run(line).refused(2, "output.rows = 64 makes a grid of 66686 pixels; a GIF has at most 65535 a side");
}

#[test]
fn data() {
    let desk = Desk::new();
    let images = idx_images(64, &[8, 8]);
    let zipped = gzip(&images);
    std::fs::create_dir(desk.path("empty")).unwrap();
    let name = "train-images-idx3-ubyte";
    desk.write("notes/readme.txt", "no images");
    desk.write(&format!("magic/{name}"), b"PK\x03\x04 an archive");
    desk.write(&format!("type/{name}"), [0, 0, 13, 3]);
    desk.write(&format!("labels/{name}"), idx(&[3], &[1, 2, 3]));
    desk.write(&format!("short/{name}"), &images[..images.len() - 1]);
    desk.write(&format!("long/{name}"), [&images[..], &[0]].concat());
    desk.write(&format!("nothing/{name}"), []);
    desk.write(&format!("none/{name}"), idx(&[0, 8, 8], &[]));
    desk.write(&format!("cut/{name}.gz"), &zipped[..zipped.len() / 2]);
    desk.write(&format!("html/{name}.gz"), "<!DOCTYPE html><title>404</title>");
    desk.write(&format!("few/{name}"), idx_images(7, &[8, 8]));
    desk.write(&format!("both/{name}"), &images);
    desk.write("both/other-train-images-idx3-ubyte", &images);
    desk.write(&format!("unlike/{name}"), &images);
    desk.write("unlike/train-labels-idx1-ubyte", idx(&[3], &[1, 2, 3]));

    let rows = [
        (
            "nowhere",
            "there is no data set, folder or file `nowhere`; use mnist, fashion-mnist, kmnist, strokes, a folder with pictures or IDX files",
        ),
        ("empty", "empty holds no images; put pictures (PNG, JPEG"),
        ("notes", "notes holds no images; put pictures (PNG, JPEG"),
        ("magic", "it is a zip archive"),
        ("type", "it has elements of type 0x0d, not unsigned bytes"),
        ("labels", "it holds an array of rank 1, not images"),
        ("short", "it is truncated: 4095 of 4096 bytes"),
        ("long", "it goes on after the 4096 bytes"),
        ("nothing", "it has no content"),
        ("none", "it is empty: it declares 0 images of 8×8"),
        ("cut", "cut/train-images-idx3-ubyte.gz: "),
        ("html", "it is a web page, not data; download or save the file again"),
        ("few", "few has 7 images, fewer than a batch of 8; use a smaller --batch-size"),
        ("both", "holds the images of several data sets"),
        ("unlike", "holds 3 labels for 64 images"),
        ("notes/readme.txt", "it is not an IDX file"),
        ("mnist", "MNIST is not in "),
        ("mnist --data-dir empty", "or use --data strokes, which needs no download"),
    ];
    for (data, fragment) in rows {
        refuse(&desk, &[(&format!("train --config tiny.toml --device cpu --out run --data {data}"), 4, fragment)]);
    }
}

#[test]
fn outputs() {
    let desk = Desk::with_run();
    desk.write("file", "a file");
    desk.write("folder/notes.txt", "a file");
    let train = "train --config tiny.toml --device cpu";
    let draw = "-q --checkpoint run --device cpu";
    refuse(
        &desk,
        &[
            (&format!("{train} --out file"), 2, "file is a file; give --out a folder"),
            (&format!("{train} --out file --force"), 2, "file is a file; give --out a folder"),
            (&format!("{train} --out file/run"), 5, "cannot create the folder file/run: "),
            (&format!("{train} --out folder"), 2, "folder is not empty and holds no run; choose another --out"),
            (&format!("{train} --out run"), 2, "or go on with it: `dcgan-gpu train --resume run`"),
            (&format!("{train} --out="), 2, "a value is required for '--out <DIR>'"),
            (&format!("sample --out missing/a.png {draw}"), 5, "the folder missing does not exist; create it first"),
            (&format!("sample --out file/a.png {draw}"), 5, "cannot write file/a.png: "),
            (
                &format!("sample --out missing/a --format files --count 1 {draw}"),
                5,
                "cannot create the folder missing/a: ",
            ),
            (&format!("sample --out file --format files --count 1 {draw}"), 5, "cannot create the folder file: "),
            (&format!("interpolate --out missing/a.gif {draw}"), 5, "the folder missing does not exist"),
            (&format!("explore --out missing/a.png {draw}"), 5, "the folder missing does not exist"),
            (
                &format!("sample --out a.png --rows 1000 --cols 1000 --scale 16 {draw}"),
                2,
                "the grid would take 23.8 GiB",
            ),
            (&format!("explore --out a.png --rows 100 --cols 100 --scale 16 --seed x {draw}"), 2, "invalid value 'x'"),
        ],
    );
}

/// A tensor's shape and values.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// The bytes of a checkpoint with its metadata and tensors changed.
fn edited(bytes: &[u8], edit: impl FnOnce(&mut Value, &mut Tensors)) -> Vec<u8> {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let mut metadata = serde_json::from_str(&header.metadata().as_ref().unwrap()["dcgan-gpu"]).unwrap();
    let values = |view: &TensorView<'_>| {
        let words = view.data().chunks_exact(4);
        words.map(|word| f32::from_le_bytes(word.try_into().unwrap())).collect()
    };
    let file = SafeTensors::deserialize(bytes).unwrap();
    let mut tensors: Tensors =
        file.tensors().into_iter().map(|(name, view)| (name, (view.shape().to_vec(), values(&view)))).collect();
    edit(&mut metadata, &mut tensors);
    let raw: Vec<_> = tensors
        .into_iter()
        .map(|(name, (shape, values))| (name, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>()))
        .collect();
    // What was edited has a checksum that fits.
    let data: Vec<u8> = raw.iter().flat_map(|(_, _, bytes)| bytes.iter().copied()).collect();
    if metadata["format_version"] == 2 {
        let sum = Sha256::new_with_prefix(metadata["run"].to_string()).chain_update(data).finalize();
        metadata["sha256"] = sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    }
    let views = raw.iter().map(|(name, shape, data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    let metadata = std::collections::HashMap::from([("dcgan-gpu".to_string(), metadata.to_string())]);
    safetensors::serialize(views, Some(metadata)).unwrap()
}

#[test]
fn checkpoints() {
    let desk = Desk::with_run();
    let good = desk.read("run/checkpoints/step-00000020.safetensors");
    let weight = "generator/parameter/0.weight";
    let broken = |name: &str, edit: &dyn Fn(&mut Value, &mut Tensors)| {
        desk.write(&format!("{name}.safetensors"), edited(&good, edit));
    };
    broken("same", &|_, _| {});
    broken("version", &|metadata, _| metadata["format_version"] = 3.into());
    broken("unversioned", &|metadata, _| *metadata = Value::from("text"));
    broken("keyless", &|metadata, _| drop(metadata["run"].as_object_mut().unwrap().remove("config")));
    broken("latent", &|metadata, _| metadata["run"]["config"]["latent"]["dim"] = 0.into());
    broken("image", &|metadata, _| metadata["run"]["config"]["image"]["height"] = 9.into());
    broken("missing", &|_, tensors| drop(tensors.remove(weight)));
    broken("nan", &|_, tensors| tensors.get_mut(weight).unwrap().1[3] = f32::NAN);
    broken("shape", &|_, tensors| {
        let (shape, values) = tensors.get_mut(weight).unwrap();
        *shape = vec![values.len()];
    });
    broken("more", &|_, tensors| {
        drop(tensors.insert("generator/parameter/9.weight".to_string(), (vec![1], vec![0.0])))
    });
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    desk.write("flipped.safetensors", flipped);
    desk.write("garbage.safetensors", "not a checkpoint at all");
    desk.write("nothing.safetensors", []);
    desk.write("huge-header.safetensors", [0xff; 64]);
    for kept in [9, good.len() / 2, good.len() - 1] {
        desk.write(&format!("cut-{kept}.safetensors"), &good[..kept]);
    }
    let data = [0; 4];
    let one = [("x", TensorView::new(Dtype::F32, vec![1], &data).unwrap())];
    desk.write("foreign.safetensors", safetensors::serialize(one, None).unwrap());
    std::fs::create_dir_all(desk.path("bare/checkpoints")).unwrap();

    desk.run("sample --out same.png --checkpoint same.safetensors --device cpu").done();
    let (half, last) = (format!("cut-{}", good.len() / 2), format!("cut-{}", good.len() - 1));
    let rows = [
        ("no-such-file", "no-such-file: cannot read the checkpoint: "),
        ("bare", "bare holds no checkpoint; give a run folder or a .safetensors file"),
        ("garbage.safetensors", "garbage.safetensors: not a readable checkpoint"),
        ("nothing.safetensors", "not a readable checkpoint"),
        ("huge-header.safetensors", "not a readable checkpoint"),
        ("cut-9.safetensors", "not a readable checkpoint"),
        (&format!("{half}.safetensors"), "not a readable checkpoint"),
        (&format!("{last}.safetensors"), "not a readable checkpoint"),
        ("foreign.safetensors", "a safetensors file of another program"),
        ("run/config.toml", "not a readable checkpoint"),
        ("version.safetensors", "format version 3; this program reads 1 to 2: use a matching release"),
        ("unversioned.safetensors", "not a readable checkpoint"),
        ("keyless.safetensors", "missing field `config`"),
        ("latent.safetensors", "its configuration cannot be used: latent.dim = 0 is outside 1 to 65536"),
        ("image.safetensors", "its configuration cannot be used: the generator's last layer gives 8×8×1"),
        ("missing.safetensors", "the checkpoint has no tensor `generator/parameter/0.weight`"),
        ("more.safetensors", "tensors, where its networks have"),
        ("flipped.safetensors", "its bytes are not those that were saved (SHA-256 "),
        ("nan.safetensors", "tensor `generator/parameter/0.weight` of the checkpoint holds NaN or infinity"),
        (
            "shape.safetensors",
            "tensor `generator/parameter/0.weight` of the checkpoint is [128]; the network's is [4, 4, 8]",
        ),
    ];
    for (file, fragment) in rows {
        refuse(&desk, &[(&format!("sample --out a.png -q --device cpu --checkpoint {file}"), 9, fragment)]);
    }
    let draw = "-q --device cpu --checkpoint nan.safetensors";
    refuse(
        &desk,
        &[
            ("sample --out a.png -q --device cpu", 9, "there is no run under runs/; train one with `dcgan-gpu train`"),
            (&format!("interpolate --out a.gif {draw}"), 9, "holds NaN or infinity"),
            (&format!("explore --out a.png {draw}"), 9, "holds NaN or infinity"),
        ],
    );
}

#[test]
fn resumed_runs() {
    let desk = Desk::with_run();
    let newest = "run/checkpoints/step-00000020.safetensors";
    let good = desk.read(newest);
    desk.write("file", "a file");
    std::fs::create_dir(desk.path("empty")).unwrap();
    let resume = "train -q --device cpu --steps 40 --resume";
    refuse(
        &desk,
        &[
            (&format!("{resume} nowhere"), 9, "nowhere is no run folder; check --resume"),
            (&format!("{resume} file"), 9, "file is no run folder; check --resume"),
            (&format!("{resume} empty"), 9, "empty holds no run; start it with `dcgan-gpu train --out empty` and"),
            (&format!("{resume} {newest}"), 9, "is no run folder; check --resume"),
            (&format!("{resume} run --sample-every 0"), 2, "`0` is not a cadence"),
            (&format!("{resume} run --keep 0"), 2, "output.keep = 0 is outside"),
        ],
    );
    let older = "run/checkpoints/step-00000015.safetensors";
    desk.write(older, &good[..good.len() / 2]);
    for tensor in ["generator/adam_m/0.weight", "discriminator/adam_v/0.bias", "discriminator/parameter/3.weight"] {
        desk.write(newest, edited(&good, |_, tensors| drop(tensors.remove(tensor))));
        refuse(&desk, &[(&format!("{resume} run"), 9, &format!("the checkpoint has no tensor `{tensor}`"))]);
    }
    desk.write(newest, &good[..good.len() / 2]);
    let what = "step-00000020.safetensors: not a readable checkpoint";
    refuse(
        &desk,
        &[(&format!("{resume} run"), 9, what), (&format!("{resume} run"), 9, "no older one that can be used")],
    );
}
