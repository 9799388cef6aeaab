"""Tools for testing an exchange: a live server, phones, SIPp, audio judged by signal, a virtual clock.

Shipped to users, so that a dialplan or an application can be tested the way this project tests itself. Importing this
package imports none of its parts; take them from their modules (``pbx.testing.phone``, ``pbx.testing.server``, ...).
"""
