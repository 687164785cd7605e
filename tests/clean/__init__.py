"""The first commands of README on machines that have little: one Python, no git, no compiler, no network."""
