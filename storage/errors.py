"""What every refusal in Lethe is: one line that says what, where, why and what to do."""


class LetheError(Exception):
    """Base of all errors that Lethe raises on purpose."""


class BadInput(LetheError):
    """Something from outside cannot be used. The message is shown to the user as it is."""
