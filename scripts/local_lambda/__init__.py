"""The built zips under the real runtime client, here: `from scripts.local_lambda.emulator import LocalLambda`.

Only the standard library, and any Python from 3.9 on; the function itself runs on the Python it was built for.
"""
