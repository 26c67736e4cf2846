"""Each feature of the three Python systems is imported by a case of a table, or there is nothing of it to import."""

from __future__ import annotations

import re
from pathlib import Path

from tests_support import ROOT

ROW = re.compile(r"^\| ([CZF]\d+) \|", re.MULTILINE)
NOTHING = {
    "C20": "a command of its own: imgc build --no-cache",
    "C21": "a command of its own: imgc debug",
    "C22": "a command of its own: imgc debug --live",
    "C25": "a command of its own: imgc run --set",
    "C26": "the engine's: secrets of Conducto are not in the file",
    "C27": "a command of its own: imgc plan",
    "Z1": "how images are made",
    "Z13": "how images are made",
    "Z14": "ZenML's default is not to",
    "Z15": "how a pipeline is run",
    "Z16": "how images are made",
    "F11": "a command of its own: imgc images, imgc check",
    "F13": "how images are made",
}
BY_TEST = {
    "C14": "test_registered_images_and_their_names",
    "Z6": "test_z6_the_local_environment_is_asked_by_lock",
    "Z8": "test_z8_integrations_become_bundles",
    "Z11": "test_settings_of_a_step",
    "F12": "test_an_image",  # platform, in F1
    "C17": "test_what_is_lost_is_a_comment_and_a_warning",  # lazy_py; a command is in the pairs
}
TESTS = "\n".join(
    Path(__file__).with_name(f"test_{system}.py").read_text(encoding="utf-8")
    for system in ("conducto", "zenml", "flyte")
)


def test_every_row_has_a_case() -> None:
    rows = set(ROW.findall((ROOT / "docs/features.md").read_text(encoding="utf-8")))
    cases = set(re.findall(r'^    "([CZF]\d+)[^"]*": \(', TESTS, re.MULTILINE))
    assert rows - cases - set(NOTHING) - set(BY_TEST) == set()
    assert not cases & set(NOTHING)
    assert set(NOTHING) | set(BY_TEST) <= rows
    assert all(f"def {name}(" in TESTS for name in BY_TEST.values())
