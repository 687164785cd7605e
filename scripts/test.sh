#!/usr/bin/env bash
# Everything the tests need is set up first (once, below .venv/), then all of them run.
#
#   scripts/test.sh            all tests: the export with torch, the two zips, the real runtime client
#   scripts/test.sh --fast     without those three: two minutes
#   scripts/test.sh ARGUMENTS  any arguments of pytest, for instance: tests/function/postprocess/test_boxes.py -k nms
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
cd "$root"
python="$(python3 scripts/environments.py dev | tail -n 1)"
if [[ "${1:-}" == "--fast" ]]; then
    shift
    set -- -m "not torch and not build and not runtime" "$@"
elif [[ $# -eq 0 ]]; then
    python3 scripts/environments.py export > /dev/null
fi
exec "$python" -m pytest "$@"
