"""The repository itself: style and types, the workflow, the container, licences, and nothing of one machine in it."""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from workbook.commands.doctor import JUPYTER_PORT, SITE_PORT

BIN = Path(sys.executable).parent
MAKE_TARGETS = {"help", "start", "test", "test-full", "sync", "site", "lint"}


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True)


def tracked(*patterns: str) -> list[Path]:
    return [
        ROOT / name for name in run("git", "ls-files", "--", *patterns).stdout.splitlines() if (ROOT / name).is_file()
    ]


LINT = [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("lint-imports", "--no-cache")]


@pytest.mark.parametrize("command", LINT, ids=" ".join)
def test_style_types_and_walls_hold(command: tuple[str, ...]) -> None:
    result = run(BIN / command[0], *command[1:])
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_workflow_is_sound() -> None:
    if not (linter := shutil.which("actionlint", path=str(BIN))):
        pytest.skip("actionlint is packaged for Linux on x86-64 only")
    result = run(linter, *tracked(".github/workflows"))
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_workflow_proves_the_course_on_linux_and_macos_and_publishes_the_site() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "course.yml").read_text())["jobs"]
    assert {system.split("-")[0] for system in jobs["test"]["strategy"]["matrix"]["os"]} == {"ubuntu", "macos"}
    assert ".ci/run" in [step.get("run") for step in jobs["test"]["steps"]]
    assert jobs["site"]["needs"] == "test"
    assert any("deploy-pages" in step.get("uses", "") for step in jobs["site"]["steps"])


def test_ci_checks_style_and_types_once() -> None:
    """The tests do; `make lint` is the same for somebody who writes."""
    workflow = (ROOT / ".github" / "workflows" / "course.yml").read_text()
    assert "make lint" not in workflow
    linted = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert linted
    assert [tuple(line.split()[1:]) for line in linted[1].replace("@$(RUN)/", "run ").splitlines()] == LINT


def test_all_proofs_are_run_every_week_on_linux_and_macos_by_the_oldest_and_the_newest_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "weekly.yml").read_text())
    [job] = workflow["jobs"].values()
    assert {system.split("-")[0] for system in job["strategy"]["matrix"]["os"]} == {"ubuntu", "macos"}
    assert job["strategy"]["matrix"]["python"] == ["3.10", "3.13"]
    assert job["env"] == {"WORKBOOK_FULL": "1"}
    assert ".ci/run" in [step.get("run") for step in job["steps"]]
    assert re.fullmatch(r"\d+ \d+ \* \* \d", workflow[True]["schedule"][0]["cron"])  # YAML takes `on` for true


def test_the_container_prepares_the_course_and_forwards_both_ports() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["forwardPorts"] == [SITE_PORT, JUPYTER_PORT]
    assert "make site" in container["postCreateCommand"]
    assert "workbook prepare" in container["postCreateCommand"]


def test_ci_runs_the_command_of_the_readme() -> None:
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("\nmake test")
    assert "\nmake test\n" in (ROOT / "README.md").read_text()


def test_make_help_lists_every_target_and_so_does_the_readme() -> None:
    assert set(re.findall(r"^  make (\S+)", run("make", "help").stdout, re.MULTILINE)) == MAKE_TARGETS
    assert set(re.findall(r"^\| `make (\S+)`", (ROOT / "README.md").read_text(), re.MULTILINE)) == MAKE_TARGETS


def test_code_and_text_have_their_licences() -> None:
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
    assert "Creative Commons Attribution 4.0 International Public License" in (ROOT / "LICENSE-TEXT").read_text()


def test_every_direct_dependency_is_locked_with_hashes() -> None:
    wanted = importlib.metadata.requires("lakehouse-workbook") or []
    assert len(wanted) > 20
    lock = (ROOT / "requirements.lock").read_text()
    for requirement in wanted:
        name = re.split(r"[\[=<>; ]", requirement)[0]
        assert re.search(rf"^{name}==\S+.* \\\n +--hash=sha256:", lock, re.MULTILINE | re.IGNORECASE), name


def test_nothing_of_one_machine_is_in_the_repository() -> None:
    personal = re.compile(r"(?<![\w.{])/(?:root|home/(?!\.)\w+|Users/\w+)/")
    found = []
    for path in tracked("*.py", "*.md", "*.ipynb", "*.yml", "*.toml", "*.lock", "*.json", "*.svg"):
        found += [(path.name, match.group()) for match in personal.finditer(path.read_text(encoding="utf-8"))]
    assert found == []


def test_no_file_names_the_host_of_a_registry() -> None:
    """The tools that fetch know their registry, and a company's own may be set for them."""
    hosts = [
        *(("maven", "org"), ("repo", "maven", "apache", "org"), ("pypi", "org"), ("pythonhosted", "org")),
        *(("npmjs", "org"), ("crates", "io"), ("anaconda", "org"), ("anaconda", "com")),
    ]
    named = re.compile("|".join(re.escape(".".join(parts)) for parts in hosts), re.IGNORECASE)
    tracked_files = [path for path in tracked() if path.suffix not in (".png", ".woff2", ".ico")]
    assert [path.name for path in tracked_files if named.search(path.read_text(encoding="utf-8"))] == []


def test_the_lock_names_no_registry() -> None:
    assert "://" not in re.sub(r"#.*", "", (ROOT / "requirements.lock").read_text())
