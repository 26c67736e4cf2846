"""Prints the catalogue as a table, the dearest first."""

from catalog import PRICES
from tabulate import tabulate


def table() -> str:
    """A header and a line for each thing."""
    return tabulate(sorted(PRICES.items(), key=lambda item: -item[1]), headers=["name", "price"])


if __name__ == "__main__":
    print(table())
