"""Local emulation of Lambda: the built zips under the real runtime client, through `emulator.LocalLambda`.

Runs on Python 3.9 or newer with the standard library alone. The function runs on the Python it was built for.
"""
