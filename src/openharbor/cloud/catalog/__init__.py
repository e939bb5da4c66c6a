"""What there is: organizations, locations, towers, locker types, lockers."""
