"""pipeline.schema.json: whole, documented, and within the keywords that the compiler's walker knows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from imgc.document.document import load as load_document
from imgc.document.nodes import plain
from imgc_schema import load

SCHEMA = load("pipeline")
DEFS: dict[str, Any] = SCHEMA["$defs"]
VALIDATOR = Draft202012Validator(SCHEMA)


def words(text: str) -> set[str]:
    return set(text.split())


CHECKED = words(
    """
    $ref type properties required additionalProperties propertyNames enum const pattern minLength
    maxLength minimum exclusiveMinimum maximum items minItems maxItems uniqueItems minProperties
    maxProperties oneOf anyOf
    """
)
NOTES = words(
    """
    title description markdownEnumDescriptions examples default deprecated x-order x-names x-foreign
    x-foreign-type x-kind x-kind-also x-noun x-expects x-exclusive x-require-any x-needs allOf
    """
)
KINDS = words(
    """
    path-file path-dir path image-name image-ref secret param bundle repo node shell pep508 url
    python-version ref
    """
)
SYSTEMS = {"conducto", "zenml", "pachyderm", "flyte"}


def schemas(schema: dict[str, Any] = SCHEMA, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every sub-schema with its path, without `allOf`: it repeats x-exclusive, x-require-any and x-needs."""
    yield path, schema
    for name in ("properties", "$defs"):
        for key, inner in schema.get(name, {}).items():
            yield from schemas(inner, f"{path}/{key}")
    for name in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(name), dict):
            yield from schemas(schema[name], f"{path}/{name}")
    for name in ("anyOf", "oneOf"):
        for number, inner in enumerate(schema.get(name, ())):
            yield from schemas(inner, f"{path}/{name}/{number}")


ALL = list(schemas())
OBJECTS = [(path, schema) for path, schema in ALL if "properties" in schema]
PROPERTIES = [
    (f"{path}/{key}", inner) for path, schema in OBJECTS for key, inner in schema["properties"].items()
]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = DEFS[schema["$ref"].removeprefix("#/$defs/")]
    return schema


