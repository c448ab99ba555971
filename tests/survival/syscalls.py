#!/usr/bin/env python3
"""Hits a run at every single system call that concerns its folder, one run for each: by hand, on Linux, with strace.

    tests/survival/syscalls.py target/release/dcgan-gpu [start] [resume]

Two deeds, a run that starts and a run that is resumed, are traced once. Then, for each call that names the run's folder or a
file in it, the deed is done again and that call
- kills the process,
- fails, with each error that such a call can meet: alone ("once"), or with all calls of its kind from then on ("for good").
A failed process must end with exit code 5 or 9 and one line, or carry on; then the run is resumed undisturbed (started, where there
is no configuration) and must leave what an undisturbed one leaves: tensors, metrics but for the clock, samples, animation.
"""
import json, os, re, shutil, struct, subprocess, sys, tempfile
from collections import Counter

PROGRAM = os.path.abspath(sys.argv[1])
TINY = re.search(r'TINY: &str = r#"(.*?)"#', open(os.path.join(os.path.dirname(__file__), "../common/desk.rs")).read(), re.S).group(1)
ERRORS = {
    "write": ["ENOSPC", "EIO"], "openat": ["ENOSPC", "EROFS", "EIO", "EMFILE"], "fsync": ["EIO", "ENOSPC"],
    "rename": ["ENOSPC", "EROFS", "EIO"], "renameat": ["ENOSPC", "EROFS", "EIO"], "renameat2": ["ENOSPC", "EROFS", "EIO"], "linkat": ["ENOSPC", "EROFS"],
    "mkdir": ["ENOSPC", "EROFS", "EIO"], "unlink": ["EROFS", "EIO"], "unlinkat": ["EROFS", "EIO"], "rmdir": ["EROFS", "EIO"],
    "read": ["EIO"], "getdents64": ["EIO"], "statx": ["EIO", "EACCES"], "flock": ["EIO"], "lseek": ["EIO"],
}
CALLS = ",".join(ERRORS)


class Desk:
    def __init__(self, top=None):
        self.top = top or tempfile.mkdtemp(prefix="syscalls-")
        open(f"{self.top}/tiny.toml", "w").write(TINY)

    def run(self, line, strace=()):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DCGAN_GPU_") and k != "RUST_BACKTRACE"}
        command = [*strace, PROGRAM, *line.split()]
        return subprocess.run(command, cwd=self.top, env=environment, capture_output=True, text=True, errors="replace", timeout=120)


def prepare(deed, desk):
    shutil.rmtree(f"{desk.top}/run", ignore_errors=True)
    if deed == "resume":
        assert desk.run(f"{LINES['start']} --steps 10").returncode == 0


LINES = {
    "start": "train --config tiny.toml --device cpu --out run -q --log-every 5",
    "resume": "train --resume run --device cpu -q --steps 20",
}


def record(run):
    """Every file of a run but for what the clock said."""
    found = {}
    for folder, _, names in os.walk(run):
        for name in names:
            path = os.path.join(folder, name)
            data = open(path, "rb").read()
            if name in (".lock", ".lease") or name.endswith(".broken"):
                continue
            if name.endswith(".jsonl"):
                lines = [json.loads(line) for line in data.decode().splitlines()]
                data = [{k: v for k, v in line.items() if k not in ("seconds", "images_per_second")} for line in lines]
            elif name.endswith(".safetensors"):
                length, = struct.unpack("<Q", data[:8])
                header = json.loads(data[8:8 + length])
                run_part = json.loads(header.pop("__metadata__")["dcgan-gpu"])["run"]
                run_part.pop("seconds")
                data = (header, run_part, data[8 + length:])
            found[os.path.relpath(path, run)] = data
    return found


def traced(deed, desk):
    """The calls that concern the run: (name, its number among the calls of that name)."""
    prepare(deed, desk)
    log = f"{desk.top}/trace"
    done = desk.run(LINES[deed], ["strace", "-y", "-e", f"trace={CALLS}", "-o", log])
    assert done.returncode == 0, done.stderr
    counts, calls = Counter(), []
    for line in open(log, errors="replace"):
        match = re.match(r"(\w+)\((.*)", line)
        if match:
            counts[match[1]] += 1
            if f"{desk.top}/run" in match[2] or re.search(r'"run[/"]', match[2]):
                calls.append((match[1], counts[match[1]]))
    return calls


def trial(deed, desk, whole, inject, call, nth):
    prepare(deed, desk)
    what = f"{deed}: {inject} at {call} {nth}"
    ended = desk.run(LINES[deed], ["strace", "-q", "-o", "/dev/null", "-e", f"trace={CALLS}", "-e", f"inject={call}:{inject}"])
    code = ended.returncode
    if "signal" in inject:
        assert code in (137, -9), f"{what}: {code} {ended.stderr}"
    else:
        assert code in (0, 5, 9, 2), f"{what}: {code} {ended.stderr}"
        assert "panicked" not in ended.stderr, f"{what}: {ended.stderr}"
        # What cannot be written cannot be said either, once nothing can be written any more.
        silent = call == "write" and inject.endswith("+") and not ended.stderr
        assert code == 0 or silent or ended.stderr.count("\n") == 1 and "run" in ended.stderr, f"{what}: {ended.stderr}"
    for again in ("start" if not os.path.exists(f"{desk.top}/run/config.toml") else "resume",):
        mended = desk.run(LINES[again])
        assert mended.returncode == 0, f"{what}: then {again}: {mended.returncode} {mended.stderr}"
    left = record(f"{desk.top}/run")
    differ = [name for name in {*left, *whole} if left.get(name) != whole.get(name)]
    if differ == ["dcgan.gif"] and code == 0 and call in ("read", "openat", "statx"):
        return "0 without a frame"  # A grid that cannot be read is left out of the animation, and the program says so.
    assert not differ, f"{what} (exit code {code}: {ended.stderr.strip()}): {sorted(differ)} differ"
    return code


def main():
    desk, failures = Desk(), 0
    for deed in sys.argv[2:] or LINES:
        prepare(deed, desk)
        assert desk.run(LINES[deed]).returncode == 0
        whole = record(f"{desk.top}/run")
        calls = traced(deed, desk)
        print(f"{deed}: {len(calls)} calls concern the run:", dict(Counter(name for name, _ in calls)), flush=True)
        for what in ("signal=KILL", "once", "for good"):
            codes = Counter()
            for call, nth in calls:
                injections = [f"{what}:when={nth}"] if what == "signal=KILL" else [
                    f"error={error}:when={nth}{'+' if what == 'for good' else ''}" for error in ERRORS[call]]
                for inject in injections:
                    try:
                        codes[trial(deed, desk, whole, inject, call, nth), call] += 1
                    except AssertionError as error:
                        failures += 1
                        print("FAILED", error, flush=True)
            print(f"{deed}, {what}: {sum(codes.values())} processes as they should", flush=True)
            for code in sorted({code for code, _ in codes}, key=str):
                print(f"    exit code {code}:", {call: n for (of, call), n in codes.items() if of == code}, flush=True)
    shutil.rmtree(desk.top)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
