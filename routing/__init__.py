"""Who splits the traffic, and how: one file a mechanism. Pure functions on manifests; knows neither time nor clusters."""
