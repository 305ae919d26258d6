"""ctrbench: regenerates the tables of papers on CTR prediction for cold-start users and minority cohorts."""

__version__ = "0.1.0"
