"""From the text of a spec to its syntax tree, and the formatter."""
