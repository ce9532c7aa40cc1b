"""Images: their shape, their pixels, and how training changes them."""
