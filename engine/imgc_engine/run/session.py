"""What the parts of a run share."""

from __future__ import annotations

from collections.abc import Mapping

import docker

from imgc.records import dataclass
from imgc_engine.data.expansion import Finder
from imgc_engine.data.pfs import Pfs
from imgc_engine.events import Listener
from imgc_engine.images import Local
from imgc_engine.interrupt import Interrupt
from imgc_engine.masking import Mask
from imgc_engine.plan import Node
from imgc_engine.run.code import Downloads
from imgc_engine.run.containers import Surroundings
from imgc_engine.run.secret_files import SecretFiles
from imgc_engine.run.store import Store


@dataclass(frozen=True, slots=True)
class Session:
    """What a run works with.

    `references` and `images` (as the engine has them) are by name. `sharers` are the leaves of each group
    that shares a container, by its path. `left` are the attempts that an earlier session left running.
    What leaves expand to adds to these. `keep`: what failed leaves have in their containers is kept.
    """

    client: docker.APIClient
    store: Store
    surroundings: Surroundings
    references: dict[str, str]
    images: dict[str, Local]
    secrets: SecretFiles
    mask: Mask
    sharers: dict[str, list[Node]]
    left: Mapping[str, int]
    keep: bool
    code: Downloads
    pfs: Pfs
    finder: Finder
    tell: Listener
    interrupt: Interrupt
