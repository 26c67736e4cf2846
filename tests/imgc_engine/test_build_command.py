"""The command line of a build, and what is refused because none could say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plans
import pytest

from imgc_engine.build.command import Flags, command, refusals
from imgc_engine.build.program import Program
from imgc_engine.connection import Facts
from imgc_engine.plan import Image, load

OLD = Program(Path("docker"), None)
NEW = Program(Path("docker"), (0, 29, 1))
ENGINE = Facts("20.10.24", "x86_64", 2, 1 << 30, containerd_images=False, podman=False)
STORE = Facts("28.5.2", "x86_64", 2, 1 << 30, containerd_images=True, podman=False)
SEVERAL = ["linux/amd64", "linux/arm64"]


def an_image(**settings: Any) -> Image:
    made = plans.image("reg.example/test/app:1.0", dockerfile="images/app/Dockerfile", **settings)
    made["content"] = "sha256:" + "a" * 64
    return load(plans.plan(images={"app": made})).images["app"]


def argv(image: Image, program: Program, flags: Flags | None = None, secrets: tuple[str, ...] = ()) -> str:
    words = command(
        image, program, flags or Flags(), dockerfile=Path("F"), context=Path("C"), secrets=secrets
    )
    return " ".join(words)


def problems(image: Image, program: Program, facts: Facts = ENGINE, flags: Flags | None = None) -> list[str]:
    return [refusal.message for refusal in refusals(image, program, facts, flags or Flags())]


def test_the_plainest_build() -> None:
    image = an_image(tag="a" * 20)
    assert argv(image, OLD) == "docker build --progress=plain --file=F --tag=reg.example/test/app:1.0 C"
    assert argv(image, NEW) == (
        "docker buildx build --progress=rawjson --file=F --tag=reg.example/test/app:1.0 --load C"
    )


def test_every_setting_is_said() -> None:
    settings = plans.build(
        network="host",
        no_cache=True,
        pull=True,
        shm_size=1 << 20,
        cache_from=["type=registry,ref=a/b"],
        cache_to=["type=inline"],
        options={"label": ["x=1", "y=2"], "quiet-ish": True, "rewrite": False, "n": 3},
    )
    image = an_image(
        args={"A": "1 2"}, target="two", ssh=["default"], platforms=["linux/arm64"], build=settings
    )
    assert argv(image, NEW, secrets=("id=s,env=S",)).split(" ")[3:] == (
        "--progress=rawjson --file=F --tag=reg.example/test/app:1.0 --load --cache-to=type=inline "
        "--cache-from=type=registry,ref=a/b --platform=linux/arm64 --build-arg=A=1 2 --secret=id=s,env=S "
        "--ssh=default --target=two --network=host --shm-size=1048576 --no-cache --pull "
        f"--label=dev.imgc.content=sha256:{'a' * 64} --label=x=1 --label=y=2 --quiet-ish "
        "--rewrite=false --n=3 C"
    ).split(" ")
    assert "--build-arg=BUILDKIT_INLINE_CACHE=1 --cache-from=a/b" in argv(image, OLD)


def test_the_users_flags_come_before_the_files() -> None:
    image = an_image(platforms=["linux/arm64"])
    assert "--no-cache" in argv(image, NEW, Flags(no_cache=True))
    assert "--platform=linux/amd64" in argv(image, NEW, Flags(platforms=("linux/amd64",)))
    far = argv(image, NEW, Flags(push=True, builder="far", platforms=tuple(SEVERAL)))
    assert "--push --builder=far" in far
    assert "--load" not in far


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"platforms": SEVERAL}, "one platform at a time"),
    ({"build": plans.build(shm_size=1 << 27)}, "shm_size"),
    ({"build": plans.build(network="mine")}, "network 'mine'"),
    ({"build": plans.build(cache_to=["type=registry,ref=a/b"])}, "cache_to: [type=inline]"),
    ({"build": plans.build(cache_from=["type=local,src=x"])}, "type=local,src=x"),
    ({"build": plans.build(options={"attest": "x"})}, "'attest'"),
]


@pytest.mark.parametrize(("settings", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_only_buildx_can_do_is_refused_without_it(settings: dict[str, Any], words: str) -> None:
    (problem,) = problems(an_image(**settings), OLD)
    assert words in problem
    assert problems(an_image(**settings), NEW, STORE) == []


@pytest.mark.parametrize("program", [OLD, NEW])
@pytest.mark.parametrize("option", ["secret", "tag", "memory", "squash"])
def test_some_options_are_nobodys(program: Program, option: str) -> None:
    (problem,) = problems(an_image(build=plans.build(options={option: "x"})), program, STORE)
    assert repr(option) in problem


def test_several_platforms_need_a_place_that_holds_them() -> None:
    image = an_image(platforms=SEVERAL)
    assert "containerd image store" in problems(image, NEW, ENGINE)[0]
    assert problems(image, NEW, STORE) == []
    assert problems(image, NEW, ENGINE, Flags(push=True, builder="far")) == []
    assert "no builders" in problems(an_image(), OLD, ENGINE, Flags(builder="far"))[0]
