"""Code that several plugins on Hugging Face models share. It provides no plugin of its own."""
