"""How the divided work of a run divides, and what that means for many tickets."""
