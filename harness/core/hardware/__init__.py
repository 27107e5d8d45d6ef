"""What is known of hardware: limits of readings, zones and registers, whichever room reads them."""
