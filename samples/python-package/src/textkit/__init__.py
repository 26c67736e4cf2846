"""Small helpers for texts."""


def shorten(text: str, width: int) -> str:
    """The text, cut to `width` characters, with an ellipsis where something was cut."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
