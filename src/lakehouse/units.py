"""Values that a rule measures, and what they may be, as text: the same in a sentence, in the report and on a page."""


def shown(value: float | None, unit: str) -> str:
    """A value with its unit; a `share` in percent."""
    if value is None:
        return "no data"
    return f"{100 * value:.2f} %" if unit == "share" else f"{value:,.4g} {unit}"


def limits(low: float | None, high: float | None, unit: str) -> str:
    """What a value may be: "at least … and at most …", "anything" without limits."""
    ends = {"at least": low, "at most": high}
    return " and ".join(f"{word} {shown(end, unit)}" for word, end in ends.items() if end is not None) or "anything"
