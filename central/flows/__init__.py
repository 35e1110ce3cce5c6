"""What central does, one column of verbs each. They speak to ports and to the domain, never to an edge."""
