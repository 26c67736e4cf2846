"""s3:// by the user's `aws`, which is a program of the tests here: the one thing that cannot be real."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgc_engine.sources import bucket
from imgc_engine.sources.lookup import Wanted, look_up
from imgc_engine.sources.program import SourceError

FAKE = """#!/bin/sh
echo "$@" >> {root}/told
case "$*" in
*s3://broken*) echo 'fatal error: An error occurred (NoSuchBucket) when calling ListObjectsV2' >&2; exit 1 ;;
*s3://secret*) echo 'fatal error: Unable to locate credentials' >&2; exit 1 ;;
*s3://away*) echo 'Could not connect to the endpoint URL: "https://away.s3.amazonaws.com/"' >&2; exit 1 ;;
esac
for last; do :; done
find "$last" -mindepth 1 -delete
cp -R {root}/bucket/. "$last"
"""


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bucket as a folder, and an `aws` on PATH that copies it."""
    program = tmp_path / "bin/aws"
    program.parent.mkdir()
    program.write_text(FAKE.format(root=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket/a.py").write_text("1\n")
    return tmp_path / "bucket"


def test_what_is_run(aws: Path, tmp_path: Path) -> None:
    bucket.sync("s3://bucket/code", tmp_path / "out")
    assert (tmp_path / "out/a.py").read_text() == "1\n"
    assert (tmp_path / "told").read_text() == (
        f"s3 sync --only-show-errors --delete --exclude .git/* s3://bucket/code {tmp_path}/out\n"
    )
    assert aws.is_dir()


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("s3://broken/x", "repository", "NoSuchBucket"),
        ("s3://secret/x", "credentials", "Unable to locate credentials"),
        ("s3://away/x", "host", "Could not connect"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_failures(tmp_path: Path, url: str, kind: str, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        bucket.sync(url, tmp_path / "out")
    assert caught.value.kind == kind


def test_an_empty_address(aws: Path, tmp_path: Path) -> None:
    (aws / "a.py").unlink()
    with pytest.raises(SourceError, match="There is nothing at s3://bucket/code"):
        bucket.sync("s3://bucket/code", tmp_path / "out")


def test_without_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="install `aws`"):
        bucket.sync("s3://bucket/code", tmp_path / "out")


def test_the_content_stands_for_a_commit(aws: Path, tmp_path: Path) -> None:
    wanted = Wanted("s3", "s3://bucket/code", "", ".imgc/sources/x")

    def now() -> str:
        answer = look_up([wanted], tmp_path, {})[wanted]
        assert answer.error is None
        return answer.commit

    first = now()
    assert first.startswith("sha256:")
    assert now() == first
    (aws / "a.py").write_text("2\n")
    second = now()
    (aws / "a.py").rename(aws / "b.py")
    assert len({first, second, now()}) == 3
