"""What is required: packs, dated parameters, expressions, verdicts, the evaluation engine."""
