"""The one exception that stands for a user's mistake."""


class CdnetError(Exception):
    """Something the user handed in is wrong; the message is one sentence that says what, and what to do."""
