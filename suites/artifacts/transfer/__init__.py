"""Transfer of model files to and from a store: a folder, another machine by ssh, or an HTTP server."""
