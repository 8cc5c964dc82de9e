"""A shoe retailer's project, as its team would write it, with made-up data and a plain reading of what it asks for."""
