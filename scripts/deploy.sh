#!/usr/bin/env bash
# Put the zips from build_zip.sh on AWS Lambda; run it again after each build.
#
#   scripts/deploy.sh [options]    `--help` lists the options
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then
    echo "deploy: python3 must be Python 3.9 or later, got $(python3 --version 2> /dev/null || echo none)" >&2
    exit 2
fi
export PYTHONPATH="$root"
exec python3 -m scripts.aws.deploy "$@"  # which changes to the environment `aws`
