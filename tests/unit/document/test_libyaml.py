"""PyYAML's parser alone, and PyYAML after it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from imgc.document.libyaml import Parser, YAMLError
assert Parser.__module__ == "yaml._yaml" and "yaml.reader" not in sys.modules, sorted(sys.modules)
parser = Parser("a: {base: python:3.12-slim}")
while type(parser.get_event()).__name__ != "StreamEndEvent":
    pass
for text, kind in (("a: [", "ParserError"), ("'", "ScannerError"), ("\\x01", "ReaderError")):
    try:
        parser = Parser(text)
        while parser.get_event():
            pass
    except YAMLError as error:
        assert type(error).__name__ == kind and type(error).__module__.startswith("yaml."), error
    else:
        raise AssertionError(text)
import yaml
assert yaml.load("a: 2020-01-01", yaml.CSafeLoader)["a"].year == 2020
assert yaml.safe_load("a: [1]") == {"a": [1]} and yaml.__version__ and yaml.__with_libyaml__
assert yaml.dump({"a": 1}, Dumper=yaml.CSafeDumper) == "a: 1\\n"
try:
    yaml.load("a: [", yaml.CSafeLoader)
except yaml.parser.ParserError:
    pass
"""
AFTER = """
import yaml
from imgc.document.libyaml import Parser
assert Parser is yaml._yaml.CParser
"""


def test_the_parser_alone_and_the_package_later() -> None:
    for program in (PROGRAM, AFTER):
        subprocess.run([sys.executable, "-I", "-c", program], check=True)
