"""The errors of the platform that its user can cure."""


class PlatformError(Exception):
    """Something that the user can cure; the message is one sentence that says what, where and what to do."""


def first_line(error: BaseException) -> str:
    """What an error says, in one line: Spark's own are followed by plans and stack traces."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
