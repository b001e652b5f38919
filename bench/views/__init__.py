"""What people look at: contact sheets, flipped images, the HTML page of runs, and listings."""
