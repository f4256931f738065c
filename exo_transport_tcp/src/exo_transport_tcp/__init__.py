"""exo over TCP: mutual TLS 1.3 between nodes and between runners.

`session.py` is the protocol, without any input or output of its own; `link.py` runs it under asyncio,
`blocking_link.py` in threads.
"""
