"""Keeps the complete rows of a table, and the others beside it: clean.py NAME TABLE RESULT."""

import csv
import sys

name, table, result = sys.argv[1:]
with open(table, newline="") as file:
    rows = list(csv.reader(file))
header, *body = rows
kept = [row for row in body if all(row)]
with open(result, "w", newline="") as file:
    csv.writer(file).writerows([header, *kept])
with open(f"{result}.rejected", "w") as file:
    file.writelines(f"{name}: {','.join(row)}\n" for row in body if not all(row))
print(f"{name}: {len(kept)} of {len(body)} rows are complete")
