"""Handlers of what the zips are measured against; each is copied into a function.zip of its own."""
