"""Previews without what cameras and programs write into them: places, names, times, thumbnails."""
