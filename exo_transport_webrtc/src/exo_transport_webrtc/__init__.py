"""exo over WebRTC data channels, through NATs."""
