"""Runners: one subprocess per shard, which alone imports a backend, computes, and speaks to its neighbours.

Node side: `supervisor` keeps one alive, `spawn` starts it, `one_shot` asks a backend something and ends it again.
In the subprocess: `child` obeys the pipe, `engine_thread` loads and runs the engine, `ring` finds the neighbours.
Both: `messages` over a `pipe`, which is a socketpair passed by descriptor; when it ends, so does the runner.
"""
