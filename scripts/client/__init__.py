"""Parts of scripts/call.py: images, endpoint, connection, calls at the same time, and the report.

They are imported under any Python from 3.9 on; their functions need the environment `aws`.
"""

from scripts.aws.errors import DeployError


class NotCallable(DeployError):
    """The command cannot send requests: an image or the URL is missing or wrong. The message is one line."""
