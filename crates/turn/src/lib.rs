//! Sans-IO STUN and TURN server.
