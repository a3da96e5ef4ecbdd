"""What each step proved, kept so that an auditor can check months later that nothing in it was altered."""
