"""What `make docs` writes from the program: each part stands where a page says `<!-- generated: NAME -->`."""
