#!/usr/bin/env bash
# Measure cold start, latency and memory on this machine, compared with baselines.
#
#   scripts/bench.sh [BENCHMARK] [options]    `--help` lists the benchmarks and the options
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then
    echo "bench: python3 must be Python 3.9 or later, got $(python3 --version 2> /dev/null || echo none)" >&2
    exit 2
fi
cd "$root"
case "${1:-}" in
    compare | engines | fast-decode | scale) ;; # these parse their own options, in the environment
    *)
        for argument in "$@"; do
            case "$argument" in
                -h | --help | --version) exec python3 -m benchmarks.options "$@" ;;
            esac
        done
        ;;
esac
python="$(python3 "$root/scripts/environments.py" dev | tail -n 1)"
exec "$python" -m benchmarks "$@"
