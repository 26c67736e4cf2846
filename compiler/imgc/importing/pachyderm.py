"""Pachyderm's pipeline specs: one node for each, with its data and its builder."""

from __future__ import annotations

import re
from collections.abc import Sequence as Items

from imgc.diagnostics import Span
from imgc.document.nodes import Mapping, Node, Scalar, Sequence
from imgc.importing.draft import Block, Draft, Given
from imgc.importing.names import image_name, node_name, pipeline_name, repo_name, secret_name
from imgc.importing.source import Source, SourceError
from imgc.importing.yaml import Fields, documents, lost_item
from imgc.records import dataclass

_REASONS = {
    "parallelism_spec.coefficient": "there is no cluster whose size it could be a part of; max_concurrent is a number",
    "autoscaling": "a run ends when its nodes have",
    "spout": "a run ends; nothing waits for more data",
    "service": "a node runs a command that ends",
    "egress": "a command can put /pfs/out where it should go",
    "s3_out": "outputs are folders",
    "job_timeout": "max_time of a node bounds each of its runs; put it on a group around the node",
    "transform.image_pull_secrets": "docker login, or registry_secret of the image, says how to get it",
    "transform.err_cmd": "suppress_errors goes on after a failure, and a node with 'when: on_failure' runs after one",
    "transform.debug": "imgc run -v says more",
    "disk": "there is no limit of disk space",
    "resource_requests": "what is written here is a limit, and is reserved: resource_limits says it",
    "reprocess": "imgc run --rerun works on all data again",
    "reprocess_spec": "imgc run --rerun works on all data again",
    "branch": "a repo is a folder, which has no branches",
    "commit": "a repo is a folder, which has no commits",
    "project": "a repo is a folder, which is in no project",
    "output_branch": "outputs have no branches",
    "lazy": "data is mounted, not copied: there is nothing to wait for",
    "empty_files": "data is mounted as it is",
    "pod_spec": "there is no cluster", "pod_patch": "there is no cluster", "scheduling_spec": "there is no cluster",
}  # fmt: skip
_KINDS = {
    "join": "inputs are repos, nodes, cross and union", "group": "inputs are repos, nodes, cross and union",
    "cron": "whatever starts imgc run says when", "git": "code comes from git by copy_url of an image, data from folders",
}  # fmt: skip
_SIZE = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTP]i?)?B?\Z")


@dataclass(slots=True)
class _Pipeline:
    node: Mapping
    name: str
    """As Pachyderm knows it."""
    child: str


def draft(source: Source) -> Draft:
    return _Importer(source, documents(source, "Pachyderm")).draft()


