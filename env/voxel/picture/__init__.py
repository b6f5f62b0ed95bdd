"""What the player sees of the world: ray casting, textures, models, the head-up display."""
