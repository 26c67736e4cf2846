"""References as Docker reads them; the cases are those of github.com/distribution/reference and more."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imgc.model.reference import InvalidReference, Reference, looks_like_reference, parse

SHA = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python", Reference("docker.io", "library/python")),
        ("python:3.12-slim", Reference("docker.io", "library/python", "3.12-slim")),
        ("a", Reference("docker.io", "library/a")),
        ("localhost", Reference("docker.io", "library/localhost")),
        ("example.com", Reference("docker.io", "library/example.com")),
        ("host:5000", Reference("docker.io", "library/host", "5000")),
        ("pytorch/pytorch:2.4.0", Reference("docker.io", "pytorch/pytorch", "2.4.0")),
        ("docker.io/python", Reference("docker.io", "library/python")),
        ("docker.io/library/python", Reference("docker.io", "library/python")),
        ("index.docker.io/library/python:3", Reference("docker.io", "library/python", "3")),
        ("localhost/app", Reference("localhost", "app")),
        ("localhost:5000/app:1", Reference("localhost:5000", "app", "1")),
        ("ghcr.io/acme/base:1.2.3", Reference("ghcr.io", "acme/base", "1.2.3")),
        ("Registry.Example/app:Tag", Reference("Registry.Example", "app", "Tag")),
        ("127.0.0.1:80/a/b/c", Reference("127.0.0.1:80", "a/b/c")),
        ("[2001:db8::1]:5000/repo:v1", Reference("[2001:db8::1]:5000", "repo", "v1")),
        ("a__b/c--d.e_f:_x", Reference("docker.io", "a__b/c--d.e_f", "_x")),
        (f"python@{SHA}", Reference("docker.io", "library/python", "", SHA)),
        (f"r.io/p:3@{SHA}", Reference("r.io", "p", "3", SHA)),
        ("p@sha512:" + "a" * 128, Reference("docker.io", "library/p", "", "sha512:" + "a" * 128)),
        ("a" * 63 + "g", Reference("docker.io", "library/" + "a" * 63 + "g")),
        ("p:" + "t" * 128, Reference("docker.io", "library/p", "t" * 128)),
    ],
)
def test_what_docker_reads(text, expected):
    assert parse(text) == expected
    assert parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "offset", "word"),
    [
        ("", 0, "empty"),
        ("Python:3.12", 0, "lower case"),
        ("Acme/app", 0, "lower case"),
        ("ghcr.io/acme/Base:1", 13, "lower case"),
        ("https://ghcr.io/acme/base", 0, "scheme"),
        ("docker://python:3", 0, "scheme"),
        ("python:3.12 slim", 11, "blank"),
        ("python:\n3", 7, "blank"),
        ("python:${TAG}", 7, "variables"),
        ("pythön:3", 4, "ö"),
        ("python:", 6, "no tag"),
        ("python:-x", 7, "not a tag"),
        ("python:3:4", 7, "not a tag"),
        ("python:" + "t" * 129, 7, "128"),
        ("python@", 7, "digest"),
        ("python@sha256", 7, "digest"),
        ("python@md5:" + "a" * 32, 7, "md5"),
        ("python@sha256:" + "A" * 64, 14, "64"),
        ("python@sha256:" + "a" * 63, 14, "64"),
        (f"python@{SHA}@{SHA}", 14, "64"),
        ("/python", 0, "empty"),
        ("a//b", 2, "empty"),
        ("a/", 2, "empty"),
        ("ghcr.io/", 8, "no repository"),
        (":3", 0, "no repository"),
        ("-a", 0, "not part of a repository"),
        ("a..b", 0, "not part of a repository"),
        ("a___b", 0, "not part of a repository"),
        ("ghcr.io:x/a", 0, "registry"),
        ("-host.io/a", 0, "registry"),
        ("0123456789abcdef" * 4, 0, "id of an image"),
        ("a/" * 124 + "a", 0, "255"),
        ("r.io/" + "a/" * 126 + "a", 5, "255"),
    ],
)
def test_what_docker_refuses(text, offset, word):
    with pytest.raises(InvalidReference) as caught:
        parse(text)
    assert word in caught.value.reason
    assert caught.value.offset == offset
    assert str(caught.value) == caught.value.reason


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("docker.io/library/python:3", "python"),
        ("docker.io/acme/app", "acme/app"),
        ("docker.io/library/a/b", "library/a/b"),
        ("ghcr.io/library/python", "ghcr.io/library/python"),
    ],
)
def test_names_as_people_write_them(text, familiar):
    assert parse(text).familiar == familiar


def test_a_name_is_no_reference():
    assert not looks_like_reference("etl")
    assert all(map(looks_like_reference, ("python:3", "acme/app", f"x@{SHA}")))


@given(st.text(st.sampled_from("aZ0./:@-_[]s\n ")))
@example("[::1]/a")
def test_any_text_is_a_reference_or_is_refused_with_a_place_in_it(text):
    found: Reference | InvalidReference
    try:
        found = parse(text)
    except InvalidReference as error:
        found = error
    if isinstance(found, InvalidReference):
        assert 0 <= found.offset <= len(text)
        assert found.reason
    else:
        assert parse(str(found)) == found
