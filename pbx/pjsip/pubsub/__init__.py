"""Subscriptions (RFC 6665): presence, dialogs and message waiting, alone or in resource lists, to whoever asks."""
