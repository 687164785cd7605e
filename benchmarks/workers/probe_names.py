"""Names that the probe writes and the benchmark reads; the probe is alone in its process, so it says them again."""

MARK = "PROBE "
OWN = "own code"
NETWORK = "network"
