"""What the API answers, as declared models: the same that `/openapi.json` describes.

Amounts are euros, written as text, so that no client rounds them; days are days of UTC.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Data = TypeVar("Data")
Tier = Literal["platinum", "gold", "silver", "bronze"]
Period = Literal["day", "week", "month", "quarter", "year"]
Dimension = Literal["none", "channel"]
Risk = Literal["high", "medium", "low", "left"]
Severity = Literal["warn", "drop", "fail"]
Outcome = Literal["pass", "fail", "no data"]
Probability = Annotated[float, Field(ge=0, le=1)]
# Far more than any customer has, and small enough for the single precision that some models compute with.
LARGEST = 1e9
Feature = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]


class Strict(BaseModel):
    """A model that takes no field that it does not declare."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Source(Strict):
    """Where an answer comes from: one release, the tables at their versions, the model where one was used."""

    release: int
    published_at: datetime
    tables: dict[str, int] = Field(description="The version of each Delta table that the answer comes from.")
    model_version: int | None = Field(None, description="The version of the registered model, where one was used.")


class One(Strict, Generic[Data]):
    """An answer about one thing."""

    data: Data
    source: Source


class Page(Strict, Generic[Data]):
    """A part of a list; `next` is the cursor of the part behind it, null at the end."""

    data: list[Data]
    next: str | None
    source: Source


class Customer(Strict):
    """What the shop knows of a customer."""

    customer_id: str
    name: str | None
    email: str | None
    phone: str | None
    city: str | None
    country: str | None
    segment: str | None
    marketing_consent: bool | None
    signed_up_on: date | None
    ended_on: date | None
    orders: int
    lines: int
    revenue_eur: Decimal
    online_revenue_eur: Decimal
    average_order_eur: Decimal | None = Field(description="Null without orders.")
    first_ordered_on: date | None
    last_ordered_on: date | None
    tier: Tier


class Product(Strict):
    """A product of the catalogue, and how it sells."""

    product_id: str
    name: str | None
    category: str | None
    unit_price: Decimal | None = Field(description="Today's price.")
    discontinued_on: date | None
    orders: int
    lines: int
    units: int
    revenue_eur: Decimal
    first_sold_on: date | None
    last_sold_on: date | None


class Sales(Strict):
    """The sales of a whole period, of all channels or of one."""

    period: Period
    starts_on: date = Field(description="The first day of the period; weeks begin on Monday.")
    channel: str | None = Field(description="Null for all channels together.")
    orders: int
    lines: int
    units: int
    revenue_eur: Decimal


class Suggestion(Strict):
    """A product to show beside another."""

    product_id: str
    name: str | None
    category: str | None
    unit_price: Decimal | None


class BoughtTogether(Suggestion):
    """A product that is bought together with another."""

    orders: int = Field(description="Orders that have both.")
    support: float = Field(description="Their share of all orders.")
    confidence: float = Field(description="Their share of the orders that have the product asked for.")
    lift: float = Field(description="How many times more often than by chance; more than 1 means they go together.")


class Recommendation(Suggestion):
    """A product to show to a customer, and why."""

    rank: int = Field(description="The lowest comes first.")
    reason: Literal["bought_together", "popular_in_segment"]
    because_of: str | None = Field(description="What the customer bought, and it is bought together with.")
    support: float | None
    lift: float | None


class Features(Strict):
    """What the model is told of a customer, as of a day: the sums of the 7, 30 and 90 days before."""

    recency_days: Feature
    purchases_7: Feature
    purchases_30: Feature
    purchases_90: Feature
    value_7: Feature
    value_30: Feature
    value_90: Feature
    purchases_trend: Feature
    value_trend: Feature


class Churn(Strict):
    """The stored prediction of a customer: how likely it is that they buy no more."""

    customer_id: str
    as_of: date = Field(description="The day up to which the model knew.")
    probability: Probability
    risk: Risk = Field(description="`left` where the customer has ended their account.")
    features: Features | None = Field(description="What the model was told; null where it is no longer there.")


class Questions(Strict):
    """Features to predict from, one to a hundred rows."""

    rows: list[Features] = Field(min_length=1, max_length=100)


class Answered(Strict):
    """The probability of churn of each row that was asked, in their order."""

    probabilities: list[Probability]


class RuleVerdict(Strict):
    """What a rule said of what had come last, before it was published."""

    rule: str
    table: str = Field(description="The table, or the source, that the rule is about.")
    kind: str
    severity: Severity = Field(description="`warn` is told, `drop` quarantines rows, `fail` ends the run besides.")
    owner: str = Field(description="Who is asked.")
    since: date = Field(description="The day from which it is demanded.")
    meaning: str
    verdict: Outcome
    rows: int = Field(description="How many rows were looked at.")
    value: float | None = Field(description="What was measured, in `unit`; null where there was nothing to measure.")
    unit: str = Field(description="`share` for the part of the rows, 0 to 1, that breaks the rule.")
    low: float | None = Field(description="The least that the value may be; null for no limit.")
    high: float | None = Field(description="The most that the value may be; null for no limit.")
    trend: list[float] = Field(description="The last ten values, the newest last.")
    measured_at: datetime


class Health(Strict):
    """Whether the server works, and what is wrong."""

    status: Literal["ok", "starting", "degraded"]
    problem: str | None = Field(description="What is wrong and what cures it; null where nothing is.")
    release: int | None = Field(description="The release that is shown; null where there is none yet.")
    published_at: datetime | None
    model_version: int | None


class Ready(Strict):
    """The server has data to answer with."""

    release: int


class Fault(Strict):
    """A value of the request that does not fit."""

    place: str = Field(description="Where it is, such as `query.limit`.")
    fault: str


class Problem(Strict):
    """Problem details, as RFC 9457 has them."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    request_id: str
    errors: list[Fault] | None = None
