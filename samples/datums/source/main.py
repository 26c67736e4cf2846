"""Counts the words of one page. The variable `pages` is its path; what is written to /pfs/out is kept."""

import json
import os
from collections import Counter
from pathlib import Path

page = Path(os.environ["pages"])
counts = Counter(page.read_text().lower().split())
(Path("/pfs/out") / f"{page.stem}.json").write_text(json.dumps(counts))
print(page.stem, counts.total())
