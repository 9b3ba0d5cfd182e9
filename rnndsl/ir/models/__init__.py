"""Models as graphs of blocks, printed as lists and flowcharts."""
