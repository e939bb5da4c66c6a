"""Whole stories on emulated cabinets, over the real wire protocols, told step by step."""
