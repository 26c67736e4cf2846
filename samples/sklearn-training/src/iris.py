"""The data, split the same way for training and for evaluation."""

import os

from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

SEED = int(os.environ["SEED"])


def split():
    """Features to train with, features to test with, and the species of each."""
    features, species = load_iris(return_X_y=True)
    return train_test_split(features, species, test_size=0.3, random_state=SEED, stratify=species)
