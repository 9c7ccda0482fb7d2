"""The platform's tables once more, by DuckDB and delta-rs: written from the meaning of the rules, in SQL of its own.

It computes everything from all that was delivered. `benchmarks/pipeline.py` measures it, and `tests/test_platform.py`
compares its tables with the platform's, row for row.
"""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import phonenumbers
import pyarrow as pa
from deltalake import write_deltalake

from lakehouse.addresses import Addresses
from lakehouse.reference import CATEGORIES, CURRENCIES, RATES
from lakehouse.sources.database import program

ONLINE = (
    *("transaction_id", "order_id", "customer_id", "product_id", "quantity", "unit_price", "amount", "currency"),
    *("channel", "payment_method", "ordered_at", "coupon"),
)
STORE = ONLINE[:-1]
CUSTOMER = (
    *("name", "email", "phone", "city", "country", "segment", "marketing_consent", "birth_date", "signed_up_on"),
    "ended_on",
)


def run(addresses: Addresses, base: Path, threads: int = 2) -> None:
    """Make bronze, silver and gold from all that the sources have delivered, as Delta tables under `base`."""
    with duckdb.connect() as duck:
        duck.execute(f"SET TimeZone = 'UTC'; SET threads = {threads}; SET preserve_insertion_order = false")
        read_sources(duck, addresses, base)
        make_silver(duck)
        make_gold(duck)
        for layer, name in written(duck):
            rows = duck.sql(f"FROM {layer}.{name}").to_arrow_table()
            write_deltalake(str(base / layer / name), rows, mode="overwrite")


