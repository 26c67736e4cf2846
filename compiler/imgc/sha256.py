"""SHA-256 without OpenSSL, whose library takes 2 ms to load: as much as half of a small compile.

For little data: OpenSSL is several times as fast, so a long file is worth `hashlib`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256  # Python 3.12 and later
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256

__all__ = ["sha256"]
