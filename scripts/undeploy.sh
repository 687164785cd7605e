#!/usr/bin/env bash
# Removes what deploy.sh made: the function with its versions and alias, its layer's versions, and the role if
# deploy.sh made that too. Nothing else; what it is going to remove it lists, and asks.
#
#   scripts/undeploy.sh [options]
#
# --function NAME   the function (default: yolo)
# --region REGION   default: the configured one
# --dry-run         print the commands, change nothing
# --yes             do not ask
# --help            this text
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
for argument in "$@"; do
    if [[ "$argument" == "-h" || "$argument" == "--help" ]]; then
        sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
        exit 0
    fi
done
command -v python3 > /dev/null || { echo "undeploy: needs python3 on the PATH" >&2; exit 2; }
python=python3
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    python="$(python3 "$root/scripts/environments.py" dev | tail -n 1)"
fi
PYTHONPATH="$root" exec "$python" -m scripts.aws.undeploy "$@"
