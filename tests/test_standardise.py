"""Each kind of value gets one notation, and what cannot be read becomes NULL: nothing is guessed, nothing raises."""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import phonenumbers
import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from lakehouse.reference import CURRENCIES, RATES
from lakehouse.silver import standardise
from lakehouse.sources.values import INVALID_PHONES, PHONE_COUNTRIES, PHONE_RANGE, PHONES, STYLES

pytestmark = pytest.mark.usefixtures("few_rows")


def found(spark: SparkSession, function: Callable[[Column], Column], texts: Sequence[str | None]) -> list[object]:
    """What the function makes of each text."""
    rows = spark.createDataFrame([(number, text) for number, text in enumerate(texts)], "number INT, text STRING")
    return [row[0] for row in rows.orderBy("number").select(function(F.col("text"))).collect()]


def assert_makes(spark: SparkSession, function: Callable[[Column], Column], expected: dict[str | None, object]) -> None:
    assert dict(zip(expected, found(spark, function, list(expected)), strict=True)) == expected


def test_text_and_codes_lose_the_blanks_around_them(spark: SparkSession) -> None:
    assert_makes(
        spark, standardise.text, {" a b\t": "a b", "\u00a0\u2003é😀\u3000": "é😀", " ": None, "": None, None: None}
    )
    assert_makes(spark, standardise.code, {" eur\n": "EUR", "x": "X", "\u2003": None, None: None})


def test_an_address_is_in_small_letters_and_has_one_at_and_a_name_with_a_dot(spark: SparkSession) -> None:
    assert_makes(spark, standardise.email, {" A.B@Example.ORG ": "a.b@example.org", "": None, None: None})
    good = {"a@b.c": True, "a.b+c@d-e.example.org": True}
    bad = ("a@b", "@b.c", "a@@b.c", "a b@c.d", "a@b..c", "a@.c", "a@b.c\n", "a@b.c.", "")
    assert_makes(spark, standardise.is_email, {**good, **dict.fromkeys(bad, False), None: None})


def test_a_whole_number_may_have_a_unit_and_nothing_else(spark: SparkSession) -> None:
    assert_makes(
        spark,
        standardise.whole_number,
        {
            "3": 3,
            " -2 ": -2,
            "3.0": 3,
            "3 pcs": 3,
            "+7": 7,
            "9223372036854775807": 9223372036854775807,
            **dict.fromkeys(("three", "3.5", "3 kg", "9223372036854775808", "1e3", "", "٣", "3 pcs\n3"), None),
            None: None,
        },
    )


@pytest.fixture
def in_tokyo(spark: SparkSession) -> Iterator[None]:
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    yield
    spark.conf.set("spark.sql.session.timeZone", "UTC")


