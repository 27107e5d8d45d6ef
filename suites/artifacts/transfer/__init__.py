"""Model files to and from a store: a folder, another machine by ssh, or an HTTP server; each file under its hash."""
