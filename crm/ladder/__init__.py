"""Where they stand: tiers, pools, register membership, titles, proposed and confirmed moves."""
