"""`headcount serve`: one process that runs what is due, by and by, and reports how it fares.

`stagger` says when each activation runs next, `loop` runs them, `file_watcher` sees files change; `health`, `metrics`
and `http_endpoints` report.
"""
