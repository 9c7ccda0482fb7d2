"""The site: how Jupyter Book builds it, and the directives that read the course."""
