"""What a user's own platform answers, without what tells whose it is, so that it can become a test case."""
