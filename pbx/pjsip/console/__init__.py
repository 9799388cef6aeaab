"""``pjsip ...`` on the console; columns are Asterisk 22's, since scripts cut them."""
