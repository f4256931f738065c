"""What one layer remembers of one sequence: a file for each kind of mlx-lm's caches, found by `kinds.py`.

Everything that differs between the kinds is asked of `LayerCache`; nothing else looks into mlx-lm's caches. For an
architecture with a cache of its own, write a class here and name it in `kinds.py`.
"""
