"""A service as a node."""

from __future__ import annotations

import re
from collections.abc import Mapping as Names

from imgc.diagnostics import Span
from imgc.dockerfile.userfile import UserFileError, cut_after, read
from imgc.document.nodes import Scalar, Sequence
from imgc.importing.compose.images import Image, size
from imgc.importing.compose.limits import resources, run_arguments
from imgc.importing.compose.mounts import mounts
from imgc.importing.compose.values import ComposeFields
from imgc.importing.dockerfile.running import entrypoint_of, started
from imgc.importing.draft import Block, Draft, Given
from imgc.importing.names import node_name, secret_name
from imgc.importing.source import MAX_BYTES, Source, SourceError
from imgc.importing.source import source as source_of
from imgc.importing.yaml import lost_item

_SKIPPED = (
    "it goes on until it is stopped, and a run ends: start it beside imgc, or take 'skip' away if it ends"
)


class Service:
    """`needs` are the services that have to end before this one begins; `skipped`: it is no step of a run."""

    def __init__(
        self,
        name: str,
        fields: ComposeFields,
        block: Block,
        image: Image | None,
        source: Source,
        made: Draft,
        at: Span,
    ) -> None:
        self.name = name
        self.child = node_name(name)
        self.fields = fields
        self.block = block
        self.image = image
        self.source = source
        self.made = made
        self.at = at
        self.needs: list[str] = []
        self.waits: list[tuple[str, str, Span]] = []
        self.skipped = False

    def read(self) -> Service:
        fields, block = self.fields, self.block
        self.skipped = any(key in fields for key in ("ports", "healthcheck")) or self._restarts()
        if self.image is not None:
            block.set("image", self.image.name, self.at)
        else:
            block.set("skip", True, note="it has no image")
            self.skipped = False
            self.made.warn(
                f"the service '{self.name}' has no image that could be carried over: it is not run", self.at
            )
        self._depends()
        self._environment()
        arguments = mounts(fields, block, self.source, self.made)
        self._secrets()
        self._settings()
        resources(fields, block)
        if arguments := [*arguments, *run_arguments(fields)]:
            block.set("docker_run_args", arguments, self.at)
        if self.skipped and block.get("skip") is None:
            block.set("skip", True, self.at, note="a server")
            self.made.warn(f"the service '{self.name}' is not run: {_SKIPPED}", self.at)
        self._command()
        if "profiles" in fields and block.get("skip") is None:
            block.set("skip", True, fields.at("profiles"), note="of a profile")
        fields.done()
        return self

    def settle_needs(self, services: Names[str, Service]) -> None:
        """Takes of `depends_on` what waits for an end; the rest is said."""
        for name, condition, at in self.waits:
            other = services.get(name)
            if other is None or other.skipped or other.block.get("skip") is not None:
                self.made.lost(
                    self.block, f"depends_on: {name}", "nothing that goes on runs beside a node", at
                )
                continue
            self.needs.append(name)
            if condition != "service_completed_successfully":
                self.made.warn(
                    f"'{self.name}' waits until '{name}' has ended, not only until it has begun", at
                )

    # Order

    def _restarts(self) -> bool:
        entry = self.fields.scalar("restart") if "restart" in self.fields else None
        if entry is None:
            return False
        text = entry.text
        if text not in ("no", "false"):
            self.fields.lost("restart")
        return text.startswith(("always", "unless-stopped"))

    def _depends(self) -> None:
        fields = self.fields
        conditions = fields.inner("depends_on")
        if conditions is not None:
            for name in conditions.names():
                inner = conditions.inner(name)
                condition = (inner.text("condition") if inner else None) or "service_started"
                self.waits.append((name, condition, conditions.at(name)))
                if inner is not None:
                    inner.done()
            conditions.done()
            return
        for item in fields.scalars("depends_on") or ():
            self.waits.append((item.text, "service_started", item.span))

    # What it runs

    def _command(self) -> None:
        entrypoint, command = self._words("entrypoint"), self._words("command")
        key = "command" if "command" in self.fields else "entrypoint"
        if entrypoint is None and command is None:
            self._command_of_the_image()
            return
        at = self.fields.at(key)
        if entrypoint is None:
            entrypoint = self._entrypoint_of_the_image(at)
        words = [*(entrypoint or ()), *(command or ())]
        if words:
            self.block.set("run", words, at)
        else:
            self._command_of_the_image()

    def _words(self, key: str) -> list[str] | None:
        fields = self.fields
        if isinstance(fields.peek(key), Sequence):
            items = fields.scalars(key)
            return None if items is None else [fields.values.text(item, True) for item in items]
        scalar = fields.scalar(key) if key in fields else None
        if scalar is None:
            return None
        try:
            return fields.values.words(scalar)
        except ValueError:
            fields.lost(key, "it has an open quote")
            return None

    def _command_of_the_image(self) -> None:
        found = self._dockerfile()
        said = started(read(found.text), found) if found is not None else None
        if said is not None:
            self.block.set("run", said.run, self.at, note=f"{said.note} of the Dockerfile")
            return
        self.block.set("run", "true", note="in place of what the image runs, which only it knows")
        if self.block.get("skip") is None and self.image is not None:
            self.block.set("skip", True, self.at, note="until run says what")
            self.made.warn(
                f"what the service '{self.name}' runs is said by its image alone: it is not run until 'run' says it",
                self.at,
            )

    def _entrypoint_of_the_image(self, at: Span) -> list[str]:
        """What Compose puts before the command."""
        found = self._dockerfile()
        if found is not None:
            return entrypoint_of(read(found.text))
        if self.image is not None:
            self.block.remark(
                "if the image has an ENTRYPOINT, write it before the command: here it is not used"
            )
            self.made.warn("an ENTRYPOINT of the image, if it has one, is not run before this command", at)
        return []

    def _dockerfile(self) -> Source | None:
        """The Dockerfile of the image up to its target, where it can be read."""
        if self.image is None or not self.image.dockerfile:
            return None
        try:
            path = self.source.folder / self.image.dockerfile
            if not path.is_file() or path.stat().st_size > MAX_BYTES:
                return None
            found = source_of(str(path), path.read_bytes(), path.parent, path.parent)
            read(found.text)
            if not self.image.target:
                return found
            return source_of(
                str(path), cut_after(found.text, self.image.target).encode(), path.parent, path.parent
            )
        except (OSError, ValueError, LookupError, SourceError, UserFileError):
            return None

    # What it gets

    def _environment(self) -> None:
        pairs = self.fields.pairs("environment")
        for name, value in pairs or ():
            if value is None:
                why = "its value is the environment's: write it, or use params or secrets"
                self.made.lost(self.block, f"environment: {name}", why, self.fields.at("environment"))
            else:
                self.block.block("env", self.fields.at("environment")).set(
                    name, value, self.fields.at("environment")
                )

    def _secrets(self) -> None:
        listed = self.fields.peek("secrets")
        if not isinstance(listed, Sequence):
            return
        self.fields.node("secrets")
        for item in listed:
            if isinstance(item, Scalar):
                self.block.list("secrets", item.span).add(secret_name(item.text), item.span)
                continue
            fields = ComposeFields(self.fields.values, item, self.block, self.fields.reasons, "secrets.")
            name, target = fields.text("source"), fields.text("target")
            if name is None:
                lost_item(self.made, self.block, "secrets", item, "it has no source")
                continue
            use: dict[str, Given] = {"secret": secret_name(name)}
            if target:
                use["target"] = target if target.startswith("/") else f"/run/secrets/{target}"
            self.block.list("secrets", item.span).add(use, item.span)
            fields.done()

    # How it runs

    def _settings(self) -> None:
        fields, block = self.fields, self.block
        for key, ours in (("user", "user"), ("working_dir", "workdir")):
            if (text := fields.text(key)) is not None:
                block.set(ours, text, fields.at(key))
        if (text := fields.text("shm_size")) is not None:
            block.set("shm_size", size(text), fields.at("shm_size"))
        mode = fields.text("network_mode")
        if mode is not None and re.match(r"(service|container):", mode):
            fields.lost("network_mode", "nodes do not talk to each other")
        elif mode is not None:
            block.set("network", mode, fields.at("network_mode"))
        fields.node("init")  # imgc does that always
        fields.node("platform")
