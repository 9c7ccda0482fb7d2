"""What sources and platform know of each other: where the sources answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Addresses:
    """Where the three source systems answer: all that a pipeline needs to read from them.

    `crm_url` and `crm_properties` (user, password, driver) are for JDBC, and `catalogue_url` is an HTTP address.
    Payments come two ways: as files into the folder `landing`, and as the events of the log at `wallet_url`.
    """

    crm_url: str
    crm_properties: Mapping[str, str] = field(repr=False)
    catalogue_url: str
    landing: str
    wallet_url: str
