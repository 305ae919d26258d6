"""Methods that treat a click that converted otherwise than one that did not."""
