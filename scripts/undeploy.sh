#!/usr/bin/env bash
# Remove what deploy.sh created on AWS Lambda, after a question.
#
#   scripts/undeploy.sh [options]    `--help` lists the options
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then
    echo "undeploy: python3 must be Python 3.9 or later, got $(python3 --version 2> /dev/null || echo none)" >&2
    exit 2
fi
export PYTHONPATH="$root"
for argument in "$@"; do
    case "$argument" in
        -h | --help | --version) exec python3 -m scripts.aws.undeploy "$@" ;;
    esac
done
python=python3
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    python="$(python3 "$root/scripts/environments.py" build | tail -n 1)"
fi
exec "$python" -m scripts.aws.undeploy "$@"
