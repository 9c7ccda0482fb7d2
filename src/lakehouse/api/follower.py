"""Following the releases: a thread that builds the next replica beside the one in use, and then changes over."""

import gc
import logging
import threading
from pathlib import Path

from deltalake import DeltaTable

from lakehouse.api import churn_model
from lakehouse.api.replica import Release, Replica, newest
from lakehouse.errors import PlatformError, cause
from lakehouse.ml.store import MODEL, address
from lakehouse.places import Places

log = logging.getLogger("lakehouse.api")
NOTHING = "Nothing has been published yet: run `workbook run`, and this server shows it within seconds."
LONGEST_PAUSE = 30.0


class Follower:
    """Keeps `current` at the newest release under a base path, looking every `interval` seconds.

    `current` is a Replica, or None until there is one. Take it once for a request: it is replaced by another one in a
    single step, and never changed. What hinders the next one is in `problem`, one sentence, and in the log, once; the
    last good one stays meanwhile.
    """

    def __init__(self, base_path: Path, interval: float = 1.0) -> None:
        self.current: Replica | None = None
        self.problem: str | None = None
        self._base_path = base_path
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for it."""
        self._stopped.set()
        self._thread.join()

    def _follow(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            self.look()
            pause = min(max(2 * pause, self._interval), LONGEST_PAUSE) if self.problem else self._interval

    def look(self) -> None:
        """Take the newest release where it is another than the one that is shown."""
        try:
            release = self._newest()
            if release and (self.current is None or self.current.release != release):
                self.current = self._built(release)
                log.info("release %d is shown", release.release)
            problem = None
        except Exception as error:
            problem = str(error) if isinstance(error, PlatformError) else f"Following failed: {cause(error)}."
            if self.current:
                problem += f" Release {self.current.release.release} is shown meanwhile."
        if problem and problem != self.problem:
            log.error(problem)
        self.problem = problem

    def _newest(self) -> Release | None:
        try:
            release = newest(self._base_path)
        except Exception as error:
            raise PlatformError(
                f"The table api/releases of {self._base_path} cannot be read ({cause(error)}): "
                "bring it back, or remove its folder and run `workbook run`."
            ) from error
        if release is None and self.current:
            raise PlatformError(f"The table api/releases of {self._base_path} is gone: run `workbook run`.")
        return release

    def _built(self, release: Release) -> Replica:
        """A replica of the release. The model comes first: it is what is missing most often, and found out soonest."""
        champion = None
        if release.model_version is not None:
            loaded = self.current.model if self.current else None
            if loaded and loaded.version == release.model_version:
                champion = loaded
            else:
                champion = churn_model.load(address(Places(str(self._base_path))), release.model_version)
                # MLflow and all that it imports stay: looking through them for garbage stops requests for 0.2 s.
                gc.collect()
                gc.freeze()
            _check_features(self._base_path, release, champion)
        return Replica(self._base_path, release, champion)


def _check_features(base_path: Path, release: Release, champion: churn_model.ChurnModel) -> None:
    """See that the features have the columns that the model was trained with."""
    version = release.versions.get("ml/features")
    if version is None:
        return
    there = {field.name for field in DeltaTable(base_path / "ml" / "features", version=version).schema().fields}
    if missing := ", ".join(name for name in champion.columns if name not in there):
        raise PlatformError(
            f"Version {champion.version} of the model {MODEL} was trained with {missing}, which ml/features lacks "
            f"at version {version}: give the column its name back, or train again with `workbook run`."
        )
