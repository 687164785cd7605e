"""Programs that run in other processes, on the Python of the function or of the export environment."""
