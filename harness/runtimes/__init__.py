"""One adapter a runtime, all behind the two small protocols of `base`. Found by entry point `edgebench.runtimes`."""
