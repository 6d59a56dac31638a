"""The packs as shipped: examples, sources, ids, contents."""
