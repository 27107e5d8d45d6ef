"""The parent's side of a measurement: one module per pass, each in processes of its own."""
