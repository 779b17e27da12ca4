"""`python -m astro`."""

from astro.cli import main

if __name__ == "__main__":
    main()
