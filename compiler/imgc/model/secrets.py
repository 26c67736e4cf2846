"""`secrets` of images, layers, `pip` and nodes: which secret, and where its value goes."""

from __future__ import annotations

from imgc.document.nodes import Mapping, Node, Scalar
from imgc.model.image import SecretUse
from imgc.model.pipeline import flag, items, text


def secret_uses(node: Node | None) -> tuple[SecretUse, ...]:
    """Names, or mappings with `secret`, `env` or `target`, `required`."""
    uses = []
    for item in items(node):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            uses.append(SecretUse(item.text, item.span))
        elif isinstance(item, Mapping) and isinstance(name := item.get("secret"), Scalar):
            env, target = text(item.get("env")), text(item.get("target"))
            uses.append(SecretUse(name.text, name.span, env, target, flag(item.get("required"), True)))
    return tuple(uses)
