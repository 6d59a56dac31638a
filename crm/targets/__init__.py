"""What the plan promises: indicators by year, tasks, scoreboards."""
