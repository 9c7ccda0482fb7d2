"""The course's data: the same everywhere, of the promised size, and with exactly the defects that the manifest counts.

The files are read here with Python's own csv and json, and every defect is recognised from the text alone.
"""

import csv
import gzip
import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from lakehouse.sources import LAST_DAY, SNAPSHOTS, Shop, churn_probability, dictionary, land, loaded_on

pytestmark = pytest.mark.slow_proof("platform")

Row = dict[str, Any]
DAYS = 4


class Zone:
    """What a shop landed on days 0 to DAYS + 1, read back from the files."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.folder = folder
        self.files = {day: land(shop, day, folder) for day in range(DAYS + 2)}
        self.unreadable: Counter[tuple[int, str]] = Counter()
        self.rows = {
            (day, table): self._read(day, table)
            for day in self.files
            for table in ("customers", "customer_changes", "products", "transactions")
        }
        self.customers = {row["customer_id"] for row in self.rows[0, "customers"]}
        self.versions = self._versions()

    def text(self, path: str) -> str:
        content = (self.folder / path).read_bytes()
        text: bytes = gzip.decompress(content) if path.endswith(".gz") else content
        return text.decode()

    def _read(self, day: int, table: str) -> list[Row]:
        rows: list[Row] = []
        for file in self.files[day]:
            if file.table == table:
                parse = self._csv if ".csv" in file.path else self._json
                rows.extend({**row, "file": file.path} for row in parse(day, self.text(file.path)))
        return rows

    def _csv(self, day: int, text: str) -> list[Row]:
        header, *lines = csv.reader(text.splitlines())
        self.unreadable[day, "wrong_column_count"] += sum(len(line) != len(header) for line in lines)
        return [
            {name: value or None for name, value in zip(header, line, strict=True)}
            for line in lines
            if len(line) == len(header)
        ]

    def _json(self, day: int, text: str) -> list[Row]:
        rows = []
        for line in text.splitlines():
            try:
                rows.append(json.loads(line, parse_float=str))
            except json.JSONDecodeError:
                self.unreadable[day, "broken_json"] += 1
        return rows

    def _versions(self) -> dict[str, list[Row]]:
        """Every version of each customer in order of time, from the extract and all feeds together."""
        first = [{**row, "change_id": 0, "operation": "insert"} for row in self.rows[0, "customers"]]
        rows = first + [row for day in self.files for row in self.rows[day, "customer_changes"]]
        versions: dict[str, dict[int, Row]] = {}
        for row in rows:
            versions.setdefault(row["customer_id"], {})[row["change_id"]] = row
        return {
            key: sorted(found.values(), key=lambda row: (row["updated_at"], row["change_id"]))
            for key, found in versions.items()
        }


@pytest.fixture(scope="module", params=[(0.01, 7), (0.51, 11)], ids=["smallest", "two pieces"])
def zone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Zone:
    scale, seed = request.param
    return Zone(Shop(scale, seed), tmp_path_factory.mktemp("landing"))


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(1.0, 7)


@pytest.fixture(scope="module")
def history(shop: Shop) -> pa.Table:
    return pa.concat_tables(shop.transactions(0))


def business_date(day: int) -> str:
    return str(loaded_on(day) - timedelta(days=1))


def found_in_customers(zone: Zone, day: int) -> Counter[str]:
    rows = zone.rows[day, "customers"]
    found: Counter[str] = Counter()
    addresses: Counter[str] = Counter()
    for row in rows:
        email, phone = row["email"], row["phone"]
        if email is None:
            found["null_email"] += 1
        elif "@" not in email or email.endswith("@"):
            found["invalid_email"] += 1
        else:
            found["untidy_email"] += email != email.strip().lower()
            addresses[email.strip().lower()] += 1
        digits = "".join(filter(str.isdigit, phone or ""))
        found["missing_phone"] += phone is None
        found["invalid_phone"] += phone is not None and (len(digits) < 10 or set(digits) == {"0"})
        found["unknown_country"] += row["country"] == "XX"
        found["impossible_birth_date"] += not 1900 < int(row["birth_date"][:4]) < 2026
    found["double_account"] = sum(addresses.values()) - len(addresses)
    return found


def found_in_changes(zone: Zone, day: int) -> Counter[str]:
    delivered = zone.rows[day, "customer_changes"]
    rows = list({row["change_id"]: row for row in reversed(delivered)}.values())[::-1]
    on_time = [row for row in rows if row["updated_at"][:10] == business_date(day)]
    inserts = [row for row in rows if row["operation"] == "insert"]
    updates = [row for row in on_time if row["operation"] == "update"]
    found = Counter(
        new=len(inserts),
        updated=len({row["customer_id"] for row in updates}),
        deleted=sum(row["operation"] == "delete" for row in rows),
        null_email=sum(row["email"] is None for row in inserts),
        invalid_email=sum("@" not in row["email"] or row["email"].endswith("@") for row in inserts if row["email"]),
        missing_phone=sum(row["phone"] is None for row in inserts),
        late=len(rows) - len(on_time),
        duplicate=len(delivered) - len(rows),
        tie=len(updates) - len({(row["customer_id"], row["updated_at"]) for row in updates}),
        no_change=sum(nothing_changed(zone, row) for row in updates),
    )
    newest: dict[str, str] = {}
    for row in updates:
        found["out_of_order"] += row["updated_at"] < newest.get(row["customer_id"], "")
        newest[row["customer_id"]] = max(row["updated_at"], newest.get(row["customer_id"], ""))
    return found


def nothing_changed(zone: Zone, row: Row) -> bool:
    versions = zone.versions[row["customer_id"]]
    before = versions[[version["change_id"] for version in versions].index(row["change_id"]) - 1]
    ignored = {"change_id", "operation", "updated_at", "file"}
    texts = [{key: as_text(version[key]) for key in version.keys() - ignored} for version in (before, row)]
    return texts[0] == texts[1]


def as_text(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else value


def found_in_products(zone: Zone, day: int) -> Counter[str]:
    delivered = zone.rows[day, "products"]
    today = {row["product_id"]: row for row in delivered}
    rows = list(today.values())
    found = Counter(
        missing_category=sum(row["category"] is None for row in rows),
        zero_price=sum(row["unit_price"] == "0.00" for row in rows),
        missing_weight=sum(row["weight_g"] is None for row in rows),
        duplicate=len(delivered) - len(today),
    )
    if day:
        before = {row["product_id"]: row for row in zone.rows[day - 1, "products"]}
        found["new"] = len(today.keys() - before.keys())
        found["repriced"] = sum(today[key]["unit_price"] != before[key]["unit_price"] for key in before)
        found["discontinued"] = sum(
            row["discontinued_on"] == business_date(day) and before[key]["discontinued_on"] is None
            for key, row in today.items()
            if key in before
        )
    return found


def found_in_transactions(zone: Zone, day: int) -> Counter[str]:
    delivered = zone.rows[day, "transactions"]
    own = {row["transaction_id"]: row for row in delivered if row["transaction_id"].startswith(f"T{day:03d}-")}
    again = [row for row in delivered if row["transaction_id"].startswith(f"T{day - 1:03d}-")]
    found = Counter(
        broken_json=zone.unreadable[day, "broken_json"],
        wrong_column_count=zone.unreadable[day, "wrong_column_count"],
        redelivered=len(again),
        duplicate=len(delivered) - len(own) - len(again),
    )
    known = {product["product_id"] for product in zone.rows[day, "products"]}
    newest: dict[str, datetime] = {}
    for row in own.values():
        found.update(wrong_numbers(row))
        found.update(wrong_references(zone, day, row, known))
        found["untidy_currency"] += row["currency"].islower()
        when = datetime.fromisoformat(row["ordered_at"].replace("Z", "+00:00"))
        begin = datetime.fromisoformat(f"{business_date(day)}T00:00:00+00:00")
        future, late = when > begin + timedelta(days=1), day > 0 and when < begin
        found["future_date"] += future
        found["late"] += late
        if not future and not late:
            found["out_of_order"] += when < newest.get(row["file"], when)
            newest[row["file"]] = max(when, newest.get(row["file"], when))
    return found


def wrong_numbers(row: Row) -> Counter[str]:
    text = str(row["quantity"])
    spelt = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    quantity = spelt.index(text) if text in spelt else int(text.removesuffix(" pcs"))
    amount, right = Decimal(row["amount"]), quantity * Decimal(row["unit_price"])
    return Counter(
        negative_amount=amount < 0,
        wrong_amount=abs(amount) == right + 1,
        zero_quantity=quantity == 0,
        quantity_with_unit=text.endswith(" pcs"),
        quantity_in_words=text in spelt,
    )


def wrong_references(zone: Zone, day: int, row: Row, known_products: set[str]) -> Counter[str]:
    customer = row["customer_id"]
    versions = zone.versions.get(customer, [])
    signed_up = versions[0]["signed_up_on"] if versions else ""
    return Counter(
        missing_customer=customer is None,
        unknown_customer=customer is not None and not versions,
        early_customer=bool(versions) and signed_up == loaded_on(day).isoformat(),
        unknown_product=row["product_id"] not in known_products,
    )


FIND: dict[str, Callable[[Zone, int], Counter[str]]] = {
    "customers": found_in_customers,
    "customer_changes": found_in_changes,
    "products": found_in_products,
    "transactions": found_in_transactions,
}


@pytest.mark.parametrize("table", FIND)
def test_the_manifest_counts_what_the_files_hold(zone: Zone, table: str) -> None:
    for day in range(DAYS + 1):
        declared = {planted.name: planted.count for planted in zone.shop.manifest(day) if planted.table == table}
        assert {name: n for name, n in FIND[table](zone, day).items() if n} == declared, f"day {day}"


def test_every_delivered_record_has_the_declared_columns_in_order(zone: Zone) -> None:
    declared = {table.name: table for table in dictionary()}
    for (day, name), rows in zone.rows.items():
        names = [column.name for column in declared[name].columns_on(day)]
        for row in rows:
            expected = names if ".csv" not in row["file"] else [column for column in names if column != "coupon"]
            assert list(row) == [*expected, "file"]


def test_the_crm_is_its_first_extract_with_all_changes_applied(zone: Zone) -> None:
    for day in (1, DAYS):
        end = loaded_on(day).isoformat()
        current = {key: [row for row in versions if row["updated_at"] < end] for key, versions in zone.versions.items()}
        expected = {
            key: (rows[-1]["email"], rows[-1]["phone"], rows[-1]["city"], as_text(rows[-1]["marketing_consent"]))
            for key, rows in current.items()
            if rows and rows[-1]["operation"] != "delete"
        }
        columns = ["customer_id", "email", "phone", "city", "marketing_consent"]
        held = pa.concat_tables(zone.shop.customers(day)).select(columns).to_pylist()
        assert {
            row["customer_id"]: (*list(row.values())[1:4], as_text(row["marketing_consent"])) for row in held
        } == expected


def test_a_late_change_comes_after_a_newer_one_of_the_same_customer_was_delivered(zone: Zone) -> None:
    late = 0
    for day in range(2, DAYS + 1):
        seen = {row["customer_id"]: row["updated_at"] for row in zone.rows[day - 1, "customer_changes"]}
        for row in zone.rows[day, "customer_changes"]:
            if row["updated_at"][:10] < business_date(day):
                late += 1
                assert row["updated_at"] < seen[row["customer_id"]]
    assert late >= 3


def test_a_tie_is_two_different_updates_and_the_larger_change_id_is_the_newer_state(zone: Zone) -> None:
    for versions in zone.versions.values():
        for one, other in pairwise(versions):
            if one["updated_at"] == other["updated_at"]:
                assert one["change_id"] < other["change_id"]
                assert any(one[key] != other[key] for key in ("email", "phone", "city", "marketing_consent"))


def test_duplicates_and_redelivered_lines_are_exact_copies(zone: Zone) -> None:
    for day in range(2, DAYS + 1):
        known = {row["transaction_id"]: row for row in zone.rows[day - 1, "transactions"]}
        seen: dict[str, Row] = {}
        for row in zone.rows[day, "transactions"]:
            key = row["transaction_id"]
            original = seen.setdefault(key, known.get(key, row))
            for name in row.keys() & original.keys() - {"file"}:
                assert str(row[name]) == str(original[name])


def test_no_one_buys_after_leaving_or_being_erased(zone: Zone) -> None:
    for day in range(1, DAYS + 1):
        held = pa.concat_tables(zone.shop.customers(day))
        members = set(held.filter(pc.is_null(held["ended_on"]))["customer_id"].to_pylist())
        for row in zone.rows[day, "transactions"]:
            mine = row["transaction_id"].startswith(f"T{day:03d}") and row["customer_id"] in zone.versions
            early = mine and zone.versions[row["customer_id"]][0]["signed_up_on"] == loaded_on(day).isoformat()
            assert not mine or early or row["customer_id"] in members


def test_a_delivery_has_a_note_with_its_files_and_its_defects(zone: Zone) -> None:
    for day, files in zone.files.items():
        note = json.loads((zone.folder / "_manifest" / f"{loaded_on(day)}.json").read_text(encoding="utf-8"))
        assert [file["path"] for file in note["files"]] == [file.path for file in files]
        assert {(p["table"], p["name"]): p["count"] for p in note["planted"]} == {
            (p.table, p.name): p.count for p in zone.shop.manifest(day)
        }
        for file in note["files"]:
            text = zone.text(file["path"])
            assert hashlib.sha256(text.encode()).hexdigest() == file["sha256"]
            assert len(text.splitlines()) == file["lines"] + (".csv" in file["path"])


def test_landing_again_leaves_the_same_files_and_nothing_half_written(zone: Zone) -> None:
    def contents() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(zone.folder.rglob("*")) if path.is_file()}

    before = contents()
    land(zone.shop, 1, zone.folder)
    assert contents() == before
    assert not [path for path in before if Path(path).name.startswith(".")]


def test_tables_can_be_landed_alone_with_a_note_of_them_alone(zone: Zone, tmp_path: Path) -> None:
    for day in (0, 1):
        files = land(zone.shop, day, tmp_path, tables={"transactions"})
        assert files == [file for file in zone.files[day] if file.table == "transactions"]
        note = json.loads((tmp_path / "_manifest" / f"{loaded_on(day)}.json").read_text(encoding="utf-8"))
        assert [file["path"] for file in note["files"]] == [file.path for file in files]
        assert {p["name"] for p in note["planted"]} == {
            p.name for p in zone.shop.manifest(day) if p.table == "transactions"
        }
    assert {path.name for path in tmp_path.iterdir()} == {"_manifest", "payments"}


def test_only_what_is_asked_for_is_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(0.01)
    for name in ("customers", "customer_changes", "transactions"):
        monkeypatch.setattr(shop, name, None)
    assert [file.table for day in (0, 1) for file in land(shop, day, tmp_path, tables=["products"])] == ["products"] * 2
    assert land(shop, 1, tmp_path, tables=[]) == []


def test_a_table_that_does_not_exist_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    expected = r"^There is no table orders: choose from customers, customer_changes, products, transactions\.$"
    with pytest.raises(ValueError, match=expected):
        land(Shop(0.01), 0, tmp_path, tables=["transactions", "orders"])
    assert not list(tmp_path.iterdir())


def test_another_process_lands_the_same_bytes(tmp_path: Path) -> None:
    code = "import sys; from lakehouse.sources import *; [land(Shop(0.01, 7), day, sys.argv[1]) for day in range(4)]"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], check=True)
    for day in range(4):
        land(Shop(0.01, 7), day, tmp_path / "here")
    here = {path.relative_to(tmp_path / "here"): path.read_bytes() for path in (tmp_path / "here").rglob("*.*")}
    there = {path.relative_to(tmp_path / "there"): path.read_bytes() for path in (tmp_path / "there").rglob("*.*")}
    assert len(here) == 20
    assert here == there
    packed = [content for path, content in here.items() if path.suffix == ".gz"]
    # Bytes 4 to 8 of a gzip file are its time.
    assert [content[4:8] for content in packed] == [bytes(4)] * 4


LITERALS = {
    "crm/customers/customers-2026-01-01-0000.csv": "526cd8d55fa7742f",
    "catalogue/products/products-2026-01-01-0000.jsonl": "77198c4f73cfacc2",
    "payments/online/transactions-2026-01-01-0000.jsonl.gz": "808cfa3781106783",
    "payments/store/transactions-2026-01-01-0000.csv.gz": "4c09e6b8de909723",
    "crm/customer_changes/customer_changes-2026-01-04-0000.jsonl": "7262eaa5f5d4c5b8",
    "catalogue/products/products-2026-01-04-0000.jsonl": "9ea59f99b1e7aed8",
    "payments/online/transactions-2026-01-04-0000.jsonl": "9069f34fe147b6ff",
    "payments/store/transactions-2026-01-04-0000.csv": "59e134c3d083eb62",
}


def test_the_files_of_seed_7_are_these_to_the_byte(tmp_path: Path) -> None:
    files = [file for day in (0, 3) for file in land(Shop(0.01, 7), day, tmp_path)]
    assert {file.path: file.sha256[:16] for file in files} == LITERALS


def test_another_seed_gives_another_shop() -> None:
    first, second = (next(Shop(0.01, seed).customers())["name"].to_pylist() for seed in (7, 8))
    assert first != second


def test_scale_1_is_ten_thousand_customers_a_thousand_products_and_fifty_thousand_lines(
    shop: Shop, history: pa.Table
) -> None:
    customers = pa.concat_tables(shop.customers())
    assert pc.count_distinct(customers["customer_id"]).as_py() == customers.num_rows == 10_000
    assert pc.count_distinct(pa.concat_tables(shop.products())["product_id"]).as_py() == 1_000
    assert pc.count_distinct(history["transaction_id"]).as_py() == 50_000
    assert history.num_rows == 50_000 + 250
    assert {p.name: p.count for p in shop.manifest(0) if p.table == "customers"} == {
        "null_email": 80,
        "invalid_email": 70,
        "untidy_email": 200,
        "missing_phone": 120,
        "invalid_phone": 60,
        "unknown_country": 20,
        "impossible_birth_date": 20,
        "double_account": 40,
    }
    assert customers["phone"].null_count == 120


def test_a_piece_is_no_larger_at_scale_100_than_at_scale_1(history: pa.Table, shop: Shop) -> None:
    largest = Shop(100, 7)
    assert next(largest.customers()).num_rows == next(shop.customers()).num_rows == 5_000
    piece = next(largest.transactions())
    assert piece.num_rows <= 25_000 + 126
    assert max(piece.num_rows for piece in shop.transactions()) <= 25_000 + 126
    assert next(largest.products()).num_rows == 25_000


def test_a_piece_does_not_depend_on_which_others_were_read() -> None:
    alone = next(Shop(1.2, 3).transactions())
    whole = list(Shop(1.2, 3).transactions())
    assert len(whole) == 3
    assert whole[0].equals(alone)
    assert not whole[1].equals(alone)


def test_what_is_planted_can_be_planted_on_every_day_at_every_seed() -> None:
    for seed in range(4):
        shop = Shop(0.01, seed)
        for day in range(0, LAST_DAY + 1, 5):
            tables = [*shop.transactions(day), *shop.customer_changes(day), *shop.products(day), *shop.customers(day)]
            assert all(table.num_rows > 0 for table in tables)


def test_every_table_has_the_schema_that_the_dictionary_describes() -> None:
    shop = Shop(0.01, 7)
    for table in dictionary():
        assert set(table.key) <= {column.name for column in table.columns}
        for day in (0, 1, 2, 3):
            for piece in getattr(shop, table.name)(day):
                assert piece.schema.equals(table.schema(day))
                for column in table.columns_on(day):
                    assert column.nullable or piece[column.name].null_count == 0
                piece.validate(full=True)


def test_every_planted_defect_is_described_and_every_described_one_is_planted() -> None:
    planted = {(p.table, p.name) for day in range(LAST_DAY + 1) for p in Shop(1, 7).manifest(day)}
    described = {(table.name, defect.name): defect for table in dictionary() for defect in table.defects}
    assert planted == set(described)
    columns = {table.name: {column.name for column in table.columns} | {""} for table in dictionary()}
    for (table, _), defect in described.items():
        assert defect.column in columns[table]
        assert len(defect.meaning) > 10


def test_quantity_turns_into_text_and_coupon_appears_on_the_declared_days() -> None:
    schemas = [next(Shop(0.01, 7).transactions(day)).schema for day in range(5)]
    assert [str(schema.field("quantity").type) for schema in schemas] == ["int64", "int64", "int64", "string", "string"]
    assert ["coupon" in schema.names for schema in schemas] == [False, False, True, True, True]


def test_the_next_day_s_customers_arrive_under_new_ids() -> None:
    shop = Shop(0.01, 7)
    before, after = (pa.concat_tables(shop.customers(day))["customer_id"].to_pylist() for day in (0, 1))
    assert set(after) - set(before) == {f"C{number:07d}" for number in range(101, 106)}
    assert len(set(before) - set(after)) == 1


def area_under_the_curve(score: np.ndarray, label: np.ndarray) -> float:
    """P(a leaver has the higher score than a stayer), ties counted half."""
    edges = np.unique(score)
    position = np.searchsorted(edges, score)
    leavers = np.bincount(position[label], minlength=len(edges))
    stayers = np.bincount(position[~label], minlength=len(edges))
    below = np.cumsum(stayers) - stayers
    return float((leavers * (below + stayers / 2)).sum() / (label.sum() * (~label).sum()))


@pytest.mark.parametrize("as_of", SNAPSHOTS, ids=str)
def test_who_leaves_follows_the_known_function_and_not_more_than_that(shop: Shop, as_of: date) -> None:
    truth = pa.concat_tables(shop.churned(as_of))
    columns = {name: truth[name].to_numpy() for name in truth.column_names}
    probability, churned = columns["probability"], columns["churned"]
    again = churn_probability(columns["recency_days"], columns["purchases"], columns["spend_trend"])
    assert np.allclose(again, probability)
    deviation = np.sqrt((probability * (1 - probability)).sum())
    assert abs(churned.sum() - probability.sum()) < 4 * deviation
    assert 0.08 < churned.mean() < 0.30
    assert 0.68 < area_under_the_curve(probability, churned) < 0.90


def test_churn_is_likelier_the_longer_ago_the_fewer_and_the_less() -> None:
    assert churn_probability(150, 2, 0.0) > churn_probability(20, 2, 0.0)
    assert churn_probability(20, 8, 0.0) < churn_probability(20, 2, 0.0)
    assert churn_probability(20, 2, 0.8) < churn_probability(20, 2, -0.8)
    assert churn_probability(0, 0, 0.0) == pytest.approx(1 / (1 + np.exp(3.0)))


def test_the_past_that_churn_depends_on_can_be_read_off_the_transactions(shop: Shop, history: pa.Table) -> None:
    as_of = date(2025, 10, 1)
    truth = pa.concat_tables(shop.churned(as_of)).to_pandas().set_index("customer_id")
    lines = history.to_pandas().drop_duplicates("transaction_id")
    before = lines[lines["ordered_at"].dt.date < as_of]
    age = (np.datetime64(as_of) - before["ordered_at"].dt.tz_localize(None).dt.normalize()).dt.days
    bought = before[age <= 90].groupby("customer_id").size().reindex(truth.index).fillna(0)
    assert (bought == truth["purchases"]).mean() > 0.97
    last = age.groupby(before["customer_id"]).min().reindex(truth.index)
    assert (last.clip(upper=180) == truth["recency_days"])[last.notna()].mean() > 0.97


def test_who_churned_buys_nothing_more_and_ends_with_the_next_quarter(shop: Shop, history: pa.Table) -> None:
    customers = pa.concat_tables(shop.customers())
    ended = dict(zip(customers["customer_id"].to_pylist(), customers["ended_on"].to_pylist(), strict=True))
    for as_of, last in zip(SNAPSHOTS[:3], (date(2025, 6, 30), date(2025, 9, 30), date(2025, 12, 31)), strict=True):
        truth = pa.concat_tables(shop.churned(as_of))
        left = set(truth.filter(truth["churned"])["customer_id"].to_pylist())
        assert {key for key, day in ended.items() if day == last} == left
        when = pc.cast(history["ordered_at"], pa.date32())
        after = history.filter(pc.and_(pc.greater_equal(when, as_of), pc.less(when, date(2026, 1, 1))))
        assert not left & set(after["customer_id"].to_pylist())


def test_a_few_customers_and_products_have_a_large_share(history: pa.Table) -> None:
    for key, least, most in (("customer_id", 0.10, 0.25), ("product_id", 0.25, 0.45)):
        counts = sorted(Counter(history[key].drop_null().to_pylist()).values(), reverse=True)
        top = sum(counts[: (10_000 if key == "customer_id" else 1_000) // 100])
        assert least < top / 50_000 < most


def test_december_and_saturdays_sell_more(history: pa.Table) -> None:
    when = history.filter(pc.less(history["ordered_at"], pa.scalar(datetime(2026, 1, 1), pa.timestamp("us", "UTC"))))
    months = Counter(pc.month(when["ordered_at"]).to_pylist())
    weekdays = Counter(pc.day_of_week(when["ordered_at"]).to_pylist())
    assert 1.5 < months[12] / months[7] < 2.2
    assert 1.4 < weekdays[5] / weekdays[6] < 2.0


def test_the_planted_pairs_have_the_lift_that_is_announced(shop: Shop, history: pa.Table) -> None:
    baskets: dict[str, set[str]] = {}
    for order, product in zip(history["order_id"].to_pylist(), history["product_id"].to_pylist(), strict=True):
        baskets.setdefault(order, set()).add(product)

    def lift(one: str, other: str) -> float:
        has_one = sum(one in basket for basket in baskets.values())
        has_other = sum(other in basket for basket in baskets.values())
        both = sum(one in basket and other in basket for basket in baskets.values())
        return both * len(baskets) / (has_one * has_other)

    pairs = shop.bought_together()
    assert [round(pair.lift, 1) for pair in pairs] == [4.5, 7.1, 7.4]
    for pair in pairs:
        assert lift(pair.product_id, pair.companion_id) == pytest.approx(pair.lift, rel=0.15)
    assert lift(pairs[0].product_id, pairs[1].companion_id) < 2


def test_names_use_many_scripts_and_no_one_can_be_written_to_or_called(shop: Shop) -> None:
    customers = next(shop.customers())
    names = "".join(customers["name"].to_pylist())
    assert all(letter in names for letter in "ßŁÅéçñШЩαω佐")
    assert all(mark in names for mark in "',\"-")
    addresses = [text.strip().lower() for text in customers["email"].drop_null().to_pylist()]
    assert {text.rpartition("example.")[2] for text in addresses if "@" not in text[-1]} == {"org", "com", "net"}
    calling_codes = ("+44 7700 900", "+1 212 55501", "+49 30 23125", "+33 1 990000", "+46 8 465004")
    written = [text for text in customers["phone"].drop_null().to_pylist() if text.startswith("+") and " " in text]
    assert {code for text in written for code in calling_codes if text.startswith(code)} == set(calling_codes)
    assert {text for text in written if not text.startswith(calling_codes)} == {"+49 30"}


@pytest.mark.parametrize("scale", [0, 0.009, 101, -1, float("nan"), "1", None])
def test_a_scale_out_of_range_is_refused_in_one_sentence(scale: Any) -> None:
    with pytest.raises(ValueError, match=r"^The scale is .*: give a number from 0\.01 to 100\.$"):
        Shop(scale)


@pytest.mark.parametrize("seed", [-1, 1.5, "7"])
def test_a_seed_that_is_no_natural_number_is_refused(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"^The seed is .*: give a whole number, 0 or more\.$"):
        Shop(1, seed)


@pytest.mark.parametrize("day", [-1, 31, 1.5, "1"])
def test_a_day_out_of_range_is_refused_at_once(day: Any, tmp_path: Path) -> None:
    shop = Shop(0.01)
    tables = (shop.customers, shop.customer_changes, shop.products, shop.transactions)
    for ask in (*tables, shop.manifest, lambda day: land(shop, day, tmp_path)):
        with pytest.raises(ValueError, match=r"^The day is .*: give a whole number from 0"):
            ask(day)


def test_a_date_without_a_snapshot_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="choose one of 2025-04-01, 2025-07-01, 2025-10-01, 2026-01-01"):
        Shop(0.01).churned(date(2025, 5, 1))


def test_dates_of_deliveries_are_fixed() -> None:
    assert [loaded_on(day) for day in (0, 1, 30)] == [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 31)]


def test_without_defects_the_shop_is_what_day_0_would_be_were_it_right() -> None:
    right, real = Shop(0.51, 11, defects=False), Shop(0.51, 11)
    assert {planted.name for day in (0, 5) for planted in right.manifest(day)} == {
        "new",
        "updated",
        "deleted",
        "repriced",
        "discontinued",
    }
    for name, damaged in (("customers", 313), ("products", 19), ("transactions", 850)):
        lines = [
            {row[table.key[0]]: row for piece in getattr(shop, name)(0) for row in piece.to_pylist()}
            for shop in (right, real)
            for table in dictionary()
            if table.name == name
        ]
        assert lines[0].keys() == lines[1].keys()
        differ = sum(lines[0][key] != lines[1][key] for key in lines[0])
        assert 0 < differ <= damaged
