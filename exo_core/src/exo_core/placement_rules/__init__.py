"""The default placement: pure rules from a card and a `Topology` to a `Placement`."""
