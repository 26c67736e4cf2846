"""Evaluates a model on the flowers that it has not seen: evaluate.py MODEL METRICS."""

import json
import pathlib
import sys

import joblib
from sklearn.metrics import accuracy_score, f1_score

from iris import split

model, metrics = map(pathlib.Path, sys.argv[1:])
_, features, _, species = split()
predicted = joblib.load(model).predict(features)
result = {
    "model": model.stem,
    "flowers": len(features),
    "accuracy": round(accuracy_score(species, predicted), 3),
    "f1": round(f1_score(species, predicted, average="macro"), 3),
}
metrics.write_text(json.dumps(result))
print(json.dumps(result))
