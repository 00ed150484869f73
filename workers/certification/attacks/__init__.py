"""Attacks on an erasure, one a file: each starts with the paper that it comes from.

A file's ``TITLES`` names its figures and says what they are; its ``figures`` gives all of them,
missing with a reason where they can't be measured.
"""
