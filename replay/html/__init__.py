"""What every page of results has in common: one look, one frame, plotly.js inside.

    frame        a page from its parts: its own text, style, program and data
    look.css     colours for light and dark, type, tables, tiles
    look.html    the frame: head, title, theme button, what is packed inside
    look.js      unpacks plotly.js and draws in the page's colours

A page is one HTML file. It fetches nothing, and the same results give the same bytes.
"""
