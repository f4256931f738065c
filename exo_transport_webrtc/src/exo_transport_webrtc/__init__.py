"""exo over WebRTC data channels, through NATs. Not there yet: only its name is."""
