"""The CRM day by day: the customers as they stand, and the feed of their changes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lakehouse.reference import OPERATIONS
from lakehouse.sources import people, values
from lakehouse.sources.columns import DAY, Arrays, blank, business_date, stack, take, words
from lakehouse.sources.declarations import LAST_DAY
from lakehouse.sources.draws import Dice, Ints, Mask, Stream, portion
from lakehouse.sources.history import History, simulate
from lakehouse.sources.people import NOT_ENDED
from lakehouse.sources.plan import Plan

INSERT, UPDATE, DELETE = 0, 1, 2
PLAIN, TIE, OUT_OF_ORDER, LATE, NO_CHANGE, DUPLICATE = range(6)
ROLES = {TIE: "tie", OUT_OF_ORDER: "out_of_order", LATE: "late", NO_CHANGE: "no_change", DUPLICATE: "duplicate"}
PAIRED = (TIE, OUT_OF_ORDER, LATE)
MORNING, WORKING_DAY = 28_800, 36_000
CHANGES_A_DAY = 1_000_000
NEVER = LAST_DAY + 1


@dataclass
class Members:
    """One piece of the customers of day 0: who they are, their year, and on which day each is erased."""

    people: Arrays
    history: History
    erased: Ints


def members(plan: Plan, piece: int) -> Members:
    """The customers of one piece as the CRM holds them on day 0."""
    first, beyond = plan.first_customer(piece), plan.first_customer(piece + 1)
    crowd = people.draw_people(Dice(plan.seed, Stream.PEOPLE, piece), first + 1, beyond - first)
    history = simulate(plan, Dice(plan.seed, Stream.HISTORY, piece), crowd)
    counts = plan.piece_counts("customers", 0, piece)
    people.plant(crowd, counts, Dice(plan.seed, Stream.PEOPLE_DEFECTS, piece))
    return Members(crowd, history, _erasures(plan, piece, crowd))


def _erasures(plan: Plan, piece: int, crowd: Arrays) -> Ints:
    """The day on which each customer is erased: former members first, in an order fixed for good."""
    order = Dice(plan.seed, Stream.ERASURES, piece).order(len(crowd["number"]))
    order = order[np.argsort(crowd["ended"][order] == NOT_ENDED, kind="stable")]
    erased = np.full(len(order), NEVER, np.int64)
    a_day = plan.piece_counts("customer_changes", 1, piece)["deleted"]
    for day in range(1, NEVER):
        erased[order[(day - 1) * a_day : day * a_day]] = day
    return erased


def newcomers(plan: Plan, day: int) -> Arrays:
    """The customers who sign up on the date that a day delivers."""
    counts = plan.counts("customer_changes", day)
    n = counts["new"]
    dice = Dice(plan.seed, Stream.NEWCOMERS, day)
    crowd = people.draw_people(dice, first_newcomer(plan, day), n)
    crowd["signed_up"] = np.full(n, business_date(day), np.int64)
    crowd["updated"] = business_date(day) * DAY + MORNING + dice.below(n, WORKING_DAY)
    people.plant(crowd, counts, dice)
    return crowd


def first_newcomer(plan: Plan, day: int) -> int:
    """The number of the first customer who signs up on the date that a day delivers."""
    return plan.customers + (day - 1) * plan.counts("customer_changes", 1)["new"] + 1


def customers(plan: Plan, day: int) -> Iterator[Arrays]:
    """The customers whom the CRM holds at the end of a day, a piece at a time."""
    for piece in range(plan.pieces):
        crowd = members(plan, piece)
        for earlier in range(1, day + 1):
            _update(plan, piece, earlier, crowd)
        yield take(crowd.people, crowd.erased > day)
    for earlier in range(1, day + 1):
        yield newcomers(plan, earlier)


def changes(plan: Plan, day: int) -> Arrays:
    """The change feed of a day in the order of its delivery, with `change`, `operation` and `role`."""
    yesterday, today = _recorded(plan, day)
    held_back = (today["role"] == LATE) & (today["step"] == 0)
    late = take(yesterday, (yesterday["role"] == LATE) & (yesterday["step"] == 0))
    on_time = take(today, ~held_back)
    again = take(on_time, on_time["role"] == DUPLICATE)
    n = len(on_time["number"])
    dice = Dice(plan.seed, Stream.DELIVERY, day)
    position = np.concatenate(
        [_swapped(on_time), dice.uniform(len(late["number"])) * n, n + np.arange(len(again["number"]))]
    )
    return take(stack([on_time, late, again]), np.argsort(position, kind="stable"))


def _swapped(rows: Arrays) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The places of rows in order of time, except that the older of an out-of-order pair comes after the newer."""
    position = np.arange(len(rows["number"]), dtype=np.float64)
    pair = np.flatnonzero(rows["role"] == OUT_OF_ORDER)
    pair = pair[np.argsort(rows["number"][pair], kind="stable")]
    position[pair[0::2]] = position[pair[1::2]] + 0.5
    return position


