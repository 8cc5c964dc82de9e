"""Random histories of runs that die, meet a bad network, a full disk or each other; `python -m tests.chaos --help`."""
