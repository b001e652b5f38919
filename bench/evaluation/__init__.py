"""From options to a run on disk: what is checked first, the loop over the images, and the run's folder."""
