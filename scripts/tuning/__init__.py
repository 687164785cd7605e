"""Parts of scripts/tune.py: temporary versions of the function, measurements, the local estimate, table and picture."""

MARK = "scripts/tune.py: temporary"  # description of versions of functions and layers, which are deleted at the end
