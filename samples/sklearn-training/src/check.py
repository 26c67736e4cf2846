"""Fails unless the best model is good enough: check.py ACCURACY METRICS..."""

import json
import pathlib
import sys

wanted, *files = sys.argv[1:]
best = max((json.loads(pathlib.Path(file).read_text()) for file in files), key=lambda metrics: metrics["accuracy"])
print(f"best of {len(files)} models: {best['model']} with an accuracy of {best['accuracy']}")
if best["accuracy"] < float(wanted):
    sys.exit(f"an accuracy of {wanted} is wanted")
