"""Score the landing page and a chapter with Lighthouse: `python benchmarks/lighthouse.py [folder of the site]`.

Builds the site unless a folder is given, serves it compressed as a public host does, and prints the four scores of
each page. Exit code 1 where one is below 95. Needs Node, to run Lighthouse through npx, and Chromium.
"""

import functools
import gzip
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from workbook.course import Course
from workbook.site.build import build

LIGHTHOUSE = "lighthouse@12.8.2"
PAGES = ("book/index.html", "chapters/01_environment_setup.html")
GOAL = 95
TEXT = (".html", ".css", ".js", ".svg", ".json")


class Compressed(http.server.SimpleHTTPRequestHandler):
    """Files as a public host sends them: text compressed, everything kept by the browser for a day."""

    def send_head(self) -> BytesIO | BinaryIO | None:
        path = Path(self.translate_path(self.path))
        if path.suffix not in TEXT or not path.is_file():
            return super().send_head()
        body = gzip.compress(path.read_bytes(), mtime=0)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return BytesIO(body)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=86400")
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """No log among the scores."""


def scores(address: str) -> dict[str, int]:
    """The score of each category for one page, 0 to 100. Raises SystemExit where Lighthouse cannot run."""
    chrome = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if not chrome or not shutil.which("npx"):
        sys.exit("Lighthouse needs Chromium and Node with npx: install both.")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = ["npx", "--yes", LIGHTHOUSE, address, "--quiet", "--output=json", f"--output-path={report}"]
        command += ["--chrome-flags=--headless=new --no-sandbox"]
        run = subprocess.run(
            command, env={**os.environ, "CHROME_PATH": chrome}, capture_output=True, text=True, check=False
        )
        if run.returncode != 0:
            sys.exit(f"Lighthouse failed: {run.stderr.strip()[-500:]}")
        categories = json.loads(report.read_text(encoding="utf-8"))["categories"]
    return {name: round(100 * category["score"]) for name, category in categories.items()}


def main() -> int:
    """Print the scores; 1 where one misses the goal."""
    with tempfile.TemporaryDirectory() as folder:
        built = Path(sys.argv[1]) if len(sys.argv) > 1 else build(Course.here().root, Path(folder) / "html")
        handler = functools.partial(Compressed, directory=str(built))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        lowest = 100
        for page in PAGES:
            found = scores(f"http://127.0.0.1:{server.server_address[1]}/{page}")
            lowest = min(lowest, *found.values())
            print(f"{page}: " + ", ".join(f"{name} {score}" for name, score in found.items()), flush=True)
        server.shutdown()
    return int(lowest < GOAL)


if __name__ == "__main__":
    sys.exit(main())
