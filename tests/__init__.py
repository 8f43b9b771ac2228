"""The tests; a package, so that test modules can share builders and real parts."""
