#!/usr/bin/env bash
# Checks and measures dcgan-gpu on a Linux machine with a GPU, unattended, in less than 8 minutes.
# It builds nothing.
#
#     benches/gpu.sh path/to/dcgan-gpu [FOLDER]
#
# NOT YET RUN ON HARDWARE: it has been rehearsed on software Vulkan only (see benches/README.md),
# and the CUDA modes of benches/peers/pytorch_step.py have never run. What it reports of a GPU is
# therefore news.
#
# Needs the GPU's driver and the Vulkan loader; for the comparisons also Python 3.11 with torch
# (CUDA), numpy and safetensors; without them those parts are skipped, and the summary says so.
# Everything goes to FOLDER (default: gpu-DATE): one file a part, and summary.md. Every part has its
# own time limit and none stops the others.
#
# Environment: DEVICE (default: the hardware adapter that `--device auto` takes), BURN (the binary
# of benches/peers/burn; its comparison is skipped without it), PYTHON (python3), PRESETS, BATCH
# (128), TRAIN_STEPS (500), BLOCKS (5), WARMUP (20), BLOCK_SECONDS (0.5), GROUP (10: steps for each
# wait of the peers), TORCH_DEVICE (cuda). Exit code: 0 all parts passed, 1 some failed, 2 usage or
# no usable device.
set -uo pipefail

