"""shop-price PRICE COUNT"""

import sys


def main() -> None:
    """The command of the package."""
    price, count = map(int, sys.argv[1:])
    print(f"installed: {price * count}")
