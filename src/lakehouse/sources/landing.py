"""The landing zone: a day's deliveries as files, the way each source system writes them."""

import gzip
import hashlib
import io
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.files import write_atomically
from lakehouse.sources.declarations import TABLES, loaded_on
from lakehouse.sources.draws import Dice, Stream, portion
from lakehouse.sources.plan import checked_day
from lakehouse.sources.shop import Shop

STORE_CLOCK = 3600
COLUMNS_LEFT = 6


@dataclass(frozen=True)
class Landed:
    """One file of a delivery. `path` is relative to the landing zone; `lines` leaves out a CSV file's header.

    `sha256` is of the text: packed files hold the same text on every machine, but zlib may pack it differently.
    """

    path: str
    table: str
    lines: int
    sha256: str


Events = Callable[[str, Sequence[str]], None]


def land(
    shop: Shop,
    day: int,
    folder: Path | str,
    *,
    tables: Collection[str] | None = None,
    wallet: Events | None = None,
) -> list[Landed]:
    """Write a day's deliveries into `folder`, and a note of what is planted in them into `folder/_manifest`.

    Only those of `tables` where it is given: then nothing else is generated, and the note is of them alone. Where
    `wallet` is given, what was paid online by wallet is in no file: it gets these payments as events, in pieces with a
    name, each event the JSON that a file would have, with `published_at`.

    Files appear whole: each is written under a hidden name and renamed. Landing a day again writes the same files.

    * `crm/customers/*.csv` on day 0, `crm/customer_changes/*.jsonl` afterwards;
    * `catalogue/products/*.jsonl` every day;
    * `payments/online/*.jsonl` and `payments/store/*.csv`, every second one packed as `.gz`.

    Returns the files in the order of writing. Raises ValueError for a day out of range and for a table that does not
    exist, OSError where the folder cannot be written.
    """
    checked_day(day)
    wanted = set(TABLES if tables is None else tables)
    if unknown := sorted(wanted - set(TABLES)):
        raise ValueError(f"There is no table {', '.join(unknown)}: choose from {', '.join(TABLES)}.")
    root = Path(folder)
    files = [_write(root, file) for file in _files(shop, day, wanted, wallet)]
    note = {
        "loaded_on": loaded_on(day).isoformat(),
        "files": [asdict(file) for file in files],
        "planted": [asdict(planted) for planted in shop.manifest(day) if planted.table in wanted],
    }
    text = json.dumps(note, indent=1, ensure_ascii=False) + "\n"
    write_atomically(root / "_manifest" / f"{loaded_on(day)}.json", text.encode())
    return files


@dataclass(frozen=True)
class _File:
    table: str
    path: str
    header: str
    lines: pa.Array


def _files(shop: Shop, day: int, wanted: set[str], wallet: Events | None) -> Iterator[_File]:
    stamp = loaded_on(day).isoformat()
    if day == 0 and "customers" in wanted:
        for number, piece in enumerate(shop.customers(0)):
            yield _csv("customers", f"crm/customers/customers-{stamp}-{number:04d}.csv", piece)
    if "customer_changes" in wanted:
        for number, piece in enumerate(shop.customer_changes(day)):
            path = f"crm/customer_changes/customer_changes-{stamp}-{number:04d}.jsonl"
            yield _File("customer_changes", path, "", json_lines(piece))
    if "products" in wanted:
        for number, piece in enumerate(shop.products(day)):
            yield _File("products", f"catalogue/products/products-{stamp}-{number:04d}.jsonl", "", json_lines(piece))
    if "transactions" in wanted:
        for number, piece in enumerate(shop.transactions(day)):
            if wallet:
                piece = _streamed(piece, day, number, wallet)
            yield from _payments(shop, day, number, piece)


def _streamed(piece: pa.Table, day: int, number: int, wallet: Events) -> pa.Table:
    """Hand on what was paid online by wallet. Returns the other rows."""
    by_wallet = pc.and_(pc.equal(piece["channel"], "online"), pc.equal(piece["payment_method"], "wallet"))
    events = piece.filter(by_wallet)
    published_at = pa.array([f"{loaded_on(day)}T00:00:00Z"] * len(events), pa.string())
    wallet(f"{loaded_on(day)}-{number:04d}", json_lines(events.append_column("published_at", published_at)).to_pylist())
    return piece.filter(pc.invert(by_wallet))


