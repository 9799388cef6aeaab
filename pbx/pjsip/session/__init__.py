"""INVITE sessions: calls over SIP as channels of the core."""
