"""Trains one model: train.py KIND MODEL."""

import sys

import joblib
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from iris import SEED, split

MODELS = {
    "forest": RandomForestClassifier(n_estimators=50, random_state=SEED),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier()),
}

kind, file = sys.argv[1:]
features, _, species, _ = split()
joblib.dump(MODELS[kind].fit(features, species), file)
print(f"{kind}: trained on {len(features)} flowers")
