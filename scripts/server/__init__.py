"""HTTP server in place of a Function URL: `scripts/serve.py` runs the built zips behind it.

Needs the packages of the environment `build`.
"""
