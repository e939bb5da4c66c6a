"""What every room uses and no domain knows."""
