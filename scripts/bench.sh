#!/usr/bin/env bash
# What a start, an answer and the memory cost, measured on this machine beside what others do.
#
#   scripts/bench.sh [start]   time from nothing to the first boxes, by step, against the tutorials' way and ultralytics
#   scripts/bench.sh steps     what each step of ours is worth, each taken back alone
#   scripts/bench.sh warm      a warm answer by step
#   scripts/bench.sh memory    peak by model and picture, growth over 2,000 answers
#   scripts/bench.sh nms       33,600 boxes with 80 classes
#   scripts/bench.sh tasks     masks, keypoints and rotated boxes, beside a run of the network
#   scripts/bench.sh --help    the options: --quick for a first look
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
python="$(python3 "$root/scripts/environments.py" dev | tail -n 1)"
cd "$root"
exec "$python" -m benchmarks "$@"
