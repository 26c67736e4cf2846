"""Fails unless a table has the columns, and rows: check.py TABLE COLUMN..."""

import csv
import sys

table, *columns = sys.argv[1:]
with open(table, newline="") as file:
    reader = csv.DictReader(file)
    rows = list(reader)
if missing := set(columns) - set(reader.fieldnames or ()):
    sys.exit(f"{table} has no {', '.join(sorted(missing))}")
if not rows:
    sys.exit(f"{table} is empty")
