"""Locker-open requests: links that open a locker without an app of one's own."""