@pytest.mark.usefixtures("in_tokyo")
def test_an_instant_has_its_own_zone_whatever_that_of_the_session(spark: SparkSession) -> None:
    def as_seconds(text: Column) -> Column:
        return F.unix_seconds(standardise.instant(text))

    noon = 1_767_265_200
    assert datetime.fromtimestamp(noon).astimezone().isoformat()  # 2026-01-01T11:00:00Z
    assert_makes(
        spark,
        as_seconds,
        {
            "2026-01-01T11:00:00Z": noon,
            "2026-01-01T12:00:00+01:00": noon,
            " 2026-01-01 11:00:00.9Z": noon,
            "0001-01-01T00:00:00Z": -62_135_596_800,
            "9999-12-31T23:59:59Z": 253_402_300_799,
            **dict.fromkeys(("2026-01-01T11:00:00", "0000-01-01T00:00:00Z", "11:00:00Z", "2026-02-30T00:00:00Z"), None),
            **dict.fromkeys(("10000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "now", "", None), None),
        },
    )


def test_euros_are_rounded_half_up_as_decimals_and_duckdb_are(spark: SparkSession) -> None:
    chance = random.Random(7)
    amounts = [Decimal(chance.randrange(-10_000_000, 10_000_000)) / 100 for _ in range(1500)]
    amounts += [Decimal(cents) / 100 for cents in range(-750, 750)]
    pairs = [(number, amount, chance.choice(list(RATES))) for number, amount in enumerate(amounts)]
    rows = spark.createDataFrame(pairs, "number INT, amount DECIMAL(12,2), currency STRING").orderBy("number")
    euros = [row[0] for row in rows.select(standardise.in_euro(F.col("amount"), F.col("currency"))).collect()]
    cent = Decimal("0.01")
    assert euros == [(amount * 1000 / RATES[code]).quantize(cent, ROUND_HALF_UP) for _, amount, code in pairs]
    formula = "CAST((2000 * c + sign(c) * rate) // (2 * rate) AS DECIMAL(16, 0)) * 0.01"
    values = ", ".join(f"({int(amount * 100)}::BIGINT, {RATES[code]}::BIGINT)" for _, amount, code in pairs)
    assert euros == [row[0] for row in duckdb.sql(f"SELECT {formula} FROM (VALUES {values}) AS t(c, rate)").fetchall()]


def test_an_unknown_currency_and_a_missing_amount_have_no_euros(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(Decimal(1), "XXX"), (None, "EUR"), (Decimal(1), None)], "a DECIMAL(12,2), c STRING")
    assert [row[0] for row in rows.select(standardise.in_euro(F.col("a"), F.col("c"))).collect()] == [None] * 3


def by_library(phone: str, country: str) -> str | None:
    """E.164 by the library, and what `phone` says besides: 00 is +, Britain's fiction counts, Egypt does not."""
    dialled = "+" + phone[2:] if phone.startswith("00") else phone
    try:
        number = phonenumbers.parse(dialled, country)
    except phonenumbers.NumberParseException:
        return None
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if number.country_code not in {phonenumbers.country_code_for_region(country) for country in CURRENCIES}:
        return None
    return text if phonenumbers.is_valid_number(number) or text.startswith("+447700900") else None


def notations() -> Iterator[tuple[str, str]]:
    """Numbers of all countries and kinds, as people write them, some of them damaged."""
    chance = random.Random(11)
    for country in CURRENCIES:
        for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
            number = phonenumbers.example_number_for_type(country, kind)
            for style in vars(phonenumbers.PhoneNumberFormat).values():
                if isinstance(style, int) and style != phonenumbers.PhoneNumberFormat.RFC3966:
                    text = phonenumbers.format_number(number, style)
                    yield text, country
                    yield text.replace("+", "00"), country
                    yield f" ({text}) ".replace("(+", "+").replace(") ", ""), country
                    position = chance.randrange(len(text))
                    if text[position].isdigit():
                        yield text[:position] + text[position + 1 :], country


def test_phone_numbers_are_what_the_library_of_phone_numbers_makes_of_them(spark: SparkSession) -> None:
    texts = [(text, PHONE_COUNTRIES[index // (PHONE_RANGE * STYLES)]) for index, text in enumerate(PHONES)]
    texts += [(text, country) for text in INVALID_PHONES for country in CURRENCIES]
    texts += list(notations())
    rows = spark.createDataFrame([(n, *pair) for n, pair in enumerate(texts)], "n INT, phone STRING, country STRING")
    numbers = rows.orderBy("n").select(standardise.phone(F.col("phone"), F.col("country"))).collect()
    wrong = {
        pair: (row[0], by_library(*pair))
        for pair, row in zip(texts, numbers, strict=True)
        if row[0] != by_library(*pair)
    }
    assert wrong == {}


def test_phone_numbers_without_a_country_and_with_strange_signs(spark: SparkSession) -> None:
    assert_makes(
        spark,
        lambda text: standardise.phone(text, F.lit("XX")),
        {
            "+44 7700 900123": "+447700900123",
            "+44 (0)7700 900123": "+447700900123",
            "0049 30 23125000": "+493023125000",
            **dict.fromkeys(("07700 900123", "+44", "+", "😀", "+44 7700 900123 ext. 5", "", None), None),
        },
    )
