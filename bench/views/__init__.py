"""What people look at: contact sheets, flipped images, the HTML report, and lists of what there is."""
