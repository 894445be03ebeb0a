"""Weights that the image names and does not carry: fetched, checked and put in place before the model is imported.

`/usr/local/share/cogplan/weights.json` names them (`COG_WEIGHTS_MANIFEST` another place). Standard library only.
"""
