#!/usr/bin/env bash
# From a trained model to the two zips that AWS Lambda takes.
#
#   scripts/build_zip.sh [MODEL.pt|MODEL.onnx] [options]
#
# MODEL             weights as ultralytics saves them, a model that was exported before, or any
#                   other ONNX model, which is served as tensors; without it, the example is built
#                   and tried on its sample pictures
# --arch ARCH       x86_64 (default) or arm64
# --python VERSION  3.12, 3.13 (default) or 3.14
# --container       build inside Amazon Linux's own image, with docker
# --model-in-layer  put the model into layer.zip instead of function.zip
# --out FOLDER      where layer.zip, function.zip and build.json go (default: dist)
# --try [FILE...]   run the zips here, as Lambda would, on these pictures (default: the example's);
#                   the results are drawn into FOLDER/try. A model of tensors is tried with requests
#                   as JSON (default: one that is made from the model's inputs, in FOLDER/try)
# --help            this text
#
# What it needs it sets up below .venv/ and build/ in the project. It ends with 0 if all went well, with 2 for what
# you can mend, and with 1 for the rest, such as zips that are too large for Lambda.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
for argument in "$@"; do
    if [[ "$argument" == "-h" || "$argument" == "--help" ]]; then
        sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
        exit 0
    fi
done
command -v python3 > /dev/null || { echo "build_zip: needs python3 on the PATH" >&2; exit 2; }
python="$(python3 "$root/scripts/environments.py" dev | tail -n 1)"
PYTHONPATH="$root" exec "$python" -m scripts.bundle.cli "$@"
