//! Command lines and values that cannot be used are refused at once: the exit code, one line that says what and where, nothing
//! printed, nothing written, no device touched, in less than a fifth of a second.
//!
//! Every refusal runs where a device cannot be opened: the environment names lavapipe and hides every Vulkan driver, so that
//! a program that reached for the device would end with exit code 3 and another message.

use std::ffi::OsString;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::desk::{Desk, Ended, plain};

/// What a refusal may take, from the start of the process to its end.
const AT_ONCE: Duration = Duration::from_millis(200);

/// No device can be opened here.
const NO_DEVICE: [(&str, &str); 3] = [
    ("DCGAN_GPU_DEVICE", "llvmpipe"),
    ("VK_DRIVER_FILES", "/nowhere/no-driver.json"),
    ("VK_ICD_FILENAMES", "/nowhere/no-driver.json"),
];

/// A command line, the exit code, and a part of the message.
type Row = (&'static str, i32, &'static str);

/// Runs every command, and reports all that are not refused as they should be.
#[track_caller]
fn refuse(desk: &Desk, rows: Vec<(String, Command, i32, String)>) {
    let before = desk.snapshot();
    let (count, mut slowest) = (rows.len(), Duration::ZERO);
    let mut problems = Vec::new();
    for (name, mut command, code, fragment) in rows {
        let name: String = name.chars().take(80).collect();
        command.envs(NO_DEVICE);
        // A machine that does other work too may be slow once, not three times.
        let mut fastest = Duration::MAX;
        for _ in 0..3 {
            let begun = Instant::now();
            let output = command.output().unwrap();
            fastest = fastest.min(begun.elapsed());
            let text = |bytes| plain(String::from_utf8_lossy(bytes).into_owned());
            let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
            let ended = Ended { code: output.status.code(), stdout, stderr };
            problems.extend(ended.problem(code, &fragment).map(|problem| format!("{name}: {problem}")));
            if desk.snapshot() != before {
                panic!("{name}: the working directory has changed");
            }
            if fastest < AT_ONCE {
                break;
            }
        }
        if fastest >= AT_ONCE {
            problems.push(format!("{name}: took {fastest:?} or longer, three times"));
        }
        slowest = slowest.max(fastest);
    }
    eprintln!("{count} refusals, the slowest took {slowest:?}");
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[track_caller]
fn refuse_lines(desk: &Desk, rows: &[Row]) {
    let command = |&(line, code, fragment): &Row| (line.to_string(), desk.command(line), code, fragment.to_string());
    refuse(desk, rows.iter().map(command).collect());
}

/// Refuses `line` followed by arguments that hold spaces, or are no text.
#[track_caller]
fn refuse_words(desk: &Desk, rows: &[(&str, Vec<OsString>, i32, &str)]) {
    let command = |(line, words, code, fragment): &(&str, Vec<OsString>, i32, &str)| {
        let mut command = desk.command(line);
        command.args(words);
        (format!("{line} {words:?}"), command, *code, fragment.to_string())
    };
    refuse(desk, rows.iter().map(command).collect());
}

#[test]
fn a_command_that_reaches_for_the_device_is_found_out() {
    let desk = Desk::with_run();
    for line in [
        "train --config tiny.toml --out other",
        "train --resume run --steps 40",
        "sample --out a.png --checkpoint run",
        "interpolate --out a.png --checkpoint run",
        "explore --out a.png --checkpoint run",
        "selftest",
        "bench --config tiny.toml",
    ] {
        let ended = desk.run_with(&NO_DEVICE, &format!("{line} -q"));
        ended.refused(3, "no device matches `llvmpipe`; there are: cpu");
    }
}

#[test]
fn verbs() {
    refuse_lines(
        &Desk::new(),
        &[
            ("frobnicate", 2, "unrecognized subcommand 'frobnicate'; see `dcgan-gpu --help`"),
            ("tran", 2, "similar subcommands exist: 'man', 'train'"),
            ("Train", 2, "unrecognized subcommand 'Train'"),
            ("--frob", 2, "unexpected argument '--frob'"),
            ("-x", 2, "unexpected argument '-x'"),
            ("--quiet=yes train", 2, "unexpected value 'yes' for '--quiet'"),
            ("-q -v train", 2, "'--quiet' cannot be used with '--verbose...'"),
            ("train -q -v", 2, "'--quiet' cannot be used with '--verbose...'"),
            ("train -q -q", 2, "'--quiet' cannot be used multiple times"),
            ("devices train", 2, "unexpected argument 'train'"),
            ("help tran", 2, "unrecognized subcommand 'tran'"),
            ("devices --device cpu", 2, "unexpected argument '--device'"),
            ("devices --json --json", 2, "'--json' cannot be used multiple times"),
            ("devices --json=1", 2, "unexpected value '1' for '--json'"),
            ("selftest 0", 2, "unexpected argument '0' found; see `dcgan-gpu selftest --help`"),
            ("selftest --device", 2, "a value is required for '--device <DEVICE>'"),
            ("selftest --device cpu --device cpu", 2, "'--device <DEVICE>' cannot be used multiple times"),
            ("selftest --out a", 2, "unexpected argument '--out'"),
            ("verify-resume --steps 5", 2, "5 is not in 20..=1000000"),
            ("verify-resume --preset quik", 2, "there is no preset `quik`; did you mean `quick`?"),
            ("verify-resume --config no.toml", 2, "there is no configuration file no.toml"),
            ("verify-resume --preset quick --config tiny.toml", 2, "cannot be used with '--config <FILE>'"),
            ("verify-resume run", 2, "unexpected argument 'run'"),
            ("report", 2, "required arguments were not provided: <RUN>"),
            ("report nowhere", 9, "nowhere does not exist; name a run folder, as under runs/"),
            ("report tiny.toml", 9, "tiny.toml"),
            ("report . --out page.txt", 2, "--out page.txt does not end in .html"),
            ("report a b", 2, "unexpected argument 'b'"),
            ("compare", 2, "required arguments were not provided: <RUN> <RUN>..."),
            ("compare a", 2, "2 values required by '<RUN> <RUN>...'; only 1 was provided"),
            ("compare a b", 9, "a does not exist; name a run folder, as under runs/"),
            ("show", 2, "required arguments were not provided: <RUN|FILE>"),
            ("show nowhere", 9, "nowhere does not exist"),
            ("show . --columns 0", 2, "0 is not in 1..=1000"),
            ("show . --columns 1001", 2, "1001 is not in 1..=1000"),
            ("show . --step -1", 2, "invalid value '-1' for '--step <N>'"),
            ("show . --colour blue", 2, "[possible values: auto, always, palette, never]"),
            ("data put", 2, "unrecognized subcommand 'put'; see `dcgan-gpu data --help`"),
            ("data list mnist", 2, "unexpected argument 'mnist'"),
            ("data get", 2, "required arguments were not provided: <SET>"),
            ("data get mnst", 2, "similar value exists: 'mnist'"),
            ("data get strokes", 2, "[possible values: mnist, fashion-mnist, kmnist]"),
            ("data get mnist --mirror nonsense", 2, "it begins neither with https:// nor with http://"),
            ("data get mnist --mirror ftp://host/", 2, "it begins neither with https:// nor with http://"),
            ("presets list", 2, "unrecognized subcommand 'list'; see `dcgan-gpu presets --help`"),
            ("presets show", 2, "required arguments were not provided: <PRESET>"),
            ("presets show quik", 2, "there is no preset `quik`; did you mean `quick`?"),
            ("presets show PYTORCH", 2, "there is no preset `PYTORCH`"),
            ("presets show tensorflow", 2, "there are: pytorch, tf-tutorial, stabilized, keras, quick"),
            ("presets show keras quick", 2, "unexpected argument 'quick'"),
            ("presets --name keras", 2, "unexpected argument '--name'"),
            ("config", 2, "'dcgan-gpu config' requires a subcommand but one was not provided; [subcommands: show"),
            ("config list", 2, "unrecognized subcommand 'list'"),
            ("config sho", 2, "similar subcommand exists: 'show'"),
            ("completions", 2, "required arguments were not provided: <SHELL>"),
            ("completions tcsh", 2, "[possible values: bash, elvish, fish, powershell, zsh]"),
            ("completions bsh", 2, "similar value exists: 'bash'"),
            ("completions bash zsh", 2, "unexpected argument 'zsh'"),
            ("man train", 2, "unexpected argument 'train'"),
            ("man --out", 2, "a value is required for '--out <DIR>'"),
            ("man --force", 2, "required arguments were not provided: --out <DIR>"),
            ("man --out tiny.toml", 5, "cannot create tiny.toml: "),
            ("man --out tiny.toml/pages", 5, "cannot create tiny.toml/pages: "),
        ],
    );
}

#[test]
fn flags_of_train() {
    refuse_lines(
        &Desk::new(),
        &[
            ("train --frob", 2, "unexpected argument '--frob' found; see `dcgan-gpu train --help`"),
            ("train --epoch 5", 2, "similar argument exists: '--epochs'"),
            ("train --learning-rate 5", 2, "unexpected argument '--learning-rate'"),
            ("train extra", 2, "unexpected argument 'extra'"),
            ("train -- extra", 2, "unexpected argument 'extra'"),
            ("train -e 5", 2, "unexpected argument '-e'"),
            ("train --epochs", 2, "a value is required for '--epochs <N>'"),
            ("train --epochs --steps 5", 2, "a value is required for '--epochs <N>'"),
            ("train --epochs many", 2, "invalid value 'many' for '--epochs <N>'"),
            ("train --epochs 1.5", 2, "invalid value '1.5' for '--epochs <N>'"),
            ("train --epochs 1e3", 2, "invalid value '1e3' for '--epochs <N>'"),
            ("train --epochs 0x10", 2, "invalid value '0x10' for '--epochs <N>'"),
            ("train --epochs 1,000", 2, "invalid value '1,000' for '--epochs <N>'"),
            ("train --epochs=", 2, "invalid value '' for '--epochs <N>': cannot parse integer from empty string"),
            ("train --epochs -1", 2, "invalid value '-1' for '--epochs <N>'"),
            ("train --epochs 5000000000", 2, "invalid value '5000000000' for '--epochs <N>'"),
            ("train --epochs 1 --epochs 2", 2, "'--epochs <N>' cannot be used multiple times"),
            ("train --epochs 1 --steps 2", 2, "'--epochs <N>' cannot be used with '--steps <N>'"),
            ("train --preset quick --config tiny.toml", 2, "'--preset <PRESET>' cannot be used with '--config <FILE>'"),
            ("train --preset", 2, "a value is required for '--preset <PRESET>'"),
            ("train --preset quik", 2, "no preset `quik`; did you mean `quick`?"),
            ("train --preset torch", 2, "no preset `torch`; did you mean `pytorch`?"),
            ("train --preset tf_tutorial", 2, "no preset `tf_tutorial`; did you mean `tf-tutorial`?"),
            ("train --preset xyzzy", 2, "there are: pytorch, tf-tutorial, stabilized, keras, quick"),
            ("train --preset quick --preset keras", 2, "'--preset <PRESET>' cannot be used multiple times"),
            ("train --lr fast", 2, "invalid value 'fast' for '--lr <X>': invalid float literal"),
            ("train --lr 1,5", 2, "invalid value '1,5' for '--lr <X>'"),
            ("train --seed -1", 2, "invalid value '-1' for '--seed <S>'"),
            ("train --seed x", 2, "invalid value 'x' for '--seed <S>'"),
            ("train --seed 9223372036854775808", 2, "9223372036854775808 is not in 0..=9223372036854775807"),
            ("train --seed 99999999999999999999999", 2, "invalid value '99999999999999999999999' for '--seed <S>'"),
            ("train --sample-every 0", 2, "`0` is not a cadence; write 200steps, 2epochs or a number above 0"),
            ("train --sample-every 0epochs", 2, "`0epochs` is not a cadence"),
            ("train --sample-every 5minutes", 2, "`minutes` is no unit; write 200steps, 2epochs or a number"),
            ("train --sample-every -5", 2, "`-5` is not a cadence"),
            ("train --sample-every 5000000000steps", 2, "`5000000000steps` is not a cadence"),
            ("train --sample-every=", 2, "`` is not a cadence"),
            ("train --checkpoint-every steps", 2, "`steps` is not a cadence"),
            ("train --checkpoint-every 1.5epochs", 2, "`1.5epochs` is not a cadence"),
            ("train --checkpoint-every 5Steps", 2, "`Steps` is no unit"),
            ("train --checkpoint-every nan", 2, "`nan` is no unit"),
            ("train --force=true", 2, "unexpected value 'true' for '--force'"),
            ("train --dry-run --dry-run", 2, "'--dry-run' cannot be used multiple times"),
            ("train --dry-run --no-tune", 2, "'--dry-run' cannot be used with '--no-tune'"),
            ("train --resume", 2, "a value is required for '--resume <RUN>'"),
            ("train --resume run --out other", 2, "'--resume <RUN>' cannot be used with '--out <DIR>'"),
            ("train --resume run --force", 2, "'--resume <RUN>' cannot be used with '--force'"),
            ("train --resume run --dry-run", 2, "'--resume <RUN>' cannot be used with '--dry-run'"),
            ("train --resume a --resume b", 2, "'--resume <RUN>' cannot be used multiple times"),
            ("train --batch-size big", 2, "invalid value 'big' for '--batch-size <N>'"),
            ("train --device", 2, "a value is required for '--device <DEVICE>'"),
            ("train --device-timeout 0", 2, "0 is not in 1..=86400"),
            ("train --device-timeout 5m", 2, "invalid value '5m' for '--device-timeout <SECONDS>'"),
            ("train --config", 2, "a value is required for '--config <FILE>'"),
            ("train --set", 2, "a value is required for '--set <KEY=VALUE>'"),
        ],
    );
}

#[test]
fn values_of_a_configuration() {
    refuse_lines(
        &Desk::new(),
        &[
            ("train --steps 0", 2, "training.steps = 0 is outside 1 to 1000000000 (flag --steps)"),
            ("train --steps 4000000000", 2, "training.steps = 4000000000 is outside 1 to 1000000000"),
            ("train --epochs 0", 2, "training.epochs = 0 is outside 1 to 1000000 (flag --epochs)"),
            ("train --epochs 1000001", 2, "training.epochs = 1000001 is outside 1 to 1000000"),
            ("train --batch-size 0", 2, "training.batch_size = 0 is outside 1 to 16384"),
            ("train --batch-size 16385", 2, "training.batch_size = 16385 is outside 1 to 16384"),
            ("train --latent-dim 0", 2, "latent.dim = 0 is outside 1 to 65536"),
            ("train --latent-dim 65537", 2, "latent.dim = 65537 is outside 1 to 65536"),
            ("train --lr nan", 2, "adam.lr = NaN is outside 0 to 10"),
            ("train --lr inf", 2, "adam.lr = inf is outside 0 to 10"),
            ("train --lr -1e-4", 2, "adam.lr = -0.0001 is outside 0 to 10 (flag --lr)"),
            ("train --lr 11", 2, "adam.lr = 11 is outside 0 to 10"),
            ("train --lr 1e999", 2, "adam.lr = inf is outside 0 to 10"),
            ("train --beta1 1", 2, "adam.beta1 = 1 is outside 0 to 0.999999"),
            ("train --beta1 -0.5", 2, "adam.beta1 = -0.5 is outside 0 to 0.999999"),
            ("train --beta2 1", 2, "adam.beta2 = 1 is outside 0 to 0.9999999"),
            ("train --label-real 1.5", 2, "training.label_real = 1.5 is outside 0 to 1"),
            ("train --label-fake -0.1", 2, "training.label_fake = -0.1"),
            ("train --label-fake nan", 2, "training.label_fake = NaN is outside 0 to 1"),
            ("train --instance-noise inf", 2, "training.instance_noise = inf is outside 0 to 10"),
            ("train --instance-noise -1", 2, "training.instance_noise = -1 is outside 0 to 10"),
            ("train --order both", 2, "--order: `training.order`: unknown variant `both`, expected `alternating` or"),
            ("train --order Alternating", 2, "unknown variant `Alternating`"),
            ("train --on-nan maybe", 2, "--on-nan: `training.on_nan`: unknown variant `maybe`, expected `stop` or"),
            ("train --keep 0", 2, "output.keep = 0 is outside 2 to 1000000"),
            ("train --log-every 0", 2, "output.log_every = 0 is outside 1 to 1000000"),
            ("train --log-every 1000001", 2, "output.log_every = 1000001 is outside 1 to 1000000"),
            ("train --rows 0", 2, "output.rows = 0 is outside 1 to 64"),
            ("train --rows 65", 2, "output.rows = 65 is outside 1 to 64"),
            ("train --cols 65", 2, "output.cols = 65 is outside 1 to 64 (flag --cols)"),
            ("train --gif out.mp4", 2, "output.gif = \"out.mp4\" is not a file name that ends in .gif"),
            ("train --gif ../out.gif", 2, "output.gif = \"../out.gif\" is not a file name"),
            ("train --gif C:out.gif", 2, "output.gif = \"C:out.gif\" cannot be a file's name on Windows"),
            ("train --gif nul.tar.gif", 2, "output.gif = \"nul.tar.gif\" cannot be a file's name on Windows"),
            ("train --gif Com1.gif", 2, "output.gif = \"Com1.gif\" cannot be a file's name on Windows"),
            ("train --gif=", 2, "output.gif = \"\" is not a file name that ends in .gif"),
            ("train --set adam", 2, "--set adam: write key=value, such as adam.beta1=0.9"),
            ("train --set adam.learning=1", 2, "unknown key `adam.learning`; lr, beta1, beta2, epsilon"),
            ("train --set adam.beta=1", 2, "--set adam.beta=1: unknown key `adam.beta`; did you mean `beta1`?"),
            ("train --set adm.lr=1", 2, "unknown key `adm.lr`; did you mean `adam`?"),
            ("train --set lr=1", 2, "unknown key `lr`"),
            ("train --set seed.low=1", 2, "`seed` has no keys of its own"),
            ("train --set =1", 2, "unknown key ``"),
            ("train --set .=1", 2, "unknown key `.`"),
            ("train --set adam.=1", 2, "unknown key `adam.`"),
            ("train --set adam.lr=", 2, "`adam.lr`: invalid type: string \"\", expected f64"),
            ("train --set adam.lr=fast", 2, "`adam.lr`: invalid type: string \"fast\", expected f64"),
            ("train --set adam.lr=nan", 2, "adam.lr = NaN is outside 0 to 10 (flag --set)"),
            ("train --set adam.epsilon=0", 2, "adam.epsilon = 0 is outside"),
            ("train --set adam=1", 2, "`adam`: invalid type: integer `1`, expected struct Adam"),
            ("train --set adam={lr=1}", 2, "`adam`: missing field `beta1`"),
            ("train --set init.weights=zeros", 2, "`init.weights`: unknown variant `zeros`"),
            ("train --set init.std=-1", 2, "init.std = -1 is outside 0 to 10"),
            ("train --set seed=-1", 2, "`seed`: invalid value: integer `-1`, expected u64"),
            ("train --set seed=1.5", 2, "`seed`: invalid type: floating point `1.5`, expected u64"),
            ("train --set training.steps=99999999999", 2, "`training.steps`: invalid value: integer `99999999999`"),
            ("train --set output.sample_every=0", 2, "`0` is not a cadence"),
            ("train --set preset=keras", 2, "`preset`: unknown field `preset`"),
            ("train --set image.channels=2", 2, "image.channels = 2 is neither 1 nor 3"),
            ("train --set image.channels=4", 2, "image.channels = 4 is outside 1 to 3"),
            ("train --set image.height=0", 2, "image.height = 0 is outside 1 to 4096"),
            ("train --set image.height=4097", 2, "image.height = 4097 is outside 1 to 4096"),
            ("train --set name=../elsewhere", 2, "name = \"../elsewhere\" cannot be part of a folder's name"),
            ("train --set name=", 2, "name = \"\" cannot be part of a folder's name"),
            ("train --set generator.layers=[]", 2, "the generator's last layer gives 1×1×100, but [image] is 28×28×1"),
            ("train --set generator.layers=5", 2, "`generator.layers`: invalid type: integer `5`, expected a sequence"),
            ("train --set generator.layers=[{}]", 2, "`generator.layers`: missing field `type`"),
            ("train --set generator.depth=5", 2, "unknown key `generator.depth`; "),
            ("train --set image.width=32", 2, "the generator's last layer gives 28×28×1, but [image] is 28×32×1"),
            ("train --set discriminator.layers=[]", 2, "gives 28×28×1, but one logit (1×1×1) is needed"),
            ("train --batch-size 16384 --set image.height=4096", 2, "the generator's last layer gives"),
            ("train --config no.toml", 2, "there is no configuration file no.toml; check --config"),
            ("train --config tiny.toml/x", 5, "cannot read tiny.toml/x: "),
            ("train --config .", 5, "cannot read .: "),
            ("train --config tiny.toml --latent-dim -5", 2, "invalid value '-5' for '--latent-dim <N>'"),
            ("config show --lr 11", 2, "adam.lr = 11 is outside 0 to 10 (flag --lr)"),
            ("config show --preset quik", 2, "there is no preset `quik`; did you mean `quick`?"),
            ("config show --config no.toml", 2, "there is no configuration file no.toml; check --config"),
            ("config show --set adam.beta=1", 2, "did you mean `beta1`?"),
            ("config show --set image.width=32", 2, "but [image] is 28×32×1"),
            ("config show --epochs 1 --steps 1", 2, "'--epochs <N>' cannot be used with '--steps <N>'"),
            ("config show --out there", 2, "unexpected argument '--out'"),
            ("config show --origin", 2, "unexpected argument '--origin'"),
            ("config show tiny.toml", 2, "unexpected argument 'tiny.toml'"),
        ],
    );
}

#[test]
fn flags_of_the_verbs_that_draw() {
    let desk = Desk::new();
    desk.write("there.png", "");
    refuse_lines(
        &desk,
        &[
            ("sample", 2, "required arguments were not provided: --out <PATH>"),
            ("sample grid.png", 2, "unexpected argument 'grid.png'"),
            ("sample --out", 2, "a value is required for '--out <PATH>'"),
            ("sample --out a.png --out b.png", 2, "'--out <PATH>' cannot be used multiple times"),
            ("sample --out a.png --count 0", 2, "0 is not in 1..=1000000"),
            ("sample --out a.png --count -3", 2, "-3 is not in 1..=1000000"),
            ("sample --out a.png --count 1000001", 2, "1000001 is not in 1..=1000000"),
            ("sample --out a.png --count 2.5", 2, "invalid value '2.5' for '--count <N>'"),
            ("sample --out a.png --rows 0", 2, "0 is not in 1..=1000"),
            ("sample --out a.png --cols 1001", 2, "1001 is not in 1..=1000"),
            ("sample --out a.png --scale 0", 2, "0 is not in 1..=16"),
            ("sample --out a.png --scale 17", 2, "17 is not in 1..=16"),
            ("sample --out a.png --seed x", 2, "invalid value 'x' for '--seed <S>'"),
            ("sample --out a.png --seed -1", 2, "invalid value '-1' for '--seed <S>'"),
            ("sample --out a.png --seed 18446744073709551616", 2, "number too large"),
            ("sample --out a.png --format jpeg", 2, "[possible values: grid, files, npy]"),
            ("sample --out a.png --format PNG", 2, "[possible values: grid, files, npy]"),
            ("sample --out a.jpg", 2, "--out a.jpg does not end in .png"),
            ("sample --out a", 2, "--out a does not end in .png"),
            ("sample --out .png", 2, "--out .png does not end in .png"),
            ("sample --out a.npy", 2, "--out a.npy does not end in .png; --format takes npy and files too"),
            ("sample --out a.png --format npy", 2, "--out a.png does not end in .npy"),
            ("sample --out a.npy --format npy --scale 2", 2, "--scale enlarges a grid"),
            ("sample --out a --format files --scale 2", 2, "--scale enlarges a grid"),
            ("sample --out a.png --count 7 --rows 2 --cols 3", 2, "--count 7 images do not fit 2 rows × 3 columns"),
            ("sample --out a.png --count 5000 --rows 1", 2, "a grid of 1×5000 images is too large"),
            ("sample --out there.png", 2, "there.png already exists; use --force to replace it"),
            ("sample --out a.png --checkpoint", 2, "a value is required for '--checkpoint <RUN|FILE>'"),
            ("sample --out a.png", 9, "there is no run under runs/; train one with `dcgan-gpu train`"),
            ("sample --out a.png --checkpoint nowhere", 9, "nowhere: cannot read the checkpoint"),
            ("sample --out a.png --checkpoint tiny.toml", 9, "tiny.toml: not a readable checkpoint"),
            ("sample --out a.png --checkpoint .", 9, ". holds no checkpoint"),
            ("sample --out a.png --preview=yes", 2, "unexpected value 'yes' for '--preview'"),
            ("sample --out a.png --best --checkpoint nowhere", 9, "nowhere: cannot read the checkpoint"),
            ("sample --out a.png --preset quick", 2, "unexpected argument '--preset'"),
            ("interpolate", 2, "required arguments were not provided: --out <PATH>"),
            ("interpolate --out walk.mp4", 2, "--out walk.mp4 ends neither in .png nor in .gif"),
            ("interpolate --out walk", 2, "--out walk ends neither in .png nor in .gif"),
            ("interpolate --out .gif", 2, "--out .gif ends neither in .png nor in .gif"),
            ("interpolate --out a.gif --seeds 1", 2, "--seeds takes 2 to 100 seeds, not 1"),
            ("interpolate --out a.gif --seeds 1,x", 2, "invalid value 'x' for '--seeds <S,S,…>'"),
            ("interpolate --out a.gif --seeds 1,,2", 2, "invalid value '' for '--seeds <S,S,…>'"),
            ("interpolate --out a.gif --seeds=", 2, "invalid value '' for '--seeds <S,S,…>'"),
            ("interpolate --out a.gif --seeds 1,-2", 2, "invalid value '-2' for '--seeds <S,S,…>'"),
            ("interpolate --out a.gif --frames 1001", 2, "1001 is not in 0..=1000"),
            ("interpolate --out a.gif --frames -1", 2, "-1 is not in 0..=1000"),
            ("interpolate --out a.gif --method spline", 2, "[possible values: slerp, lerp]"),
            ("interpolate --out a.gif --method slurp", 2, "similar value exists: 'slerp'"),
            ("interpolate --out a.gif --scale 0", 2, "0 is not in 1..=16"),
            ("interpolate --out there.png", 2, "there.png already exists"),
            ("interpolate --out a.gif", 9, "there is no run under runs/"),
            ("explore", 2, "required arguments were not provided: --out <PATH>"),
            ("explore --out a.gif", 2, "--out a.gif does not end in .png"),
            ("explore --out a.png --rows 0", 2, "0 is not in 1..=100"),
            ("explore --out a.png --rows 101", 2, "101 is not in 1..=100"),
            ("explore --out a.png --cols x", 2, "invalid value 'x' for '--cols <C>'"),
            ("explore --out a.png --extent 101", 2, "--extent 101 is outside 0 to 100"),
            ("explore --out a.png --extent -1", 2, "--extent -1 is outside 0 to 100"),
            ("explore --out a.png --extent nan", 2, "--extent NaN is outside 0 to 100"),
            ("explore --out a.png --extent inf", 2, "--extent inf is outside 0 to 100"),
            ("explore --out a.png --seeds 1,2", 2, "similar argument exists: '--seed'"),
            ("explore --out there.png", 2, "there.png already exists"),
            ("explore --out a.png", 9, "there is no run under runs/"),
        ],
    );
}

#[test]
fn flags_of_bench() {
    let desk = Desk::new();
    desk.write("old/sweep.json", "");
    refuse_lines(
        &desk,
        &[
            ("bench quick", 2, "unexpected argument 'quick'"),
            ("bench --preset quik", 2, "did you mean `quick`?"),
            ("bench --preset quick --config tiny.toml", 2, "'--preset <PRESET>' cannot be used with '--config <FILE>'"),
            ("bench --config no.toml", 2, "there is no configuration file no.toml"),
            ("bench --steps 0", 2, "0 is not in 1..=1000000"),
            ("bench --steps -1", 2, "-1 is not in 1..=1000000"),
            ("bench --warmup 1000001", 2, "1000001 is not in 0..=1000000"),
            ("bench --batch-size 0", 2, "training.batch_size = 0 is outside 1 to 16384 (flag --batch-size)"),
            ("bench --batch-size x", 2, "invalid value 'x' for '--batch-size <N>'"),
            ("bench --set latent.dm=5", 2, "unknown key `latent.dm`; did you mean `dim`?"),
            ("bench --floor --sweep", 2, "'--floor' cannot be used with '--sweep'"),
            ("bench --floor --steps 5", 2, "'--floor' cannot be used with '--steps <N>'"),
            ("bench --floor --no-tune", 2, "'--floor' cannot be used with '--no-tune'"),
            ("bench --steps-only --detail", 2, "'--steps-only' cannot be used with '--detail'"),
            ("bench --sweep --detail", 2, "'--sweep' cannot be used with '--detail'"),
            ("bench --sweep --warmup 5", 2, "'--sweep' cannot be used with '--warmup <N>'"),
            ("bench --out there", 2, "required arguments were not provided: --sweep"),
            ("bench --force", 2, "required arguments were not provided: --sweep"),
            ("bench --batches 1,2", 2, "required arguments were not provided: --sweep"),
            ("bench --sweep --batches 1,x", 2, "invalid value 'x' for '--batches <N,N,…>'"),
            ("bench --sweep --batches 0", 2, "--batches takes sizes from 1 to 16384"),
            ("bench --sweep --batches 16385", 2, "--batches takes sizes from 1 to 16384"),
            ("bench --sweep --sizes 0", 2, "--sizes takes "),
            ("bench --sweep --sizes 5000", 2, "--sizes takes "),
            ("bench --sweep --widths 0", 2, "--widths takes factors from 0.01 to 100"),
            ("bench --sweep --widths nan", 2, "--widths takes factors from 0.01 to 100"),
            ("bench --sweep --widths=", 2, "invalid value '' for '--widths <X,X,…>'"),
            ("bench --sweep --sweep-seconds -1", 2, "--sweep-seconds takes 0 to 1000000 seconds"),
            ("bench --sweep --sweep-seconds nan", 2, "--sweep-seconds takes 0 to 1000000 seconds"),
            ("bench --sweep --out tiny.toml", 5, "cannot create tiny.toml: "),
            ("bench --sweep --out old", 2, "old/sweep.json already exists"),
        ],
    );
}

#[test]
fn a_resumed_run_keeps_what_shapes_it() {
    let desk = Desk::with_run();
    let rows = [
        ("--data strokes", "--data"),
        ("--batch-size 16", "--batch-size"),
        ("--latent-dim 5", "--latent-dim"),
        ("--lr 0.1", "--lr"),
        ("--beta1 0.1", "--beta1"),
        ("--beta2 0.1", "--beta2"),
        ("--order simultaneous", "--order"),
        ("--label-real 0.9", "--label-real"),
        ("--label-fake 0.1", "--label-fake"),
        ("--instance-noise 0.1", "--instance-noise"),
        ("--seed 5", "--seed"),
        ("--rows 3", "--rows"),
        ("--cols 3", "--cols"),
        ("--gif b.gif", "--gif"),
        ("--preset quick", "--preset"),
        ("--config tiny.toml", "--config"),
        ("--set seed=5", "--set"),
    ];
    let refused = rows.map(|(flags, flag)| {
        let line = format!("train --resume run --steps 40 {flags}");
        (line.clone(), desk.command(&line), 2, format!("{flag} cannot change on a resumed run; start a new one"))
    });
    refuse(&desk, refused.into_iter().collect());
    refuse_lines(
        &desk,
        &[
            ("train --resume nowhere", 9, "nowhere is no run folder; check --resume"),
            ("train --resume tiny.toml", 9, "tiny.toml is no run folder; check --resume"),
            ("train --resume run/samples", 9, "run/samples holds no run"),
            (
                "train --resume run --keep 0",
                2,
                "output.keep = 0 is outside 2 to 1000000: the newest may be broken when it is needed (flag --keep)",
            ),
            ("train --resume run --steps 0", 2, "training.steps = 0 is outside"),
            ("train --resume run --steps 40 --sample-every 0", 2, "`0` is not a cadence"),
            ("train --config tiny.toml --out run", 2, "run already holds a run"),
            ("train --config tiny.toml --out tiny.toml", 2, "tiny.toml"),
        ],
    );
}

#[test]
fn variables_of_the_environment() {
    let desk = Desk::new();
    let rows = [
        (
            "DCGAN_GPU_EPOCHS",
            "x",
            "train",
            "for '--epochs <N>': invalid digit found in string (given by the environment: DCGAN_GPU_EPOCHS)",
        ),
        ("DCGAN_GPU_EPOCHS", "", "train", "(given by the environment: DCGAN_GPU_EPOCHS)"),
        ("DCGAN_GPU_LR", "nan", "train", "adam.lr = NaN is outside 0 to 10 (environment DCGAN_GPU_LR)"),
        ("DCGAN_GPU_LR", "-1", "config show", "adam.lr = -1 is outside 0 to 10 (environment DCGAN_GPU_LR)"),
        ("DCGAN_GPU_ORDER", "both", "train", "DCGAN_GPU_ORDER: `training.order`: unknown variant `both`"),
        ("DCGAN_GPU_PRESET", "quik", "train", "did you mean `quick`?"),
        ("DCGAN_GPU_CONFIG", "no.toml", "train", "there is no configuration file no.toml"),
        ("DCGAN_GPU_SAMPLE_EVERY", "often", "train", "(given by the environment: DCGAN_GPU_SAMPLE_EVERY)"),
        ("DCGAN_GPU_SEED", "-1", "config show", "(given by the environment: DCGAN_GPU_SEED)"),
        ("DCGAN_GPU_BATCH_SIZE", "0", "bench", "training.batch_size = 0 is outside 1 to 16384"),
        ("DCGAN_GPU_KEEP", "1e3", "train --resume run", "(given by the environment: DCGAN_GPU_KEEP)"),
    ];
    let rows = rows.map(|(name, value, line, fragment)| {
        let mut command = desk.command(line);
        command.env(name, value);
        (format!("{name}={value} {line}"), command, 2, fragment.to_string())
    });
    refuse(&desk, rows.into_iter().collect());
}

#[test]
fn words_that_are_no_names() {
    let desk = Desk::new();
    let word = |text: &str| vec![OsString::from(text)];
    let long = "x".repeat(100_000);
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
            ("train --epochs", word(&"9".repeat(100_000)), 2, "number too large"),
            ("train --set", word("a\nb=1"), 2, "unknown key `a b`"),
            ("train --set", word(&deep), 2, "`; preset, name, about, seed, "),
            ("train --set", word("adam . lr = 1"), 2, "unknown key `adam . lr`"),
            ("train --config", word(""), 2, "a value is required for '--config <FILE>'"),
            ("train --config", word(&long), 5, "cannot read xxx"),
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
    let word = || vec![OsString::from_vec(vec![b'a', 0xff, b'b'])];
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
