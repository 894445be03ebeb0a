"""The process that runs the model. Nothing here needs a package outside Python's standard library."""
