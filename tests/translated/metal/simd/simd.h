// MSL includes this, and naga's uses nothing of it.
