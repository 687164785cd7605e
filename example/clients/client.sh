#!/usr/bin/env bash
# Prints the response for an image as JSON: ./client.sh URL IMAGE. Needs curl 7.76 or newer. API_KEY: the key of the function.
set -euo pipefail

url="${1:?URL}" image="${2:?IMAGE}"
key=(${API_KEY:+-H "x-api-key: $API_KEY"})
curl --silent --show-error --fail-with-body "${key[@]}" \
    -H 'content-type: application/octet-stream' --data-binary "@$image" "${url%/}/?conf=0.4"
