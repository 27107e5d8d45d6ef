"""`edgebench serve`: reports of many runs over HTTP."""
