"""Adds the sales up, the largest first: report.py COLUMN DATABASE [MOST]."""

import pathlib
import sqlite3
import sys

column, database, *most = sys.argv[1:]
if column not in ("name", "country"):
    sys.exit("COLUMN is name or country")
shop = sqlite3.connect(f"{pathlib.Path(database).as_uri()}?mode=ro", uri=True)
query = f"SELECT {column}, sum(amount) FROM sales GROUP BY 1 ORDER BY 2 DESC LIMIT ?"
for key, amount in shop.execute(query, [most[0] if most else -1]):
    print(f"{key}: {amount:.2f}")
