"""Where: province, city, county, town, zone; and the industries of GB/T 4754."""
