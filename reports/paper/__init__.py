"""What a paper needs of a run: LaTeX tables, figures in vector formats, and a paragraph on the methods."""