if [ $# -lt 1 ] || [ ! -x "$1" ]; then
    echo "usage: $0 path/to/dcgan-gpu [FOLDER]   (build it with: cargo build --release)" >&2
    exit 2
fi
binary=$(realpath "$1")
peers=$(dirname "$(realpath "$0")")/peers
folder=${2:-gpu-$(date +%Y%m%d-%H%M%S)}
python=${PYTHON:-python3}
read -ra presets <<<"${PRESETS:-tf-tutorial pytorch}"
batch=${BATCH:-128}
torch_device=${TORCH_DEVICE:-cuda}
measure=(--batch-size "$batch" --threads "$(nproc)" --blocks "${BLOCKS:-5}" --warmup "${WARMUP:-20}"
    --block-seconds "${BLOCK_SECONDS:-0.5}" --group "${GROUP:-10}")
PATH="$PATH:/usr/sbin:/sbin" # ldconfig lives where an ordinary user's PATH may not look

if [ -z "$(ldconfig -p 2>/dev/null | grep 'libvulkan\.so\.1')" ] && [ -z "${LD_LIBRARY_PATH:-}" ]; then
    cat >&2 <<'TEXT'
The Vulkan loader (libvulkan.so.1) is not installed. One of these brings it:
    apt-get install libvulkan1        dnf install vulkan-loader        pacman -S vulkan-icd-loader
Without root: unpack that package anywhere and point LD_LIBRARY_PATH at the folder with libvulkan.so.1.
In a container the GPU's driver must be visible to Vulkan too: for NVIDIA, NVIDIA_DRIVER_CAPABILITIES=all.
TEXT
    exit 2
fi

device=${DEVICE:-auto}
if [ "$device" = auto ] && ! "$binary" devices 2>/dev/null | grep -E '(discrete|integrated|virtual) GPU' >/dev/null; then
    echo 'No hardware adapter. `dcgan-gpu devices` lists:' >&2
    "$binary" devices >&2
    echo 'Is the GPU driver with its Vulkan part installed (a file in /usr/share/vulkan/icd.d)? Or name one in DEVICE=.' >&2
    exit 2
fi

if [ -n "$(ls -A "$folder" 2>/dev/null)" ]; then
    echo "$folder holds files already; name another folder" >&2
    exit 2
fi
mkdir -p "$folder" || exit 2
folder=$(realpath "$folder")
parts=$folder/parts.md
: >"$parts"
tables=()
failed=0
begin=$SECONDS

note() { echo "| $1 | $2 | $3 | \`$4\` |" >>"$parts"; }

# part NAME LIMIT FILE COMMAND…: runs it for at most LIMIT seconds, with stdout in FILE and stderr
# beside it.
part() {
    local name=$1 limit=$2 file=$3 from=$SECONDS code verdict=passed
    shift 3
    echo "$name (at most $limit s) …" >&2
    timeout -k 5 "$limit" "$@" >"$folder/$file" 2>"$folder/${file%.*}.err" </dev/null
    code=$?
    if [ $code -ne 0 ]; then
        failed=$((failed + 1))
        verdict="**failed** (exit code $code)"
        [ $code -eq 124 ] && verdict="**stopped after $limit s**"
        tail -n 3 "$folder/${file%.*}.err" >&2
    fi
    note "$name" "$verdict" "$((SECONDS - from))" "$(printf '%s ' "$@" | sed "s|$folder|FOLDER|g; s|$binary|dcgan-gpu|g")"
}

skip() {
    echo "$1 is skipped: $2" >&2
    note "$1" "skipped: $2" 0 -
}

# compare NAME LIMIT PRESET ENGINE…: the table goes to NAME-PRESET.md. Two steps of losses only,
# since rounding alone makes those of the `pytorch` preset part soon after (docs/decisions.md).
compare() {
    local name=$1 limit=$2 preset=$3
    shift 3
    tables+=("$name-$preset.md")
    part "comparison with $name, $preset" "$limit" "$name-$preset.md" "$python" "$peers/compare.py" --binary "$binary" \
        --burn "${BURN:-none}" --presets "$preset" --engines "dcgan-gpu@$device" "$@" "${measure[@]}" --check-steps 2 \
        --json "$folder/$name-$preset.json"
}

part 'devices' 15 devices.txt "$binary" devices
part 'selftest: every kernel, a step of every preset' "${SELFTEST_LIMIT:-75}" selftest.txt "$binary" selftest --device "$device"
for preset in "${presets[@]}"; do
    part "bench $preset" 30 "bench-$preset.json" "$binary" bench --preset "$preset" --batch-size "$batch" --device "$device" \
        --steps "${STEPS:-200}" --warmup "${WARMUP:-20}" --json
done
part 'training with sample grids' 30 train.txt "$binary" train --preset pytorch --data strokes --steps "${TRAIN_STEPS:-500}" \
    --batch-size "$batch" --sample-every "$((${TRAIN_STEPS:-500} / 2))steps" --device "$device" --out "$folder/run" --force

if ! probe=$("$python" -c 'import numpy, safetensors, sys, torch
print("torch", torch.__version__, "CUDA", torch.version.cuda)
sys.exit(0 if sys.argv[1] == "cpu" or torch.cuda.is_available() else "torch sees no CUDA device")' "$torch_device" 2>&1); then
    skip 'comparison with PyTorch' "$(tail -n 1 <<<"$probe")"
else
    modes=("pytorch@$torch_device:eager")
    for mode in tf32 amp graph; do
        [ "$torch_device" = cpu ] || modes+=("pytorch@$torch_device:$mode")
    done
    for preset in "${presets[@]}"; do
        compare pytorch 60 "$preset" "${modes[@]}"
    done
    compare torch.compile 90 "${presets[0]}" "pytorch@$torch_device:compile"
fi
if [ -z "${BURN:-}" ]; then
    skip 'comparison with burn' 'BURN does not name its binary'
elif ! "$python" -c 'import numpy, safetensors, torch' 2>/dev/null; then
    skip 'comparison with burn' 'Python lacks numpy, safetensors or torch, which make the common start'
else
    # burn takes a part of the adapter's name; `auto` is the first hardware adapter of `devices`.
    adapter=$device
    if [ "$device" = auto ]; then
        adapter=$(grep -E '(discrete|integrated|virtual) GPU' "$folder/devices.txt" | head -n 1 | sed -E 's/^[0-9]+ +//; s/  .*//')
    fi
    compare burn 60 "${presets[0]}" "burn@$adapter"
fi

driver=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -n 1)
{
    echo "# dcgan-gpu on $device, $(date -u +%Y-%m-%dT%H:%MZ)"
    echo
    echo "- program: $("$binary" --version)"
    echo "- system: $(uname -sr), $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release 2>/dev/null), $(nproc) processor threads"
    echo "- processor: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    echo "- driver by nvidia-smi: ${driver:-not there}"
    echo "- PyTorch: $(grep -m 1 '^torch ' <<<"${probe:-}" || echo none)"
    echo "- whole run: $((SECONDS - begin)) s, $failed parts failed"
    echo
    printf '## Devices\n\n```\n%s\n```\n\n' "$(cat "$folder/devices.txt")"
    printf '## Parts\n\n| part | outcome | seconds | command |\n|---|---|---:|---|\n%s\n\n' "$(cat "$parts")"
    printf '## Self-test (its end)\n\n```\n%s\n```\n\n' "$(tail -n 8 "$folder/selftest.txt")"
    printf '## Steps\n\n```\n'
    for preset in "${presets[@]}"; do
        echo "$preset: $(grep -oE '"(device|median_s|min_s|images_per_s)": ?("[^"]*"|[-0-9.e]+)' "$folder/bench-$preset.json" | tr '\n' ' ')"
    done
    printf '```\n\n## Comparisons\n'
    for table in ${tables[@]+"${tables[@]}"}; do
        printf '\n### %s\n' "${table%.md}"
        cat "$folder/$table"
    done
    printf '\n## Training\n\nIts samples, GIF and metrics are in `run/`.\n'
    grid=$(find "$folder/run/samples" -name '*.png' 2>/dev/null | sort | tail -n 1)
    [ -n "$grid" ] && printf '\n![the last sample grid](%s)\n' "${grid#"$folder/"}"
} >"$folder/summary.md"
rm -f "$parts"
find "$folder" -maxdepth 1 -name '*.err' -empty -delete
echo "$folder/summary.md: $failed parts failed, $((SECONDS - begin)) s" >&2
[ "$failed" -eq 0 ]
