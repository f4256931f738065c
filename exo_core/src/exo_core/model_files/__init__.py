"""How do a model's files lie on a disk, whole or in part?"""
