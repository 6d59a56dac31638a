"""What everything rests on: database, clock, periods, money, errors. Knows no enterprise."""