def written(duck: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Every table of the three layers."""
    return duck.execute(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema IN ('bronze', 'silver', 'gold')"
    ).fetchall()


def read_sources(duck: duckdb.DuckDBPyConnection, addresses: Addresses, base: Path) -> None:
    """Bronze: the CRM's log, the catalogue's rows, and the payments, with the lines that are none set aside."""
    duck.execute("CREATE SCHEMA bronze; CREATE SCHEMA silver; CREATE SCHEMA gold")
    base.mkdir(parents=True, exist_ok=True)
    log = base / "crm.csv"
    copy_log(addresses, log)
    duck.execute(f"""
        CREATE TABLE bronze.customer_changes AS
        FROM read_csv('{log}', header = true, nullstr = 'NULL', columns = {{
            'change_id': 'BIGINT', 'operation': 'VARCHAR', 'customer_id': 'VARCHAR', 'name': 'VARCHAR',
            'email': 'VARCHAR', 'phone': 'VARCHAR', 'city': 'VARCHAR', 'country': 'VARCHAR', 'segment': 'VARCHAR',
            'marketing_consent': 'BOOLEAN', 'birth_date': 'DATE', 'signed_up_on': 'DATE', 'ended_on': 'DATE',
            'updated_at': 'TIMESTAMPTZ', 'position': 'BIGINT', 'recorded_at': 'TIMESTAMPTZ'}})
    """)
    log.unlink()
    kept = base / "catalogue.jsonl"
    catalogue(addresses.catalogue_url, kept)
    duck.register("items", pa.table({"item": kept.read_text().splitlines()}))
    duck.execute("""
        CREATE TABLE bronze.products AS SELECT
            item ->> 'product_id' AS product_id, item ->> 'name' AS name, item ->> 'category' AS category,
            (item ->> 'unit_price')::DECIMAL(12, 2) AS unit_price, (item ->> 'weight_g')::BIGINT AS weight_g,
            (item ->> 'discontinued_on')::DATE AS discontinued_on, (item ->> 'updated_at')::TIMESTAMPTZ AS updated_at
        FROM items
    """)
    read_online(duck, Path(addresses.landing))
    read_store(duck, Path(addresses.landing))
    read_wallet(duck, addresses.wallet_url, base / "wallet.jsonl")


def copy_log(addresses: Addresses, path: Path) -> None:
    """The CRM's log as CSV, in which NULL is the word."""
    place = urlsplit(addresses.crm_url.removeprefix("jdbc:"))
    login = {"PGUSER": addresses.crm_properties["user"], "PGPASSWORD": addresses.crm_properties["password"]}
    server = {"PGHOST": str(place.hostname), "PGPORT": str(place.port), "PGDATABASE": place.path.strip("/")}
    query = "COPY customer_changes TO STDOUT (FORMAT csv, HEADER, NULL 'NULL')"
    with path.open("wb") as file:
        subprocess.run(
            [program("psql"), "-X", "-q", "-c", "SET timezone = 'UTC'", "-c", query],
            env={**os.environ, **login, **server, "PGCLIENTENCODING": "UTF8"},
            stdout=file,
            check=True,
        )


def catalogue(url: str, kept: Path) -> None:
    """Append to a file, as JSON lines, the items of the catalogue that are newer than those in it."""
    seen = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    newest = max((item["updated_at"] for item in seen), default="1970-01-01T00:00:00Z")
    known = {item["product_id"] for item in seen if item["updated_at"] == newest}
    cursor = "0"
    with kept.open("a") as file:
        while cursor is not None:
            page = json.loads(patiently(f"{url}?page_size=100&cursor={cursor}&updated_since={newest}"), parse_float=str)
            for item in page["items"]:
                if item["updated_at"] != newest or item["product_id"] not in known:
                    file.write(json.dumps(item) + "\n")
            cursor = page["next_cursor"]


def patiently(address: str) -> bytes:
    """What the address answers, asked again where the server is overloaded."""
    for _ in range(5):
        try:
            with urllib.request.urlopen(address) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                raise
            time.sleep(0.1)
    raise ConnectionError(f"{address} does not answer.")


def files(landing: Path, channel: str) -> str:
    """The files of a channel, in the landing zone or its archive, as a list in SQL; hidden ones are half written."""
    found = [*landing.glob(f"payments/{channel}/[!._]*"), *landing.glob(f"_archive/payments/{channel}/[!._]*")]
    return str([str(path) for path in sorted(found)])


def read_online(duck: duckdb.DuckDBPyConnection, landing: Path) -> None:
    read_lines(duck, "online", ONLINE, files(landing, "online"))


def read_wallet(duck: duckdb.DuckDBPyConnection, url: str, log: Path) -> None:
    """The events, by way of a file."""
    first, end = 0, 1
    with log.open("w") as file:
        while first < end:
            answer = json.loads(patiently(f"{url}?from={first}&limit=1000"))
            file.writelines(f"{event}\n" for event in answer["events"])
            first, end = first + len(answer["events"]), answer["end"]
    read_lines(duck, "wallet", (*ONLINE, "published_at"), str([str(log)]))
    log.unlink()


def read_lines(duck: duckdb.DuckDBPyConnection, channel: str, columns: tuple[str, ...], found: str) -> None:
    texts = ", ".join(f"line ->> '{name}' AS {name}" for name in columns)
    duck.execute(f"""
        CREATE TEMP TABLE lines AS
        SELECT line, parse_filename(filename) AS file,
            coalesce(json_type(try_cast(line AS JSON)) = 'OBJECT', false) AS good
        FROM read_csv({found}, columns = {{'line': 'VARCHAR'}}, delim = '\\x01', quote = '',
                      escape = '', header = false, filename = true, max_line_size = 20000000, auto_detect = false);
        CREATE TABLE bronze.payments_{channel}_refused AS SELECT line, file FROM lines WHERE NOT good;
        CREATE TEMP TABLE {channel} AS SELECT {texts}, file FROM lines WHERE good;
        CREATE TABLE bronze.payments_{channel} AS SELECT * REPLACE (
            CASE WHEN json_type(line -> 'quantity') LIKE '%INT%' THEN quantity::BIGINT END AS quantity,
            unit_price::DECIMAL(12, 2) AS unit_price, amount::DECIMAL(12, 2) AS amount)
        FROM (SELECT {texts}, line FROM lines WHERE good);
        ALTER TABLE bronze.payments_{channel} DROP line;
        DROP TABLE lines
    """)


def read_store(duck: duckdb.DuckDBPyConnection, landing: Path) -> None:
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in STORE)
    duck.execute(f"""
        CREATE TEMP TABLE store AS SELECT * EXCLUDE filename, NULL::VARCHAR AS coupon, parse_filename(filename) AS file
        FROM read_csv({files(landing, "store")}, columns = {{{columns}}}, header = true, filename = true,
                      auto_detect = false, delim = ',', quote = '"', escape = '"',
                      store_rejects = true, rejects_limit = 0);
        CREATE TABLE bronze.payments_store_refused AS SELECT DISTINCT file_id, line FROM reject_errors;
        CREATE TABLE bronze.payments_store AS SELECT * EXCLUDE (coupon, file) REPLACE (quantity::BIGINT AS quantity,
            unit_price::DECIMAL(12, 2) AS unit_price, amount::DECIMAL(12, 2) AS amount) FROM store
    """)


