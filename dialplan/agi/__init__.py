"""AGI: programs outside the exchange that control one call each, line by line (Asterisk: res/res_agi.c).

`module` declares the applications; `conversation` talks to a script or a FastAGI server over a `link`, `asynchronous`
serves managers; `interpreter` runs the commands that `commands` declares in one `table`.
"""
