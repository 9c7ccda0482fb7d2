"""API keys: who may ask what, and how often."""

import hashlib
import hmac
import json
import math
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lakehouse.errors import PlatformError

SCOPES = {
    "customers:read": "customers, and what to recommend to them",
    "products:read": "products, and what is bought together with them",
    "sales:read": "sales by period and channel",
    "churn:read": "stored predictions of churn",
    "quality:read": "what the rules say of the data",
    "churn:predict": "predictions from features, in real time",
}


@dataclass(frozen=True)
class Key:
    """A key as it is kept: its hash only, so that who reads the file can't use it."""

    name: str
    sha256: str
    scopes: tuple[str, ...]


class Keys:
    """The keys of a platform, in `api/keys.json` under its base path, which only its owner may read.

    What is changed there holds from the next request on.
    """

    def __init__(self, base_path: Path) -> None:
        self.path = base_path / "api" / "keys.json"
        self._changed = -1
        self._keys: list[Key] = []

    def find(self, text: str) -> Key | None:
        """The key that this text is; None where it is none. Takes the same time whichever it is."""
        self._read()
        given = _sha256(text)
        found = [key for key in self._keys if hmac.compare_digest(key.sha256, given)]
        return found[0] if found else None

    def make(self, name: str, scopes: Sequence[str] = tuple(SCOPES)) -> str:
        """A new key, in the place of the one with this name if there is one. Its text is shown here, and never again.

        Raises PlatformError for a scope that does not exist.
        """
        if unknown := set(scopes) - set(SCOPES):
            raise PlatformError(f"There is no scope {sorted(unknown)[0]}: choose from {', '.join(SCOPES)}.")
        text = secrets.token_urlsafe(32)
        self._read()
        others = [key for key in self._keys if key.name != name]
        self._write([*others, Key(name, _sha256(text), tuple(scopes))])
        return text

    def revoke(self, name: str) -> None:
        """Take a key away. Raises PlatformError where there is none with this name."""
        self._read()
        if all(key.name != name for key in self._keys):
            raise PlatformError(f"There is no key named {name} in {self.path}.")
        self._write([key for key in self._keys if key.name != name])

    @property
    def names(self) -> list[str]:
        self._read()
        return [key.name for key in self._keys]

    def _read(self) -> None:
        try:
            changed = self.path.stat().st_mtime_ns
        except FileNotFoundError:
            changed, self._keys = -1, []
        if changed != self._changed:
            try:
                found = json.loads(self.path.read_text(encoding="utf-8"))
                self._keys = [Key(key["name"], key["sha256"], tuple(key["scopes"])) for key in found]
            except (ValueError, KeyError, TypeError) as error:
                raise PlatformError("api/keys.json is not a list of keys: remove it, and make keys again.") from error
        self._changed = changed

    def _write(self, keys: Sequence[Key]) -> None:
        """Replace the file in one step, readable by its owner only from the start."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(f".{secrets.token_hex(4)}")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump([asdict(key) for key in keys], file, indent=2)
        beside.replace(self.path)


@dataclass(frozen=True)
class Rate:
    """How many requests a key may make: so many a second in the long run, and so many at once."""

    a_second: float = 100
    at_once: float = 200


class Limiter:
    """A token bucket for each key: full at first, filled again with time; a request takes one token."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, key: Key) -> int:
        """Take a token. 0 if there was one, or else the seconds after which there is one."""
        now = time.monotonic()
        tokens, then = self._buckets.get(key.sha256, (self._rate.at_once, now))
        tokens = min(self._rate.at_once, tokens + (now - then) * self._rate.a_second)
        allowed = tokens >= 1
        self._buckets[key.sha256] = (tokens - allowed, now)
        return 0 if allowed else math.ceil((1 - tokens) / self._rate.a_second)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
