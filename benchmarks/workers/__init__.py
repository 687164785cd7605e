"""Programs that run in other processes than the benchmark's: on the function's Python, or the export's."""
