#!/usr/bin/env python3
"""Whole processes on file systems that lack something: by hand, on Linux, with strace, which makes calls fail as such file systems do.

    tests/survival/lacking.py target/release/dcgan-gpu

- Locks: of ten processes that want one folder one trains, the nine others end with code 8; killed, it is gone on with at once;
  with another machine's lease the folder is refused, and taken over when that is out of date.
- Folders that cannot be synced: a run is what it is elsewhere.
- Neither renaming without replacing nor hard links: `sample` writes its file, and replaces none.
"""
import os, shutil, signal, subprocess, sys, tempfile, time

from syscalls import TINY, record

PROGRAM = os.path.abspath(sys.argv[1])
START = "train --config tiny.toml --device cpu --out run -q"
ENDLESS = f"{START} --steps 100000000"


def strace(*injections):
    flags = [flag for injection in injections for flag in ("-e", f"inject={injection}")]
    calls = ",".join(injection.split(":")[0] for injection in injections)
    return ["strace", "-f", "-q", "-o", "/dev/null", "-e", f"trace={calls}", *flags]


def command(line, prefix=()):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DCGAN_GPU_") and k != "RUST_BACKTRACE"}
    return dict(args=[*prefix, PROGRAM, *line.split()], env=environment, text=True, errors="replace",
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(line, code, said="", prefix=()):
    done = subprocess.run(**command(line, prefix), timeout=120)
    assert done.returncode == code and said in done.stderr, f"{line}: {done.returncode} {done.stderr}"
    return done


def saved():
    folder = "run/checkpoints"
    return [name for name in os.listdir(folder) if name.endswith(".safetensors")] if os.path.isdir(folder) else []


def wait_for(what, holds):
    for _ in range(6000):
        if holds():
            return
        time.sleep(0.01)
    sys.exit(f"{what}: not within a minute")


def child_of(process):
    """The program under strace."""
    return int(open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()[0])


def locks(error):
    prefix = strace(f"flock:error={error}")
    crowd = [subprocess.Popen(**command(ENDLESS, prefix)) for _ in range(10)]
    wait_for("one is left", lambda: sum(process.poll() is None for process in crowd) == 1 and saved())
    for process in crowd:
        if process.poll() is not None:
            said = process.stderr.read()
            assert process.returncode == 8 and "another process trains in run" in said, f"{process.returncode} {said}"
    [winner] = [process for process in crowd if process.poll() is None]
    os.kill(child_of(winner), signal.SIGKILL)
    winner.wait()
    assert os.path.exists("run/.lease"), "it was killed"
    length = max(int(name[5:13]) for name in saved()) + 20
    said = run(f"train --resume run --device cpu --steps {length}", 0, prefix=prefix).stderr
    assert said.count("stands in for the lock") == 1, said
    assert not os.path.exists("run/.lease")
    run(f"{START.replace('--out run', '--out whole')} --steps {length}", 0)
    assert record("run") == record("whole"), "other bits"
    with open("run/.lease", "w") as lease:
        lease.write('{"host":"elsewhere","number":4711,"id":"x"}')
    longer = f"train --resume run --device cpu -q --steps {length + 20}"
    run(longer, 8, "(process 4711 on elsewhere; ", prefix)
    os.utime("run/.lease", (time.time() - 1000,) * 2)
    run(longer, 0, prefix=prefix)
    for folder in ("run", "whole"):
        shutil.rmtree(folder)


def folders(error):
    # Files are synced too, and must be: the calls are told apart by their numbers.
    run(START, 0, prefix=["strace", "-y", "-e", "trace=fsync", "-o", "trace"])
    calls = [line.split("<")[1].split(">")[0] for line in open("trace") if line.startswith("fsync(")]
    of_folders = [number for number, path in enumerate(calls, 1) if os.path.isdir(path)]
    assert of_folders
    shutil.move("run", "whole")
    for number in of_folders:
        run(START, 0, prefix=strace(f"fsync:error={error}:when={number}"))
        assert record("run") == record("whole")
        shutil.rmtree("run")
    shutil.rmtree("whole")


def names(no_rename, no_link):
    run(START, 0)
    lacking = [f"renameat2:error={no_rename}", f"linkat:error={no_link}", f"link:error={no_link}"]
    prefix = strace(*lacking)
    sample = "sample --checkpoint run --device cpu --out a.png"
    run(sample, 0, prefix=prefix)
    picture = open("a.png", "rb").read()
    assert picture.startswith(b"\x89PNG")
    run(sample, 2, "already exists", prefix)
    os.remove("a.png")
    run(sample, 5, "cannot write a.png", strace(*lacking, "rename:error=EIO", "renameat:error=EIO"))
    assert not [name for name in os.listdir(".") if name.endswith(".png") or name.startswith(".dcgan-gpu-")], os.listdir(".")
    run(sample, 0)
    assert open("a.png", "rb").read() == picture
    os.remove("a.png")
    shutil.rmtree("run")


def main():
    top = tempfile.mkdtemp(prefix="lacking-")
    os.chdir(top)
    open("tiny.toml", "w").write(TINY)
    for error in ("ENOLCK", "ENOSYS", "EOPNOTSUPP"):
        locks(error)
        print(f"flock that answers {error}: one of ten trains, a killed one is gone on with to the same bits", flush=True)
    for error in ("EINVAL", "EOPNOTSUPP"):
        folders(error)
        print(f"fsync of a folder that answers {error}: the same bits", flush=True)
    for no_rename, no_link in (("EINVAL", "EPERM"), ("EINVAL", "EOPNOTSUPP"), ("ENOSYS", "ENOSYS"), ("EINVAL", "EMLINK")):
        names(no_rename, no_link)
        print(f"renameat2 {no_rename}, linkat {no_link}: sample writes, and replaces nothing", flush=True)
    os.chdir("/")
    shutil.rmtree(top)


if __name__ == "__main__":
    main()
