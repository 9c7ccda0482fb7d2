"""The rules of the library `phonenumbers` as three regular expressions, each for the numbers of all countries at once.

They stand on a number in one line: the calling code of the customer's country, a bar, and what was typed in, such as
`44|07700900123` or `49|+447700900123`. As literals they are compiled once a task; a pattern for each country, looked up
row by row, would be compiled whenever the country changes. They come from the metadata of the library that is installed
where the query is made, and use what only Java's regular expressions have: lookaround and atomic groups.
"""

from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberDesc

from lakehouse.reference import CURRENCIES

# What the library skips within a number, except x and the tildes, which may also begin an extension.
PUNCTUATION = " \u00a0\u00ad\u200b\u2060\u3000()[]./-‐‑‒–—―−ー（）［］．／－"
WIDE, NARROW = "０１２３４５６７８９＋", "0123456789+"

# Britain keeps 07700 900000 to 900999 for fiction: no one's numbers, so the library has them in no range.
_FICTION = {"44": [r"7700900\d{3}"]}
_KINDS = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("personal_number", "voip", "pager", "uan", "voicemail"),
)


@cache
def calling_codes() -> dict[str, str]:
    """The calling code of each country of the shop, such as 44 of GB."""
    return {country: str(_rules(country).country_code) for country in CURRENCIES}


@cache
def dialled_before() -> str:
    """What stands before the calling code: +, the prefix for calls abroad, or the customer's own code and the bar.

    00 counts everywhere, although Americans dial 011 and the Japanese 010: none of their numbers begins with 00 and one
    of these calling codes. Somebody's own calling code may stand alone where the text is no number without it.
    """
    codes = calling_codes()
    any_code = f"(?={'|'.join(codes.values())})"
    abroad = {code: _rules(country).international_prefix for country, code in codes.items()}
    ways = [rf"\d+\|(?:\+|\+?00){any_code}"]
    ways += [rf"{code}\|\+?{prefix}{any_code}" for code, prefix in abroad.items() if prefix != "00"]
    ways += [rf"{code}\|(?={code})(?!{_possible(country)})" for country, code in codes.items()]
    return rf"^(?:{'|'.join(ways)})|\|"


@cache
def national_prefix() -> str:
    """What is dialled only within the country, such as the 0 of +44 (0)7700 900123, where a number is left without."""
    ways = []
    for country, code in calling_codes().items():
        if prefix := _rules(country).national_prefix_for_parsing:
            shortest = min(_general(country).possible_length)
            ways.append(rf"(?<=^{code})(?>{prefix})(?=\d{{{shortest}}})(?={_possible(country)})")
    return "|".join(ways)


@cache
def valid() -> str:
    """A calling code and a number that is valid in a country of this code, or kept for fiction."""
    numbers = [f"{code}(?={_possible(country)})(?:{_valid(code)})" for country, code in calling_codes().items()]
    return rf"^(?:{'|'.join(numbers)})\z"


def _rules(country: str) -> PhoneMetadata:
    rules = PhoneMetadata.metadata_for_region(country)
    assert rules is not None
    return rules


def _general(country: str) -> PhoneNumberDesc:
    general = _rules(country).general_desc
    assert general is not None
    return general


def _possible(country: str) -> str:
    """All that could be a number in the country, to the end of the text."""
    return rf"(?:{_general(country).national_number_pattern})\z"


def _valid(code: str) -> str:
    """The numbers of each kind, in all countries that share the calling code."""
    countries = [_rules(country) for country in COUNTRY_CODE_TO_REGION_CODE[int(code)]]
    kinds = [getattr(rules, kind) for rules in countries for kind in _KINDS]
    patterns = [kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern]
    return "|".join(dict.fromkeys([*patterns, *_FICTION.get(code, [])]))
