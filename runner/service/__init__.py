"""`headcount serve`: one process that runs what is due, by and by, and tells how it fares.

`rota` says whose turn is when, `loop` runs them, `watching` sees files change, `metrics` and `web` tell.
"""
