"""C2AL's first stage: which two cohorts of an axis does a trained model treat most differently?

Source: Cokbas et al., C2AL: Cohort-Contrastive Auxiliary Learning for Large-scale Recommendation Systems, arXiv
2510.02215, stage 1.
"""