class _Importer:
    def __init__(self, source: Source, specs: Items[Mapping]) -> None:
        self.source = source
        self.made = Draft()
        self.pipelines: dict[str, _Pipeline] = {}
        self.repos: dict[str, str] = {}
        self.absent: set[str] = set()
        taken: set[str] = set()
        for spec in specs:
            name = _name(spec)
            child = node_name(name, taken)
            taken.add(child)
            if name in self.pipelines:
                raise SourceError(spec.span.head(), f"two pipelines are called '{name}'")
            self.pipelines[name] = _Pipeline(spec, name, child)

    def draft(self) -> Draft:
        only = len(self.pipelines) == 1
        first = next(iter(self.pipelines.values()))
        name = first.child if only else self.source.folder.absolute().name
        self.made.head.set("name", pipeline_name(name))
        for pipeline in self.pipelines.values():
            inner = self.made.pipeline if only else self.made.pipeline.block("parallel").block(pipeline.child)
            self.pipeline(pipeline, inner, self.made.head if only else inner)
        return self.made

    def pipeline(self, pipeline: _Pipeline, node: Block, about: Block) -> None:
        fields = Fields(self.made, pipeline.node, node, _REASONS)
        if (named := fields.inner("pipeline")) is not None:
            named.node("name")
            if (project := named.inner("project")) is not None and project.text("name") not in (
                None,
                "default",
            ):
                project.lost("name")
            named.done()
        if (text := fields.text("description")) is not None:
            about.set("doc", text, fields.at("description"))
        fields.node("update")
        transform = fields.inner("transform")
        if transform is not None:
            self.image(pipeline, transform, node)
        self.input(fields, node)
        if transform is not None:
            self.transform(transform, node)
        self.limits(fields, node)
        fields.done()

    # What runs

    def image(self, pipeline: _Pipeline, transform: Fields, node: Block) -> None:
        name = image_name(pipeline.name, self.made.images)
        base, build, dockerfile = (
            transform.text("image"),
            transform.inner("build"),
            transform.text("dockerfile"),
        )
        if base is None and build is None and dockerfile is None:
            base = "ubuntu:16.04"
            node.remark("Pachyderm's default image")
        place = pipeline.node.span.head()
        if build is not None:
            image = self.made.images.block(name, transform.at("build"))
            builder = image.block("builder", transform.at("build"))
            builder.inline = True
            for key in ("language", "image"):
                if (text := build.text(key)) is not None:
                    builder.set(key, text, build.at(key))
            if path := build.text("path"):
                builder.set("path", self.source.local(path), build.at("path"))
            if not any(builder.entries) and base is not None:
                builder.set("image", base, transform.at("image"))
            elif base is not None:
                image.set("base", base, transform.at("image"))
            build.done()
        elif dockerfile is not None:
            image = self.made.images.block(name, transform.at("dockerfile"))
            image.set("dockerfile", self.source.local(dockerfile), transform.at("dockerfile"))
            if base is not None:
                image.remark(f"Pachyderm calls it {base}")
        else:
            self.made.images.set(name, base or "", transform.at("image") if "image" in transform else place)
        node.set("image", name, transform.at("image") if "image" in transform else place)

    def transform(self, transform: Fields, node: Block) -> None:
        if (words := transform.scalars("cmd")) is not None and words:
            node.set("run", [word.text for word in words], transform.at("cmd"))
        elif "build" not in transform:
            node.set("run", "true", note="in place of the image's ENTRYPOINT, which Pachyderm runs")
            node.set("skip", True, note="until run says it")
            at = transform.at(transform.names()[0]) if transform.names() else self.source.start
            self.made.warn("there is no 'transform.cmd': write as 'run' what the image's ENTRYPOINT is", at)
        if lines := transform.scalars("stdin"):
            node.set("stdin", "".join(f"{line.text}\n" for line in lines), transform.at("stdin"))
        if (variables := transform.inner("env")) is not None:
            env = node.block("env", transform.at("env"))
            for key in variables.names():
                if (text := variables.text(key)) is not None:
                    env.set(key, text, variables.at(key))
            variables.done()
        self.secrets(transform, node)
        for key, ours in (("user", "user"), ("working_dir", "workdir")):
            if (text := transform.text(key)) is not None and text:
                node.set(ours, text, transform.at(key))
        if (codes := transform.scalars("accept_return_code")) is not None:
            node.set(
                "accept_return_code", [_number(code) for code in codes], transform.at("accept_return_code")
            )
        transform.done()

    def secrets(self, transform: Fields, node: Block) -> None:
        listed = transform.node("secrets")
        for item in listed.items if isinstance(listed, Sequence) else ():
            fields = Fields(self.made, item, node, _REASONS, "transform.secrets.")
            name, key = fields.text("name"), fields.text("key")
            variable, path = fields.text("env_var"), fields.text("mount_path")
            if name is None or (variable is None and path is None):
                lost_item(self.made, node, "secrets", item, "it says no name, or not where it goes")
                continue
            known = secret_name(f"{name}.{key}" if key else name)
            host = re.sub(r"[^A-Z0-9]", "_", known.upper())
            self.made.head.block("secrets").set(known, {"env": f"SECRET_{host}"}, fields.at("name"))
            use: dict[str, Given] = {"secret": known}
            if variable is not None:
                use["env"] = variable
            else:
                use["target"] = f"{path}/{key}" if key else str(path)
            node.list("secrets").add(use, fields.at("name"))
            self.made.warn(
                f"the secret '{name}' is the cluster's: 'secrets' names the variable of this machine that holds it",
                fields.at("name"),
            )
            fields.done()

    # What it works on

    def input(self, fields: Fields, node: Block) -> None:
        if "inputs" in fields:
            fields.lost("inputs", "the inputs of Pachyderm before 1.4: write them as 'input'")
            node.set("skip", True, fields.at("inputs"), note="it would run without its inputs")
        found = fields.node("input")
        if found is None:
            return
        absent = set(self.absent)
        made = self.one_input(found, node)
        if made is None:
            node.set("skip", True, fields.at("input"), note="it would run without its input")
            return
        node.set("input", made, fields.at("input"))
        missing = sorted(self.absent & _repos_of(made)) or sorted(self.absent - absent)
        if missing:
            node.set(
                "skip",
                True,
                fields.at("input"),
                note=f"until repos say where the data of {', '.join(missing)} is",
            )

    def one_input(self, found: Node, node: Block) -> dict[str, Given] | None:
        """An input; None after saying why there is none."""
        fields = Fields(self.made, found, node, _REASONS, "input.")
        result: dict[str, Given] | None = None
        for kind in ("cross", "union"):
            if isinstance(items := fields.node(kind), Sequence):
                inner = [self.one_input(item, node) for item in items]
                result = (
                    None if None in inner or not inner else {kind: [one for one in inner if one is not None]}
                )
        if (pfs := fields.inner("pfs")) is not None:
            result = self.pfs(pfs)
        for kind in fields.names():
            if kind in _KINDS:
                fields.lost(kind, _KINDS[kind])
        fields.done()
        return result

    def pfs(self, pfs: Fields) -> dict[str, Given] | None:
        repo, glob, name = pfs.text("repo"), pfs.text("glob"), pfs.text("name")
        if repo is None or glob is None:
            pfs.done()
            return None
        if pfs.text("project") not in (None, "default"):
            pfs.lost("project")
        for key in ("join_on", "outer_join", "group_by", "s3", "trigger"):
            if key in pfs:
                pfs.lost(key, "inputs are repos, nodes, cross and union")
        if pfs.text("branch") not in (None, "master"):
            pfs.lost("branch")
        pfs.done()
        glob = glob if glob.startswith("/") else f"/{glob}"
        made: dict[str, Given]
        if repo in self.pipelines:
            made = {"node": self.pipelines[repo].child, "glob": glob}
            name = name or repo_name(repo)
        else:
            made = {"repo": self.repo(repo, pfs.at("repo")), "glob": glob}
        if name and name != made.get("repo", made.get("node")):
            made["name"] = name
        return made

    def repo(self, name: str, at: Span) -> str:
        """The repo of a name, with the folder beside the file that is called so."""
        if name in self.repos:
            return self.repos[name]
        self.repos[name] = known = repo_name(name, set(self.repos.values()))
        there = next((path for path in (f"data/{name}", f"repos/{name}", name) if self.is_there(path)), None)
        note = ""
        if there is None:
            self.absent.add(known)
            note = f"stands in for the data: pachctl get file -r '{name}@master:/' -o data/{known}, and name that"
            self.made.warn(
                f"the data of the repo '{name}' is not beside this file: get it, and say where it is in 'repos'",
                at,
            )
        self.made.head.block("repos").set(known, {"path": self.source.local(there or ".")}, at, note=note)
        return known

    def is_there(self, path: str) -> bool:
        try:
            return (self.source.folder / path).is_dir()
        except (OSError, ValueError):
            return False

    # Limits

    def limits(self, fields: Fields, node: Block) -> None:
        if (parallelism := fields.inner("parallelism_spec")) is not None:
            count = parallelism.number("constant")
            if count is not None and "input" in fields:
                node.set("max_concurrent", count, parallelism.at("constant"))
            parallelism.done()
        if (limits := fields.inner("resource_limits")) is not None:
            if (cpu := _cpu(limits)) is not None:
                node.set("cpu", cpu, limits.at("cpu"))
            if (memory := limits.scalar("memory")) is not None:
                node.set(
                    "mem",
                    memory.text if _SIZE.match(memory.text) else memory.text.upper(),
                    limits.at("memory"),
                )
            if (gpu := limits.inner("gpu")) is not None:
                if (number := gpu.number("number")) is not None:
                    node.set("gpu", number, gpu.at("number"))
                gpu.text("type")
                gpu.done()
            limits.done()
        if (text := fields.text("datum_timeout")) is not None:
            node.set("max_time", text, fields.at("datum_timeout"))
        if (tries := fields.number("datum_tries")) is not None:
            node.set("retry", {"attempts": tries}, fields.at("datum_tries"))


def _name(spec: Mapping) -> str:
    named = spec.get("pipeline")
    name = named.get("name") if isinstance(named, Mapping) else None
    if not isinstance(name, Scalar) or not name.text:
        raise SourceError(spec.span.head(), "this is no pipeline spec: 'pipeline.name' is missing")
    return name.text


def _number(scalar: Scalar) -> Given:
    return scalar.value if isinstance(scalar.value, int) else scalar.text


def _cpu(limits: Fields) -> int | float | None:
    """A number of CPUs, which Kubernetes also writes `500m`."""
    if (number := limits.number("cpu")) is not None:
        return number
    entry = limits.scalar("cpu") if "cpu" in limits else None
    if entry is None:
        return None
    found = re.fullmatch(r"([0-9]+)(m?)", entry.text)
    if found is None:
        limits.lost("cpu", "it is no number of CPUs")
        return None
    return int(found[1]) / 1000 if found[2] else int(found[1])


def _repos_of(made: Given) -> set[str]:
    if isinstance(made, dict):
        own = {str(made["repo"])} if "repo" in made else set()
        return own | {repo for value in made.values() for repo in _repos_of(value)}
    if isinstance(made, list):
        return {repo for value in made for repo in _repos_of(value)}
    return set()
