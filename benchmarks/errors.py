"""The one way in which a benchmark ends early; the message is for the user."""


class NotMeasured(Exception):
    """Something that is needed is missing, or the contenders do not do the same."""
