#!/usr/bin/env bash
# Prints the response for an image as JSON: ./client.sh URL IMAGE. Needs curl 7.76 or newer. API_KEY: the key of the function.
set -euo pipefail

if [ $# -ne 2 ]; then
    echo "usage: ./client.sh URL IMAGE" >&2
    exit 2
fi
url="$1" image="$2"
key=(${API_KEY:+-H "x-api-key: $API_KEY"})
curl --silent --show-error --fail-with-body "${key[@]}" \
    -H 'content-type: application/octet-stream' --data-binary "@$image" "${url%/}/?conf=0.4"
