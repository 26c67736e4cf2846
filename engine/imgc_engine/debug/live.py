"""`--live`: the user's own files in the place of the copies in the image."""

from __future__ import annotations

from pathlib import Path

from imgc.records import replace
from imgc_engine.failures import Refusal, Refused
from imgc_engine.plan import Image, Mount, Node, Plan
from imgc_engine.run.containers import host_path


def with_local_files(node: Node, plan: Plan, project: Path) -> Node:
    """The node with a mount for each entry of its image's path_map, and for the code of its build pipeline. Refused."""
    assert node.image is not None
    image = plan.images[node.image]
    local_files = dict(image.path_map)
    if image.builder is not None:
        local_files[image.builder.path] = "/pfs/source"
    if not local_files:
        code = f" Its code comes from elsewhere ({image.sources[0].kind})." if image.sources else ""
        raise Refused(
            (
                Refusal(
                    image.source,
                    f"The image {node.image!r} copies no local files, so that --live has nothing to mount.{code} "
                    "Say where local files are in it with path_map, as in `path_map: {./src: /app}`.",
                ),
            )
        )
    missing = [local for local in local_files if not Path(host_path(local, project)).exists()]
    if missing:
        raise Refused((Refusal(image.source, f"There is no {missing[0]!r} to mount for --live."),))
    mounts = [Mount(local, inside, read_only=False) for local, inside in local_files.items()]
    taken = {mount.dst for mount in node.mounts}
    return replace(node, mounts=(*(mount for mount in mounts if mount.dst not in taken), *node.mounts))


def is_covered(image: Image) -> bool:
    """Whether all code that a container of the image would get is in the user's own files, which are mounted."""
    downloads = [source for source in image.sources if source.source_files == "download"]
    return all(source.target in image.path_map.values() for source in downloads)
