"""What the shop's systems and its platform agree on: the codes that stand in their columns."""

# The countries that the shop sells to, and the currency of each.
CURRENCIES = {
    "DE": "EUR",
    "FR": "EUR",
    "ES": "EUR",
    "GR": "EUR",
    "PL": "PLN",
    "SE": "SEK",
    "GB": "GBP",
    "US": "USD",
    "JP": "JPY",
    "UA": "UAH",
}
# What one euro buys, in thousandths: fixed, so that a sum in euros can be recomputed.
RATES = {"EUR": 1000, "GBP": 850, "USD": 1100, "PLN": 4300, "SEK": 11200, "JPY": 160000, "UAH": 45000}

OPERATIONS = ("insert", "update", "delete")
SEGMENTS = ("occasional", "regular", "business")
CATEGORIES = ("kitchen", "garden", "office", "outdoor", "books", "toys", "clothing", "electronics")
CHANNELS = ("online", "store")
PAYMENT_METHODS = ("card", "wallet", "invoice", "cash")
