#!/usr/bin/env bash
# Set up what the tests need (once, below .envs/), then run them with pytest.
#
#   scripts/test.sh            all tests, also those of the torch export, the built zips, the runtime client and the page
#   scripts/test.sh --fast     without these four and without slow ones
#   scripts/test.sh ARGUMENTS  pass the arguments to pytest, such as tests/function/postprocess/test_boxes.py -k nms
#   scripts/test.sh --mutate [MODULE...]  change function/ at one place at a time; the fast tests have to notice each
#                              change (--sample N --seed N: a random sample; --help: all options)
#   scripts/test.sh --long     what takes hours: a clean environment, 30 minutes of fuzzing, 10,000 invocations of the
#                              zips in dist/, 400 mutants
#
# The first two run several test files at a time. Arguments of pytest may follow --fast (-n 0: one file at a time).
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then
    echo "test: python3 must be Python 3.9 or later, got $(python3 --version 2> /dev/null || echo none)" >&2
    exit 2
fi
cd "$root"

# Run the fast tests in a copy of the checkout, which makes its own environment.
clean_environment() {
    local folder code=0
    folder="$(mktemp -d)"
    git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --create | tar -x -C "$folder"
    "$folder/scripts/test.sh" --fast || code=$?
    rm -rf "$folder"
    return "$code"
}

dev() {
    "$python" "$@"
}

# Run as many test files at a time as there are CPUs; with more, tests with a time limit fail.
side_by_side() {
    local cpus
    cpus="$(getconf _NPROCESSORS_ONLN)"
    dev -m pytest -n "$((cpus < 8 ? cpus : 8))" --dist loadfile --no-loadscope-reorder "$@"
}

# Run all tests; those that need the machine for themselves come last, also after others have failed.
all_tests() {
    local code=0
    side_by_side -m "not long and not alone" || code=$?
    dev -m pytest -m "alone and not long" || code=$?
    return "$code"
}

# Run every part of --long, also after one has failed.
long() {
    local failed=() part
    for part in \
        "clean_environment" \
        "dev -m pytest -m long" \
        "scripts/fuzz.sh --minutes 30" \
        "dev scripts/soak.py" \
        "dev -m tests.mutation --sample 400"; do
        echo "test: $part"
        $part || failed+=("$part")
    done
    if [[ ${#failed[@]} -gt 0 ]]; then
        printf 'test: failed: %s\n' "${failed[@]}" >&2
        return 1
    fi
}

python="$(python3 scripts/environments.py dev | tail -n 1)"
case "${1:-}" in
    --mutate)
        shift
        exec "$python" -m tests.mutation "$@"
        ;;
    --long)
        long
        exit
        ;;
    --fast)
        shift
        markers="not torch and not build and not runtime and not browser and not long and not fuzz and not slow and not alone"
        side_by_side -m "$markers" "$@"
        exit
        ;;
    "")
        python3 scripts/environments.py export > /dev/null
        all_tests
        exit
        ;;
esac
exec "$python" -m pytest "$@"
