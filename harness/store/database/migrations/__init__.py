"""The store's migrations, one file a version of its tables."""
