"""env/voxel"""
