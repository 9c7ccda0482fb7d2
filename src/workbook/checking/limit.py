"""A limit on the time that an answer may take, whatever the answer does against it."""

import contextlib
import signal
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

LIBRARIES = tuple(sysconfig.get_paths()[place] for place in ("stdlib", "platstdlib", "purelib", "platlib"))
SECONDS_BETWEEN_TRIES = 0.2
SECONDS_TO_GIVE_WAY = 3.0
"""How long a call to Java may go on after it was cancelled; then Java itself is ended."""


class TimeIsUp(BaseException):
    """Raised inside an answer that runs too long. An `except` that swallows it gets the next one at its end."""

    def __init__(self, when_swallowed: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.when_swallowed = when_swallowed

    def __del__(self) -> None:
        self.when_swallowed()


@contextlib.contextmanager
def time_limit(seconds: float, cancel: Callable[[], object], end_java: Callable[[], object]) -> Iterator[None]:
    """Raise TimeIsUp in the body after `seconds`; outside the main thread, where no signal arrives, no limit.

    Not in the middle of a call to Java, whose answer would then be taken for that of the next call: such a call is
    cancelled, again and again, in a thread of its own, and where that does not help, Java is ended. Then TimeIsUp is
    raised at each line until the body is left.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return
    outside, tracing = sys._getframe(2), sys.gettrace()
    expired, left = threading.Event(), threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if not expired.is_set():
            expired.set()
            _start(_cancel_until, left, cancel)
            _start(_end_unless, left, end_java)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        _raise_at_next_line(frame, outside, insist)
        if not _calls_java(frame):
            raise TimeIsUp(insist)

    def insist() -> None:
        if not left.is_set():
            _raise_at_next_line(sys._getframe(2), outside, insist)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except Exception as error:
        if expired.is_set():
            raise TimeIsUp from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.settrace(tracing)
        signal.signal(signal.SIGALRM, before)
        left.set()
    if expired.is_set():
        raise TimeIsUp


def _start(work: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()


def _cancel_until(left: threading.Event, cancel: Callable[[], object]) -> None:
    while not left.is_set():
        with contextlib.suppress(Exception):
            cancel()
        left.wait(SECONDS_BETWEEN_TRIES)


def _end_unless(left: threading.Event, end_java: Callable[[], object]) -> None:
    if not left.wait(SECONDS_TO_GIVE_WAY):
        end_java()


def _raise_at_next_line(frame: FrameType | None, outside: FrameType, insist: Callable[[], object]) -> None:
    """Let each line raise that is run in a function of the body: also one in an `except`, which so ends, too."""

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            raise TimeIsUp(insist)
        return trace

    sys.settrace(lambda frame, event, argument: None)  # a function that is called now is not traced
    while frame is not None and frame is not outside:
        if not frame.f_code.co_filename.startswith(LIBRARIES):  # they have locks and connections to give back
            frame.f_trace = trace
        frame = frame.f_back


def _calls_java(frame: FrameType | None) -> bool:
    while frame is not None:
        if _is_java(frame):
            return True
        frame = frame.f_back
    return False


def _is_java(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith("py4j.")
