"""Patients of one hospital, as ../../data/README.md describes them."""

import csv

import numpy as np

FEATURES = 13  # age, sex, cp = 2, 3, 4, trestbps, chol, fbs, restecg = 1, 2, thalach, exang, oldpeak
COMPLETE = ("age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak")


def load(path):
    """Features and diagnoses of the patients whose first ten columns are complete."""
    features, diseased = [], []
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            if "" in (row[column] for column in COMPLETE):
                continue
            age, sex, cp, trestbps, chol, fbs, restecg, thalach, exang, oldpeak = (float(row[c]) for c in COMPLETE)
            features.append(
                [age, sex, cp == 2, cp == 3, cp == 4, trestbps, chol, fbs, restecg == 1, restecg == 2, thalach, exang,
                 oldpeak])
            diseased.append(float(row["num"]) > 0)
    return np.array(features, np.float64), np.array(diseased, np.float32)


def split(features, diseased, seed):
    """Two thirds to train on, and the rest to judge by."""
    order = np.random.default_rng(seed).permutation(len(diseased))
    training, held_out = np.split(order, [len(order) * 2 // 3])
    return (features[training], diseased[training]), (features[held_out], diseased[held_out])
