"""Files that appear whole, and folders that go away."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that appears whole: under a hidden name in the same folder, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.part")
    hidden.write_bytes(content)
    os.replace(hidden, path)


class OwnFolder:
    """A new temporary folder of this process, `path`, until `remove()`.

    What processes left behind that were killed is removed, too: a folder belongs to whoever has its lock.
    """

    def __init__(self, prefix: str) -> None:
        for held in Path(tempfile.gettempdir()).glob(f"{prefix}*/lock"):
            with contextlib.suppress(OSError), held.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(held.parent, ignore_errors=True)
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        # Nobody sees the lock before it is held.
        self._lock = (self.path / ".lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self.path / ".lock").rename(self.path / "lock")

    def remove(self) -> None:
        """Remove the folder. A second call does nothing."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()
