"""Puts each order beside its customer: join.py ORDERS CUSTOMERS DATABASE."""

import csv
import pathlib
import sqlite3
import sys

orders, customers, database = map(pathlib.Path, sys.argv[1:])
with customers.open(newline="") as file:
    known = {row["id"]: row for row in csv.DictReader(file)}
with orders.open(newline="") as file:
    rows = [(known[row["customer"]]["name"], known[row["customer"]]["country"], float(row["amount"])) for row in csv.DictReader(file)]
database.unlink(missing_ok=True)
with sqlite3.connect(database) as shop:
    shop.execute("CREATE TABLE sales (name TEXT, country TEXT, amount REAL)")
    shop.executemany("INSERT INTO sales VALUES (?, ?, ?)", rows)
print(f"{len(rows)} orders of {len({name for name, _, _ in rows})} customers")
