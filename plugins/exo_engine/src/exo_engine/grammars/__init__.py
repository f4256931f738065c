"""Holding answers to a grammar: what a sequence may say next."""
