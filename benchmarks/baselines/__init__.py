"""Handlers of the baselines; each is copied into a function.zip of its own."""
