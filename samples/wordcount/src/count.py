"""Counts the words of one file: count.py TEXT RESULT."""

import collections
import json
import pathlib
import re
import sys

text, result = map(pathlib.Path, sys.argv[1:3])
words = collections.Counter(re.findall(r"[a-z']+", text.read_text().lower()))
result.parent.mkdir(parents=True, exist_ok=True)
result.write_text(json.dumps(words))
print(f"{text.name}: {sum(words.values())} words, {len(words)} different ones")
