"""`pip_packages` and `requirements`: what is read, what is refused where, and their RUN."""

from __future__ import annotations

import pytest

from imgc.diagnostics import Severity
from imgc.layers.python.kinds import asked_for


def place(finding):
    return finding.span.place.line, finding.span.place.column


@pytest.mark.parametrize(
    ("item", "code", "says"),
    [
        ("numpy==", "bad-requirement", "numpy=="),
        ("numpy pandas", "bad-requirement", "PEP 508"),
        ("-r base.txt", "option-in-requirements", "requirements: base.txt"),
        ("--index-url https://x", "option-in-requirements", "pip.index_url"),
        ("--extra-index-url=https://x", "option-in-requirements", "pip.extra_index_urls"),
        ("--no-deps", "option-in-requirements", "pip.extra_args"),
        ("x @ https://me:pw@example.com/x.whl", "credentials-in-url", "secrets"),
        ("git+https://token@example.com/x", "credentials-in-url", "secrets"),
        ("./nowhere", "path-missing", "nowhere"),
        ("./empty", "not-a-project", "pyproject.toml"),
        ("./bad.whl", "bad-requirement", "wheel"),
        ("../outside.whl", "path-outside", "outside"),
    ],
)
def test_a_bad_item_is_reported_at_the_item(kit, item, code, says):
    kit.file("empty/x.txt")
    kit.file("bad.whl")
    assert kit.read(f"pip_packages:\n  - '{item}'") == []
    (finding,) = kit.findings
    assert (finding.code, place(finding)) == (code, (2, 5))
    assert says in finding.text


def test_all_items_are_judged(kit):
    (layer,) = kit.read("pip_packages: ['a b', six, 'c d']")
    assert kit.codes == ["bad-requirement", "bad-requirement"]
    assert [spec.text for spec in layer.specs] == ["six"]


@pytest.mark.parametrize(
    "item", ["git+ssh://git@example.com/x", "x @ git+https://example.com/x@v1", "https://e.com/x.whl"]
)
def test_urls_are_requirements(kit, item):
    assert f"install --system {item}" in kit.dockerfile(f"pip_packages: ['{item}']").replace("'", "")
    assert kit.codes == []


def test_the_same_twice_can_be_taken_out(kit):
    from imgc.layers.python.conflicts import conflicts

    for text, removal in (
        ("pip_packages:\n  - six\n  - six\n", (2, 0, 3, 0)),
        ("pip_packages: [six, six]", (0, 18, 0, 23)),
        ("pip_packages: [idna, six, idna]", (0, 24, 0, 30)),
    ):
        layers = kit.read(text)
        (finding,) = conflicts(asked_for(layers))
        span = finding.fixes[0].edits[0].span
        assert (span.line, span.column, span.end_line, span.end_column) == removal


def test_local_packages_are_mounted(kit):
    kit.file("lib/pyproject.toml")
    kit.file("other/lib/setup.py")
    kit.file("dist/my_pkg-1.0+cpu-py3-none-any.whl")
    text = kit.dockerfile("pip_packages: ['./lib[dev]', ./other/lib, ./dist/my_pkg-1.0+cpu-py3-none-any.whl]")
    assert "source=lib,target=/tmp/packages/lib,rw=true" in text
    assert "source=other/lib,target=/tmp/packages/1/lib,rw=true" in text
    assert (
        "source=dist/my_pkg-1.0+cpu-py3-none-any.whl,target=/tmp/packages/my_pkg-1.0+cpu-py3-none-any.whl \\"
        in text
    )
    assert "'/tmp/packages/lib[dev]'" in text
    assert kit.codes == []


def test_a_wheel_and_a_requirement_for_another_version_exclude_each_other(kit):
    from imgc.layers.python.conflicts import conflicts

    kit.file("dist/my_pkg-1.0-py3-none-any.whl")
    wheel = "./dist/my_pkg-1.0-py3-none-any.whl"
    (finding,) = conflicts(asked_for(kit.read(f"pip_packages: [{wheel}, my-pkg==1.1]")))
    assert finding.code == "conflicting-requirements"
    assert conflicts(asked_for(kit.read(f"pip_packages: [{wheel}, my-pkg>=1]"))) == []


