"""One adapter a runtime, all behind the two small protocols of `base`. See `harness.core.plugins`."""
