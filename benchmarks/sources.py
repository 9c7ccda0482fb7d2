"""How long the course's data takes and how much memory: `python benchmarks/sources.py [scale ...]`.

For each scale (1, 10 and 100 unless given) a process of its own lands day 0 and day 1 in a temporary folder. Printed
are the lines, the seconds, the seconds for a million lines and the process's peak memory, imports included.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time

from lakehouse.sources import Shop, land

SCALES = ("1", "10", "100")
# ru_maxrss is in bytes on macOS and in kilobytes elsewhere.
MEGABYTE = 1024 * 1024 if sys.platform == "darwin" else 1024


def measure(scale: float) -> list[dict[str, float]]:
    """Land days 0 and 1 at a scale: for each day the lines, the seconds and the peak memory so far in MB."""
    shop = Shop(scale)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for day in (0, 1):
            begin = time.perf_counter()
            lines = sum(file.lines for file in land(shop, day, folder))
            seconds = time.perf_counter() - begin
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
            found.append({"day": day, "lines": lines, "seconds": seconds, "memory": memory})
    return found


def main(scales: list[str]) -> None:
    print(f"{'scale':>6} {'day':>4} {'lines':>10} {'seconds':>8} {'s/million':>10} {'peak MB':>8}")
    for scale in scales:
        done = subprocess.run([sys.executable, __file__, "--one", scale], check=True, capture_output=True, text=True)
        for day in json.loads(done.stdout):
            per_million = day["seconds"] / day["lines"] * 1e6 if day["day"] == 0 else float("nan")
            print(
                f"{scale:>6} {day['day']:>4} {day['lines']:>10,} {day['seconds']:>8.1f} "
                f"{per_million:>10.1f} {day['memory']:>8.0f}"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(float(sys.argv[2]))))
    else:
        main(sys.argv[1:] or list(SCALES))
