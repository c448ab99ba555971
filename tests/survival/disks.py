#!/usr/bin/env python3
"""Runs on disks that are full, read-only or gone, and under clocks that jump: by hand, as root on Linux, with faketime.

    tests/survival/disks.py target/release/dcgan-gpu

Each run must end with exit code 5 and one line that names what cannot be written, and go on to the bits of an undisturbed run once
the disk is well; clocks must change nothing.
"""
import os, shutil, subprocess, sys, time
from collections import Counter

sys.dont_write_bytecode = True
from syscalls import LINES, PROGRAM, Desk, record

LONG = "train --config tiny.toml --device cpu --out run -q --steps 100000000"


def sh(line):
    subprocess.run(line, shell=True, check=True, stderr=subprocess.DEVNULL)


def undisturbed():
    desk = Desk()
    assert desk.run(LINES["start"]).returncode == 0
    whole = record(f"{desk.top}/run")
    shutil.rmtree(desk.top)
    return whole


def refused(ended):
    assert ended.returncode == 5 and ended.stderr.count("\n") == 1 and "run" in ended.stderr, ended
    return ended.stderr.strip()


def mended(desk, whole, what):
    again = "resume" if os.path.exists(f"{desk.top}/run/config.toml") else "start"
    ended = desk.run(LINES[again])
    assert ended.returncode == 0, f"{what}: {ended}"
    left = record(f"{desk.top}/run")
    differ = [name for name in {*left, *whole} if left.get(name) != whole.get(name)]
    assert not differ, f"{what}: {differ}"


def small_disk(option, amounts, whole):
    """A disk that ends at every possible place of a run."""
    messages, done, place = Counter(), 0, "/tmp/survival-disk"
    for amount in amounts:
        os.makedirs(place, exist_ok=True)
        sh(f"mount -t tmpfs -o {option}={amount} tmpfs {place}")
        try:
            ended = None
            try:
                desk = Desk(place)
            except OSError:
                continue
            ended = desk.run(LINES["start"])
            if ended.returncode == 0:
                done += 1
            else:
                messages[refused(ended).split(": ")[-1]] += 1
            sh(f"mount -o remount,size=64m,nr_inodes=0 {place}")
            mended(desk, whole, f"{option}={amount}")
        finally:
            sh(f"umount {place}")
    print(f"{option}, {len(amounts)} sizes: {done} runs fitted, the others ended with {dict(messages)}; all went on", flush=True)


def read_only(whole):
    desk = Desk()
    assert desk.run("train --config tiny.toml --device cpu --out run -q --steps 10").returncode == 0
    sh(f"mount --bind {desk.top} {desk.top} && mount -o remount,ro,bind {desk.top}")
    try:
        print("read-only mount:", refused(desk.run(LINES["resume"])))
        print("read-only mount:", refused(desk.run(LINES["start"].replace("--out run", "--out runs/new"))))
    finally:
        sh(f"umount {desk.top}")
    sh(f"chmod -R a+rX,a-w {desk.top}")
    other = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    print("folder of another user:", refused(desk.run(LINES["resume"], other)))
    sh(f"chmod -R u+w {desk.top}")
    ended = desk.run(LINES["resume"])
    assert ended.returncode == 0, ended
    shutil.rmtree(desk.top)


def vanished(whole):
    for what in ["rm -rf run", "mv run elsewhere", "rm -rf run/checkpoints", "rm -rf run/samples", "rm -rf run && mkdir run"]:
        desk = Desk()
        child = subprocess.Popen([PROGRAM, *LONG.split()], cwd=desk.top, stderr=subprocess.PIPE, text=True)
        while not os.path.exists(f"{desk.top}/run/checkpoints/step-00000040.safetensors"):
            time.sleep(0.002)
        sh(f"cd {desk.top} && while ! {{ {what}; }}; do :; done")
        _, said = child.communicate(timeout=30)
        assert child.returncode == 5 and said.count("\n") == 1, (what, child.returncode, said)
        print(f"{what}:", said.strip(), flush=True)
        shutil.rmtree(desk.top)


def clocks(whole):
    for clock, monotonic in [("-10y", 0), ("+10y", 0), ("+0 x5000", 0), ("+0 x5000", 1), ("+0 i7200", 1), ("+0 i-7200", 1)]:
        desk = Desk()
        os.environ["DONT_FAKE_MONOTONIC"] = str(1 - monotonic)
        ended = desk.run(LINES["start"], ["faketime", "-f", clock])
        assert ended.returncode == 0, ended
        mended(desk, whole, clock)
        print(f"clock {clock}{', of the monotonic clock too' if monotonic else ''}: the same run")
        shutil.rmtree(desk.top)
    del os.environ["DONT_FAKE_MONOTONIC"]
    # A clock that is set back and forth while a run goes on and while it is resumed.
    desk = Desk()
    moment = f"{desk.top}/moment"
    sh(f"echo +0 > {moment}")
    environment = {**os.environ, "FAKETIME_TIMESTAMP_FILE": moment, "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1",
                   "LD_PRELOAD": subprocess.check_output("ls /usr/lib/*/faketime/libfaketime.so.1", shell=True, text=True).strip()}
    child = subprocess.Popen([PROGRAM, *LONG.replace("100000000", "2000").split()], cwd=desk.top, env=environment)
    jumps = 0
    while child.poll() is None:
        jumps += 1
        sh(f"echo {'-3y' if jumps % 2 else '+3d'} > {moment}")
        time.sleep(0.01)
    assert child.returncode == 0
    other = Desk()
    assert other.run(LONG.replace("100000000", "2000")).returncode == 0
    assert record(f"{desk.top}/run") == record(f"{other.top}/run")
    print(f"clock set back and forth {jumps} times during 2000 steps: the same run")
    shutil.rmtree(desk.top)
    shutil.rmtree(other.top)


def handles(whole):
    codes = Counter()
    for limit in range(3, 24):
        desk = Desk()
        ended = desk.run(LINES["start"], ["prlimit", f"--nofile={limit}"])
        assert "panicked" not in ended.stderr, ended
        codes[ended.returncode] += 1
        mended(desk, whole, f"{limit} files")
        shutil.rmtree(desk.top)
    print(f"at most 3 to 23 open files: exit codes {dict(codes)}; all went on", flush=True)


if __name__ == "__main__":
    known = undisturbed()
    small_disk("size", [f"{n}k" for n in range(4, 260, 4)], known)
    small_disk("nr_inodes", range(2, 30), known)
    for check in (read_only, vanished, handles, clocks):
        check(known)
