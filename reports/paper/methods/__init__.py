"""The methods of a run as paragraphs for a paper. Every number comes from the record; what it lacks is said."""