def phones(duck: duckdb.DuckDBPyConnection) -> None:
    """A table of every pair of a phone and a country, with the number as E.164 where it is one."""
    pairs = duck.execute(
        "SELECT DISTINCT phone, upper(tidy(country)) FROM bronze.customer_changes WHERE phone IS NOT NULL"
    ).fetchall()
    rows = [(phone, country, e164(phone, country)) for phone, country in pairs]
    columns = [pa.array([row[index] for row in rows], pa.string()) for index in range(3)]
    duck.register("found_phones", pa.table(columns, ["phone", "country", "number"]))
    duck.execute("CREATE TEMP TABLE phones AS FROM found_phones")


def e164(phone: str, country: str | None) -> str | None:
    """The library's answer; but 00 is + in every country, and Britain's numbers for fiction count too."""
    dialled = re.sub(r"^\s*00(?=[1-9])", "+", phone)
    try:
        number = phonenumbers.parse(dialled, country)
    except phonenumbers.NumberParseException:
        return None
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return text if phonenumbers.is_valid_number(number) or text.startswith("+447700900") else None


def make_silver(duck: duckdb.DuckDBPyConnection) -> None:
    """Silver: clean rows, quarantine, duplicates; the customers' history and the newest products."""
    blank = r"[\s\x0b\x1c-\x1f\x{85}\p{Z}]+"
    duck.execute(f"""
        CREATE TABLE silver.quarantine (source VARCHAR, key VARCHAR, rules VARCHAR[]);
        CREATE TABLE silver.duplicates (source VARCHAR, key VARCHAR);
        CREATE MACRO tidy(text) AS nullif(regexp_replace(text, '^{blank}|{blank}$', '', 'g'), '');
        CREATE MACRO broken(rules) AS list_sort(list_filter(rules, lambda rule: rule IS NOT NULL));
        CREATE MACRO unless(holds, rule) AS CASE WHEN NOT coalesce(holds, false) THEN rule END
    """)
    phones(duck)
    customers(duck)
    products(duck)
    transactions(duck)


def classify(duck: duckdb.DuckDBPyConnection, table: str, columns: str, unique: str) -> None:
    """Split the judged rows into clean ones, quarantine and duplicates.

    They have the columns, _warnings, key, source, place and errors.
    """
    duck.execute(f"""
        CREATE TEMP TABLE verdicts AS
        WITH counted AS (
            SELECT *, row_number() OVER (PARTITION BY key, {columns} ORDER BY place) > 1 AS again FROM judged),
        candidates AS (SELECT *, NOT again AND len(errors) = 0 AS candidate FROM counted),
        beaten AS (
            SELECT *, candidate AND coalesce(bool_or(candidate) OVER (PARTITION BY key ORDER BY place
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS late
            FROM candidates)
        SELECT * EXCLUDE (candidate), CASE WHEN late THEN ['{unique}'] ELSE errors END AS why FROM beaten;
        CREATE TABLE silver.{table} AS SELECT {columns}, _warnings FROM verdicts WHERE NOT again AND len(why) = 0;
        INSERT INTO silver.quarantine SELECT source, key, why FROM verdicts WHERE NOT again AND len(why) > 0;
        INSERT INTO silver.duplicates SELECT source, key FROM verdicts WHERE again;
        DROP TABLE verdicts; DROP TABLE judged
    """)


