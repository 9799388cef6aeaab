"""Floor 2 of media: PJMEDIA's objects behind checked Python classes. Nothing above this package sees a cffi value.

Every method belongs to the reactor thread, which PJLIB knows because it initialised PJLIB there: a call from a thread
that PJLIB does not know ends the process, as does a wrong argument (the library was built with its assertions on).
So arguments are checked here, in Python, before every call.
"""
