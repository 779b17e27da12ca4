"""Rehearsals of a config on this machine, with stand-ins for what is not here."""
