"""The one error that users are meant to read."""


class InputError(Exception):
    """Something the user gave cannot be used: what, where, expected, what to do.

    The command line prints it as one line and exits with status 2.
    """
