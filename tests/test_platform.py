"""The platform from end to end: what it makes, that it makes it once, and that the order of days does not matter."""

import html
import json
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import mlflow
import numpy as np
import pandas as pd
import pytest
from benchmarks import duck
from benchmarks.pipeline import COMPARED, differing
from deltalake import DeltaTable
from mlflow import MlflowClient
from pyspark.sql import SparkSession

from lakehouse import DataPlatformOrchestrator, live
from lakehouse.ml.features import FEATURES
from lakehouse.outcome import PlatformResult
from lakehouse.sources import SourceSystems
from platforms import SCALE, SEED, contents, grow_a_small_forest, run_and_die, versions
from proven import is_full
from workbook.commands import cli

pytestmark = pytest.mark.slow_proof("platform")

# A day brings something new until the fourth, when quantities change their type.
DAYS = 5 if is_full() else 4
BORDERS = ("bronze", "silver", "gold", "serving", "ml")
RANDOM_KILLS = 10 * len(BORDERS) if is_full() else 3
LONGEST = 30.0  # seconds: about as long as a run takes
WIDE = {**os.environ, "COLUMNS": "120"}
WALK = Path(__file__).parents[1] / "book" / "platform.md"


def run(spark: SparkSession, base: Path, days: int) -> PlatformResult:
    return DataPlatformOrchestrator(spark, base, scale=SCALE, seed=SEED).run_full_pipeline(days)


def program(base: Path, days: int) -> list[str]:
    """The command `workbook run`, small."""
    options = ("--scale", str(SCALE), "--seed", str(SEED), "--days", str(days), "--base-path", str(base))
    return [str(Path(sys.executable).with_name("workbook")), "run", *options]


def command(base: Path, days: int) -> "subprocess.CompletedProcess[str]":
    """The command, ended."""
    return subprocess.run(program(base, days), capture_output=True, text=True, env=WIDE)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A platform that got all days in one run of the command, and what the command printed."""
    base = tmp_path_factory.mktemp("whole")
    ended = command(base, DAYS)
    assert ended.returncode == 0, ended.stderr
    return base, ended.stdout


@pytest.fixture(scope="module")
def again(spark: SparkSession, whole: tuple[Path, str]) -> tuple[dict[str, int], PlatformResult]:
    """The versions of all tables before the platform was run a second time, and what that run says."""
    before = versions(whole[0])
    return before, run(spark, whole[0], DAYS)


def assert_same(found: dict[str, Counter[str]], expected: dict[str, Counter[str]], said: str = "") -> None:
    assert found.keys() == expected.keys(), said
    for table in expected:
        assert found[table] == expected[table], f"{table} {said}"


def test_killed_behind_every_layer_and_at_random_moments_it_ends_in_the_same_tables(
    spark: SparkSession, whole: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One platform, killed again and again, each time further on, a day after the other."""
    for border in BORDERS:
        assert run_and_die(tmp_path, 1, border) == -9, f"not killed behind {border}"
    seed = random.SystemRandom().randrange(1_000_000)
    moments = random.Random(seed)
    for number in range(RANDOM_KILLS):
        days = 1 + (number + 1) * (DAYS - 1) // RANDOM_KILLS
        run_and_die(tmp_path, days, seconds=moments.uniform(1, LONGEST))
    grow_a_small_forest(monkeypatch)
    result = run(spark, tmp_path, DAYS)
    assert result.balanced, f"seed {seed}"
    published = [row[0] for row in asked(tmp_path, "SELECT release FROM releases ORDER BY ALL", "api/releases")]
    assert published == [*range(len(published))] and published
    assert (
        asked(tmp_path, "SELECT customer_id, as_of FROM features GROUP BY ALL HAVING count(*) > 1", "ml/features") == []
    )
    assert_same(contents(tmp_path), contents(whole[0]), f"seed {seed}")
    # The model is of the first day here, and of the last one there.
    assert newest_features(tmp_path) == newest_features(whole[0])
    assert_predictions_are_the_models(tmp_path)