def _recorded(plan: Plan, day: int) -> tuple[Arrays, Arrays]:
    """All changes of the date before and of the date that a day delivers, numbered in order of time."""
    parts: tuple[list[Arrays], list[Arrays]] = ([], [])
    for piece in range(plan.pieces):
        crowd = members(plan, piece)
        for earlier in range(1, day + 1):
            steps = _update(plan, piece, earlier, crowd)
            if earlier >= day - 1:
                gone = take(crowd.people, crowd.erased == earlier)
                parts[earlier == day].extend([*steps, _erase(plan, piece, earlier, gone)])
    for earlier in (day - 1, day):
        if earlier > 0:
            parts[earlier == day].append(_mark(newcomers(plan, earlier), INSERT, PLAIN, 0))
    today = _number(stack(parts[1]), day)
    yesterday = _number(stack(parts[0]), day - 1) if parts[0] else take(today, np.zeros(0, np.int64))
    return yesterday, today


def _number(rows: Arrays, day: int) -> Arrays:
    order = np.lexsort((rows["step"], rows["number"], rows["updated"]))
    return {**take(rows, order), "change": day * CHANGES_A_DAY + 1 + np.arange(len(order), dtype=np.int64)}


def _mark(rows: Arrays, operation: int, role: int | Ints, step: int) -> Arrays:
    n = len(rows["number"])
    return {
        **rows,
        "operation": np.full(n, operation, np.int64),
        "role": np.broadcast_to(np.asarray(role, np.int64), (n,)),
        "step": np.full(n, step, np.int64),
    }


def _erase(plan: Plan, piece: int, day: int, gone: Arrays) -> Arrays:
    dice = Dice(plan.seed, Stream.ERASURES, piece, day)
    n = len(gone["number"])
    return _mark({**gone, "updated": business_date(day) * DAY + MORNING + dice.below(n, WORKING_DAY)}, DELETE, PLAIN, 0)


def _update(plan: Plan, piece: int, day: int, crowd: Members) -> list[Arrays]:
    """Apply one date's updates to a piece. Returns the rows as they are after each customer's first and second one."""
    dice = Dice(plan.seed, Stream.UPDATES, piece, day)
    eligible = people.is_clean(crowd.people) & ~crowd.history.gone & (crowd.erased > day)
    n = portion(plan.counts("customer_changes", day)["updated"], piece, plan.pieces)
    chosen, role = dice.among(eligible, n), _roles(plan, piece, day, n)
    morning = business_date(day) * DAY + MORNING
    when = morning + dice.below(n, WORKING_DAY // 2)
    kind = np.where(role == NO_CHANGE, len(_EDITS), dice.below(n, len(_EDITS)))
    first = _apply(crowd.people, chosen, when, kind, role, 0, dice)
    paired = np.isin(role, PAIRED)
    later = when[paired] + np.where(role[paired] == TIE, 0, 600 + dice.below(int(paired.sum()), WORKING_DAY // 2))
    second = _apply(crowd.people, chosen[paired], later, (kind[paired] + 1) % len(_EDITS), role[paired], 1, dice)
    return [first, second]


def _roles(plan: Plan, piece: int, day: int, n: int) -> Ints:
    """What is peculiar about each of a piece's `n` updates; a late one is delivered, and counted, a day later."""
    role = np.full(n, PLAIN, np.int64)
    start = 0
    for code, name in ROLES.items():
        counted_on = day + 1 if code == LATE else day
        count = plan.piece_counts("customer_changes", counted_on, piece)[name]
        role[start : start + count] = code
        start += count
    return role


def _apply(crowd: Arrays, rows: Ints, when: Ints, kind: Ints, role: Ints, step: int, dice: Dice) -> Arrays:
    for number, edit in enumerate(_EDITS):
        edit(crowd, rows[kind == number], dice)
    crowd["updated"][rows] = when
    return _mark(take(crowd, rows), UPDATE, role, step)


def _move(crowd: Arrays, rows: Ints, dice: Dice) -> None:
    crowd["city"][rows] = people.other_cities(dice, crowd["country"][rows], crowd["city"][rows])


def _new_phone(crowd: Arrays, rows: Ints, dice: Dice) -> None:
    size = values.PHONE_RANGE
    phone = crowd["phone"][rows]
    crowd["phone"][rows] = phone // size * size + (phone % size + 1 + dice.below(len(rows), size - 1)) % size


def _new_email(crowd: Arrays, rows: Ints, dice: Dice) -> None:
    crowd["mailbox"][rows] += 10_000_000


def _new_consent(crowd: Arrays, rows: Ints, dice: Dice) -> None:
    crowd["consent"][rows] = 1 - crowd["consent"][rows]


_EDITS = (_move, _new_phone, _new_email, _new_consent)


def change_columns(rows: Arrays) -> dict[str, pa.Array]:
    """The columns of the table `customer_changes` for these changes."""
    erased: Mask = rows["operation"] == DELETE
    columns = people.customer_columns(rows)
    kept = ("customer_id", "updated_at")
    return {
        "change_id": pa.array(rows["change"]),
        "operation": words(OPERATIONS, rows["operation"]),
        **{name: values if name in kept else blank(values, erased) for name, values in columns.items()},
    }
