"""What the world is made of: blocks and items, terrain, biomes, light."""
