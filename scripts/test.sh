#!/usr/bin/env bash
# Set up what the tests need (once, below .venv/), then run them with pytest.
#
#   scripts/test.sh            all tests, also those of the torch export, the built zips and the runtime client
#   scripts/test.sh --fast     without these three; takes two minutes
#   scripts/test.sh ARGUMENTS  pass the arguments to pytest, such as tests/function/postprocess/test_boxes.py -k nms
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then
    echo "test: python3 must be Python 3.9 or later, got $(python3 --version 2> /dev/null || echo none)" >&2
    exit 2
fi
cd "$root"
python="$(python3 scripts/environments.py dev | tail -n 1)"
if [[ "${1:-}" == "--fast" ]]; then
    shift
    set -- -m "not torch and not build and not runtime" "$@"
elif [[ $# -eq 0 ]]; then
    python3 scripts/environments.py export > /dev/null
fi
exec "$python" -m pytest "$@"
