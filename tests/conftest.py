"""What all tests share: the folder with the conformance cases, found by IMGC_SHARED or beside the checkout."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


# A shell without job control has what it starts in the background ignore Ctrl-C, and their children too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = Path(os.environ.get("IMGC_SHARED", ROOT.parent / "shared"))
    if "CI" in os.environ and not folder.exists():
        pytest.skip("the conformance cases are not part of the repository: set IMGC_SHARED")
    assert (folder / "conformance").is_dir(), f"no conformance cases in {folder}: set IMGC_SHARED"
    return folder


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """The command line switches garbage collection off, for a process that ends soon: this one does not."""
    yield
    gc.enable()
