"""The customers: who they are, what is wrong with their data, and how a row of the CRM is written."""

import itertools
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.reference import SEGMENTS
from lakehouse.sources import values
from lakehouse.sources.columns import DAY, Arrays, blank, dates, day_number, ids, instants, instead, words
from lakehouse.sources.declarations import LOAD_DATE
from lakehouse.sources.draws import Dice, Ints, Mask

NOT_ENDED = 0
BORN_TOO_EARLY, BORN_TOO_LATE = (day_number(date(1800, 1, 1)), day_number(date(2099, 12, 31)))
# Where a row's defect is noted, and what the codes 1, 2, ... there mean.
DEFECTS: dict[str, tuple[str, ...]] = {
    "phone_defect": ("missing_phone", "invalid_phone"),
    "country_defect": ("unknown_country",),
    "birth_date_defect": ("impossible_birth_date",),
    "email_defect": ("null_email", "invalid_email", "untidy_email", "double_account"),
}
NULL_EMAIL, INVALID_EMAIL, UNTIDY_EMAIL, DOUBLE_ACCOUNT = 1, 2, 3, 4
MISSING_PHONE, INVALID_PHONE = 1, 2

_GIVEN = tuple(given for country in values.COUNTRIES for given in country.given)
_FAMILY = tuple(family for country in values.COUNTRIES for family in country.family)
_CITIES = tuple(city for country in values.COUNTRIES for city in country.cities)
_WEIGHTS = np.array([country.weight for country in values.COUNTRIES])
_FAMILY_FIRST = np.array([country.family_first for country in values.COUNTRIES])


def _starts(lengths: list[int]) -> tuple[Ints, Ints]:
    """Where each country's values begin in the joined list, and how many there are."""
    begins = [0, *itertools.accumulate(lengths)][:-1]
    return np.array(begins, np.int64), np.array(lengths, np.int64)


_GIVEN_START, _GIVEN_COUNT = _starts([len(country.given) for country in values.COUNTRIES])
_FAMILY_START, _FAMILY_COUNT = _starts([len(country.family) for country in values.COUNTRIES])
_CITY_START, _CITY_COUNT = _starts([len(country.cities) for country in values.COUNTRIES])
_PHONE_PLAN = np.array(
    [
        values.PHONE_COUNTRIES.index(country.code) if country.code in values.PHONE_COUNTRIES else -1
        for country in values.COUNTRIES
    ],
    np.int64,
)


def _of_country(dice: Dice, country: Ints, starts: Ints, counts: Ints) -> Ints:
    return starts[country] + dice.below(len(country), counts[country])


def phones(dice: Dice, country: Ints) -> Ints:
    """A telephone number for each customer. Only those of a country with its own range write it the national way."""
    n = len(country)
    own = _PHONE_PLAN[country]
    plan = np.where(own >= 0, own, dice.below(n, len(values.PHONE_COUNTRIES)))
    style = dice.below(n, np.where(own >= 0, values.STYLES, values.INTERNATIONAL_STYLES))
    return (plan * values.STYLES + style) * values.PHONE_RANGE + dice.below(n, values.PHONE_RANGE)


def other_cities(dice: Dice, country: Ints, city: Ints) -> Ints:
    """Another city of the same country for each customer."""
    start, count = _CITY_START[country], _CITY_COUNT[country]
    return start + (city - start + 1 + dice.below(len(city), count - 1)) % count


def draw_people(dice: Dice, first: int, n: int) -> Arrays:
    """`n` customers, numbered from `first`, as they are when they sign up: parallel arrays of whole numbers."""
    country = dice.pick(n, _WEIGHTS)
    load = day_number(LOAD_DATE)
    # Six in ten were there before 2025, the others signed up during the year.
    age = np.where(dice.uniform(n) < 0.6, 365 + dice.below(n, 1400), 1 + dice.below(n, 365))
    return {
        "number": np.arange(first, first + n, dtype=np.int64),
        "country": country,
        "given": _of_country(dice, country, _GIVEN_START, _GIVEN_COUNT),
        "family": _of_country(dice, country, _FAMILY_START, _FAMILY_COUNT),
        "city": _of_country(dice, country, _CITY_START, _CITY_COUNT),
        "phone": phones(dice, country),
        "domain": dice.below(n, len(values.DOMAINS)),
        "mailbox": np.arange(first, first + n, dtype=np.int64),
        "segment": dice.pick(n, np.array(values.SEGMENT_WEIGHTS)),
        "consent": (dice.uniform(n) < 0.55).astype(np.int64),
        "born": load - 6600 - dice.below(n, 21_000),
        "signed_up": load - age,
        "ended": np.full(n, NOT_ENDED, np.int64),
        "updated": (load - age) * DAY + 28_800 + dice.below(n, 36_000),
        **{name: np.zeros(n, np.int64) for name in DEFECTS},
    }


