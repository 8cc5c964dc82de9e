"""What Headcount costs, measured against limits and peers. `python -m bench`; docs/performance.md has the results."""
