"""What Podman says of a build, as BuildKit's steps."""

from __future__ import annotations

import json

from imgc_engine.build.podman import PodmanProgress
from imgc_engine.build.progress import Output, Step, Update

DOCKERFILE = "FROM box AS a\nENV X=1\nRUN make one\nFROM a\nWORKDIR /w\nCOPY --from=a /x /x\n"


def told(*messages: dict[str, object]) -> tuple[list[Update], PodmanProgress]:
    progress = PodmanProgress(DOCKERFILE, "\0")
    updates = [update for message in messages for update in progress.feed(json.dumps(message))]
    return updates, progress


def said(text: str) -> dict[str, object]:
    return {"stream": f"{text}\n"}


def test_steps_have_the_names_that_maps_are_read_by() -> None:
    updates, progress = told(
        said("[1/2] STEP 1/3: FROM box AS a"), said("[1/2] STEP 2/3: ENV X=1"), said("--> 320780ca7b2"),
        said("[1/2] STEP 3/3: RUN make one"), said("one"), said("[2/2] STEP 1/3: FROM a"),
        said("[2/2] STEP 3/3: COPY --from=a /x /x"), said("--> Using cache 12ab"), {"aux": {"ID": "sha256:1"}},
    )  # fmt: skip
    assert [update.name for update in updates if isinstance(update, Step) and update.state == "started"] == [
        "[a 1/2] FROM box AS a", "ENV X=1", "[a 2/2] RUN make one", "[stage-1 1/3] FROM a",
        "[stage-1 3/3] COPY --from=a /x /x",
    ]  # fmt: skip
    assert Output("[a 2/2] RUN make one", "one") in updates
    assert Step("[stage-1 3/3] COPY --from=a /x /x", "cached") in updates
    assert progress.done


def test_an_error_is_the_step_s() -> None:
    error = 'building at STEP "RUN make one": while running runtime: exit status 7\n'
    updates, progress = told(said("[1/2] STEP 3/3: RUN make one"), {"error": error})
    assert updates[-1] == Step("[a 2/2] RUN make one", "failed", "exit code: 7")
    assert not progress.done
