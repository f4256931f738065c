"""The node that holds a client's request: it finds an instance, passes answers on, and keeps its promises."""
