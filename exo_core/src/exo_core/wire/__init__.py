"""What goes over a link, as pure functions of bytes: values, frames, the handshake. Nothing here does I/O."""
