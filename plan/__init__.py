"""Steps, plans and revisions: frozen data that knows neither clusters nor strategies."""