def test_followed_killed_and_ended_by_ctrl_c_it_is_continued_and_ends_in_the_same_tables(
    spark: SparkSession, whole: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle of an increment, continued by another that is ended politely, and then run by day."""
    assert run_and_die(tmp_path, 1, "silver", follow=True) == -9
    assert live.load(tmp_path) is not None, "who is killed cannot say so"
    with subprocess.Popen(
        [*program(tmp_path, 1), "--follow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=WIDE
    ) as following:
        assert following.stdout is not None
        for line in following.stdout:
            if "payments new in gold" in line:
                following.send_signal(signal.SIGINT)
                break
        printed, said = following.communicate()
    assert following.returncode == 0, said
    assert re.search(
        r" payments new in gold: \d+, \d+\.\d s after they were found\. Waiting: events \d+, files 0\.", line
    )
    assert "Ending with what is at hand" in printed
    assert re.search(r"transactions processed\. The books balance\.", " ".join(printed.split()))
    assert live.load(tmp_path) is None
    followed = "SELECT count(*) FROM payments_wallet WHERE ordered_at >= '2026-01-01'"
    assert asked(tmp_path, followed, "bronze/payments_wallet") > [(0,)]
    grow_a_small_forest(monkeypatch)
    assert run(spark, tmp_path, DAYS).balanced
    assert_same(contents(tmp_path), contents(whole[0]))


if is_full():

    def test_a_day_at_a_time_makes_what_one_run_over_all_days_makes(
        spark: SparkSession, whole: tuple[Path, str], tmp_path: Path
    ) -> None:
        """The test above comes a day at a time too, and is killed besides."""
        for days in range(1, DAYS + 1):
            assert run(spark, tmp_path, days).balanced
        assert_same(contents(tmp_path), contents(whole[0]))


def test_a_second_run_changes_no_table_and_says_so(
    whole: tuple[Path, str], again: tuple[dict[str, int], PlatformResult]
) -> None:
    before, result = again
    assert result.nothing_new
    assert versions(whole[0]) == before


def test_the_books_balance_and_every_row_has_gone_somewhere(again: tuple[dict[str, int], PlatformResult]) -> None:
    result = again[1]
    assert result.balanced
    assert [book.source for book in result.books] == [
        *("customer_changes", "products", "payments_online", "payments_store", "payments_wallet"),
    ]
    assert all(book.clean > 0 for book in result.books)
    assert sum(book.quarantined for book in result.books) > 0 < sum(book.duplicate for book in result.books)


def test_the_command_prints_the_summary_the_books_and_a_verdict_on_every_rule(
    whole: tuple[Path, str], again: tuple[dict[str, int], PlatformResult]
) -> None:
    printed, result = whole[1], again[1]
    assert re.search(r"\d+ customers, \d+ products, [\d,]+ transactions processed\. The books balance\.", printed)
    for book in result.books:
        numbers = " .*".join(map(str, (book.read, book.clean, book.quarantined, book.duplicate)))
        assert re.search(rf"{book.source} .*{numbers} .*yes", printed)
    for kept in result.rules:
        assert kept.rule.name in printed
    broken = {kept.rule.name for kept in result.rules if kept.broken}
    assert broken >= {"customer_known", "amount_right", "price_positive"}
    for one in result.nulls:
        assert one.column in printed
    page = html.unescape((whole[0] / "report.html").read_text(encoding="utf-8"))
    assert page.count('<svg role="img"') == 2
    assert all(kept.rule.meaning in page for kept in result.rules)


def test_a_file_that_breaks_its_contract_is_told_before_it_is_loaded(
    again: tuple[dict[str, int], PlatformResult],
) -> None:
    """From day 3 on the quantity of online orders is text. What harms nobody, such as a new coupon, is not told."""
    told = [(path, problem) for path, problem in again[1].discrepancies if "2026-01-04" in path]
    assert told == [
        (
            "payments/online/transactions-2026-01-04-0000.jsonl",
            "breaking: quantity is string, agreed is integer: send integer, or agree on a new version first.",
        )
    ]
    assert [path for path, _ in again[1].discrepancies if path < told[0][0]] == []


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables that DuckDB makes of the same days."""
    base = tmp_path_factory.mktemp("reference")
    with SourceSystems(base / "landing", SCALE, SEED) as systems:
        for day in range(DAYS):
            systems.deliver(day)
            duck.catalogue(systems.addresses.catalogue_url, base / "catalogue.jsonl")
        duck.run(systems.addresses, base)
    return base


@pytest.mark.parametrize("table", COMPARED)
def test_an_independent_implementation_makes_the_same_rows(
    whole: tuple[Path, str], reference: Path, table: str
) -> None:
    assert differing(whole[0], reference, table) == []


def asked(base: Path, question: str, *names: str) -> list[tuple[object, ...]]:
    """What DuckDB answers about tables of the platform: gold/daily_sales is `daily_sales` in the question."""
    with duckdb.connect() as db:
        for name in names:
            db.register(name.partition("/")[2], DeltaTable(str(base / name)).to_pyarrow_dataset())
        return db.execute(question).fetchall()


def test_the_view_of_the_months_has_the_sums_of_its_days(whole: tuple[Path, str]) -> None:
    wanted = asked(
        whole[0],
        "SELECT date_trunc('month', ordered_on)::DATE AS month, channel, sum(orders), sum(lines), sum(units), "
        "sum(revenue_eur) FROM daily_sales GROUP BY ALL ORDER BY ALL",
        "gold/daily_sales",
    )
    stored = "SELECT month, channel, orders, lines, units, revenue_eur FROM sales_by_month ORDER BY ALL"
    assert len(wanted) > 2
    assert asked(whole[0], stored, "serving/sales_by_month") == wanted


TILES = """
WITH monthly AS (
    SELECT date_trunc('month', ordered_on)::DATE AS month, sum(orders) AS orders, sum(revenue_eur) AS revenue
    FROM daily_sales GROUP BY ALL
), tiers AS (
    SELECT tier, count(*) AS customers, sum(revenue_eur) AS revenue FROM customer_360 GROUP BY ALL
), best AS (
    SELECT concat_ws(' ', product_id, name) AS title, units, revenue_eur
    FROM product_performance ORDER BY revenue_eur DESC, product_id LIMIT 10
), broken AS (
    SELECT reason.rule AS rule, count(*) AS rows FROM (SELECT unnest(reasons) AS reason FROM quarantine) GROUP BY ALL
), arrived AS (
    SELECT source, floor(epoch(max(arrived_at))) AS newest, sum(rows) AS rows FROM arrivals GROUP BY ALL
), health AS (
    SELECT layer, arg_max(seconds, "at") AS seconds, arg_max(rows, "at") AS rows FROM operations
    WHERE status = 'done' AND layer IN ('bronze', 'silver', 'gold') GROUP BY ALL
)
SELECT 'sales', month::VARCHAR, 'orders', orders::DOUBLE FROM monthly
UNION ALL SELECT 'sales', month::VARCHAR, 'revenue_eur', revenue::DOUBLE FROM monthly
UNION ALL SELECT 'tiers', tier, 'customers', customers::DOUBLE FROM tiers
UNION ALL SELECT 'tiers', tier, 'revenue_eur', revenue::DOUBLE FROM tiers
UNION ALL SELECT 'products', title, 'units', units::DOUBLE FROM best
UNION ALL SELECT 'products', title, 'revenue_eur', revenue_eur::DOUBLE FROM best
UNION ALL SELECT 'quality', rule, 'rows', rows::DOUBLE FROM broken
UNION ALL SELECT 'freshness', source, 'delivered_at', newest FROM arrived
UNION ALL SELECT 'freshness', source, 'rows', rows::DOUBLE FROM arrived
UNION ALL SELECT 'health', layer, 'seconds', seconds FROM health
UNION ALL SELECT 'health', layer, 'rows', rows::DOUBLE FROM health
ORDER BY ALL
"""


def test_the_dashboard_shows_what_the_tables_under_it_hold(whole: tuple[Path, str]) -> None:
    under = ("gold/daily_sales", "gold/customer_360", "gold/product_performance", "silver/quarantine")
    wanted = asked(whole[0], TILES, *under, "audit/arrivals", "audit/operations")
    assert {tile for tile, *_ in wanted} == {"sales", "tiers", "products", "quality", "freshness", "health"}
    newest = (
        "SELECT tile, label, measure, value FROM dashboard WHERE release = (SELECT max(release) FROM dashboard) "
        "ORDER BY ALL"
    )
    assert asked(whole[0], newest, "serving/dashboard") == wanted


def newest_features(base: Path) -> list[tuple[object, ...]]:
    return asked(
        base, "SELECT * FROM features WHERE as_of = (SELECT max(as_of) FROM features) ORDER BY ALL", "ml/features"
    )


def assert_predictions_are_the_models(base: Path) -> int:
    """Every customer has one, and it is what the registered model says of the stored features. Returns their number."""
    found = asked(
        base,
        "SELECT features.*, probability, risk, ended_on < predictions.as_of AS gone FROM predictions "
        "JOIN features USING (customer_id, as_of) JOIN customers USING (customer_id) WHERE is_current",
        *("ml/predictions", "ml/features", "silver/customers"),
    )
    current = asked(base, "SELECT customer_id FROM customers WHERE is_current", "silver/customers")
    rows = pd.DataFrame(found, columns=["customer_id", "as_of", *FEATURES, "probability", "risk", "gone"])
    assert sorted(rows["customer_id"]) == sorted(row[0] for row in current)
    assert set(rows["as_of"]) == {date(2026, 1, DAYS)}
    client = MlflowClient(f"sqlite:///{base}/mlflow/mlflow.db")
    champion = client.get_model_version_by_alias("churn", "champion")
    said = mlflow.pyfunc.load_model(str(champion.source)).predict(rows[list(FEATURES)])
    gone = rows["gone"].eq(True)
    assert np.abs(np.where(gone, 1.0, said) - rows["probability"]).max() < 1e-12
    assert set(rows["risk"][gone]) == {"left"}
    risks = ["low" if one < 0.2 else "medium" if one < 0.4 else "high" for one in rows["probability"][~gone]]
    assert list(rows["risk"][~gone]) == risks
    return len(rows)


def test_the_summary_says_how_many_were_scored_and_how_good_the_model_is(whole: tuple[Path, str]) -> None:
    number = assert_predictions_are_the_models(whole[0])
    printed = " ".join(whole[1].split())
    said = rf"{number} churn predictions as of 2026-01-0{DAYS}, by model version 1, AUC 0\.\d+ \(the best possible: 0\."
    assert re.search(said, printed)


def test_a_release_for_the_api_names_what_is_there(whole: tuple[Path, str]) -> None:
    [(release, as_of, model, named)] = asked(
        whole[0], "SELECT release, as_of, model_version, versions FROM releases", "api/releases"
    )
    found = versions(whole[0])
    assert (release, as_of, model) == (0, date(2026, 1, DAYS), 1)
    shown = ("gold", "ml", "audit/quality")
    assert named == {name: found[name] for name in found if name.startswith(shown)} | {
        f"serving/{name}": found[f"serving/{name}"] for name in ("sales_by_month", "dashboard")
    }


def test_the_command_names_the_layer_that_failed_and_the_exit_code_says_so_too(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bronze").touch()  # a file where the layer wants a folder
    options = ("--scale", str(SCALE), "--seed", str(SEED), "--base-path", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["workbook", "run", *options])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    # A text as the code is printed to the standard error, and the process ends with 1.
    said = r"The layer bronze failed: The source \w+ could not be read: (\w+): (.*)\. Run it again, and it goes on"
    found = re.match(said, str(ended.value.code))
    assert found is not None, ended.value.code
    assert found[1] == "ParentNotDirectoryException" and found[2].endswith(f"not a directory: file:{tmp_path}/bronze")
    noted = asked(tmp_path, "SELECT layer, status FROM operations", "audit/operations")
    assert noted == [("bronze", "failed")]


def test_a_run_without_days_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one day, not 0"):
        run(spark, tmp_path, 0)


def test_the_walk_of_one_row_in_the_book_is_that_of_a_real_run(whole: tuple[Path, str]) -> None:
    shown = re.findall(r"```json (\S+)\n(.+)\n```", WALK.read_text(encoding="utf-8"))
    assert [place for place, _ in shown] == [
        *("source", "bronze/payments_wallet", "silver/transactions", "gold/daily_sales"),
    ]
    (_, source), *tables = shown
    log = (whole[0] / "landing" / "_wallet").iterdir()
    events = [event for segment in log for event in segment.read_text(encoding="utf-8").splitlines()]
    assert events.count(source) == 1
    for place, text in tables:
        row = json.loads(text)
        stored = DeltaTable(str(whole[0] / place)).to_pyarrow_table().to_pylist()
        same = [one for one in stored if {name: as_shown(one[name]) for name in row} == row]
        assert len(same) == 1, place


def as_shown(value: object) -> object:
    """A value as the book writes it in JSON."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
