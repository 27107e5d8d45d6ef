"""Figures of the report as Plotly JSON and as HTML tables."""
