"""Models written by hand in the shape of generated ones."""
