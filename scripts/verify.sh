#!/usr/bin/env bash
# Build zips again from the sources and compare them with those of a folder.
#
#   scripts/verify.sh [TARGET] [options]    `--help` lists the options
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then
    echo "verify: python3 must be Python 3.9 or later, got $(python3 --version 2> /dev/null || echo none)" >&2
    exit 2
fi
export PYTHONPATH="$root"
for argument in "$@"; do
    case "$argument" in
        -h | --help | --version) exec python3 -m scripts.verify.options "$@" ;;
    esac
done
python="$(python3 "$root/scripts/environments.py" build | tail -n 1)"
exec "$python" -m scripts.verify.cli "$@"
