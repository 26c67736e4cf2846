"""The figures of a region."""

FIGURES = {
    "eu": {"Ghent": 31, "Malmö": 12, "Porto": 25, "Turku": 18},
    "us": {"Akron": 14, "Boise": 22},
}


def best(region: str, limit: int) -> list[tuple[str, int]]:
    """The largest figures of a region, the largest first."""
    return sorted(FIGURES[region].items(), key=lambda item: -item[1])[:limit]
