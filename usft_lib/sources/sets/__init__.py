"""A file for each published data set. Each is found by the `Source` that it holds: a new set is one new file here."""
