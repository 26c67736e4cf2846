"""Greets whoever's name is the path of the request."""

import os
from urllib.parse import unquote


def greeting(path: str) -> str:
    """What to say to the one whom the path of a request names."""
    return f"{os.environ.get('GREETING', 'Hello')}, {unquote(path).strip('/') or 'world'}!\n"
