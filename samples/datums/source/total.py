"""Adds up what was counted, and writes a file for each of the two letters that most words begin with."""

import json
import os
from collections import Counter
from pathlib import Path

total = Counter()
for file in sorted(Path(os.environ["count"]).iterdir()):
    total.update(json.loads(file.read_text()))
print(f"{total.total()} words, {len(total)} different")
letters = Counter()
for word, count in total.items():
    letters[word[0]] += count
for letter, count in letters.most_common(2):
    (Path("/pfs/out") / letter).write_text(str(count))
