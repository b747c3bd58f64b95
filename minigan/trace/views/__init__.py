"""What a trace looks like: in the terminal, as figures, drawn by Graphviz, and as a page for the browser."""
