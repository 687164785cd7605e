"""Parts of scripts/call.py: credentials, signature, connection and report.

They run under any Python from 3.9 on, with the standard library alone.
"""


class NotCallable(Exception):
    """The command cannot send requests: an image, the URL, the region or the credentials are missing or wrong.

    The message is one line.
    """
