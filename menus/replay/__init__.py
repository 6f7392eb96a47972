"""What a changed book or model would have done to calls that were made: journeys, arranged anew, and a report. Pure."""
