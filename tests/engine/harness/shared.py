"""The one engine that all tests on a machine share, and who stops it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .engine import Engine
from .releases import installed_release, newer_release

RELEASES = ("installed", "28")


def cache_folder() -> Path:
    """What is kept between runs: the engine's images, and the smallest Debian as an archive."""
    folder = Path(os.environ.get("IMGC_TEST_CACHE") or "~/.cache/imgc-test").expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shared_engine(release: str = "installed") -> Engine:
    """Of one of the RELEASES. Docker 28 has containerd's image store, which knows several platforms."""
    cache = cache_folder()
    if release == "28":
        return Engine(
            newer_release(cache), cache / "engine-28", {"features": {"containerd-snapshotter": True}}
        )
    return Engine(installed_release(), cache / "engine")


@contextmanager
def lease(engine: Engine) -> Iterator[None]:
    """The engine is up inside. The last process to leave stops it, unless `keep` wants it to stay."""
    engine.root.mkdir(parents=True, exist_ok=True)
    with (engine.root / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        if engine.start():
            _leased(engine).touch()
        try:
            yield
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _leased(engine).exists():
                    engine.stop()
                    _leased(engine).unlink()


def keep(engine: Engine) -> None:
    """Start the engine, or take over the one of a test session: it stays until `stop`."""
    engine.start()
    _leased(engine).unlink(missing_ok=True)


def _leased(engine: Engine) -> Path:
    return engine.root / "leased"
