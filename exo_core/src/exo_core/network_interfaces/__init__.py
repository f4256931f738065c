"""Which network interfaces does this machine have, of what kind, and which of them is best?"""
