"""The storage seam: one face, two backends."""
