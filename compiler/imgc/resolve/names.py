"""Names made by imgc: of inline images, and of references."""

from __future__ import annotations

import json
import re

from imgc.sha256 import sha256

_ADJECTIVES = ["agile", "amber", "ample", "apt", "bold", "brave", "bright", "brisk", "calm", "candid", "civil", "clear", "clever", "cosy", "crisp", "curious", "deft", "eager", "early", "easy", "exact", "fair", "fast", "fine", "fond", "fresh", "gentle", "glad", "golden", "good", "grand", "green", "happy", "hardy", "honest", "humble", "ideal", "jolly", "keen", "kind", "large", "light", "lively", "loyal", "lucid", "lucky", "mellow", "merry", "mild", "modest", "neat", "nimble", "noble", "patient", "plain", "polite", "proud", "pure", "quick", "quiet", "rapid", "ready", "robust", "round", "sharp", "silent", "simple", "sleek", "smart", "smooth", "solid", "sound", "stable", "steady", "still", "strong", "sunny", "super", "sure", "swift", "tidy", "tender", "true", "trusty", "upbeat", "urban", "vivid", "warm", "wise", "witty", "young", "zesty"]
_NOUNS = ["acorn", "alder", "anchor", "apple", "arch", "aspen", "badger", "barley", "basil", "beacon", "beaver", "beech", "birch", "bison", "bridge", "brook", "cedar", "cherry", "clover", "comet", "coral", "crane", "daisy", "delta", "dolphin", "dove", "eagle", "elm", "ember", "falcon", "fern", "finch", "fir", "fjord", "forest", "fox", "garnet", "ginger", "glade", "grove", "gull", "harbor", "hawk", "hazel", "heron", "holly", "island", "ivy", "jasper", "kestrel", "lagoon", "lake", "larch", "lark", "laurel", "lemon", "lily", "linden", "lotus", "lynx", "maple", "marten", "meadow", "mint", "moss", "oak", "olive", "orchid", "osprey", "otter", "owl", "pear", "pebble", "pine", "plum", "poplar", "prairie", "quartz", "raven", "reef", "river", "robin", "rowan", "sable", "sage", "salmon", "sequoia", "spruce", "stork", "swan", "thyme", "tulip", "valley", "violet", "walnut", "willow", "wren", "yarrow"]


def canonical(data: object) -> bytes:
    """Data as bytes that are equal exactly when the data is: sorted keys, no spaces, types apart."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def digest(data: object) -> str:
    return sha256(canonical(data)).hexdigest()


def friendly(data: object, taken: dict[str, object]) -> str:
    """A name that follows from the data: equal data, equal name. `taken` keeps what is named already."""
    number = int(digest(data), 16)
    base = f"{_ADJECTIVES[number % len(_ADJECTIVES)]}-{_NOUNS[number // 1000 % len(_NOUNS)]}"
    name, count = base, 1
    while taken.setdefault(name, data) != data:
        count += 1
        name = f"{base}-{count}"
    return name


def path_component(name: str) -> str:
    """A name as a component of an image reference: lower case, separators single or `__`."""
    joined = re.sub(r"[^a-z0-9]+", lambda run: "-" if "-" in run[0] else run[0][:2], name.lower())
    return joined.strip("-_.") or "pipeline"
