"""Alerts that neither cry for every wobble nor flap: raised late, and cleared later."""

from collections.abc import Iterable

from lakehouse.quality.thresholds import Verdict


def alerts(verdicts: Iterable[Verdict], raise_after: int = 2, clear_after: int = 3) -> list[bool]:
    """Whether the alert is on after each verdict, the earliest first.

    It is raised by so many failures in a row, and cleared by so many passes in a row (hysteresis). What has no data is
    neither: the count goes on where it stood.
    """
    found, on, against = [], False, 0
    for verdict in verdicts:
        if verdict != "no data":
            against = against + 1 if (verdict == "fail") != on else 0
            if against >= (clear_after if on else raise_after):
                on, against = not on, 0
        found.append(on)
    return found
