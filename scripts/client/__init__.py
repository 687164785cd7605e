"""The parts of `scripts/call.py`: signing, sending, telling. Only the standard library, any Python from 3.9 on."""


class NotCallable(Exception):
    """One line that says what was found and what was wanted."""
