"""A small exact model without tensors, for tests of engines, stages and everything above them."""
