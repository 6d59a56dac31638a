"""What someone must look at today: forecast, rules, states."""
