"""`system_packages` and `apt_packages`: what they report and the RUN that they become."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imgc.context.project import Project
from imgc.diagnostics import Diagnostic, Severity
from imgc.document.document import load
from imgc.instructions.types import Run
from imgc.layers.bases import facts_of
from imgc.layers.facts import BaseFacts
from imgc.layers.kind import Reading, Written
from imgc.layers.recipe import Recipe
from imgc.layers.registry import kind
from imgc.layers.system_packages import NOTE, SystemPackages, joined, with_extra
from imgc.model.image import PipOptions

KEYS = ("system_packages", "apt_packages")


class Image:
    """An image of system packages: `text` is YAML, `base` a reference or facts."""

    def __init__(self, tmp_path, text: str, base: str | BaseFacts = "debian:bookworm-slim"):
        self.text = text
        self.findings: list[Diagnostic] = []
        self.facts = facts_of(base) if isinstance(base, str) else base
        self.recipe = Recipe(
            "app", base if isinstance(base, str) else "acme/base:1", self.facts, self.findings.append
        )
        reading = Reading(Project(tmp_path, "pipeline.yaml"), self.findings.append)
        root = load("pipeline.yaml", text).root
        self.layers: list[SystemPackages] = []
        for key in KEYS:
            if entry := root.entry(key):
                written = Written(key, entry.key.span, entry.value, PipOptions(), (), root)
                layer = kind(key).read(written, reading)
                self.layers += [layer] if isinstance(layer, SystemPackages) else []

    def emit(self, join: bool = True) -> list[Run]:
        for layer in joined(self.layers, self.facts) if join else self.layers:
            layer.emit(self.recipe)
        return self.runs

    @property
    def runs(self) -> list[Run]:
        return [step.instruction for step in self.recipe.steps if isinstance(step.instruction, Run)]

    @property
    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings]

    def marked(self, finding: Diagnostic) -> str:
        span = finding.span
        return self.text.splitlines()[span.place.line - 1][span.column : span.end_column]


@pytest.fixture
def image(tmp_path):
    return lambda *arguments: Image(tmp_path, *arguments)


@pytest.mark.parametrize(
    ("base", "program"),
    [
        ("debian:bookworm-slim", "apt-get"),
        ("alpine:3.20", "apk"),
        ("fedora:42", "dnf"),
        ("redhat/ubi9-minimal:9.4", "microdnf"),
        ("centos:7", "yum"),
        ("opensuse/leap:15.6", "zypper"),
    ],
)
def test_the_manager_of_the_base(image, base, program):
    (run,) = image("system_packages: [jq, git]", base).emit()
    assert any(f"{program} " in clause and clause.endswith(" git jq") for clause in run.clauses)
    assert run.mounts


def test_both_are_one_run_where_both_are_of_apt(image):
    both = image("system_packages: [jq]\napt_packages: [git]")
    (run,) = both.emit()
    assert run.clauses[-1].endswith(" git jq")
    (step,) = (step for step in both.recipe.steps if step.instruction is run)
    assert step.key == "system_packages"
    assert "apt_packages" in step.note
    assert both.findings == []


def test_a_base_that_is_asked_for_apt_packages_is_one_of_apt(image):
    (run,) = image("system_packages: [jq]\napt_packages: [git]", BaseFacts()).emit()
    assert run.clauses[-1].endswith(" git jq")
    assert run.mounts


def test_an_unknown_base_is_looked_at_by_the_build(image):
    unknown = image("system_packages: [jq]", BaseFacts())
    (run,) = unknown.emit()
    assert "/etc/os-release" in run.clauses[0]
    assert run.mounts == ()
    assert "unknown" in unknown.recipe.steps[-1].note


@pytest.mark.parametrize("base", ["alpine:3.20", "fedora:42", BaseFacts("rhel"), BaseFacts("arch", "")])
def test_apt_packages_on_another_base(image, base):
    other = image("apt_packages: [git]", base)
    assert other.emit() == []
    (finding,) = other.findings
    assert (finding.code, other.marked(finding)) == ("wrong-package-manager", "apt_packages")
    if other.facts.manager != "":
        assert finding.fixes[0].edits[0].text == "system_packages"


def test_apt_packages_beside_system_packages_on_another_base(image):
    """The fix would be a second `system_packages`: there is none in the text of a duplicate key."""
    both = image("system_packages: [jq]\napt_packages: [git]", "alpine:3.20")
    (run,) = both.emit()
    assert run.clauses[-1].endswith(" jq")
    assert both.codes == ["wrong-package-manager"]
    assert both.findings[0].fixes == ()


@pytest.mark.parametrize("base", ["busybox:1.37", "archlinux:latest", "redhat/ubi9-micro:9.4"])
def test_a_base_without_a_manager(image, base):
    none = image("system_packages: [jq]", base)
    assert none.emit() == []
    (finding,) = none.findings
    assert (finding.code, none.marked(finding)) == ("no-package-manager", "system_packages")
    assert base in finding.message


def test_a_base_without_a_shell(image):
    none = image("system_packages: [jq]", BaseFacts("debian", "apt", shell=False))
    assert none.emit() == []
    assert none.codes == ["base-without-shell"]


def test_the_same_twice_is_a_hint(image):
    twice = image("system_packages:\n  - jq\n  - git\n  - jq\n")
    (run,) = twice.emit()
    (finding,) = twice.findings
    assert (finding.code, finding.severity) == ("duplicate-package", Severity.HINT)
    assert finding.span.place.line == 4
    assert finding.related[0].span.place.line == 2
    edit = finding.fixes[0].edits[0]
    assert (edit.text, edit.span.start, edit.span.end) == ("", (3, 0), (4, 0))
    assert run.clauses[-1].endswith(" git jq")


def test_the_same_under_both_keys(image):
    twice = image("system_packages: [jq]\napt_packages: [git, jq]")
    twice.emit()
    (finding,) = twice.findings
    assert finding.span.place.line == 2
    assert "'system_packages'" in finding.message
    edit = finding.fixes[0].edits[0]
    assert twice.text.splitlines()[1][edit.span.column : edit.span.end_column] == ", jq"


@pytest.mark.parametrize(
    ("base", "names", "codes"),
    [
        ("debian:12", "jq=1.6, jq=1.7", ["conflicting-packages"]),
        ("alpine:3.20", "jq=1.6-r1, jq=1.6-r2", ["conflicting-packages"]),
        ("debian:12", "jq=1.6, jq", []),
        ("debian:12", "jq=1.6, jq=1.6*", []),
        ("debian:12", '"libc6:arm64=1", libc6=2', []),
        ("alpine:3.20", "jq>1, jq<2", []),
        ("fedora:42", "jq-1.6, jq-1.7", []),
    ],
)
def test_two_versions_of_a_package(image, base, names, codes):
    found = image(f"system_packages: [{names}]", base)
    runs = found.emit()
    assert found.codes == codes
    assert len(runs) == (not codes)


@pytest.mark.parametrize(
    ("key", "base", "item", "word"),
    [
        ("apt_packages", "debian:12", "Jq", "lower case"),
        ("apt_packages", "debian:12", "jq>1", "jq=1.6-2.1"),
        ("apt_packages", BaseFacts(), "lib*", "pattern"),
        ("system_packages", "debian:12", "Jq", "lower case"),
        ("system_packages", "fedora:42", "jq=1.6", "jq-1.6"),
        ("system_packages", BaseFacts(), "jq;id", "';'"),
    ],
)
def test_what_is_no_package_is_reported_at_its_item(image, key, base, item, word):
    bad = image(f"{key}: [git, '{item}']", base)
    bad.emit()
    (finding,) = bad.findings
    assert finding.code == "bad-package"
    assert bad.marked(finding).strip("'") == item
    assert word in finding.message


def test_upper_case_has_a_fix(image):
    bad = image("apt_packages: [ImageMagick]")
    bad.emit()
    assert bad.findings[0].fixes[0].edits[0].text == "imagemagick"


def test_versions_are_kept_where_the_base_is_unknown(image):
    (run,) = image("system_packages: ['jq=1.6-r2', 'perl(JSON)']", BaseFacts()).emit()
    assert run.clauses[0].count("jq=1.6-r2 'perl(JSON)'") == 4


@pytest.mark.parametrize("item", ["''", "'a b'", "-y", '"a\\nb"', "é", "12", "[jq]"])
def test_what_the_schema_reports_is_passed_over(image, item):
    passed = image(f"system_packages: [jq, {item}]")
    (run,) = passed.emit()
    assert run.clauses[-1].endswith(" jq")
    assert passed.findings == []


def test_nothing_to_install_is_no_layer(image):
    assert image("system_packages: []").layers == []
    assert image("system_packages: jq").layers == []


def test_what_other_layers_need_joins_in(image):
    some = image("system_packages: [jq]")
    (layer,) = with_extra(
        some.layers, ("python3", "python3-venv"), "Python for pip_packages", "pip_packages", None
    )
    layer.emit(some.recipe)
    assert some.runs[0].clauses[-1].endswith(" jq python3 python3-venv")
    assert some.recipe.steps[-1].note == "Python for pip_packages"
    assert some.recipe.notes[NOTE] == ("jq", "python3", "python3-venv")


def test_what_other_layers_need_alone(image):
    none = image("system_packages: []")
    (layer,) = with_extra(none.layers, ("python3",), "Python for pip_packages", "pip_packages", None)
    assert (layer.key, layer.note) == ("pip_packages", "Python for pip_packages")
    layer.emit(none.recipe)
    assert none.runs[0].clauses[-1].endswith(" python3")


def test_apt_is_set_up_once(image):
    two = image("system_packages: [jq]\napt_packages: [git]")
    first, second = two.emit(join=False)
    assert first.clauses[0].startswith("rm -f ")
    assert second.clauses[0] == "apt-get update"


def test_the_base_user_is_not_root(image):
    other = image("system_packages: [jq]", replace(facts_of("debian:12"), user="app"))
    other.recipe.user = "app"
    other.emit()
    assert [type(step.instruction).__name__ for step in other.recipe.steps] == ["User", "Run"]
