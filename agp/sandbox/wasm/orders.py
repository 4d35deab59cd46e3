"""The forms that the keeper and the zygote speak in. Standard library only: both import it."""

import struct

ORDER = struct.Struct("<BQII")
"""What the keeper says: start (with a socket) or end, which call, its MiB and CPU seconds."""
START, END = 1, 2

FRAME = struct.Struct("<cI")
"""What a copy says: a kind and the length of what follows."""
STDOUT, STDERR, MESSAGE, LEFT, TRAPPED = b"o", b"e", b"m", b"x", b"t"
