"""Shards: what is too much for one worker in a run, done by all GPU workers at once.

The worker that has the run divides it (``division``), sends the shards as a Celery chord
(``tasks``) and does shards itself, the last first, until all are there: with one worker alone it
does them all. Inputs and results lie in the object store, under the run that they belong to and go
with; a message holds a model's name, a job's digest and a number.

Only what shows other people is divided: nothing of a subject leaves the worker that has the run.
"""
