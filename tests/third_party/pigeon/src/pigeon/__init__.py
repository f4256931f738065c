"""A third party's plugin for exo: the transport `pigeon`, the backend `parrot` and the source `loft`."""
