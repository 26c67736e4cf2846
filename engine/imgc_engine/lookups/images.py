"""A base image looked up: its digest, and what compiling wants to know of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from imgc.layers.bases import facts_of
from imgc.model.reference import InvalidReference, Reference, parse
from imgc_engine.lookups import engine
from imgc_engine.lookups import registry as registries
from imgc_engine.lookups.facts import facts
from imgc_engine.lookups.found import Found, NotFound
from imgc_engine.lookups.layers import LARGEST, layer_files
from imgc_engine.lookups.manifests import RemoteImage, local_config, remote_image
from imgc_engine.lookups.registry import Patience, Registry, RegistryError


def look_up(
    written: str,
    platforms: Sequence[str] = (),
    *,
    mirrored: Callable[[str], str] = str,
    project: str = "",
    patience: Patience | None = None,
) -> Found:
    """A reference as it is now: in its registry, else on the local engine. NotFound.

    `mirrored` gives the reference by which an image is fetched. Facts come from the image on the engine where it is
    the same one, else from the layers in the registry, except of well-known bases, of which enough is known.
    """
    fetched = mirrored(written)
    try:
        reference = parse(fetched)
    except InvalidReference as error:
        raise NotFound(f"'{fetched}' is not an image reference: {error}", of_user=True) from None
    here = _on_engine(fetched)
    registry = Registry(reference.registry, patience or registries.PATIENT)
    try:
        remote = remote_image(registry, reference, platforms)
    except RegistryError as error:
        if here is None or error.kind == "answer":
            raise NotFound(f"{error}.", of_user=error.kind in ("missing", "answer")) from None
        return _of_engine(here, reference, project, error)
    if here is not None and remote.digest in _digests(here, reference):
        with suppress(OSError), engine.files(str(here["Id"]), project) as files:
            return Found(facts(remote.digest, remote.config, files), f"{reference.registry}, local engine")
    return _of_registry(written, registry, remote)


def _on_engine(reference: str) -> dict[str, Any] | None:
    with suppress(OSError):
        return engine.image(reference)
    return None


def _digests(image: dict[str, Any], reference: Reference) -> list[str]:
    """By which digests registries have an image of the engine, as far as it is of that name."""
    found = []
    for name in image.get("RepoDigests") or ():
        with suppress(InvalidReference):
            known = parse(str(name))
            found += [known.digest] if known.name == reference.name else []
    return found


def _of_engine(image: dict[str, Any], reference: Reference, project: str, why: RegistryError) -> Found:
    """What the engine has. Its digest is taken where it is surely a registry's, which does not answer just now."""
    digest, config = "", local_config(image)
    notes = [f"{why}: taken from the local engine."]
    with suppress(OSError):
        if why.kind != "missing" and engine.knows_digests():
            digest = next(iter(_digests(image, reference)), "")
    if not digest:
        notes.append("There is no digest that others could fetch it by, so nothing pins it.")
    try:
        with engine.files(str(image["Id"]), project) as files:
            return Found(facts(digest, config, files), "local engine", tuple(notes))
    except OSError as error:
        notes.append(f"Its files cannot be seen: {error}.")
        return Found(facts(digest, config, None), "local engine", tuple(notes))


def _of_registry(written: str, registry: Registry, image: RemoteImage) -> Found:
    told = facts(image.digest, image.config, None)
    known = facts_of(written)
    if None not in (known.distro, known.manager, known.python, known.python_managed):
        return Found(told, registry.name)
    try:
        files = layer_files(registry, image)
    except RegistryError as error:
        return Found(told, registry.name, (f"Its files are not known: {error}. base_facts can say more.",))
    if files is None:
        size = sum(layer.size for layer in image.layers)
        why = f"its layers have {size / 1e6:.0f} MB" if size > LARGEST else "its layers are packed with zstd"
        note = f"Its files are not known, as {why}: docker pull it and lock again, or write base_facts."
        return Found(told, registry.name, (note,))
    return Found(facts(image.digest, image.config, files), f"{registry.name}, its layers")
