"""What stops a call before anything was sent."""


class NotCallable(Exception):
    """One line that says what was found and what was wanted."""
