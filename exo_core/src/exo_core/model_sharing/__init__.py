"""How do members get a model's files from each other?"""
