"""Figures of a paper, drawn with matplotlib: of the size of a column, in vector formats, readable without colours."""
