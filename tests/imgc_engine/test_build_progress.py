"""What `docker build` wrote, recorded on 20.10.24 (plain) and buildx 0.29.1 (rawjson), as steps and lines."""

from __future__ import annotations

import base64
import json

from imgc_engine.build.progress import Output, PlainProgress, RawProgress, Step, Tail, Update

PLAIN = """\
#1 [internal] load build definition from Dockerfile
#1 sha256:1da7f34b3c88c93cab17aac88aa699420eb72e0ce7fd6ed54d599641d291fee1
#1 transferring dockerfile: 235B done
#1 DONE 0.1s

#4 [base 1/4] FROM docker.io/library/debian:bookworm-slim
#4 sha256:56bf5dcd38ee2f60f646b15b1b91e40b5e8375a457572f890edbccbd17190813
#4 CACHED

#8 [stage-1 1/1] RUN echo fine   && false
#8 sha256:a70464193b2fb671c639cf12b42bab68da0c5964b4143f6e2ce61c9460388e29
#8 0.753 fine
#8 0.754
#8 0.755   #9 not a step
#8 ERROR: executor failed running [/bin/sh -c echo fine   && false]: exit code: 1
------
 > [stage-1 1/1] RUN echo fine   && false:
------
executor failed running [/bin/sh -c echo fine   && false]: exit code: 1
"""
RUN = "[stage-1 1/1] RUN echo fine   && false"
ERROR = "executor failed running [/bin/sh -c echo fine   && false]: exit code: 1"


def test_plain() -> None:
    progress = PlainProgress()
    updates = [update for line in PLAIN.splitlines() for update in progress.feed(line)]
    assert updates == [
        Step("[internal] load build definition from Dockerfile", "started"),
        Step("[internal] load build definition from Dockerfile", "done"),
        Step("[base 1/4] FROM docker.io/library/debian:bookworm-slim", "started"),
        Step("[base 1/4] FROM docker.io/library/debian:bookworm-slim", "cached"),
        Step(RUN, "started"),
        Output(RUN, "fine"),
        Output(RUN, ""),
        Output(RUN, "  #9 not a step"),
        Step(RUN, "failed", ERROR),
        Output("", "------"),
        Output("", f" > {RUN}:"),
        Output("", "------"),
        Output("", ERROR),
    ]


def raw(*messages: dict[str, object] | str) -> list[Update]:
    progress = RawProgress()
    lines = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    return [update for line in lines for update in progress.feed(line)]


def log(text: bytes) -> dict[str, object]:
    return {"logs": [{"vertex": "d", "stream": 1, "data": base64.b64encode(text).decode()}]}


def test_raw() -> None:
    begun = {"digest": "d", "name": RUN, "started": "t"}
    failed = {**begun, "completed": "t", "error": ERROR}
    updates = raw(
        {"vertexes": [{"digest": "d", "name": RUN}]},
        {"vertexes": [begun]},
        {"vertexes": [begun], "statuses": [{"id": "x"}]},
        log(b"one\ntw"),
        log(b"o\nthr\xc3"),
        log(b"\xa9e"),
        {"vertexes": [failed]},
        "Dockerfile:7",
        "--------------------",
        '{"no": "progress"}',
        f"ERROR: failed to build: failed to solve: {ERROR}",
    )
    assert updates == [
        Step(RUN, "started"),
        Output(RUN, "one"),
        Output(RUN, "two"),
        Output(RUN, "thr\u00e9e"),
        Step(RUN, "failed", ERROR),
        Output("", "Dockerfile:7"),
        Output("", "--------------------"),
        Output("", '{"no": "progress"}'),
        Output("", f"ERROR: failed to build: failed to solve: {ERROR}"),
    ]


def test_raw_says_cached_and_canceled() -> None:
    begun = {"digest": "d", "name": "a", "started": "t", "completed": "t"}
    assert raw({"vertexes": [{**begun, "cached": True}]}) == [Step("a", "cached")]
    assert raw({"vertexes": [{**begun, "error": "context canceled"}]})[0] == Step(
        "a", "canceled", "context canceled"
    )


def test_the_tail_keeps_the_end_of_each_step_and_the_first_failure() -> None:
    tail = Tail()
    for number in range(100):
        tail.add(Output("a", str(number)))
        tail.add(Output("b", f"b{number}"))
    tail.add(Step("a", "failed", "x"))
    tail.add(Step("b", "failed", "y"))
    tail.add(Output("", "the end"))
    assert tail.lines["a"][0] == "80"
    assert tail.failed == Step("a", "failed", "x")
    assert list(tail.message) == ["the end"]
