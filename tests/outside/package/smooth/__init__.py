"""Two methods, a backbone, a metric and a view for ctrbench, from a package of their own."""