def plant(people: Arrays, counts: dict[str, int], dice: Dice) -> None:
    """Mark the rows that get a defect, each as often as `counts` says by the defect's name."""
    for column, names in DEFECTS.items():
        for code, name in enumerate(names, start=1):
            alone = is_clean(people) if name == "double_account" else people[column] == 0
            people[column][dice.among(alone, counts.get(name, 0))] = code
    doubles = np.flatnonzero(people["email_defect"] == DOUBLE_ACCOUNT)
    originals = dice.among(is_clean(people), len(doubles))
    for column in ("given", "family", "born", "domain", "mailbox", "country", "city", "phone"):
        people[column][doubles] = people[column][originals]


def is_clean(people: Arrays) -> Mask:
    """Where a customer has no planted defect."""
    clean: Mask = np.logical_and.reduce([people[name] == 0 for name in DEFECTS])
    return clean


def _names(people: Arrays) -> pa.Array:
    given = words([name for name, _ in _GIVEN], people["given"])
    family = words([name for name, _ in _FAMILY], people["family"])
    usual = pc.binary_join_element_wise(given, family, " ")
    return instead(usual, _FAMILY_FIRST[people["country"]], pc.binary_join_element_wise(family, given, " "))


def _emails(people: Arrays) -> pa.Array:
    given = words([plain for _, plain in _GIVEN], people["given"])
    family = words([plain for _, plain in _FAMILY], people["family"])
    number = pa.array(people["mailbox"]).cast(pa.string())
    local = pc.binary_join_element_wise(given, ".", family, number, "")
    domain = words(values.DOMAINS, people["domain"])
    defect = people["email_defect"]
    plain = pc.binary_join_element_wise(local, domain, "@")
    no_at = pc.binary_join_element_wise(local, domain, ".")
    no_domain = pc.binary_join_element_wise(local, "", "@")
    invalid = instead(no_at, people["number"] % 2 == 0, no_domain)
    untidy = pc.binary_join_element_wise("", pc.utf8_upper(plain), "", " ")
    texts = instead(plain, defect == INVALID_EMAIL, invalid)
    return blank(instead(texts, defect == UNTIDY_EMAIL, untidy), defect == NULL_EMAIL)


def _phones(people: Arrays) -> pa.Array:
    defect = people["phone_defect"]
    invalid = words(values.INVALID_PHONES, people["number"] % len(values.INVALID_PHONES))
    texts = instead(words(values.PHONES, people["phone"]), defect == INVALID_PHONE, invalid)
    return blank(texts, defect == MISSING_PHONE)


def _birth_dates(people: Arrays) -> pa.Array:
    impossible = np.where(people["number"] % 2 == 0, BORN_TOO_EARLY, BORN_TOO_LATE)
    return dates(np.where(people["birth_date_defect"] > 0, impossible, people["born"]))


def customer_columns(people: Arrays) -> dict[str, pa.Array]:
    """The columns of the table `customers` for these customers, as the CRM shows them."""
    country = words([country.code for country in values.COUNTRIES], people["country"])
    return {
        "customer_id": ids("C", people["number"], 7),
        "name": _names(people),
        "email": _emails(people),
        "phone": _phones(people),
        "city": words(_CITIES, people["city"]),
        "country": instead(country, people["country_defect"] > 0, "XX"),
        "segment": words(SEGMENTS, people["segment"]),
        "marketing_consent": pa.array(people["consent"] == 1),
        "birth_date": _birth_dates(people),
        "signed_up_on": dates(people["signed_up"]),
        "ended_on": dates(people["ended"], people["ended"] == NOT_ENDED),
        "updated_at": instants(people["updated"]),
    }
