"""One notation of each kind of value, from text as people and systems write it.

Each function takes columns and gives a column, made of Spark's own functions. What cannot be read becomes NULL, under
ANSI mode too: none of them raises. White space around a text, of all kinds that Unicode knows, never counts.
"""

import sys
from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse.reference import RATES
from lakehouse.silver import phones

BLANKS = "".join(filter(str.isspace, map(chr, range(sys.maxunicode))))
EURO = "DECIMAL(14,2)"

# Local part, @ and two or more labels. \z because $ would also match before a last line break.
_EMAIL = r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+\z"
_WHOLE_NUMBER = r"^([+-]?\d+)(?:\.0+)?\s*(?:pcs)?\z"
# Spark would also read an instant without a zone, in that of the session, and a time without a date, as today's.
_INSTANT = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)\z"


def text(text: Column) -> Column:
    """The text without white space around it; blank becomes NULL.

    It is left in the Unicode normal form it has: an é of one character is not equal to one of e and an accent.
    """
    return F.nullif(_trimmed(text), F.lit(""))


def code(text: Column) -> Column:
    """A code, as of a currency or a country, in capitals; blank becomes NULL. Whether it exists is not judged."""
    return F.nullif(F.upper(_trimmed(text)), F.lit(""))


def email(text: Column) -> Column:
    """An e-mail address in small letters; blank becomes NULL. Whether it is one is for `is_email` to judge."""
    return F.nullif(F.lower(_trimmed(text)), F.lit(""))


def is_email(text: Column) -> Column:
    """Whether the text has the form of an address: one @, something before it, and behind it a name with a dot.

    NULL of NULL. Not checked: which characters and lengths are allowed, and whether the domain and the mailbox exist.
    An address with a quoted local part, such as "a b"@example.org, is allowed by the standard and refused here.
    """
    return text.rlike(_EMAIL)


def phone(text: Column, country: Column) -> Column:
    """The telephone number as E.164, such as +447700900123, as somebody in that country would dial it; else NULL.

    It is what `phonenumbers` makes of it, if that calls it valid, or Britain keeps it for fiction. 00 before a calling
    code counts as + in every country. A country that the shop does not sell to, or NULL, leaves the international
    forms.

    Narrower than the library: only calling codes of the shop's countries; no letters, so no extensions and no words for
    digits, and nothing else around the number; digits of ASCII or of full width; one + only. A calling code without +
    or 00, as in 49 30 23125000, counts only if it is the customer's own, and a national prefix only once.
    """
    own = F.coalesce(_lookup(phones.calling_codes(), country), F.lit("0"))
    typed = F.translate(_trimmed(text), phones.WIDE + phones.PUNCTUATION, phones.NARROW)
    number = F.regexp_replace(F.concat_ws("|", own, typed), phones.dialled_before(), "")
    number = F.regexp_replace(number, phones.national_prefix(), "")
    return F.concat(F.lit("+"), F.regexp_substr(number, F.lit(phones.valid())))


def whole_number(text: Column) -> Column:
    """BIGINT from text such as "3", "-2", "3.0" or "3 pcs"; NULL for a fraction, a word, another unit, or too large."""
    return F.regexp_extract(_trimmed(text), _WHOLE_NUMBER, 1).try_cast("bigint")


def instant(text: Column) -> Column:
    """TIMESTAMP from ISO 8601 text with seconds and its zone, such as 2026-01-01T10:00:00+01:00; otherwise NULL.

    Without a zone it is NULL, so the zone of the session makes no difference. So is an instant that is not, in UTC, in
    the years 0001 to 9999. Of a fraction of a second the first six digits count.
    """
    trimmed = _trimmed(text)
    read = F.when(trimmed.rlike(_INSTANT), trimmed.try_cast("timestamp"))
    first, last = (F.lit(f"{day}Z").cast("timestamp") for day in ("0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"))
    return F.when(read.between(first, last), read)


def in_euro(amount: Column, currency: Column) -> Column:
    """The amount in euros as DECIMAL(14,2), rounded half up (away from zero); NULL for an unknown currency.

    Exact, although Spark rounds twice, at 13 decimals and at 2: what a rate makes of a whole number of cents is either
    half a cent off, or differs from that by more than 0.00000003. An amount or result too large is NULL.

    DuckDB's division of decimals is one of doubles. In whole numbers it gives the same, with `c` the cents and `rate`
    as in `RATES`: CAST((2000 * c + sign(c) * rate) // (2 * rate) AS DECIMAL(16, 0)) * 0.01
    """
    thousandths = amount.try_cast(EURO) * F.lit(1000)
    return F.round(thousandths / _lookup(RATES, currency), 2).try_cast(EURO)


def _trimmed(text: Column) -> Column:
    return F.trim(text, F.lit(BLANKS))


def _lookup(values: Mapping[str, str | int], key: Column) -> Column:
    """The value of the key, NULL where there is none: a map that Spark computes once, when it plans."""
    return F.create_map(*(F.lit(part) for pair in values.items() for part in pair))[key]
