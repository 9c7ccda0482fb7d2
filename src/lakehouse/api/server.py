"""`workbook serve`: the API and the dashboard on this machine, until Ctrl-C."""

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from lakehouse.api.app import create_app
from lakehouse.api.follower import Follower
from lakehouse.api.keys import Keys
from lakehouse.errors import PlatformError

HOST = "127.0.0.1"
FIRST_KEY = "first"


def serve(base_path: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the platform under `base_path` on a port of 127.0.0.1 until Ctrl-C.

    The first time it makes a key with all scopes and shows it. Raises PlatformError where there is no such folder, and
    where the port is taken.
    """
    base = existing(base_path)
    with listening(port) as listener:
        log()
        address = f"http://{HOST}:{listener.getsockname()[1]}"
        say(f"The dashboard:  {address}/")
        say(f"The API:        {address}/openapi.json describes it, {address}/health says how it is")
        keys = Keys(base)
        if not keys.path.exists():
            text = keys.make(FIRST_KEY)
            say(f"Your key:       {text}")
            say("It is shown this once; `workbook key NAME` makes another.")
        say(f'Try it:         curl -H "X-API-Key: …" "{address}/v1/customers?limit=2"')
        say("Ctrl-C stops it.")
        follower = Follower(base)
        follower.start()
        config = uvicorn.Config(create_app(base, follower), log_config=None, access_log=False)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                uvicorn.Server(config).run([listener])
        finally:
            follower.stop()
    say("Stopped.")


def existing(base_path: str) -> Path:
    """The folder of a platform. Raises PlatformError where there is none."""
    base = Path(base_path).expanduser().absolute()
    if not base.is_dir():
        raise PlatformError(
            f"There is no platform in {base_path}: run `workbook run` first, or name its folder with --base-path."
        )
    return base


@contextlib.contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A port of 127.0.0.1, taken. Raises PlatformError where it can't be had."""
    # Where the protocol is not named, asyncio leaves Nagle's algorithm on, and an answer waits 40 ms for the client.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise PlatformError(
                f"Port {port} cannot be had ({error.strerror}): end what uses it, or take another with --port."
            ) from error
        yield listener


def log() -> None:
    """Log to the terminal: one line a request, and what goes wrong."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("lakehouse.api").setLevel(logging.INFO)
