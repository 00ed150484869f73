"""The demo's own people and the compact recogniser that was trained on others like them."""
