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
exec python3 -m scripts.aws.undeploy "$@"  # which changes to the environment `aws`
