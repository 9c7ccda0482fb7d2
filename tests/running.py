"""How the tests run: what goes together on one worker, what begins first, what may be skipped, what the status says."""

import json
from datetime import date

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from conftest import COURSE, ROOT
from proven import Proofs, is_full
from workbook.commands import doctor

# A skipped test is a hole: these are all that may be skipped, each with its reason.
MAY_BE_SKIPPED = {
    "tests/test_repository.py::test_the_workflow_is_sound": "actionlint is packaged for Linux on x86-64 only.",
}
# What takes minutes begins first, so that the workers end at about the same time.
LONGEST = (
    *("tests/test_platform.py", "tests/test_platform_faults.py", "tests/test_platform_anywhere.py"),
    *("chapters/", "tests/test_ml.py", "tests/test_ingestion.py", "tests/test_api.py", "tests/test_book.py"),
)
_reports: list[pytest.TestReport] = []
_proofs = Proofs(COURSE)


class OneWorkerAStem(LoadScopeScheduling):  # type: ignore[misc]
    """Each file, and each stem in it, on one worker: it starts one Spark, and the cells of a lesson stay together."""

    def _split_scope(self, nodeid: str) -> str:
        return f"{nodeid.partition('::')[0]} {_proofs.about(nodeid)[0]}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneWorkerAStem:
    config.option.loadscopereorder = False  # it would begin with what has most tests
    return OneWorkerAStem(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=place)


def place(item: pytest.Item) -> int:
    """Where a test stands in the order of the longest."""
    return next((number for number, one in enumerate(LONGEST) if item.nodeid.startswith(one)), len(LONGEST))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _reports.append(report)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail for a skipped test that may not be; after a full run, write what the status page shows."""
    if hasattr(session.config, "workerinput"):
        return
    holes = [report.nodeid for report in _reports if report.skipped and report.nodeid not in MAY_BE_SKIPPED]
    if holes:
        print(f"\nSkipped, and not on the list in tests/running.py: {', '.join(holes)}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    chosen = session.config.args_source is pytest.Config.ArgsSource.ARGS or session.config.option.keyword
    if is_full() and not chosen:
        runs = [report for report in _reports if report.when == "call" and dict(report.user_properties).get("notebook")]
        write_status(runs)


def write_status(runs: list[pytest.TestReport]) -> None:
    """Write `book/status.json`: the versions, and the seconds and the result of each notebook."""
    notebooks = [
        {"path": dict(run.user_properties)["notebook"], "seconds": round(run.duration, 1), "result": run.outcome}
        for run in runs
    ]
    status = {
        "date": date.today().isoformat(),
        "versions": {version.name: version.installed for version in doctor.versions()},
        "notebooks": sorted(notebooks, key=lambda notebook: notebook["path"]),
    }
    (ROOT / "book" / "status.json").write_text(json.dumps(status, indent=2) + "\n", encoding="utf-8")
