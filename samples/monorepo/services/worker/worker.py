"""Adds an order up: worker.py NAME..."""

import sys

from catalog import price


def bill(names: list[str]) -> str:
    """One line for an order."""
    return f"worker: {' and '.join(names)} cost {price(names)}"


if __name__ == "__main__":
    print(bill(sys.argv[1:]))
