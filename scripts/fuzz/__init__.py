"""The command `scripts/fuzz.sh`: the fuzz targets of tests/fuzz, each in a process of its own."""
