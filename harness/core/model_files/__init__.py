"""The files of a model: external data, copies, and the encoding that they are written in."""
