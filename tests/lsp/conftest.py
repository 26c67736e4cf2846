"""One real server process a client kind for the session; each test has documents of its own."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))  # for `lspkit`: pytest runs with --import-mode=importlib

from lspkit import Editor, editor, read  # noqa: E402

from imgc_lsp.snapshot import Snapshot  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What servers keep of registries goes where no other run sees it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    """An editor that takes pushed diagnostics and snippets (Neovim 0.9)."""
    async with editor(tmp_path_factory.mktemp("neovim")) as running:
        yield running


@pytest.fixture
def snapshot_of(tmp_path: Path) -> Callable[..., Snapshot]:
    """Snapshots without a server: of a text, perhaps after an earlier one, perhaps with the whole
    analysis."""

    def make(text: str, before: str | None = None, *, analysed: bool = False) -> Snapshot:
        return read(tmp_path / "pipeline.imgc.yaml", text, before, analysed=analysed)

    return make
