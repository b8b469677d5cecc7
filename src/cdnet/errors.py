"""The exception that stands for a user's mistake, what of it every caller has to tell apart, and a stop."""


class CdnetError(Exception):
    """Something the user handed in is wrong; the message is one sentence that says what, and what to do."""


class UndefinedError(CdnetError):
    """A figure that what is given does not determine, such as an average over no queries; none stands in its place."""


class DiskFullError(CdnetError):
    """Nothing more can be written, so that it makes no sense to go on with other work."""


class UsageError(CdnetError):
    """A command line that cannot be understood; ``command`` is the one whose help explains it, if that is known."""

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class UnreadableError(CdnetError):
    """A picture that work needs now cannot be read; with a whole one in its place the work can go on."""


class StoppedError(Exception):
    """Training was asked to stop, and has saved where it is."""
