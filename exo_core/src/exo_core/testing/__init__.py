"""The test kit: conformance classes for every waist, an in-memory network with faults, doubles that really work."""
