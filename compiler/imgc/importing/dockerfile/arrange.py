"""Steps as keys of an image: by name where their fixed order is the Dockerfile's, else under `layers`."""

from __future__ import annotations

from collections.abc import Sequence

from imgc.importing.dockerfile.translate import Step, Translation
from imgc.importing.draft import Block, Given

_RANKS = {
    "env": 1, "system_packages": 2, "apt_packages": 2, "requirements": 7, "pip_packages": 8, "npm_packages": 10,
    "copy": 13, "commands": 15,
}  # fmt: skip
"""The fixed order of docs/format.md."""

_LISTS = frozenset(_RANKS) - {"env"}
_META = ("shell", "entrypoint", "cmd", "expose", "healthcheck", "stop_signal", "ssh", "labels")


def arrange(image: Block, translation: Translation) -> None:
    """Writes what was translated into an image that has its base already."""
    steps = _joined(_without_doubles(translation.steps))
    if _is_fixed_order(steps):
        _fixed(image, steps)
    else:
        _layers(image, steps)
    for key in _META:
        if key in translation.meta:
            given, span, remark = translation.meta[key]
            if remark:
                image.remark(remark)
            image.set(key, given, span)


def _without_doubles(steps: Sequence[Step]) -> list[Step]:
    """Without a copy whose files come again with their folder before anything could have used them."""
    return [step for number, step in enumerate(steps) if not _comes_again(step, steps[number + 1 :])]


def _comes_again(step: Step, later: Sequence[Step]) -> bool:
    if step.key != "copy" or not isinstance(step.value, dict) or set(step.value) != {"src", "dst"}:
        return False
    src = step.value["src"]
    sources = [src] if isinstance(src, str) else list(src)
    for other in later:
        if other.key in ("commands", "npm_packages", "workdir", "user"):
            return False
        if other.key == "copy" and isinstance(other.value, dict):
            whole = other.value["src"] == "." and set(other.value) == {"src", "dst"}
            inside = whole and all("/" not in str(path) and not str(path).startswith(".") for path in sources)
            return inside and _folder(other.value["dst"]) == _folder(step.value["dst"])
    return False


def _folder(path: Given) -> str:
    return str(path).rstrip("/").removeprefix("./") or "."


def _joined(steps: Sequence[Step]) -> list[Step]:
    """Neighbours of one key as one, where that is the same."""
    result: list[Step] = []
    for step in steps:
        last = result[-1] if result else None
        if last is None or last.key != step.key or last.pip or step.pip or last.secrets != step.secrets:
            result.append(step)
        elif step.key == "env" and not _uses(step.value, last.value):
            last.remarks |= {len(last.value) + n: text for n, text in step.remarks.items()}  # type: ignore[arg-type]
            last.value = {**last.value, **step.value}  # type: ignore[dict-item]
        elif step.key in ("commands", "copy"):
            mine = last.value if isinstance(last.value, list) else [last.value]
            last.remarks |= {len(mine) + n: text for n, text in step.remarks.items()}
            last.value = [*mine, *(step.value if isinstance(step.value, list) else [step.value])]
            last.relative = last.relative or step.relative
            last.note = last.note or step.note
        else:
            result.append(step)
    return result


def _uses(later: Given, earlier: Given) -> bool:
    """Whether variables are used that the other map sets: in one ENV they have the value from before it."""
    assert isinstance(later, dict)
    assert isinstance(earlier, dict)
    return any(
        name in earlier or any(f"${{{other}}}" in str(text) for other in earlier)
        for name, text in later.items()
    )


def _is_fixed_order(steps: Sequence[Step]) -> bool:
    keys = [step.key for step in steps]
    if len(set(keys)) != len(keys) or {"apt_packages", "system_packages"} <= set(keys):
        return False
    if "user" in keys or any(step.pip or step.secrets for step in steps):
        return False  # `user` of an image also owns what is copied
    ranked = [(number, step) for number, step in enumerate(steps) if step.key != "workdir"]
    ranks = [_RANKS[step.key] for _, step in ranked]
    return ranks == sorted(ranks) and _is_workdir_fixed(steps)


def _is_workdir_fixed(steps: Sequence[Step]) -> bool:
    """Whether `workdir` as a key, which is set before the first relative copy and else at the end, is the same."""
    place = next((number for number, step in enumerate(steps) if step.key == "workdir"), None)
    moves = [number for number, step in enumerate(steps) if step.key == "copy" and step.relative]
    if place is None:
        return not moves
    if not str(steps[place].value).startswith("/"):
        return False
    before, behind = steps[:place], steps[place + 1 :]
    if any(step.key == "commands" or (step.key == "copy" and step.relative) for step in before):
        return False
    return bool(moves) or not any(step.key == "commands" for step in behind)


def _fixed(image: Block, steps: Sequence[Step]) -> None:
    workdir = next((step for step in steps if step.key == "workdir"), None)
    for step in steps:
        if step.remarks.get(0):
            image.remark(step.remarks[0])
        if step.key == "env":
            _variables(image.block("env", step.span), step)
        elif step.key == "copy" and workdir is not None and _is_all_code(step):
            image.set("copy_dir", step.value["src"], step.span)  # type: ignore[call-overload,index]
        elif step.key != "workdir":
            _list(image, step)
    if workdir is not None:
        image.set("workdir", workdir.value, workdir.span)


def _is_all_code(step: Step) -> bool:
    """Whether a copy puts the contents of one folder into the workdir, as `copy_dir` does."""
    given = step.value
    if not isinstance(given, dict) or "chown" in given or _folder(given["dst"]) != ".":
        return False
    return given["src"] == "." or given.get("contents_only") is True


def _layers(image: Block, steps: Sequence[Step]) -> None:
    if _is_relative_before_workdir(steps):
        image.set("auto_workdir", False, note="files go to the base's own WORKDIR")
    layers = Block(is_list=True)
    for step in steps:
        if step.remarks.get(0):
            layers.remark(step.remarks[0])
        layer = Block()
        if step.key == "env":
            _variables(layer.block("env", step.span), step)
        elif step.key in _LISTS:
            _list(layer, step)
        else:
            layer.set(step.key, step.value, step.span)
        if step.pip:
            layer.set("pip", step.pip)
        if step.secrets:
            layer.set("secrets", list(step.secrets))
        layers.add(layer, step.span)
    image.set("layers", layers)


def _is_relative_before_workdir(steps: Sequence[Step]) -> bool:
    for step in steps:
        if step.key == "workdir":
            return False
        if step.relative:
            return True
    return False


def _variables(block: Block, step: Step) -> None:
    assert isinstance(step.value, dict)
    for number, (name, text) in enumerate(step.value.items()):
        if number and number in step.remarks:
            block.remark(step.remarks[number])
        block.set(name, text, step.span)


def _list(block: Block, step: Step) -> None:
    items = step.value if isinstance(step.value, list) else [step.value]
    made = block.list(step.key, step.span)
    for number, item in enumerate(items):
        if number and number in step.remarks:
            made.remark(step.remarks[number])
        made.add(item, step.span)
    if step.note:
        entry = block.entry(step.key)
        assert entry is not None
        entry.note = step.note
