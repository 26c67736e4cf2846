"""Adds counts up and keeps the most frequent words: total.py MOST COUNTS..."""

import collections
import json
import pathlib
import sys

most, *files = sys.argv[1:]
total: collections.Counter[str] = collections.Counter()
for file in files:
    total.update(json.loads(pathlib.Path(file).read_text()))
result = dict(total.most_common(int(most)))
pathlib.Path(files[0]).with_name("total.json").write_text(json.dumps(result))
print(f"{len(files)} files, {sum(total.values())} words")
