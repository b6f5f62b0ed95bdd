"""The embedded voxel world: `land` is what it is made of, `rules` what happens in it, `picture` what one sees of it."""
