"""The switch itself: channels, bridges, dialling. It knows no SIP, no media and no dialplan language."""
