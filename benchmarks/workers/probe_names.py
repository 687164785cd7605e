"""Names in the output of the probe. The probe can import nothing of the project, so it repeats them."""

MARK = "PROBE "
OWN = "own code"
NETWORK = "network"
