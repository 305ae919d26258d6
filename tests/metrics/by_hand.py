"""Metrics of a few rows by their definitions, without a sort and without groups."""

import math

import numpy as np


def auc(label, score):
    """Share of (positive, negative) pairs in the right order, ties half: O(n^2)."""
    wins, pairs = 0.0, 0
    for p in score[label == 1]:
        for n in score[label == 0]:
            wins += 1.0 if p > n else 0.5 if p == n else 0.0
            pairs += 1
    return wins / pairs if pairs else None


def gauc(label, score, user):
    """Mean of the AUC of each user, weighted by the user's rows; users with one class are left out."""
    weighted, weights = 0.0, 0
    for one in np.unique(user):
        own = user == one
        value = auc(label[own], score[own])
        if value is not None:
            weighted += own.sum() * value
            weights += own.sum()
    return weighted / weights if weights else None


def entropy(rate):
    """Of one bit with this rate, in nats."""
    return -rate * math.log(rate) - (1 - rate) * math.log(1 - rate)


def ne_shared(label, probability, shared):
    """NE of the rows weighted to the base rate ``shared``, predictions moved there by Bayes' rule."""
    own = label.mean()
    if own in (0, 1):
        return None
    loss, weights = 0.0, 0.0
    for y, p in zip(label, probability, strict=True):
        one, zero = p * shared / own, (1 - p) * (1 - shared) / (1 - own)
        moved = one / (one + zero)
        weight = shared / own if y else (1 - shared) / (1 - own)
        loss -= weight * math.log(moved if y else 1 - moved)
        weights += weight
    return loss / weights / entropy(shared)
