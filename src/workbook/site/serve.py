"""Serve a built site on this machine, compressed on its way."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.staticfiles import StaticFiles

HOST = "127.0.0.1"


@contextlib.contextmanager
def serving(html: Path, port: int = 0) -> Iterator[str]:
    """The address of the site in the folder `html`, as long as the block runs; port 0 is any that is free."""
    site = FastAPI(openapi_url=None)
    site.mount("/", StaticFiles(directory=html, html=True))
    site.add_middleware(GZipMiddleware)
    config = uvicorn.Config(site, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    # Where the protocol is not named, asyncio leaves Nagle's algorithm on, and an answer waits 40 ms for the client.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        address = f"http://{HOST}:{listener.getsockname()[1]}/"
        thread.start()
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join()