def properties_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The keys of an object schema, of all branches where it is a union; of a list, those of its items."""
    schema = resolved(schema)
    found = dict(schema.get("properties", {}))
    for branch in [*schema.get("anyOf", ()), *schema.get("oneOf", ())]:
        found.update(properties_of(branch))
    return found


def valid(schema: dict[str, Any], value: object) -> bool:
    return Draft202012Validator({**schema, "$defs": DEFS}).is_valid(value)


def test_is_a_2020_12_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["$id"] == "https://imgc.dev/schema/pipeline-1.json"
    assert SCHEMA["additionalProperties"] is False


@pytest.mark.parametrize(("path", "schema"), ALL, ids=[path or "/" for path, _ in ALL])
def test_keeps_to_the_walkers_keywords(path: str, schema: dict[str, Any]) -> None:
    top = {"$schema", "$id", "$defs"} if not path else set()
    assert set(schema) <= CHECKED | NOTES | top
    if "$ref" in schema:
        assert schema["$ref"].removeprefix("#/$defs/") in DEFS
        assert not set(schema) & CHECKED - {"$ref"}, (
            "the walker follows $ref and ignores what stands beside it"
        )
    if "properties" in schema:
        assert schema["additionalProperties"] is False, "objects are closed"
        assert not {"anyOf", "oneOf"} & set(schema)
    assert schema.get("x-kind", "path") in KINDS
    assert schema.get("x-kind-also", "path") in KINDS
    assert set(schema.get("x-names", {})) <= SYSTEMS
    assert {"pattern", "enum"} & set(schema) == set() or schema["type"] in ("string", "boolean")
    if "pattern" in schema:
        assert "x-expects" in schema or "title" in schema, "a pattern is no message"
    if "markdownEnumDescriptions" in schema:
        assert len(schema["markdownEnumDescriptions"]) == len(schema["enum"])


@pytest.mark.parametrize(("path", "schema"), ALL, ids=[path or "/" for path, _ in ALL])
def test_branches_of_a_union_are_told_apart_by_type_or_required_key(
    path: str, schema: dict[str, Any]
) -> None:
    branches = [resolved(branch) for branch in [*schema.get("anyOf", ()), *schema.get("oneOf", ())]]
    branches = [inner for branch in branches for inner in branch.get("anyOf", [branch])]
    marks: list[str] = []
    for branch in map(resolved, branches):
        if branch is DEFS["expression"]:
            continue  # the walker tries it only for text that holds ${{
        types = branch["type"] if isinstance(branch["type"], list) else [branch["type"]]
        keys = [f"object:{branch['required'][0]}"] if schema.get("oneOf") and types == ["object"] else types
        marks.extend(keys)
    assert len(marks) == len(set(marks)), path


@pytest.mark.parametrize(("path", "schema"), PROPERTIES, ids=[path for path, _ in PROPERTIES])
def test_every_key_is_described_with_valid_examples(path: str, schema: dict[str, Any]) -> None:
    assert schema["description"].strip().endswith((".", "`"))
    assert schema["examples"], path
    for example in schema["examples"]:
        assert valid(schema, example), f"{path}: {example}"
    if "default" in schema:
        assert valid(schema, schema["default"])
        assert "efault" in schema["description"]


@pytest.mark.parametrize("name", DEFS)
def test_every_definition_is_titled_and_used(name: str) -> None:
    assert DEFS[name]["title"]
    assert DEFS[name]["description"]
    assert DEFS[name]["x-noun"]
    assert any(schema.get("$ref") == f"#/$defs/{name}" for _, schema in ALL)


@pytest.mark.parametrize(
    "schema", [schema for _, schema in OBJECTS], ids=[path or "/" for path, _ in OBJECTS]
)
def test_groups_of_keys_exist_and_are_told_to_other_validators_too(schema: dict[str, Any]) -> None:
    keys = set(schema["properties"])
    assert set(schema.get("required", ())) <= keys
    groups = [*schema.get("x-exclusive", ()), *schema.get("x-require-any", ())]
    assert all(set(group) <= keys for group in groups)
    for key, needed in schema.get("x-needs", {}).items():
        assert {key, *needed} <= keys
    rules = schema.get("allOf", [])
    assert bool(rules) == bool(groups or schema.get("x-needs"))
    examples = {key: inner["examples"][0] for key, inner in schema["properties"].items()}
    for group in schema.get("x-exclusive", ()):
        for first in group:
            for second in group:
                if first != second:
                    pair = {first: examples[first], second: examples[second]}
                    assert not Draft202012Validator({"allOf": rules}).is_valid(pair), pair


@pytest.mark.parametrize(
    ("path", "schema"),
    [pair for pair in ALL if "x-foreign" in pair[1]],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_of_other_systems_lead_to_keys_that_exist(path: str, schema: dict[str, Any]) -> None:
    own = properties_of(schema)
    for old, entry in schema["x-foreign"].items():
        assert set(entry) <= {"key", "system", "value", "note", "of"}, old
        assert old not in own, f"{old} is a key of its own"
        assert entry["value"] in ("same", "list", "negate", None)
        first, *rest = entry["key"].split(".")
        place = properties_of(DEFS[entry["of"]]) if "of" in entry else own
        assert first in place, f"{path}: {old} -> {entry['key']}"
        for name in rest:
            inner = place[first]
            place, first = properties_of(inner), name
            assert first in place, f"{path}: {old} -> {entry['key']}"
        if rest or "of" in entry:
            assert entry["value"] is None, (
                f"{old}: a value cannot be moved to another object by renaming its key"
            )
        assert entry.get("note", ".").endswith(".")


FOREIGN = {
    "image": {
        "reqs_py": "pip_packages",
        "reqs_packages": "system_packages",
        "reqs_docker": "install_docker",
        "reqs_npm": "npm_packages",
        "image": "base",
        "parent_image": "base",
        "base_image": "base",
        "docker_auto_workdir": "auto_workdir",
        "pre_built": "skip_build",
        "environment": "env",
        "docker_build_args": "dockerfile.args",
        "copy_contents_only": "copy.contents_only",
        "required_integrations": "bundles",
        "install_stack_requirements": "install_stack",
        "prevent_build_reuse": "reuse",
        "target_repository": "repository",
        "image_tag": "tag",
        "platform": "platforms",
        "secret_mounts": "secrets",
        "runtime_environment": "runtime_env",
    },
    "copyItem": {
        "copy_contents_only": "contents_only",
    },
    "layer": {
        "reqs_py": "pip_packages",
        "secret_mounts": "secrets",
    },
    "node": {
        "command": "run",
        "cmd": "run",
        "depends_on": "needs",
        "timeout": "max_time",
        "container_reuse_context": "container_reuse",
        "same_container": "container_reuse",
        "datum_tries": "retry.attempts",
        "parallelism_spec": "max_concurrent",
        "image_name": "image",
        "steps": "serial",
        "transform": "run",
        "depends": "needs",
    },
}


@pytest.mark.parametrize("definition", FOREIGN)
def test_foreign_names(definition: str) -> None:
    known = DEFS[definition]["x-foreign"]
    assert {old: known[old]["key"] for old in FOREIGN[definition]} == FOREIGN[definition]


# Every field of the four systems: a key here, or an unknown key whose diagnostic names ours.
FIELDS = {
    "image": """
        image dockerfile dockerfile_text docker_build_args context copy_dir copy_url copy_branch copy_repo
        docker_auto_workdir install_pip reqs_py install_npm reqs_npm install_packages reqs_packages
        install_docker reqs_docker path_map shell name pre_built git_sha git_urls instantiation_directory
        parent_image build_context_root skip_build prevent_build_reuse image_tag target_repository
        python_package_installer python_package_installer_args python_package_installer_cache_mount
        replicate_local_python_environment requirements pyproject_path pyproject_export_command
        disable_automatic_requirements_detection required_integrations install_stack_requirements
        install_deployment_requirements local_project_install_command apt_packages environment
        runtime_environment user build_config parent_image_build_config dockerignore
        allow_including_files_in_images allow_download_from_code_repository
        allow_download_from_artifact_store source_files copy_files copy_global_config required_hub_plugins
        build_options
        base_image registry platform python_version extendable install_flyte flyte_version registry_secret
        image_uri script index_url extra_index_urls pre extra_args secret_mounts addl_layer
        with_apt_packages with_pip_packages with_requirements with_uv_project with_poetry_project
        with_env_vars with_workdir with_commands with_source_folder with_source_file with_dockerignore
        with_code_bundle with_local_v2 with_local_v2_plugins from_debian_base from_base from_ref_name
        from_uv_script from_pixi_script from_dockerfile clone copy_contents_only copy_style
        project_install_mode uvlock poetry_lock pyproject_file conda_packages conda_channels python_exec
        tag_format entrypoint packages
    """,
    "node": """
        command args stop_on_error suppress_errors skip env cpu mem gpu requires_docker image image_name
        container_reuse_context same_container max_time max_concurrent docker_run_args doc title tags on_done
        on_error on_queued on_running on_killed on_state_change retry retry_then_skip retry_with_double_mem
        skip_some_errors handle_memory_errors Lazy lazy_py Notebook
        transform cmd stdin err_cmd err_stdin secrets image_pull_secrets accept_return_code user working_dir
        dockerfile description datum_tries datum_timeout job_timeout parallelism_spec resource_requests
        resource_limits input build
        settings environment timeout retries resources steps depends depends_on
    """,
    "": "name description transform input parallelism_spec datum_tries datum_timeout job_timeout "
    "resource_limits resource_requests register_image required_integrations platform",
    "input": "repo glob name pfs branch cross union join group cron git lazy empty_files",
    "builder": "language image path",
    "buildOptions": "pull rm no_cache shm_size labels build_args cache_from",
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_of_the_four_systems_leads_somewhere(name: str) -> None:
    schema = DEFS[name] if name else SCHEMA
    assert words(FIELDS[name]) <= set(properties_of(schema)) | set(schema.get("x-foreign", ()))


# The key tables of the format, section by section. A key that is added there is added here and in the schema.
START = "base dockerfile uv_script ref extends python_version builder base_facts skip_build extendable"
LAYERS = {
    1: "env",
    2: "system_packages",
    3: "apt_packages",
    4: "install_docker",
    5: "replicate_local_environment",
    6: "uv_project poetry_project",
    7: "requirements",
    8: "pip_packages",
    9: "conda",
    10: "npm_packages",
    11: "bundles install_stack",
    12: "copy_dir copy_repo copy_url copy_branch",
    13: "copy",
    14: "local_project_install",
    15: "commands",
    16: "layers",
    17: "user runtime_env workdir entrypoint cmd labels expose healthcheck stop_signal shell",
}
AROUND = (
    "pip secrets ssh dockerignore auto_workdir source_files code_bundle path_map "
    "name registry repository tag registry_secret platforms build reuse"
)
TABLES = {
    "": "version name title doc tags params registry platforms secrets image_refs bundles stack repos images "
    "pipeline",
    "image": f"{START} {' '.join(LAYERS.values())} {AROUND}",
    "layer": " ".join(LAYERS[number] for number in range(1, 16)).replace(" install_stack", "")
    + " workdir user secrets pip",
    "dockerfile": "path text context args target",
    "builder": "language image path",
    "baseFacts": "distro user python shell",
    "uvProject": "pyproject lock mode extra_args index_url extra_index_urls pre installer secrets",
    "poetryProject": "pyproject lock mode extra_args index_url extra_index_urls pre installer secrets",
    "conda": "packages channels pip",
    "copyItem": "src dst contents_only chown exclude",
    "healthcheck": "cmd interval timeout start_period retries",
    "pip": "index_url extra_index_urls pre extra_args installer secrets",
    "index": "url username password",
    "secretUse": "secret env target required",
    "runSecretUse": "secret env target",
    "codeBundle": "style dst entry",
    "buildOptions": "network no_cache pull shm_size cache_from cache_to options",
    "node": "run call lazy serial parallel image env secrets workdir user cpu mem gpu shm_size network "
    "mounts requires_docker docker_run_args max_time retry skip max_concurrent container_reuse stop_on_error "
    "suppress_errors accept_return_code stdin matrix when needs input outputs doc title tags",
    "call": "file function args",
    "mount": "src dst read_only",
    "retry": "attempts backoff on mem_factor",
    "input": "repo node glob name cross union",
    "requirementGroup": "system_packages apt_packages pip_packages",
    "secretSource": "env file",
    "repo": "path",
}


@pytest.mark.parametrize("name", TABLES)
def test_has_the_keys_of_the_format(name: str) -> None:
    assert set(properties_of(DEFS[name] if name else SCHEMA)) == set(TABLES[name].split())


def test_layers_carry_the_formats_order() -> None:
    image = DEFS["image"]["properties"]
    written = {key: image[key]["x-order"] for key in image if "x-order" in image[key]}
    assert written == dict.fromkeys(START.split(), 0) | {
        key: number for number, keys in LAYERS.items() for key in keys.split()
    }
    assert list(written.values()) == sorted(written.values())


def test_enumerations() -> None:
    enums = {
        path.removeprefix("/").replace("/anyOf/0", "").replace("/anyOf/1", ""): schema["enum"]
        for path, schema in ALL
        if "enum" in schema
    }
    assert enums["image/source_files"] == ["download_or_include", "include", "download", "ignore"]
    assert enums["image/replicate_local_environment"] == ["pip_freeze", "uv_freeze", "poetry_export"]
    assert enums["uvProject/mode"] == enums["poetryProject/mode"] == ["dependencies_only", "install_project"]
    assert enums["pip/installer"] == ["uv", "pip"]
    assert enums["codeBundle/style"] == ["loaded_modules", "all"]
    assert enums["builder/language"] == ["python", "go"]
    assert enums["retry/on/items"] == ["error", "oom", "timeout"]
    assert enums["node/container_reuse"] == ["new", "pool", "global"]
    assert enums["node/when"] == ["always", "on_success", "on_failure"]


PATTERNS = [
    (path, schema["pattern"]) for path, schema in ALL if "pattern" in schema and path != "/expression"
]


@pytest.mark.parametrize("pattern", dict(PATTERNS).values(), ids=dict(PATTERNS))
def test_patterns_mean_the_same_to_every_engine(pattern: str) -> None:
    assert pattern.startswith("^")
    assert not re.search(r"\\[dDwWsSbBAZz]", pattern), "\\d, \\w and \\s differ between engines"
    for text in ("a", "8080", "2Gi", "30s", "/a", "a/b", "linux/amd64", "3.12", "SIGINT", "x.example"):
        assert not re.search(pattern, f"{text}\n"), f"{text!r} with a newline behind it"


VALUES: Any = plain(load_document("values.yaml", Path(__file__).with_name("values.yaml").read_text()).root)


def judged(verdict: str) -> list[Any]:
    """(definition, value) of values.yaml; `document` is the whole schema."""
    return [
        pytest.param(name, value, id=f"{name}-{value}")
        for name, values in VALUES[verdict].items()
        for value in values
    ]


@pytest.mark.parametrize(("name", "value"), judged("accepted"))
def test_accepts(name: str, value: object) -> None:
    assert valid(DEFS[name], value)


@pytest.mark.parametrize(("name", "value"), judged("refused"))
def test_refuses(name: str, value: object) -> None:
    assert not valid(DEFS[name] if name != "document" else SCHEMA, value)


SHARED = Path(os.environ.get("IMGC_SHARED") or Path(__file__).parents[3] / "shared")
CASES = sorted((SHARED / "conformance" / "valid").glob("*/pipeline.yaml"))


def test_conformance_cases_are_found_where_they_are_said_to_be() -> None:
    assert CASES or "IMGC_SHARED" not in os.environ


@pytest.mark.parametrize("path", CASES, ids=[path.parent.name for path in CASES])
def test_accepts_the_conformance_cases(path: Path) -> None:
    document = load_document(path.name, path.read_text(encoding="utf-8"))
    assert not document.diagnostics
    assert [error.message for error in VALIDATOR.iter_errors(plain(document.root))] == []
