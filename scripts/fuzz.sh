#!/usr/bin/env bash
# Search for inputs that break the function, with atheris and hypothesis.
#
#   scripts/fuzz.sh [--minutes N] [TARGET...]    `--help` lists the options, `--list` the targets
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then
    echo "fuzz: python3 must be Python 3.9 or later, got $(python3 --version 2> /dev/null || echo none)" >&2
    exit 2
fi
export PYTHONPATH="$root"
for argument in "$@"; do
    case "$argument" in
        -h | --help | --version | --list) exec python3 -m scripts.fuzz.options "$@" ;;
    esac
done
python="$(python3 "$root/scripts/environments.py" dev | tail -n 1)"
exec "$python" -m scripts.fuzz "$@"
