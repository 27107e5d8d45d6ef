"""Is it still right? Labelled images, preprocessing and scores; a pass of its own, apart from timing."""
