"""How sure a figure is.

bootstrap   block-bootstrap intervals of figures that come one after another, each like the last
"""
