"""Durations and sizes as the format writes them."""

from __future__ import annotations

from imgc.patterns import lazy

_PART = lazy(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = lazy(r"(\d+(?:\.\d+)?)([KMGTP]?)(i?)B?\Z")
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def seconds(text: str) -> float:
    """A Go-style duration (`1h30m`, `1.5s`, `0`) in seconds; ValueError when it is none."""
    if text == "0":
        return 0.0
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"'{text}' is not a duration such as 30s or 1h30m")
    return round(sum(float(number) * _SECONDS[unit] for number, unit in parts), 9)


def size(text: str) -> int:
    """A size in bytes, as Kubernetes writes them: `2Gi` is 2 * 1024**3, `2G` is 2 * 1000**3; ValueError when it is none."""
    match = _SIZE.match(text)
    if match is None:
        raise ValueError(f"'{text}' is not a size such as 2Gi or 512Mi")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2]])
