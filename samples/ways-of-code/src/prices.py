"""What things cost."""


def total(price: int, count: int) -> int:
    """What so many cost together."""
    return price * count


def tell(price: int, count: int) -> None:
    """Prints it."""
    print(f"called: {total(price, count)}")
