"""The errors that a user can cause: each is one sentence with the cure."""


class SetupError(RuntimeError):
    """Something on this machine does not fit the course; the message says what, where and the cure."""


class CourseError(ValueError):
    """A file of the course is not as it should be; the message names the file, the place and the rule."""
