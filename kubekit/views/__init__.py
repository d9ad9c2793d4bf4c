"""views: pictures of records.

A view draws records and public state, and nothing else: no number is computed for display. Each has two
files: `<view>.py` turns records into a *scene* (plain JSON with every word and figure that will be shown) and
into the text and table that stand for it where no widget runs; `static/<view>.js` draws the scene.

Reading order: `view` (what a view is: scene, text, table, widget), `static/base.js` (anatomy, stepper,
inspector, keyboard), then any one view beside its `.js`.

Left out on purpose: a build step, external requests, and drawing in Python.
"""
