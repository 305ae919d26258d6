"""Components, data and records that train nothing, so that tests see the bookkeeping alone."""
