"""The HTTP/1.1 server that ARI and its WebSockets are reached by, set up in http.conf as Asterisk's."""