def _payments(shop: Shop, day: int, number: int, piece: pa.Table) -> Iterator[_File]:
    """The two files of a piece: online orders with broken lines, store orders with lines cut short."""
    stem = f"transactions-{loaded_on(day)}-{number:04d}"
    packed = ".gz" if (day + number) % 2 == 0 else ""
    counts = shop.plan.counts("transactions", day)
    pieces = shop.plan.pieces if day == 0 else 1
    dice = Dice(shop.plan.seed, Stream.BROKEN_LINES, day, number)
    online = json_lines(piece.filter(pc.equal(piece["channel"], "online")))
    broken = portion(counts["broken_json"], number, pieces)
    yield _File("transactions", f"payments/online/{stem}.jsonl{packed}", "", _spoilt(online, broken, _halved, dice))
    rows = piece.filter(pc.equal(piece["channel"], "store"))
    rows = rows.drop_columns([name for name in ("coupon",) if name in rows.column_names])
    store = _csv("transactions", f"payments/store/{stem}.csv{packed}", rows, STORE_CLOCK)
    cut = portion(counts["wrong_column_count"], number, pieces)
    yield _File(store.table, store.path, store.header, _spoilt(store.lines, cut, _cut, dice))


def _spoilt(lines: pa.Array, count: int, spoil: Callable[[str], str], dice: Dice) -> pa.Array:
    """The lines, with a spoilt copy of `count` of them before the whole one, as when a writer fails and tries again."""
    if not count:
        return lines
    chosen = np.sort(dice.among(np.ones(len(lines), np.bool_), count))
    bad = pa.array([spoil(line) for line in lines.take(pa.array(chosen)).to_pylist()])
    order = np.argsort(np.concatenate([np.arange(len(lines)), chosen - 0.5]), kind="stable")
    return pa.concat_arrays([lines, bad]).take(pa.array(order))


def _halved(line: str) -> str:
    return line[: len(line) // 2]


def _cut(line: str) -> str:
    return ",".join(line.split(",")[:COLUMNS_LEFT])


def _csv(table: str, path: str, rows: pa.Table, clock: int = 0) -> _File:
    texts = [_field(_text(column.combine_chunks(), clock)) for column in rows.columns]
    lines = pc.binary_join_element_wise(*texts, ",", null_handling="replace", null_replacement="")
    return _File(table, path, ",".join(rows.column_names) + "\n", lines)


def _field(text: pa.Array) -> pa.Array:
    """A field as RFC 4180 has it: in quotes where it holds a comma, a quote or a line's end."""
    special = pc.match_substring_regex(text, '[",\r\n]')
    if not pc.any(special).as_py():
        return text
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
    return pc.if_else(special, quoted, text)


def json_lines(rows: pa.Table) -> pa.Array:
    """One JSON object a row, columns in order; NULL is `null`, decimals and whole numbers are numbers."""
    parts: list[pa.Array | str] = []
    for index, name in enumerate(rows.column_names):
        column = rows[name].combine_chunks()
        parts.append(("{" if index == 0 else ", ") + json.dumps(name) + ": ")
        parts.append(pc.fill_null(_json_value(column), "null"))
    return pc.binary_join_element_wise(*parts, "}", "")


def _json_value(column: pa.Array) -> pa.Array:
    text = _text(column, 0)
    if pa.types.is_integer(column.type) or pa.types.is_decimal(column.type) or pa.types.is_boolean(column.type):
        return text
    escaped = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
    return pc.binary_join_element_wise('"', escaped, '"', "")


def _text(column: pa.Array, clock: int) -> pa.Array:
    """Every value as text; instants in UTC, or `clock` seconds ahead of it with that offset."""
    if not pa.types.is_timestamp(column.type):
        return column.cast(pa.string())
    seconds = pc.add(column.cast(pa.timestamp("s", "UTC")).cast(pa.int64()), clock)
    local = seconds.cast(pa.timestamp("s")).cast(pa.string())
    zone = "Z" if not clock else f"+{clock // 3600:02d}:00"
    return pc.binary_join_element_wise(pc.replace_substring(local, " ", "T"), zone, "")


def _write(root: Path, file: _File) -> Landed:
    text = (file.header + "".join(f"{line}\n" for line in file.lines.to_pylist())).encode()
    write_atomically(root / file.path, _packed(text) if file.path.endswith(".gz") else text)
    return Landed(file.path, file.table, len(file.lines), hashlib.sha256(text).hexdigest())


def _packed(text: bytes) -> bytes:
    """gzip without a name and a time, so that the same text gives the same file."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=buffer, mtime=0) as packed:
        packed.write(text)
    return buffer.getvalue()