def customers(duck: duckdb.DuckDBPyConnection) -> None:
    attributes, countries = ", ".join(CUSTOMER), ", ".join(f"'{country}'" for country in CURRENCIES)
    duck.execute(f"""
        CREATE TEMP TABLE judged AS
        WITH tidied AS (
            SELECT log.* REPLACE (
                lower(tidy(operation)) AS operation, upper(tidy(customer_id)) AS customer_id, tidy(name) AS name,
                tidy(city) AS city, upper(tidy(log.country)) AS country, tidy(segment) AS segment,
                CASE WHEN regexp_full_match(lower(tidy(email)), '[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+')
                     THEN lower(tidy(email)) END AS email,
                phones.number AS phone), log.email AS given_email, log.phone AS given_phone
            FROM bronze.customer_changes AS log
            LEFT JOIN phones ON phones.phone = log.phone
                AND phones.country IS NOT DISTINCT FROM upper(tidy(log.country)))
        SELECT change_id, operation, customer_id, {attributes}, updated_at, change_id::VARCHAR AS key,
            'customer_changes' AS source, '' AS place, broken([
                unless(change_id IS NOT NULL, 'change_id_present'),
                unless(regexp_full_match(customer_id, 'C[0-9]{{7}}'), 'customer_id_format'),
                unless(operation IN ('insert', 'update', 'delete'), 'operation_known'),
                unless(updated_at BETWEEN '2000-01-01 00:00:00Z' AND '2100-01-01 00:00:00Z', 'updated_at_possible'),
                unless(operation = 'delete' OR country IN ({countries}), 'country_known'),
                unless(birth_date IS NULL OR (year(birth_date) >= 1900 AND birth_date < updated_at),
                       'birth_date_possible')
            ]) AS errors, broken([
                unless(operation = 'delete' OR name IS NOT NULL, 'name_present'),
                unless(operation = 'delete' OR given_email IS NOT NULL, 'email_present'),
                unless(given_email IS NULL OR email IS NOT NULL, 'email_format'),
                unless(operation = 'delete' OR given_phone IS NOT NULL, 'phone_present'),
                unless(given_phone IS NULL OR phone IS NOT NULL, 'phone_format'),
                unless(segment IS NULL OR segment IN ('occasional', 'regular', 'business'), 'segment_known'),
                unless(ended_on IS NULL OR ended_on >= signed_up_on, 'membership_in_order')
            ]) AS _warnings
        FROM tidied
    """)
    columns = f"change_id, operation, customer_id, {attributes}, updated_at"
    classify(duck, "customer_changes", columns, "change_unique")
    duck.execute(f"""
        CREATE TABLE silver.customers AS
        WITH newest AS (
            SELECT * FROM silver.customer_changes
            QUALIFY row_number() OVER (PARTITION BY customer_id, updated_at ORDER BY change_id DESC) = 1),
        states AS (
            SELECT customer_id, updated_at AS valid_from, operation = 'delete' AS gone, {attributes},
                CASE WHEN operation = 'delete' THEN NULL ELSE row({attributes}) END AS state FROM newest),
        changed AS (
            SELECT * FROM states
            QUALIFY state IS DISTINCT FROM lag(state) OVER (PARTITION BY customer_id ORDER BY valid_from)),
        closed AS (
            SELECT *, lead(valid_from) OVER (PARTITION BY customer_id ORDER BY valid_from) AS valid_to FROM changed)
        SELECT customer_id, {attributes}, valid_from, valid_to, valid_to IS NULL AS is_current
        FROM closed WHERE NOT gone
    """)


