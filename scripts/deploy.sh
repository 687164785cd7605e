#!/usr/bin/env bash
# The zips that build_zip.sh left, onto AWS Lambda with the `aws` command: run it again after each build.
#
#   scripts/deploy.sh [options]
#
# --dist FOLDER         layer.zip, function.zip and build.json (default: dist)
# --function NAME       the function, made or updated (default: yolo)
# --role NAME_OR_ARN    its role; needed once, for a new function
# --create-role         make that role (default name: FUNCTION-lambda); it may write logs and nothing else
# --memory MB           default: 1769 for a new function, unchanged for another
# --timeout SECONDS     default: 30 for a new function, unchanged for another
# --env NAME=VALUE      a variable of the function; repeatable; the others stay as they are
# --alias NAME          what callers name, moved to each new version (default: live)
# --bucket BUCKET       for zips above 50 MB; of the function's region
# --architecture ARCH   x86_64 or arm64: refuse zips for another
# --region REGION       default: the configured one
# --dry-run             read what is there, print the commands that would change it, change nothing
# --rollback [VERSION]  point the alias at the version before, or at this one; nothing else
# --help                this text
#
# What did not change is not published again. It ends with 0 if all went well, with 2 for what you can mend (no aws
# command, no credentials, no role, no zips, beyond a limit), and with 1 for the rest.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
for argument in "$@"; do
    if [[ "$argument" == "-h" || "$argument" == "--help" ]]; then
        sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
        exit 0
    fi
done
command -v python3 > /dev/null || { echo "deploy: needs python3 on the PATH" >&2; exit 2; }
python=python3
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    python="$(python3 "$root/scripts/environments.py" dev | tail -n 1)"
fi
PYTHONPATH="$root" exec "$python" -m scripts.aws.deploy "$@"
