"""The exchange: core, media, SIP, configuration and the composition root that joins them."""