def products(duck: duckdb.DuckDBPyConnection) -> None:
    columns = "product_id, name, category, unit_price, weight_g, discontinued_on, updated_at"
    categories = ", ".join(f"'{name}'" for name in CATEGORIES)
    duck.execute(f"""
        CREATE TEMP TABLE judged AS
        SELECT {columns}, product_id || '|' || updated_at::VARCHAR AS key, 'products' AS source, '' AS place, broken([
            unless(regexp_full_match(product_id, 'P[0-9]{{6}}'), 'product_id_format'),
            unless(updated_at IS NOT NULL, 'product_updated_at_present'),
            unless(unit_price > 0, 'price_positive')]) AS errors, broken([
            unless(name IS NOT NULL, 'product_name_present'),
            unless(category IS NOT NULL, 'category_present'),
            unless(category IS NULL OR category IN ({categories}), 'category_known'),
            unless(weight_g IS NOT NULL, 'weight_present'),
            unless(weight_g IS NULL OR weight_g > 0, 'weight_positive')]) AS _warnings
        FROM (SELECT * REPLACE (tidy(product_id) AS product_id, tidy(name) AS name, tidy(category) AS category)
              FROM bronze.products)
    """)
    classify(duck, "product_versions", columns, "product_version_unique")
    duck.execute(f"""
        CREATE TABLE silver.products AS SELECT {columns}, _warnings FROM silver.product_versions
        QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY updated_at DESC) = 1
    """)


def transactions(duck: duckdb.DuckDBPyConnection) -> None:
    columns = (
        "transaction_id, order_id, customer_id, product_id, quantity, unit_price, amount, currency, amount_eur, "
        "channel, payment_method, ordered_at, ordered_on, coupon"
    )
    rates = ", ".join(f"('{code}', {rate})" for code, rate in RATES.items())
    duck.execute(f"""
        CREATE TEMP TABLE judged AS
        WITH rates(code, rate) AS (VALUES {rates}),
        all_ways AS (
            SELECT *, 'payments_online' AS source FROM online
            UNION ALL BY NAME SELECT *, 'payments_store' AS source FROM store
            UNION ALL BY NAME SELECT *, 'payments_wallet' AS source FROM wallet),
        tidied AS (
            SELECT * REPLACE (
                tidy(transaction_id) AS transaction_id, tidy(order_id) AS order_id, tidy(customer_id) AS customer_id,
                tidy(product_id) AS product_id, upper(tidy(currency)) AS currency, lower(tidy(channel)) AS channel,
                lower(tidy(payment_method)) AS payment_method, tidy(coupon) AS coupon,
                nullif(regexp_extract(tidy(quantity), '^([+-]?[0-9]+)(\\.0+)?\\s*(pcs)?$', 1), '')::BIGINT AS quantity,
                unit_price::DECIMAL(12, 2) AS unit_price, amount::DECIMAL(12, 2) AS amount,
                ordered_at::TIMESTAMPTZ AS ordered_at),
                coalesce(nullif(regexp_extract(file, '([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})', 1), ''),
                         published_at[:10])::DATE AS delivered_on
            FROM all_ways),
        dated AS (
            SELECT tidied.*, ordered_at::DATE AS ordered_on, (amount * 100)::BIGINT AS cents, rate FROM tidied
            LEFT JOIN rates ON code = currency),
        priced AS (
            SELECT *, CAST((2000 * cents + sign(cents) * rate) // (2 * rate) AS DECIMAL(16, 0)) AS euro_cents,
                (euro_cents * 0.01)::DECIMAL(14, 2) AS amount_eur
            FROM dated),
        known AS (
            SELECT priced.*, c.customer_id IS NOT NULL AS customer_known, p.product_id IS NOT NULL AS product_known
            FROM priced
            LEFT JOIN (SELECT DISTINCT customer_id FROM silver.customer_changes) c USING (customer_id)
            LEFT JOIN (SELECT DISTINCT product_id FROM silver.product_versions) p USING (product_id))
        SELECT {columns}, coalesce(transaction_id, '') AS key, source, file AS place, broken([
            unless(regexp_full_match(transaction_id, 'T[0-9]{{3}}-[0-9]{{8}}'), 'transaction_id_format'),
            unless(order_id IS NOT NULL, 'order_id_present'),
            unless(customer_id IS NOT NULL, 'customer_present'),
            unless(customer_id IS NULL OR customer_known, 'customer_known'),
            unless(product_id IS NOT NULL, 'product_present'),
            unless(product_id IS NULL OR product_known, 'product_known'),
            unless(quantity BETWEEN 1 AND 1000, 'quantity_possible'),
            unless(unit_price > 0, 'unit_price_positive'),
            unless(amount > 0, 'amount_positive'),
            unless(quantity IS NULL OR unit_price IS NULL OR amount IS NULL OR amount = quantity * unit_price,
                   'amount_right'),
            unless(rate IS NOT NULL, 'currency_known'),
            unless(channel IN ('online', 'store'), 'channel_known'),
            unless(ordered_at >= '2000-01-01 00:00:00Z'::TIMESTAMPTZ, 'ordered_at_possible'),
            unless(ordered_at IS NULL OR ordered_on <= delivered_on, 'not_in_the_future')]) AS errors,
            broken([unless(payment_method IN ('card', 'wallet', 'invoice', 'cash'), 'payment_method_known')])
                AS _warnings
        FROM known
    """)
    classify(duck, "transactions", columns, "transaction_unique")