def test_requirements_files_and_what_they_include(kit):
    kit.file(
        "reqs/all.txt", "# all\n-r deep/base.txt\n--constraint=../pins.txt\nidna --hash=sha256:00 # why\n"
    )
    kit.file("reqs/deep/base.txt", "\ufeffsix \\\n  --hash=sha256:11\n-r ../all2.txt\n")
    kit.file("reqs/all2.txt", "attrs; python_version < '3'\n--index-url https://example.com/simple\n")
    kit.file("pins.txt", "idna==3\n")
    (layer,) = kit.read("requirements: reqs/all.txt")
    assert kit.codes == []
    assert layer.tree.files == ["reqs/all.txt", "reqs/deep/base.txt", "reqs/all2.txt", "pins.txt"]
    assert [(spec.name, spec.where) for spec in layer.specs] == [
        ("six", "reqs/deep/base.txt:1"),
        ("attrs", "reqs/all2.txt:1"),
        ("idna", "reqs/all.txt:4"),
    ]
    text = kit.dockerfile("requirements: reqs/all.txt")
    assert "source=pins.txt,target=/tmp/requirements/pins.txt" in text
    assert text.rstrip().endswith("-r /tmp/requirements/reqs/all.txt")


def test_a_file_alone_is_mounted_beside_nothing(kit):
    kit.file("reqs/x.txt", "six\n")
    assert "source=reqs/x.txt,target=/tmp/x.txt" in kit.dockerfile("requirements: reqs/x.txt")


def test_files_above_the_pipeline_keep_their_places(kit, tmp_path):
    kit.folder = tmp_path / "repo/team/app"
    kit.file("../../.git/HEAD")
    kit.file("all.txt", "-r ../../shared/base.txt\n")
    kit.file("../../shared/base.txt", "six\n")
    text = kit.dockerfile("requirements: all.txt")
    assert kit.codes == []
    assert "source=all.txt,target=/tmp/requirements/here/here/all.txt" in text
    assert "source=../../shared/base.txt,target=/tmp/requirements/shared/base.txt" in text


@pytest.mark.parametrize(
    ("files", "code", "says"),
    [
        ({"a.txt": "six\n-r missing.txt\n", "mising.txt": ""}, "path-missing", ["a.txt:2", "mising.txt"]),
        ({"a.txt": "-r b.txt\n", "b.txt": "\n\n-c a.txt"}, "requirements-cycle", ["a.txt -> b.txt -> a.txt"]),
        (
            {"a.txt": "-r b.txt\n", "b.txt": "six\nnot a requirement\n"},
            "bad-requirement",
            ["b.txt:2", "not a requirement"],
        ),
        ({"a.txt": "-e .\n"}, "editable-requirement", ["a.txt:1", "local_project_install"]),
        ({"a.txt": "./lib\n"}, "local-path-in-requirements", ["a.txt:1", "pip_packages"]),
        ({"a.txt": "-r ../../x.txt\n"}, "path-outside", ["a.txt:1"]),
    ],
)
def test_what_is_wrong_in_a_file_is_reported_at_the_value(kit, files, code, says):
    for path, text in files.items():
        kit.file(path, text)
    assert kit.read("requirements:\n  - a.txt") == []
    (finding,) = kit.findings
    assert (finding.code, place(finding)) == (code, (2, 5))
    assert all(word in finding.text for word in says)


def test_credentials_in_a_file_are_a_warning(kit):
    kit.file("a.txt", "--extra-index-url https://me:pw@example.com/simple\nsix\n")
    kit.file("b.txt", "--extra-index-url https://${TOKEN}@example.com/simple\nsix\n")
    assert len(kit.read("requirements: [a.txt, b.txt]")) == 1
    (finding,) = kit.findings
    assert (finding.code, finding.severity) == ("credentials-in-url", Severity.WARNING)
    assert "a.txt:1" in finding.message
    assert "pw" not in finding.message


def test_names_that_a_mount_cannot_have_go_through_a_stage(kit):
    kit.file("my reqs/a, b.txt", "-r ../c.txt\n")
    kit.file("c.txt", "six\n")
    text = kit.dockerfile("requirements: 'my reqs/a, b.txt'")
    assert "FROM scratch AS requirements-1" in text
    assert '"my reqs/a, b.txt", "/my reqs/a, b.txt"' in text
    assert "--mount=type=bind,from=requirements-1,source=/,target=/tmp/requirements" in text
    assert "-r '/tmp/requirements/my reqs/a, b.txt'" in text.replace("\\\n        ", "")


def test_a_file_that_is_not_text(kit):
    (kit.folder / "a.txt").write_bytes(b"six\n\xff\xfe")
    assert kit.read("requirements: a.txt") == []
    assert kit.codes == ["path-unreadable"]