def make_gold(duck: duckdb.DuckDBPyConnection) -> None:
    """Gold: sales a day, products, customers."""
    duck.execute("""
        CREATE TABLE gold.daily_sales AS
        SELECT ordered_on, channel, count(DISTINCT order_id) AS orders, count(*) AS lines,
            sum(quantity)::BIGINT AS units, count(DISTINCT customer_id) AS customers,
            sum(amount_eur)::DECIMAL(18, 2) AS revenue_eur
        FROM silver.transactions GROUP BY ALL;

        CREATE TABLE gold.product_performance AS
        WITH sold AS (
            SELECT product_id, count(DISTINCT order_id) AS orders, count(*) AS lines, sum(quantity)::BIGINT AS units,
                sum(amount_eur)::DECIMAL(18, 2) AS revenue_eur, min(ordered_on) AS first_sold_on,
                max(ordered_on) AS last_sold_on
            FROM silver.transactions GROUP BY ALL)
        SELECT product_id, name, category, unit_price, discontinued_on, coalesce(orders, 0) AS orders,
            coalesce(lines, 0) AS lines, coalesce(units, 0) AS units, coalesce(revenue_eur, 0) AS revenue_eur,
            first_sold_on, last_sold_on
        FROM silver.products LEFT JOIN sold USING (product_id);

        CREATE TABLE gold.customer_360 AS
        WITH bought AS (
            SELECT customer_id, count(DISTINCT order_id) AS orders, count(*) AS lines,
                sum(amount_eur)::DECIMAL(18, 2) AS revenue_eur,
                coalesce(sum(amount_eur) FILTER (channel = 'online'), 0)::DECIMAL(18, 2) AS online_revenue_eur,
                min(ordered_on) AS first_ordered_on, max(ordered_on) AS last_ordered_on
            FROM silver.transactions GROUP BY ALL),
        known AS (
            SELECT customer_id, name, email, phone, city, country, segment, marketing_consent, signed_up_on, ended_on,
                coalesce(orders, 0) AS orders, coalesce(lines, 0) AS lines, coalesce(revenue_eur, 0) AS revenue_eur,
                coalesce(online_revenue_eur, 0) AS online_revenue_eur, first_ordered_on, last_ordered_on
            FROM (FROM silver.customers WHERE is_current) LEFT JOIN bought USING (customer_id))
        SELECT *,
            CASE WHEN orders > 0 THEN
                (CAST(((200 * revenue_eur)::BIGINT + orders) // (2 * orders) AS DECIMAL(18, 0)) * 0.01)::DECIMAL(18, 2)
                END
                AS average_order_eur,
            CASE WHEN revenue_eur >= 2000 THEN 'platinum' WHEN revenue_eur >= 1000 THEN 'gold'
                 WHEN revenue_eur >= 250 THEN 'silver' ELSE 'bronze' END AS tier
        FROM known
    """)
